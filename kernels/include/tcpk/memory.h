/* Memory for large tables: huge pages where there are any, on one NUMA node, locked when asked. */
#ifndef TCPK_MEMORY_H
#define TCPK_MEMORY_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "error.h"

#ifdef __cplusplus
extern "C" {
#endif

enum tcpk_pages {
    TCPK_PAGES_SMALL = 0,       /* 4 KiB */
    TCPK_PAGES_TRANSPARENT = 1, /* transparent huge pages were asked for; the kernel decides */
    TCPK_PAGES_2M = 2,          /* from the reserved pool */
    TCPK_PAGES_1G = 3,
    TCPK_PAGES_KINDS = 4
};

struct tcpk_memory {
    void *address; /* zeroed, aligned to its page */
    size_t size;   /* mapped bytes, at least those asked for */
    enum tcpk_pages pages;
    bool locked;
    bool on_node; /* the node that was asked for is the one it lies on */
};

/* Map `size` bytes. Regions of 2 MiB and more try 1 GiB pages (from 1 GiB on), then 2 MiB pages, then transparent
 * ones; *out says what was got. node -1: anywhere. lock: mlock, where the limit allows. TCPK_ERROR_MEMORY when nothing
 * could be had. */
TCPK_API enum tcpk_status tcpk_memory_map(size_t size, int node, bool lock, struct tcpk_memory *out);
TCPK_API void tcpk_memory_unmap(struct tcpk_memory *memory);

/* Bytes mapped now by kind of page, by the whole library. */
TCPK_API uint64_t tcpk_memory_in_use(enum tcpk_pages pages);

/* The most that were mapped at once until now: what a table or an engine that is gone again was made of. */
TCPK_API uint64_t tcpk_memory_peak(enum tcpk_pages pages);

/* "4 KiB", "transparent", "2 MiB", "1 GiB". */
TCPK_API const char *tcpk_pages_name(enum tcpk_pages pages);

#ifdef __cplusplus
}
#endif

#endif
