/* In C, for the table's own header is C. */
#include "table_view.h"

#include "../src/lookup_table.h"

_Static_assert(sizeof(struct tcpk_entry) == 20 && sizeof(struct tcpk_line) == 64, "as gpu_entry_of has them");

struct tcpk_table_view tcpk_view_table(const struct tcpk_table *table)
{
    return (struct tcpk_table_view){
        .lines = table->index.lines,
        .pilots = table->index.pilots,
        .seed = table->index.seed,
        .homes = table->index.homes,
        .lines_size = table->lines * sizeof *table->index.lines,
        .pilots_size = ((uint64_t)1 << (64 - table->index.group_shift)) * sizeof *table->index.pilots,
        .group_shift = table->index.group_shift,
        .home_shift = table->index.home_shift,
        .mixes = table->index.mixes,
    };
}
