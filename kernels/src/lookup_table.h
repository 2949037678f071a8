/* Lookup: a perfect hash, so that every lookup, hit or miss, reads one entry of 24 bytes and no other.
 *
 * Keys fall into groups of about four. Each group has a pilot, 16 bits, found at build so that its keys go to slots of
 * their own; pilots of a million keys are 512 KiB and stay in the second-level cache. Groups are placed largest first,
 * while there is room, as CHD and PTHash do. An entry has of its descriptor only what others do not have or what does
 * not follow from the rest: the table of a real registry is little more than the first-level cache. A slot that is left
 * over holds a copy of an entry that belongs elsewhere, so that no lookup asks whether a slot is taken.
 */
#ifndef TCPK_LOOKUP_TABLE_H
#define TCPK_LOOKUP_TABLE_H

#include "internal.h"

struct tcpk_entry {
    uint64_t key;
    uint8_t body[TCPK_BODY_SIZE];
};

_Static_assert(sizeof(struct tcpk_entry) == 24, "an entry is the descriptor's size, keys are aligned");

struct tcpk_table {
    struct tcpk_entry *entries;
    uint16_t *pilots;
    uint64_t seed; /* odd */
    bool mixes;    /* keys are not spread evenly by themselves: mix them first */
    unsigned group_shift, slot_shift;
    size_t count, slots;
    struct tcpk_memory memory;
};

/* Keys are MD5 bits and need no mixing; the branch is predicted, so that the multiplication's time is not waited for.
 * Others are mixed by the seed, so that another seed makes other groups, and down to the bits that the pilot changes:
 * keys that were equal in those would keep their distance whatever the pilot. No two keys become one. */
static inline uint64_t mixed(const struct tcpk_table *table, uint64_t key)
{
    if (__builtin_expect(table->mixes, 0)) {
        key = (key ^ key >> 32) * table->seed;
        key ^= key >> 32;
    }
    return key;
}

static inline uint64_t group_of(const struct tcpk_table *table, uint64_t key)
{
    return mixed(table, key) >> table->group_shift;
}

/* A product's highest bits number up to twice the slots: what is over them begins again at the first. */
static inline uint64_t slot_with(const struct tcpk_table *table, uint64_t key, uint64_t pilot)
{
    const uint64_t place = (mixed(table, key) ^ pilot) * table->seed >> table->slot_shift;
    return place < table->slots ? place : place - table->slots;
}

static inline uint64_t slot_of(const struct tcpk_table *table, uint64_t key)
{
    return slot_with(table, key, table->pilots[group_of(table, key)]);
}

#endif
