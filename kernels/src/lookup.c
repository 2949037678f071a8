/* Reading a table: one key, many keys, and one key in constant time. */
#include <stdlib.h>
#include <string.h>

#include "complete.h"
#include "lookup_table.h"

#define AHEAD 128 /* keys whose entry a batch prefetches ahead; a power of two */

void tcpk_table_free(struct tcpk_table *table)
{
    if (!table)
        return;
    tcpk_memory_unmap(&table->memory);
    free(table);
}

size_t tcpk_table_count(const struct tcpk_table *table)
{
    return table->count;
}

size_t tcpk_table_bytes(const struct tcpk_table *table)
{
    return (table->last + 1) * sizeof(struct tcpk_entry);
}

const struct tcpk_index *tcpk_table_index(const struct tcpk_table *table)
{
    return &table->index;
}

const uint8_t *tcpk_table_find(const struct tcpk_table *table, uint64_t key)
{
    return tcpk_index_find(&table->index, key);
}

/* Slots of the keys ahead, in a ring: they are computed once, to prefetch and then to read.
 *
 * Into the second-level cache (the hint for little locality): that one waits for about twice as many lines at once as
 * the first-level cache has buffers for, which is what bounds lookups among more entries than the caches hold. */
struct pipeline {
    const struct tcpk_entry *ring[AHEAD];
};

static inline void enter(struct pipeline *pipeline, const struct tcpk_index *index, const uint64_t *keys, size_t i)
{
    const struct tcpk_entry *entry = tcpk_index_entry(index, keys[i]);
    __builtin_prefetch(entry, 0, 2);
    __builtin_prefetch((const char *)(entry + 1) - 1, 0, 2); /* a quarter of the entries lie on two lines */
    pipeline->ring[i % AHEAD] = entry;
}

static inline const struct tcpk_entry *leave(const struct pipeline *pipeline, size_t i)
{
    return pipeline->ring[i % AHEAD];
}

static inline void start(struct pipeline *pipeline, const struct tcpk_index *index, const uint64_t *keys, size_t n)
{
    for (size_t i = 0; i < AHEAD && i < n; i++)
        enter(pipeline, index, keys, i);
}

static inline uint8_t answer(const struct tcpk_entry *entry, uint64_t key, uint8_t *descriptor)
{
    if (entry->key == key)
        tcpk_complete(entry->body, descriptor);
    else
        memset(descriptor, 0, TCPK_DESCRIPTOR_SIZE);
    return entry->key == key;
}

static inline __attribute__((always_inline)) void find_all(struct tcpk_index index, bool mixes, const uint64_t *keys,
                                                           size_t n, uint8_t *descriptors, uint8_t *found)
{
    struct pipeline pipeline;
    index.mixes = mixes;
    start(&pipeline, &index, keys, n);
    size_t i = 0;
    for (; i + AHEAD < n; i++) {
        const struct tcpk_entry *entry = leave(&pipeline, i);
        enter(&pipeline, &index, keys, i + AHEAD);
        found[i] = answer(entry, keys[i], descriptors + i * TCPK_DESCRIPTOR_SIZE);
    }
    for (; i < n; i++)
        found[i] = answer(leave(&pipeline, i), keys[i], descriptors + i * TCPK_DESCRIPTOR_SIZE);
}

static inline __attribute__((always_inline)) void decide_all(struct tcpk_index index, bool mixes, const uint64_t *keys,
                                                             size_t n, uint8_t *decisions)
{
    struct pipeline pipeline;
    index.mixes = mixes;
    start(&pipeline, &index, keys, n);
    size_t i = 0;
    for (; i + AHEAD < n; i++) {
        const struct tcpk_entry *entry = leave(&pipeline, i);
        enter(&pipeline, &index, keys, i + AHEAD);
        decisions[i] = tcpk_decide(entry->key == keys[i] ? entry->body : NULL);
    }
    for (; i < n; i++) {
        const struct tcpk_entry *entry = leave(&pipeline, i);
        decisions[i] = tcpk_decide(entry->key == keys[i] ? entry->body : NULL);
    }
}

/* Each loop is compiled twice, the usual one with no word of mixing, over a copy of the index: outputs are bytes, which
 * could alias the caller's. */
void tcpk_table_find_many(const struct tcpk_table *table, const uint64_t *keys, size_t n, uint8_t *descriptors,
                          uint8_t *found)
{
    if (table->index.mixes)
        find_all(table->index, true, keys, n, descriptors, found);
    else
        find_all(table->index, false, keys, n, descriptors, found);
}

void tcpk_table_decide_many(const struct tcpk_table *table, const uint64_t *keys, size_t n, uint8_t *decisions)
{
    if (table->index.mixes)
        decide_all(table->index, true, keys, n, decisions);
    else
        decide_all(table->index, false, keys, n, decisions);
}

uint8_t tcpk_table_find_constant_time(const struct tcpk_table *table, uint64_t key,
                                      uint8_t descriptor[TCPK_DESCRIPTOR_SIZE])
{
    uint64_t words[2] = {0, 0}, any = 0;
    const size_t slots = table->count ? table->last + 1 : 0; /* what fills an empty table is no answer */
    for (size_t slot = 0; slot < slots; slot++) {
        const struct tcpk_entry *entry = &table->index.entries[slot];
        const uint64_t difference = entry->key ^ key;
        const uint64_t equal = (difference | (0 - difference)) >> 63 ^ 1;
        const uint64_t mask = 0 - equal;
        for (unsigned word = 0; word < 2; word++) {
            uint64_t value;
            memcpy(&value, entry->body + 8 * word, 8);
            words[word] |= value & mask; /* copies in slots left over change nothing */
        }
        any |= equal;
    }
    tcpk_complete((const uint8_t *)words, descriptor);
    for (unsigned i = 0; i < TCPK_DESCRIPTOR_SIZE; i++)
        descriptor[i] &= (uint8_t)(0 - any);
    return (uint8_t)any;
}
