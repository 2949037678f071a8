/* The engine. */
#include <stdlib.h>
#include <string.h>

#include "bench.h"

#define AGENTS 1000000u

/* Events of a million agents in random order, each one timed by itself, clock included: the target is a percentile of
 * single events. The floor is one dependent read of the same state in the same order, timed in blocks. */
bool bench_engine(struct row *row, size_t rounds, const struct tcpk_registry *registry)
{
    const size_t events = rounds; /* the caller's arrays hold so many */
    const struct tcpk_engine_options options = {
        .agents = AGENTS,
        .window = 1000,
        .threshold = 4590,
        .suspicion = 3,
        .voters = 1,
        .threads = 1,
    };
    const size_t commands = tcpk_registry_count(registry);
    struct tcpk_table *table = NULL;
    struct tcpk_engine *engine = NULL;
    uint32_t *order = malloc(AGENTS * sizeof *order);
    uint8_t *features = malloc(4096 * TCPK_FEATURES);
    bool good = commands && order && features && tcpk_table_of_registry(registry, &table, NULL) == TCPK_OK &&
                tcpk_engine_create(&options, table, &engine, NULL) == TCPK_OK;
    if (good) {
        bench_shuffle(order, AGENTS, 23);
        bench_fill(features, 4096 * TCPK_FEATURES, 29);
    }
    uint64_t state = 31;
    for (size_t i = 0; good && i < events; i++) {
        uint8_t decision, quarantined;
        const uint64_t key = tcpk_registry_keys(registry)[next_random(&state) % commands];
        const uint8_t *feature = features + (i % 4096) * TCPK_FEATURES;
        const double begin = bench_now();
        good =
            tcpk_engine_process(engine, &order[i % AGENTS], &key, feature, 1, &decision, &quarantined, NULL) == TCPK_OK;
        row->samples[row->sample_count++] = bench_now() - begin;
        bench_use(decision);
    }
    struct tcpk_memory state_memory = {0};
    const size_t stride = good ? tcpk_engine_bytes_per_agent(engine) : 0;
    good = good && tcpk_memory_map((size_t)AGENTS * stride, -1, false, &state_memory) == TCPK_OK;
    if (good) {
        memset(state_memory.address, 0, state_memory.size);
        enum { BLOCK = 1000 };
        uint64_t dependent = 0;
        for (size_t block = 0; block < 200; block++) {
            const double begin = bench_now();
            for (size_t i = 0; i < BLOCK; i++)
                dependent = *(const volatile uint64_t *)((const char *)state_memory.address + dependent +
                                                         (size_t)order[block * BLOCK + i] * stride);
            row->floors[row->floor_count++] = (bench_now() - begin) / BLOCK;
        }
        bench_use(dependent);
    }
    tcpk_memory_unmap(&state_memory);
    tcpk_engine_free(engine);
    tcpk_table_free(table);
    free(order);
    free(features);
    return good;
}
