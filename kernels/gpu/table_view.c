/* In C, for the table's own header is C. */
#include "table_view.h"

#include "../src/lookup_table.h"

_Static_assert(offsetof(struct tcpk_entry, body) == 8 && TCPK_BODY_SIZE == 16, "as struct gpu_entry in kernels.h");

struct tcpk_table_view tcpk_view_table(const struct tcpk_table *table)
{
    return (struct tcpk_table_view){
        .entries = table->index.entries,
        .pilots = table->index.pilots,
        .seed = table->index.seed,
        .homes = table->index.homes,
        .entries_size = table->slots * sizeof *table->index.entries,
        .pilots_size = ((uint64_t)1 << (64 - table->index.group_shift)) * sizeof *table->index.pilots,
        .group_shift = table->index.group_shift,
        .home_shift = table->index.home_shift,
        .mixes = table->index.mixes,
    };
}
