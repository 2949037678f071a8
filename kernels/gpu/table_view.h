/* A lookup table as a device needs it: where its memory lies, and the numbers that find a key's entry in it. */
#ifndef TCPK_GPU_TABLE_VIEW_H
#define TCPK_GPU_TABLE_VIEW_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "tcpk/lookup.h"

#ifdef __cplusplus
extern "C" {
#endif

struct tcpk_table_view {
    const void *lines, *pilots;
    uint64_t seed, homes;
    uint64_t lines_size, pilots_size; /* bytes */
    unsigned group_shift, home_shift;
    bool mixes;
};

/* Valid as long as the table is. */
struct tcpk_table_view tcpk_view_table(const struct tcpk_table *table);

#ifdef __cplusplus
}
#endif

#endif
