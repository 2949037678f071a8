/* What the tests share. cmocka.h wants its four headers before it. */
#ifndef TCPK_TESTS_SUPPORT_H
#define TCPK_TESTS_SUPPORT_H

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "random.h"
#include "tcpk/tcpk.h"

/* A file read whole; the test fails when it cannot be. The caller frees it. */
uint8_t *support_read_file(const char *path, size_t *length);

/* The published registry: TCPK_REGISTRY, or shared/data beside the checkout. Skips the test when there is none. */
const char *support_real_registry(void);

/* The bytes of a generated registry's file; the caller frees them. */
uint8_t *support_generated_file(size_t count, size_t *length);

/* A path of its own for a temporary file; the caller removes the file. */
void support_temporary_path(char path[64]);

/* The descriptor of a key; false, and nothing written, when there is none. */
bool support_find(const struct tcpk_table *table, uint64_t key, uint8_t descriptor[TCPK_DESCRIPTOR_SIZE]);

/* The decision of a key, by its descriptor. */
enum tcpk_decision support_decide(const struct tcpk_table *table, uint64_t key);

/* Run a check once for each variant that this machine has. */
void support_each_variant(void (*check)(const char *variant));

#endif
