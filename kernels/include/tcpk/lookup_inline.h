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

#include <string.h>

#include "lookup.h"

#ifdef __cplusplus
extern "C" {
#endif

#define TCPK_LINE_ENTRIES 3u

/* A key's low half, in the order of MD5's bytes, and the body, which begins with its high half: the command hash. */
struct tcpk_entry {
    uint8_t low[4];
    uint8_t body[TCPK_BODY_SIZE];
};

/* A line of the caches. */
struct tcpk_line {
    struct tcpk_entry entries[TCPK_LINE_ENTRIES];
    uint8_t rest[4];
};

/* A perfect hash behind a filter: where a table's parts lie, and what finds a key's place in them. */
struct tcpk_index {
    const struct tcpk_line *lines;
    const uint64_t *filter; /* by group, as the pilots */
    const uint16_t *pilots;
    uint64_t homes; /* in lines */
    uint64_t seed;  /* odd */
    unsigned group_shift, home_shift;
    bool mixes; /* keys are not spread evenly by themselves: mix them first */
};

/* Owned by the table, valid as long as it is. A copy in the caller's own variables is read fastest. */
TCPK_API const struct tcpk_index *tcpk_table_index(const struct tcpk_table *table);

/* Keys are MD5 bits and need no mixing; the branch is predicted, so that the multiplication's time is not waited for.
 * Others are mixed by the seed, so that another seed makes other groups, and down to the bits that homes are taken
 * from: no pilot parts keys of one group that share a home. No two keys become one. It is short enough for compilers to
 * make a loop of its own for each kind of table. */
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

/* The line that a key's pilot counts from, and which of a line's entries is the key's: both in bytes, and from bits of
 * their own, so that they are computed at once. */
static inline uint64_t tcpk_index_home(const struct tcpk_index *index, uint64_t key)
{
    const uint32_t bits = (uint32_t)(tcpk_index_mixed(index, key) >> index->home_shift);
    return (bits * index->homes >> 32) * sizeof(struct tcpk_line);
}

/* From a table, which is faster than (byte * 3 >> 8) * 20. */
static inline uint64_t tcpk_index_column(const struct tcpk_index *index, uint64_t key)
{
#define TCPK_17(x) x, x, x, x, x, x, x, x, x, x, x, x, x, x, x, x, x
#define TCPK_85(x) TCPK_17(x), TCPK_17(x), TCPK_17(x), TCPK_17(x), TCPK_17(x)
    static const uint8_t COLUMNS[256] = {0, TCPK_85(0), TCPK_85(20), TCPK_85(40)};
#undef TCPK_85
#undef TCPK_17
    return COLUMNS[tcpk_index_mixed(index, key) & 0xff];
}

/* A key as the first eight bytes of its entry have it. */
static inline uint64_t tcpk_index_stored(uint64_t key)
{
    const uint64_t bytes = __builtin_bswap64(key);
    return bytes << 32 | bytes >> 32;
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

/* Where the only entry lies that can have the key: `home` bytes behind `start`. A pilot leads from line to line and
 * counts words of 8 bytes, which an address can scale. All else is computed while the pilot is loaded, and who reads
 * the entry adds the two in its address: the empty statement keeps the compiler from adding in another order. */
struct tcpk_place {
    const uint8_t *start;
    uint64_t home;
};

static inline struct tcpk_place tcpk_index_place(const struct tcpk_index *index, uint64_t key)
{
    const uint8_t *column = (const uint8_t *)index->lines + tcpk_index_column(index, key);
    uint64_t home = tcpk_index_home(index, key);
    __asm__("" : "+r"(column), "+r"(home));
    struct tcpk_place place = {column + 8 * (uint64_t)index->pilots[tcpk_index_group(index, key)], home};
    return place;
}

static inline const struct tcpk_entry *tcpk_index_entry(const struct tcpk_index *index, uint64_t key)
{
    const struct tcpk_place place = tcpk_index_place(index, key);
    return (const struct tcpk_entry *)(place.start + place.home);
}

static inline bool tcpk_entry_is_of(const struct tcpk_entry *entry, uint64_t key)
{
    uint64_t stored;
    memcpy(&stored, entry, sizeof stored);
    return stored == tcpk_index_stored(key);
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
    const bool is_here = tcpk_entry_is_of((const struct tcpk_entry *)(place.start + place.home), key);
    return is_here ? ((const struct tcpk_entry *)(place.start + same))->body : NULL;
}

#ifdef __cplusplus
}
#endif

#endif
