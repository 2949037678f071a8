/* Lookups. */
#include <stdlib.h>

#include "bench.h"

#define ENTRIES 1000000u

/* One lookup after the other, each key known only when the former flags have been read. The floor is one dependent
 * load after the other over as many cache lines as the table has. */
bool bench_lookup_single(struct row *row, size_t rounds, const struct tcpk_registry *registry)
{
    const uint32_t count = (uint32_t)tcpk_registry_count(registry);
    struct tcpk_table *table = NULL;
    uint32_t *order = malloc((count + 1) * sizeof *order);
    uint64_t *keys = malloc((count + 1) * sizeof *keys);
    if (!count || !order || !keys || tcpk_table_of_registry(registry, &table, NULL) != TCPK_OK) {
        free(order);
        free(keys);
        return false;
    }
    const uint32_t lines = (uint32_t)(tcpk_table_bytes(table) / 64);
    void **chain = aligned_alloc(64, (size_t)lines * 64);
    uint32_t *walk = malloc(lines * sizeof *walk);
    const bool good = chain && walk;
    if (good) {
        bench_shuffle(order, count, 3);
        for (uint32_t i = 0; i < count; i++)
            keys[i] = tcpk_registry_keys(registry)[order[i]];
        bench_shuffle(walk, lines, 4);
        for (uint32_t i = 0; i < lines; i++)
            chain[(size_t)walk[i] * 8] = &chain[(size_t)walk[(i + 1) % lines] * 8];
    }
    const volatile uint64_t zero = 0;
    const uint64_t nothing = zero; /* as the compiler cannot know */
    for (size_t round = 0; good && round < rounds; round++) {
        uint64_t dependent = 0;
        double begin = bench_now();
        for (uint32_t i = 0; i < count; i++) {
            const uint8_t *body = tcpk_table_find(table, keys[i] + dependent);
            dependent = body[TCPK_BODY_FLAGS + 3] & nothing;
        }
        row->samples[row->sample_count++] = (bench_now() - begin) / count;
        bench_use(dependent);
        void **at = chain;
        begin = bench_now();
        for (uint32_t i = 0; i < count; i++)
            at = *at;
        row->floors[row->floor_count++] = (bench_now() - begin) / count;
        bench_use((uint64_t)(uintptr_t)at);
    }
    free(walk);
    free(chain);
    free(order);
    free(keys);
    tcpk_table_free(table);
    return good;
}

/* Batches of 4,096 keys in random order against a million entries. The floor reads the same entries in the same order,
 * their addresses known beforehand: one prefetched line a lookup. Memory of its own would only drive the table out of
 * the cache. */
bool bench_lookup_batch(struct row *row, size_t rounds)
{
    enum { BATCH = 4096, BATCHES = 16, AHEAD = 128, KEYS = BATCH * BATCHES };
    struct tcpk_registry *registry = NULL;
    struct tcpk_table *table = NULL;
    uint32_t *order = malloc(ENTRIES * sizeof *order);
    uint64_t *keys = malloc(ENTRIES * sizeof *keys);
    const uint8_t **lines = malloc(ENTRIES * sizeof *lines);
    uint8_t *found = malloc(BATCH), *descriptors = malloc((size_t)BATCH * TCPK_DESCRIPTOR_SIZE);
    const bool good = order && keys && lines && found && descriptors &&
                      tcpk_registry_generate(ENTRIES, 9, &registry, NULL) == TCPK_OK &&
                      tcpk_table_of_registry(registry, &table, NULL) == TCPK_OK;
    if (good) {
        bench_shuffle(order, ENTRIES, 5);
        for (uint32_t i = 0; i < ENTRIES; i++) {
            keys[i] = tcpk_registry_keys(registry)[order[i]];
            lines[i] = tcpk_table_find(table, keys[i]);
        }
    }
    tcpk_registry_free(registry);
    for (size_t round = 0; good && round < rounds; round++) {
        const size_t first = round * KEYS % (ENTRIES - KEYS);
        double begin = bench_now();
        for (size_t batch = 0; batch < BATCHES; batch++)
            tcpk_table_find_many(table, keys + first + batch * BATCH, BATCH, descriptors, found);
        row->samples[row->sample_count++] = (bench_now() - begin) / KEYS;
        /* Other keys than those just read, as the lookups before the next round had others. */
        const uint8_t **other = lines + (first + ENTRIES / 2) % (ENTRIES - KEYS);
        begin = bench_now();
        for (size_t i = 0; i < KEYS; i++) {
            if (i + AHEAD < KEYS)
                __builtin_prefetch(other[i + AHEAD], 0, 2);
            bench_use(*other[i]);
        }
        row->floors[row->floor_count++] = (bench_now() - begin) / KEYS;
    }
    free(order);
    free(keys);
    free(lines);
    free(found);
    free(descriptors);
    tcpk_table_free(table);
    return good;
}
