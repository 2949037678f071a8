/* Variants: which instruction sets the kernels use. */
#ifndef TCPK_CPU_H
#define TCPK_CPU_H

#include <stddef.h>

#include "error.h"

#ifdef __cplusplus
extern "C" {
#endif

/* Names of the variants that this CPU and operating system can run, NULL-terminated, `generic` first, the best last.
 * Static memory. */
TCPK_API const char *const *tcpk_variants(void);

/* The variant in use. Chosen at the first call of any kernel: what the environment variable TCPK_VARIANT names, else
 * the best. NULL when TCPK_VARIANT names one that is unknown or not to be had here; every kernel then returns
 * TCPK_ERROR_VARIANT. */
TCPK_API const char *tcpk_variant(void);

/* Use a variant by name, or choose anew when NULL. Not while another thread is in a kernel.
 * TCPK_ERROR_VARIANT with the allowed names, and then nothing changed. */
TCPK_API enum tcpk_status tcpk_variant_select(const char *name, struct tcpk_error *error);

/* Version of the library, "0.1.0". */
TCPK_API const char *tcpk_version(void);

#ifdef __cplusplus
}
#endif

#endif
