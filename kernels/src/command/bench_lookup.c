/* Lookups. */
#include <stdlib.h>

#include "bench.h"

/* One lookup after the other, each key known only when the former flags have been read. The floor is one dependent
 * load after the other over as many cache lines as the table has. */
struct single {
    uint32_t count;
    struct tcpk_table *table;
    uint64_t *keys;
    void **chain; /* each line holds the address of the next one */
};

static void release_single(void *memory)
{
    struct single *it = memory;
    if (it) {
        tcpk_table_free(it->table);
        free(it->keys);
        free(it->chain);
    }
    free(it);
}

/* `lines` cache lines in random order, the last one leading to the first. */
static void **chain_of(uint32_t lines)
{
    void **chain = aligned_alloc(64, (size_t)lines * 64);
    uint32_t *walk = malloc(lines * sizeof *walk);
    if (chain && walk) {
        bench_shuffle(walk, lines, 4);
        for (uint32_t i = 0; i < lines; i++)
            chain[(size_t)walk[i] * 8] = &chain[(size_t)walk[(i + 1) % lines] * 8];
    } else {
        free(chain);
        chain = NULL;
    }
    free(walk);
    return chain;
}

static void *prepare_single(const struct tcpk_registry *registry)
{
    struct single *it = calloc(1, sizeof *it);
    const uint32_t count = (uint32_t)tcpk_registry_count(registry);
    uint32_t *order = malloc((count + 1) * sizeof *order);
    bool good = it && order && count && tcpk_table_of_registry(registry, &it->table, NULL) == TCPK_OK;
    if (good) {
        it->count = count;
        it->keys = malloc(count * sizeof *it->keys);
        it->chain = chain_of((uint32_t)(tcpk_table_bytes(it->table) / 64));
        good = it->keys && it->chain;
    }
    if (good) {
        bench_shuffle(order, count, 3);
        for (uint32_t i = 0; i < count; i++)
            it->keys[i] = tcpk_registry_keys(registry)[order[i]];
    } else {
        release_single(it);
        it = NULL;
    }
    free(order);
    return it;
}

static double find_each(const struct single *it)
{
    const volatile uint64_t zero = 0;
    const uint64_t nothing = zero; /* as the compiler cannot know */
    uint64_t dependent = 0;
    const double begin = bench_now();
    for (uint32_t i = 0; i < it->count; i++) {
        const uint8_t *body = tcpk_table_find(it->table, it->keys[i] + dependent);
        dependent = body[TCPK_BODY_FLAGS + 3] & nothing;
    }
    const double end = bench_now();
    bench_use(dependent);
    return (end - begin) / it->count;
}

static double follow(const struct single *it)
{
    void **at = it->chain;
    const double begin = bench_now();
    for (uint32_t i = 0; i < it->count; i++)
        at = *at;
    const double end = bench_now();
    bench_use((uint64_t)(uintptr_t)at);
    return (end - begin) / it->count;
}

static bool measure_single(void *state, struct row *row, size_t round, size_t rounds)
{
    (void)round, (void)rounds;
    const double found = find_each(state);
    bench_add(row, found, follow(state));
    return true;
}

const struct operation bench_lookup_single = {prepare_single, measure_single, release_single};

/* Batches of 4,096 keys in random order against a million entries. The floor reads the same entries in the same order,
 * their addresses known beforehand: one prefetched line a lookup. Memory of its own would only drive the table out of
 * the cache. */
enum { ENTRIES = 1000000, BATCH = 4096, BATCHES = 16, AHEAD = 128, KEYS = BATCH * BATCHES };

struct batch {
    struct tcpk_table *table;
    uint64_t *keys;
    const uint8_t **lines; /* the keys' entries */
    uint8_t found[BATCH], descriptors[BATCH * TCPK_DESCRIPTOR_SIZE];
};

static void release_batch(void *memory)
{
    struct batch *it = memory;
    if (it) {
        tcpk_table_free(it->table);
        free(it->keys);
        free(it->lines);
    }
    free(it);
}

static void *prepare_batch(const struct tcpk_registry *unused)
{
    (void)unused;
    struct batch *it = calloc(1, sizeof *it);
    struct tcpk_registry *registry = NULL;
    uint32_t *order = malloc(ENTRIES * sizeof *order);
    bool good = it && order && tcpk_registry_generate(ENTRIES, 9, &registry, NULL) == TCPK_OK &&
                tcpk_table_of_registry(registry, &it->table, NULL) == TCPK_OK;
    if (good) {
        it->keys = malloc(ENTRIES * sizeof *it->keys);
        it->lines = malloc(ENTRIES * sizeof *it->lines);
        good = it->keys && it->lines;
    }
    if (good) {
        bench_shuffle(order, ENTRIES, 5);
        for (uint32_t i = 0; i < ENTRIES; i++) {
            it->keys[i] = tcpk_registry_keys(registry)[order[i]];
            it->lines[i] = tcpk_table_find(it->table, it->keys[i]);
        }
    } else {
        release_batch(it);
        it = NULL;
    }
    tcpk_registry_free(registry);
    free(order);
    return it;
}

static double find_batches(struct batch *it, size_t first)
{
    const double begin = bench_now();
    for (size_t batch = 0; batch < BATCHES; batch++)
        tcpk_table_find_many(it->table, it->keys + first + batch * BATCH, BATCH, it->descriptors, it->found);
    return (bench_now() - begin) / KEYS;
}

static double read_lines(const struct batch *it, size_t first)
{
    const uint8_t **lines = it->lines + first;
    const double begin = bench_now();
    for (size_t i = 0; i < KEYS; i++) {
        if (i + AHEAD < KEYS)
            __builtin_prefetch(lines[i + AHEAD], 0, 2);
        bench_use(*lines[i]);
    }
    return (bench_now() - begin) / KEYS;
}

/* The floor reads others than those just found, as each round's keys are others than the former's. */
static bool measure_batch(void *state, struct row *row, size_t round, size_t rounds)
{
    (void)rounds;
    struct batch *it = state;
    enum { MOST = ENTRIES - KEYS };
    const size_t first = round * KEYS % MOST, other = (first + ENTRIES / 2) % MOST;
    const double found = find_batches(it, first);
    bench_add(row, found, read_lines(it, other));
    return true;
}

const struct operation bench_lookup_batch = {prepare_batch, measure_batch, release_batch};
