/* Lookup of descriptors by 64-bit key: built once, then read by any number of threads. */
#ifndef TCPK_LOOKUP_H
#define TCPK_LOOKUP_H

#include "registry.h"

#ifdef __cplusplus
extern "C" {
#endif

struct tcpk_table;

/* Build a table of `count` keys and their descriptors (count x 24 bytes), each with the high half of its key as command
 * hash. Both are copied. Two equal keys are TCPK_ERROR_COLLISION. The caller frees *out. */
TCPK_API enum tcpk_status tcpk_table_create(const uint64_t *keys, const uint8_t *descriptors, size_t count,
                                            struct tcpk_table **out, struct tcpk_error *error);

/* Build a table of a registry; a collision names both commands. */
TCPK_API enum tcpk_status tcpk_table_of_registry(const struct tcpk_registry *registry, struct tcpk_table **out,
                                                 struct tcpk_error *error);

TCPK_API void tcpk_table_free(struct tcpk_table *table); /* NULL is allowed */
TCPK_API size_t tcpk_table_count(const struct tcpk_table *table);
TCPK_API size_t tcpk_table_bytes(const struct tcpk_table *table); /* of the entries of all its keys */

/* The body of a key's descriptor (TCPK_BODY_SIZE bytes, owned by the table), or NULL; tcpk_descriptor_complete makes
 * the descriptor of it. Time and addresses depend on the key. */
TCPK_API const uint8_t *tcpk_table_find(const struct tcpk_table *table, uint64_t key);

/* Descriptors of n keys: 24 bytes each into `descriptors`, zeros where found[i] is 0. No output overlaps an input. */
TCPK_API void tcpk_table_find_many(const struct tcpk_table *table, const uint64_t *keys, size_t n, uint8_t *descriptors,
                                   uint8_t *found);

/* Decisions of n keys (enum tcpk_decision); REQUIRE_APPROVAL for an unknown one. */
TCPK_API void tcpk_table_decide_many(const struct tcpk_table *table, const uint64_t *keys, size_t n,
                                     uint8_t *decisions);

/* The descriptor of a key, into `descriptor`; reads every entry, so that no branch and no address depends on the key.
 * Returns 1 when found, else 0 with zeros. */
TCPK_API uint8_t tcpk_table_find_constant_time(const struct tcpk_table *table, uint64_t key,
                                               uint8_t descriptor[TCPK_DESCRIPTOR_SIZE]);

#ifdef __cplusplus
}
#endif

#endif
