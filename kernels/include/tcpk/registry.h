/* Registry files (TCPDB, versions 1 and 2): read whole or not at all.
 *
 * Reading is one pass; the first fault in this order is the one reported, at the file offset of the field at fault.
 *  1. bytes 0..4 differ from "TCPDB" as far as there are any: MAGIC 0; fewer than 5: TRUNCATED 0
 *  2. no version byte: TRUNCATED 5; neither 1 nor 2: VERSION 5
 *  3. count, time, index size not whole: TRUNCATED 6, 10, 18
 *  4. count > (length - header) / 26: COUNT 6, before any memory is asked for
 *  5. record at r: name length not whole: TRUNCATED r; name not whole: TRUNCATED r+2; name not UTF-8 (overlong forms,
 *     surrogates and beyond U+10FFFF included; empty names and NUL are allowed): UTF8 r+2; descriptor d = r+2+length
 *     not whole: TRUNCATED d; its magic: DESCRIPTOR d; version: DESCRIPTOR d+4; checksum: DESCRIPTOR d+22;
 *     command hash not that of the name: DESCRIPTOR d+6
 *  6. a name that an earlier record has: DUPLICATE, offset of the first such record
 *  7. version 1: bytes left over: COUNT at the first; version 2: index size is not what is left: INDEX_SIZE 18
 *  8. index entry at e, in order of name bytes: not whole or another name: INDEX e; another offset: INDEX e+2+length;
 *     bytes left over: INDEX at the first
 *
 * A registry does not change once read: any number of threads may read it. */
#ifndef TCPK_REGISTRY_H
#define TCPK_REGISTRY_H

#include "descriptor.h"

#ifdef __cplusplus
extern "C" {
#endif

struct tcpk_registry;

/* Read `length` bytes. On TCPK_OK *out is a registry that the caller frees; it keeps no pointer into `bytes`.
 * On an error *out is NULL and *error, unless NULL, says what and where. `bytes` may be NULL when length is 0. */
TCPK_API enum tcpk_status tcpk_registry_read(const uint8_t *bytes, size_t length, struct tcpk_registry **out,
                                             struct tcpk_error *error);

/* Read a file; as tcpk_registry_read, and TCPK_ERROR_IO when it cannot be read. */
TCPK_API enum tcpk_status tcpk_registry_load(const char *path, struct tcpk_registry **out, struct tcpk_error *error);

/* Write a version 2 file of what was read, atomically: a temporary file beside `path`, then a rename. */
TCPK_API enum tcpk_status tcpk_registry_save(const struct tcpk_registry *registry, const char *path,
                                             struct tcpk_error *error);

/* Make a registry of `count` generated commands, the same for the same seed, with risk levels spread evenly: for
 * benchmarks and self-tests where no real registry is at hand. */
TCPK_API enum tcpk_status tcpk_registry_generate(size_t count, uint64_t seed, struct tcpk_registry **out,
                                                 struct tcpk_error *error);

TCPK_API void tcpk_registry_free(struct tcpk_registry *registry); /* NULL is allowed */

TCPK_API size_t tcpk_registry_count(const struct tcpk_registry *registry);
TCPK_API int tcpk_registry_version(const struct tcpk_registry *registry);   /* 1 or 2 */
TCPK_API uint64_t tcpk_registry_time(const struct tcpk_registry *registry); /* Unix time; 0 in version 1 */

/* Arrays in the file's order, owned by the registry: count x 24 bytes, count keys. */
TCPK_API const uint8_t *tcpk_registry_descriptors(const struct tcpk_registry *registry);
TCPK_API const uint64_t *tcpk_registry_keys(const struct tcpk_registry *registry);

/* Name of a record: UTF-8, not NUL-terminated, *length bytes, owned by the registry. NULL when index >= count. */
TCPK_API const char *tcpk_registry_name(const struct tcpk_registry *registry, size_t index, size_t *length);

#ifdef __cplusplus
}
#endif

#endif
