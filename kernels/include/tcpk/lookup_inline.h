/* Lookup of one key compiled into the caller: no call, and the compiler's own choice of registers and instructions. For
 * loops that ask for one key after the other; for many at once the functions of lookup.h are faster.
 *
 *     const struct tcpk_index index = *tcpk_table_index(table);
 *     const uint8_t *body = tcpk_index_find(&index, key);
 *
 * What it reads is part of the library's binary interface: a program compiled with it needs a library of the same name,
 * number included (libtcpk.so.0). */
#ifndef TCPK_LOOKUP_INLINE_H
#define TCPK_LOOKUP_INLINE_H

#include "lookup.h"

#ifdef __cplusplus
extern "C" {
#endif

struct tcpk_entry {
    uint64_t key;
    uint8_t body[TCPK_BODY_SIZE];
};

/* A perfect hash behind a filter: where a table's parts lie, and what finds a key's place in them. */
struct tcpk_index {
    const struct tcpk_entry *entries;
    const uint64_t *filter; /* by group, as the pilots */
    const uint16_t *pilots;
    uint64_t homes;
    uint64_t seed; /* odd */
    unsigned group_shift, home_shift;
    bool mixes; /* keys are not spread evenly by themselves: mix them first */
};

/* Owned by the table, valid as long as it is. A copy in the caller's own variables is read fastest. */
TCPK_API const struct tcpk_index *tcpk_table_index(const struct tcpk_table *table);

/* Keys are MD5 bits and need no mixing; the branch is predicted, so that the multiplication's time is not waited for.
 * Others are mixed by the seed, so that another seed makes other groups, and down to the bits that homes are taken
 * from: no pilot parts keys of one group that share a home. No two keys become one. */
static inline uint64_t tcpk_index_mixed(const struct tcpk_index *index, uint64_t key)
{
    if (__builtin_expect(index->mixes, 0)) {
        key = (key ^ key >> 32) * index->seed;
        key ^= key >> 32;
    }
    return key;
}

static inline uint64_t tcpk_index_group(const struct tcpk_index *index, uint64_t key)
{
    return tcpk_index_mixed(index, key) >> index->group_shift;
}

/* The slot that a key's pilot counts from. */
static inline uint64_t tcpk_index_home(const struct tcpk_index *index, uint64_t key)
{
    return (uint32_t)(tcpk_index_mixed(index, key) >> index->home_shift) * index->homes >> 32;
}

/* False when the key is in no entry. Each key has two bits in its group's word, chosen by other bits of the key than
 * the group is. What is compared is not 0 when a bit is missing: a compiler that has a 0 where NULL is to be returned
 * may return that, and the caller's next step would wait for the filter. */
static inline bool tcpk_index_may_have(const struct tcpk_index *index, uint64_t key)
{
    const uint64_t low = tcpk_index_mixed(index, key), word = index->filter[tcpk_index_group(index, key)];
    const uint64_t missing = ~((word >> (low & 63)) & (word >> (low >> 6 & 63))) & 1;
    return missing == 0;
}

/* Where the only entry lies that can have the key: `home` words of 8 bytes behind `start`, as an entry has three and
 * pilots count words. The one is computed while the pilot of the other is loaded, and who reads the entry adds them in
 * its address: the empty statement keeps the compiler from adding them before. */
struct tcpk_place {
    const uint64_t *start;
    uint64_t home;
};

static inline struct tcpk_place tcpk_index_place(const struct tcpk_index *index, uint64_t key)
{
    struct tcpk_place place = {
        (const uint64_t *)index->entries + index->pilots[tcpk_index_group(index, key)],
        3 * tcpk_index_home(index, key),
    };
    __asm__("" : "+r"(place.start), "+r"(place.home));
    return place;
}

static inline const struct tcpk_entry *tcpk_index_entry(const struct tcpk_index *index, uint64_t key)
{
    const struct tcpk_place place = tcpk_index_place(index, key);
    return (const struct tcpk_entry *)(place.start + place.home);
}

/* As tcpk_table_find: the body of the key's entry, owned by the table, or NULL. Key and body each have their own copy
 * of the home, so that what reads them can add it to the address by itself. */
static inline const uint8_t *tcpk_index_find(const struct tcpk_index *index, uint64_t key)
{
    if (!tcpk_index_may_have(index, key))
        return NULL;
    const struct tcpk_place place = tcpk_index_place(index, key);
    uint64_t same = place.home;
    __asm__("" : "+r"(same));
    return place.start[place.home] == key ? ((const struct tcpk_entry *)(place.start + same))->body : NULL;
}

#ifdef __cplusplus
}
#endif

#endif
