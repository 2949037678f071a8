/* Lookup: a perfect hash, so that every lookup, hit or miss, reads one entry of 32 bytes and no other.
 *
 * Keys fall into groups of about four. Each group has a pilot, 16 bits, found at build so that its keys go to slots of
 * their own; pilots of a million keys are 512 KiB and stay in the second-level cache. Groups are placed largest first,
 * while there is room, as CHD and PTHash do. A slot is free when its descriptor is zeros: a valid one begins with 'T'.
 */
#ifndef TCPK_LOOKUP_TABLE_H
#define TCPK_LOOKUP_TABLE_H

#include "internal.h"

struct tcpk_entry {
    uint64_t key;
    uint8_t descriptor[TCPK_DESCRIPTOR_SIZE];
};

_Static_assert(sizeof(struct tcpk_entry) == 32, "two entries are a cache line, none crosses one");

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
 */
static inline uint64_t mixed(const struct tcpk_table *table, uint64_t key)
{
    if (__builtin_expect(table->mixes, 0))
        key = (key ^ key >> 32) * 0x9e3779b97f4a7c15u;
    return key;
}

static inline uint64_t group_of(const struct tcpk_table *table, uint64_t key)
{
    return mixed(table, key) >> table->group_shift;
}

static inline uint64_t slot_with(const struct tcpk_table *table, uint64_t key, uint64_t pilot)
{
    return (mixed(table, key) ^ pilot) * table->seed >> table->slot_shift;
}

static inline uint64_t slot_of(const struct tcpk_table *table, uint64_t key)
{
    return slot_with(table, key, table->pilots[group_of(table, key)]);
}

/* Whether an entry is that of the key: a free one holds the key 0 and no descriptor. */
static inline bool matches(const struct tcpk_entry *entry, uint64_t key)
{
    return entry->key == key && entry->descriptor[0] != 0;
}

#endif
