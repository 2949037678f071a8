/* The engine. */
#include <stdlib.h>
#include <string.h>

#include "bench.h"

/* Events of a million agents in random order, each one timed by itself, clock included: the target is a percentile of
 * single events. The floor is one dependent read of the same state in the same order, timed in blocks. */
enum { AGENTS = 1000000, ROWS = 4096, BLOCK = 1000 };

struct stream {
    struct tcpk_table *table;
    struct tcpk_engine *engine;
    struct tcpk_memory memory; /* as large as the agents' state */
    size_t stride;
    const uint64_t *keys; /* the registry's */
    size_t commands;
    uint64_t random;
    size_t next; /* event */
    uint32_t order[AGENTS];
    uint8_t features[ROWS * TCPK_FEATURES];
};

static void release_engine(void *memory)
{
    struct stream *it = memory;
    if (it) {
        tcpk_memory_unmap(&it->memory);
        tcpk_engine_free(it->engine);
        tcpk_table_free(it->table);
    }
    free(it);
}

static void *prepare_engine(const struct tcpk_registry *registry)
{
    const struct tcpk_engine_options options = {
        .agents = AGENTS,
        .window = 1000,
        .threshold = 4590,
        .suspicion = 3,
        .voters = 1,
        .threads = 1,
    };
    struct stream *it = calloc(1, sizeof *it);
    bool good = it && tcpk_registry_count(registry) && tcpk_table_of_registry(registry, &it->table, NULL) == TCPK_OK &&
                tcpk_engine_create(&options, it->table, &it->engine, NULL) == TCPK_OK;
    if (good) {
        it->stride = tcpk_engine_bytes_per_agent(it->engine);
        good = tcpk_memory_map((size_t)AGENTS * it->stride, -1, false, &it->memory) == TCPK_OK;
    }
    if (!good) {
        release_engine(it);
        return NULL;
    }
    memset(it->memory.address, 0, it->memory.size);
    it->keys = tcpk_registry_keys(registry);
    it->commands = tcpk_registry_count(registry);
    it->random = 31;
    bench_shuffle(it->order, AGENTS, 23);
    bench_fill(it->features, sizeof it->features, 29);
    return it;
}

/* The next event's nanoseconds. */
static double process(struct stream *it, bool *good)
{
    uint8_t decision = 0, quarantined;
    const uint64_t key = it->keys[next_random(&it->random) % it->commands];
    const uint8_t *feature = it->features + (it->next % ROWS) * TCPK_FEATURES;
    const uint32_t *agent = &it->order[it->next++ % AGENTS];
    const double begin = bench_now();
    *good &= tcpk_engine_process(it->engine, agent, &key, feature, 1, &decision, &quarantined, NULL) == TCPK_OK;
    const double end = bench_now();
    bench_use(decision);
    return end - begin;
}

static double read_states(const struct stream *it, size_t first)
{
    const char *states = it->memory.address;
    uint64_t dependent = 0;
    const double begin = bench_now();
    for (size_t i = first; i < first + BLOCK; i++)
        dependent = *(const volatile uint64_t *)(states + dependent + (size_t)it->order[i] * it->stride);
    const double end = bench_now();
    bench_use(dependent);
    return (end - begin) / BLOCK;
}

/* One block a round, all of a turn together: between events each would begin with other addresses at hand. */
static void add_floors(const struct stream *it, struct row *row, size_t rounds)
{
    const size_t first = row->floor_count, left = rounds - first, blocks = left < BENCH_TURN ? left : BENCH_TURN;
    for (size_t i = 0; i < BENCH_UNTIMED + blocks; i++) {
        const double floor = read_states(it, (first + i) % (AGENTS / BLOCK) * BLOCK);
        if (i >= BENCH_UNTIMED)
            row->floors[row->floor_count++] = floor;
    }
}

/* An equal part of all events each round. */
static bool measure_engine(void *state, struct row *row, size_t round, size_t rounds)
{
    struct stream *it = state;
    bool good = true;
    const size_t end = (size_t)((uint64_t)BENCH_EVENTS * (round + 1) / rounds);
    while (row->sample_count < end)
        row->samples[row->sample_count++] = process(it, &good);
    if ((round + 1) % BENCH_TURN == 0 || round + 1 == rounds)
        add_floors(it, row, rounds);
    return good;
}

const struct operation bench_engine = {prepare_engine, measure_engine, release_engine};
