/* A registry in memory and the layout of its file, for registry.c (writing) and registry_read.c (reading). */
#ifndef TCPK_REGISTRY_FILE_H
#define TCPK_REGISTRY_FILE_H

#include "tcpk/registry.h"

#define TCPK_FILE_HEADER_1 10u
#define TCPK_FILE_HEADER_2 22u

struct tcpk_registry {
    int version;
    uint64_t time;
    size_t count;
    char *names;          /* one after another */
    uint64_t *starts;     /* count + 1: where each name begins in `names`, and the end */
    uint8_t *descriptors; /* count x 24 */
    uint64_t *keys;       /* count */
};

/* Memory for `count` records with `name_bytes` of names in all; NULL when there is none. */
struct tcpk_registry *tcpk_registry_allocate(size_t count, size_t name_bytes);

/* Record numbers in order of name bytes, equal names in the file's order; the caller frees it; NULL: no memory. */
uint32_t *tcpk_registry_sort(const struct tcpk_registry *registry);

#endif
