/* Reading a table: one key, many keys, and one key in constant time. */
#include <stdlib.h>
#include <string.h>

#include "complete.h"
#include "lookup_table.h"

#define AHEAD 64            /* keys whose entry a batch prefetches ahead; a power of two */
#define PILOTS_AHEAD 32     /* how much farther ahead it prefetches pilots */
#define NEAR_PILOTS 131072u /* bytes of them that stay in a nearer cache, whatever else passes through it */

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
    return (table->last + 1) * sizeof(struct tcpk_line);
}

const struct tcpk_index *tcpk_table_index(const struct tcpk_table *table)
{
    return &table->index;
}

const uint8_t *tcpk_table_find(const struct tcpk_table *table, uint64_t key)
{
    return tcpk_index_find(&table->index, key);
}

/* Of what kind a table is, to a batch: pilots in the nearer caches, or so many that they are prefetched as well; or
 * keys that are mixed first, which is rare. */
enum kind { NEAR, FAR, MIXED };

/* Entries of the keys ahead, in a ring: they are found once, to prefetch and then to read.
 *
 * Into the second-level cache (the hint for little locality): that one waits for about twice as many lines at once as
 * the first-level cache has buffers for, which is what bounds lookups among more entries than the caches hold. */
struct pipeline {
    struct tcpk_index index; /* a copy: outputs are bytes, which could alias the caller's */
    const uint64_t *keys;
    size_t n;
    bool far;
    const struct tcpk_entry *ring[AHEAD];
};

static inline __attribute__((always_inline)) void enter(struct pipeline *pipeline, size_t i)
{
    const uint64_t *keys = pipeline->keys;
    if (pipeline->far) {
        const size_t later = i + PILOTS_AHEAD < pipeline->n ? i + PILOTS_AHEAD : i;
        __builtin_prefetch(&pipeline->index.pilots[tcpk_index_group(&pipeline->index, keys[later])], 0, 3);
    }
    const struct tcpk_entry *entry = tcpk_index_entry(&pipeline->index, keys[i]);
    __builtin_prefetch(entry, 0, 2);
    pipeline->ring[i % AHEAD] = entry;
}

static inline __attribute__((always_inline)) const struct tcpk_entry *leave(const struct pipeline *pipeline, size_t i)
{
    return pipeline->ring[i % AHEAD];
}

static inline __attribute__((always_inline)) void start(struct pipeline *pipeline, const struct tcpk_table *table,
                                                        enum kind kind, const uint64_t *keys, size_t n)
{
    pipeline->index = table->index;
    pipeline->index.mixes = kind == MIXED;
    pipeline->far = kind != NEAR;
    pipeline->keys = keys;
    pipeline->n = n;
    for (size_t i = 0; i < AHEAD && i < n; i++)
        enter(pipeline, i);
}

static inline uint8_t answer(const struct tcpk_entry *entry, uint64_t key, uint8_t *descriptor)
{
    const bool known = tcpk_entry_is_of(entry, key);
    if (known)
        tcpk_complete(entry->body, descriptor);
    else
        memset(descriptor, 0, TCPK_DESCRIPTOR_SIZE);
    return known;
}

static inline __attribute__((always_inline)) void find_all(const struct tcpk_table *table, enum kind kind,
                                                           const uint64_t *keys, size_t n, uint8_t *descriptors,
                                                           uint8_t *found)
{
    struct pipeline pipeline;
    start(&pipeline, table, kind, keys, n);
    size_t i = 0;
    for (; i + AHEAD < n; i++) {
        const struct tcpk_entry *entry = leave(&pipeline, i);
        enter(&pipeline, i + AHEAD);
        found[i] = answer(entry, keys[i], descriptors + i * TCPK_DESCRIPTOR_SIZE);
    }
    for (; i < n; i++)
        found[i] = answer(leave(&pipeline, i), keys[i], descriptors + i * TCPK_DESCRIPTOR_SIZE);
}

static inline __attribute__((always_inline)) void decide_all(const struct tcpk_table *table, enum kind kind,
                                                             const uint64_t *keys, size_t n, uint8_t *decisions)
{
    struct pipeline pipeline;
    start(&pipeline, table, kind, keys, n);
    size_t i = 0;
    for (; i + AHEAD < n; i++) {
        const struct tcpk_entry *entry = leave(&pipeline, i);
        enter(&pipeline, i + AHEAD);
        decisions[i] = tcpk_decide(tcpk_entry_is_of(entry, keys[i]) ? entry->body : NULL);
    }
    for (; i < n; i++) {
        const struct tcpk_entry *entry = leave(&pipeline, i);
        decisions[i] = tcpk_decide(tcpk_entry_is_of(entry, keys[i]) ? entry->body : NULL);
    }
}

static enum kind kind_of(const struct tcpk_table *table)
{
    const uint64_t groups = (uint64_t)1 << (64 - table->index.group_shift);
    if (table->index.mixes)
        return MIXED;
    return groups * sizeof *table->index.pilots > NEAR_PILOTS ? FAR : NEAR;
}

/* Each loop is compiled once for each kind, so that none asks of what kind the table is. */
void tcpk_table_find_many(const struct tcpk_table *table, const uint64_t *keys, size_t n, uint8_t *descriptors,
                          uint8_t *found)
{
    switch (kind_of(table)) {
    case NEAR: find_all(table, NEAR, keys, n, descriptors, found); break;
    case FAR: find_all(table, FAR, keys, n, descriptors, found); break;
    case MIXED: find_all(table, MIXED, keys, n, descriptors, found);
    }
}

void tcpk_table_decide_many(const struct tcpk_table *table, const uint64_t *keys, size_t n, uint8_t *decisions)
{
    switch (kind_of(table)) {
    case NEAR: decide_all(table, NEAR, keys, n, decisions); break;
    case FAR: decide_all(table, FAR, keys, n, decisions); break;
    case MIXED: decide_all(table, MIXED, keys, n, decisions);
    }
}

uint8_t tcpk_table_find_constant_time(const struct tcpk_table *table, uint64_t key,
                                      uint8_t descriptor[TCPK_DESCRIPTOR_SIZE])
{
    uint64_t words[2] = {0, 0}, any = 0;
    const uint64_t stored = tcpk_index_stored(key);
    const size_t lines = table->count ? table->last + 1 : 0; /* what fills an empty table is no answer */
    for (size_t line = 0; line < lines; line++)
        for (unsigned i = 0; i < TCPK_LINE_ENTRIES; i++) {
            const struct tcpk_entry *entry = &table->index.lines[line].entries[i];
            uint64_t value;
            memcpy(&value, entry, 8);
            const uint64_t difference = value ^ stored;
            const uint64_t equal = (difference | (0 - difference)) >> 63 ^ 1;
            const uint64_t mask = 0 - equal;
            for (unsigned word = 0; word < 2; word++) {
                memcpy(&value, entry->body + 8 * word, 8);
                words[word] |= value & mask; /* copies in places left over change nothing */
            }
            any |= equal;
        }
    tcpk_complete((const uint8_t *)words, descriptor);
    for (unsigned i = 0; i < TCPK_DESCRIPTOR_SIZE; i++)
        descriptor[i] &= (uint8_t)(0 - any);
    return (uint8_t)any;
}
