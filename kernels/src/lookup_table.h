/* Lookup: a perfect hash behind a filter. A hit reads a pilot and one entry of 24 bytes, a miss mostly one word.
 *
 * Keys fall into groups of about four. Each key has a home among the slots, and each group a pilot: how far from their
 * homes its keys lie, found at build so that each has a slot of its own. That is how sparse tables are packed, row by
 * row each displaced as far as it takes (Tarjan and Yao, 1979). Pilots have 16 bits: those of a million keys are 512
 * KiB and stay in the second-level cache. Groups are placed largest first, while there is room. An entry has of its
 * descriptor only what others do not have or what does not follow from the rest: the table of a real registry is little
 * more than the first-level cache. A slot that is left over holds a copy of an entry that belongs elsewhere, so that no
 * lookup asks whether a slot is taken.
 *
 * The filter has a word for each group, with two bits set for each key: about one miss in fifty gets past it. It is
 * apart from the pilots: a hit waits for its pilot, but not for the filter, as that branch is predicted. Only lookups
 * of one key ask it. A batch has its entries prefetched, and took half as long again when it read the filter as well.
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
    uint64_t *filter; /* by group, as the pilots */
    uint16_t *pilots;
    uint64_t seed; /* odd */
    bool mixes;    /* keys are not spread evenly by themselves: mix them first */
    unsigned group_shift, home_shift;
    size_t count;
    uint64_t homes;
    size_t slots; /* more than homes by as much as the largest pilot */
    size_t last;  /* slots beyond it hold copies only */
    struct tcpk_memory memory;
};

/* Keys are MD5 bits and need no mixing; the branch is predicted, so that the multiplication's time is not waited for.
 * Others are mixed by the seed, so that another seed makes other groups, and down to the bits that homes are taken
 * from: no pilot parts keys of one group that share a home. No two keys become one. */
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

/* The slot that a key's pilot counts from. */
static inline uint64_t home_of(const struct tcpk_table *table, uint64_t key)
{
    return (uint32_t)(mixed(table, key) >> table->home_shift) * table->homes >> 32;
}

/* The two bits of a key in its group's word: other bits of the key than those that choose the group. */
static inline uint64_t filter_bits(const struct tcpk_table *table, uint64_t key)
{
    const uint64_t low = mixed(table, key);
    return (uint64_t)1 << (low & 63) | (uint64_t)1 << (low >> 6 & 63);
}

/* 0: the key is in no entry. 1: it may be. */
static inline uint64_t may_have(const struct tcpk_table *table, uint64_t key)
{
    const uint64_t low = mixed(table, key), word = table->filter[group_of(table, key)];
    return (word >> (low & 63)) & (word >> (low >> 6 & 63)) & 1;
}

/* A key's home is computed while its pilot is loaded; what waits for both is one addition. Pilots count words of 8
 * bytes, as an address takes them, three an entry. The empty statement keeps the compiler from adding in an order that
 * takes a cycle longer. */
static inline struct tcpk_entry *entry_of(const struct tcpk_table *table, uint64_t key)
{
    uint64_t *home = (uint64_t *)(table->entries + home_of(table, key));
    __asm__("" : "+r"(home));
    return (struct tcpk_entry *)(home + table->pilots[group_of(table, key)]);
}

/* The body of the key's entry, NULL when there is none. */
static inline const uint8_t *tcpk_find(const struct tcpk_table *table, uint64_t key)
{
    if (!may_have(table, key))
        return NULL;
    const struct tcpk_entry *entry = entry_of(table, key);
    return entry->key == key ? entry->body : NULL;
}

/* The decision of the body of a descriptor that was valid when it was put in. */
static inline uint8_t tcpk_decide(const uint8_t *body)
{
    static const uint8_t BY_HIGHEST_BIT[6] = {TCPK_REQUIRE_APPROVAL, TCPK_APPROVE,          TCPK_APPROVE,
                                              TCPK_CAUTION,          TCPK_REQUIRE_APPROVAL, TCPK_REJECT};
    if (!body)
        return TCPK_REQUIRE_APPROVAL;
    const unsigned risk = body[TCPK_BODY_FLAGS + 3] & 0x1fu;
    return BY_HIGHEST_BIT[risk ? 32 - __builtin_clz(risk) : 0];
}

#endif
