/* In C, for the table's own header is C. */
#include "table_view.h"

#include "../src/lookup_table.h"

_Static_assert(offsetof(struct tcpk_entry, body) == 8 && TCPK_BODY_SIZE == 16, "as struct gpu_entry in kernels.h");

struct tcpk_table_view tcpk_view_table(const struct tcpk_table *table)
{
    return (struct tcpk_table_view){
        .entries = table->entries,
        .pilots = table->pilots,
        .seed = table->seed,
        .homes = table->homes,
        .entries_size = table->slots * sizeof *table->entries,
        .pilots_size = ((uint64_t)1 << (64 - table->group_shift)) * sizeof *table->pilots,
        .group_shift = table->group_shift,
        .home_shift = table->home_shift,
        .mixes = table->mixes,
    };
}
