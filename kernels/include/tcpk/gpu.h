/* Batches on a GPU. Not in libtcpk: libtcpk_cuda.so and libtcpk_hip.so each have these functions, are built where there
 * is a compiler for them, and are loaded at run time (dlopen), so that nothing else depends on a driver.
 *
 * Every answer equals that of libtcpk's generic variant: integers exactly, scores bit by bit. A batch may be larger
 * than the device's memory: it goes through two buffers, each with a stream of its own, so that copies and kernels
 * overlap. Arrays in pinned memory (tcpk_gpu_pinned_new) are copied from where they lie, others by way of a pinned
 * buffer. One thread at a time may use a tcpk_gpu. No output overlaps an input. Sizes of 0 are allowed. */
#ifndef TCPK_GPU_H
#define TCPK_GPU_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "error.h"

#ifdef __cplusplus
extern "C" {
#endif

struct tcpk_gpu;

struct tcpk_gpu_about {
    char name[128];
    unsigned warp;    /* threads that run in step: 32 or 64 */
    int driver;       /* version as the driver gives it */
    uint64_t memory;  /* bytes of the device */
    uint64_t buffers; /* bytes of device memory that batches go through */
};

/* "cuda" or "hip". */
TCPK_API const char *tcpk_gpu_variant(void);

/* Version of libtcpk that this was built for. */
TCPK_API const char *tcpk_gpu_version(void);

/* How many devices there are. None, or no driver, is TCPK_ERROR_VARIANT with the reason. */
TCPK_API enum tcpk_status tcpk_gpu_count(int *count, struct tcpk_error *error);

/* The name of device number `device`, cut to what fits. */
TCPK_API enum tcpk_status tcpk_gpu_name(int device, char name[128], struct tcpk_error *error);

/* Open device number `device`, take `buffers` bytes of its memory (0: 128 MiB, or a quarter of what is free when that
 * is less) and as much pinned memory, and run a kernel on it. TCPK_ERROR_RANGE for an unknown device,
 * TCPK_ERROR_MEMORY, TCPK_ERROR_VARIANT when the device refuses the kernels or answers wrongly. The caller closes *out.
 */
TCPK_API enum tcpk_status tcpk_gpu_open(int device, uint64_t buffers, struct tcpk_gpu **out, struct tcpk_error *error);
TCPK_API void tcpk_gpu_close(struct tcpk_gpu *gpu); /* NULL is allowed */
TCPK_API void tcpk_gpu_describe(const struct tcpk_gpu *gpu, struct tcpk_gpu_about *about);

/* Pinned memory for inputs and outputs, any number of bytes; owned by the caller, valid in every call to this library.
 */
TCPK_API enum tcpk_status tcpk_gpu_pinned_new(size_t size, void **address, struct tcpk_error *error);
TCPK_API void tcpk_gpu_pinned_delete(void *address); /* NULL is allowed */

/* Build the table of `count` keys and descriptors, as tcpk_table_create, and keep it on the device; it takes the place
 * of the one before, which stays when this fails. */
TCPK_API enum tcpk_status tcpk_gpu_load(struct tcpk_gpu *gpu, const uint64_t *keys, const uint8_t *descriptors,
                                        size_t count, struct tcpk_error *error);

/* As tcpk_table_find_many and tcpk_table_decide_many, of the table loaded last; TCPK_ERROR_ARGUMENT without one. */
TCPK_API enum tcpk_status tcpk_gpu_find_many(struct tcpk_gpu *gpu, const uint64_t *keys, size_t n, uint8_t *descriptors,
                                             uint8_t *found, struct tcpk_error *error);
TCPK_API enum tcpk_status tcpk_gpu_decide_many(struct tcpk_gpu *gpu, const uint64_t *keys, size_t n, uint8_t *decisions,
                                               struct tcpk_error *error);

/* As tcpk_baseline_score_many: agents x k x 24 rows, agents x 24 baselines, agents scores. */
TCPK_API enum tcpk_status tcpk_gpu_baseline_score_many(struct tcpk_gpu *gpu, const float *rows, size_t agents, size_t k,
                                                       const float *baselines, float *scores, struct tcpk_error *error);

/* m suspects with n votes each (bytes, nonzero is a vote; n from 1 to TCPK_MAX_VOTERS): bit i % 8 of passed[i / 8] is
 * set when suspect i has `needed` votes or more (tcpk_votes_needed). ceil(m / 8) bytes; bits beyond m are 0. */
TCPK_API enum tcpk_status tcpk_gpu_votes(struct tcpk_gpu *gpu, const uint8_t *votes, size_t m, size_t n,
                                         uint32_t needed, uint8_t *passed, struct tcpk_error *error);

/* Nanoseconds that the kernels of the last call took, by the device's own events; copies to and from it are not in it.
 */
TCPK_API double tcpk_gpu_kernel_time(const struct tcpk_gpu *gpu);

/* The floor beside it: nanoseconds in which the device's memory moves `bytes`, read and written ones together, by
 * copies within the device, the median of `rounds` (1 to 1000). */
TCPK_API enum tcpk_status tcpk_gpu_copy_time(struct tcpk_gpu *gpu, uint64_t bytes, unsigned rounds, double *nanoseconds,
                                             struct tcpk_error *error);

#ifdef __cplusplus
}
#endif

#endif
