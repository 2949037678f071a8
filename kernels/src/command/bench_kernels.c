/* The measurements. Each round times a block of calls, so that the clock's own cost (about 25 ns) is spread thin, and
 * its floor right after, so that both see the same machine. */
#define _GNU_SOURCE
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include "bench.h"

#define AGENTS 1000000u
#define ENTRIES 1000000u

double bench_now(void)
{
    struct timespec time;
    clock_gettime(CLOCK_MONOTONIC, &time);
    return 1e9 * (double)time.tv_sec + (double)time.tv_nsec;
}

#if defined(__x86_64__)
__attribute__((target("avx2"))) static void load_wide(const uint8_t *at, size_t size)
{
    size_t i = 0;
    for (; i + 128 <= size; i += 128) {
        /* Loads alone: nothing is done with what they bring. */
        __asm__ volatile("vmovdqu (%0), %%ymm0\n\tvmovdqu 32(%0), %%ymm1\n\t"
                         "vmovdqu 64(%0), %%ymm2\n\tvmovdqu 96(%0), %%ymm3"
                         :
                         : "r"(at + i)
                         : "memory", "xmm0", "xmm1", "xmm2", "xmm3");
    }
    for (; i + 32 <= size; i += 32)
        __asm__ volatile("vmovdqu (%0), %%ymm0" : : "r"(at + i) : "memory", "xmm0");
    for (; i < size; i++)
        bench_use(at[i]);
    __asm__ volatile("vzeroupper" ::: "xmm0");
}
#endif

static void load_words(const uint8_t *at, size_t size)
{
    size_t i = 0;
    for (; i + 8 <= size; i += 8) {
        uint64_t word;
        memcpy(&word, at + i, 8);
        bench_use(word);
    }
    for (; i < size; i++)
        bench_use(at[i]);
}

void bench_load(const void *memory, size_t size)
{
#if defined(__x86_64__)
    if (strcmp(tcpk_variant(), "generic") != 0) {
        load_wide(memory, size);
        return;
    }
#endif
    load_words(memory, size);
}

static void fill(uint8_t *bytes, size_t size, uint64_t seed)
{
    for (size_t i = 0; i < size; i++)
        bytes[i] = (uint8_t)next_random(&seed);
}

static void shuffle(uint32_t *order, uint32_t count, uint64_t seed)
{
    for (uint32_t i = 0; i < count; i++)
        order[i] = i;
    for (uint32_t i = count - 1; i > 0; i--) {
        const uint32_t j = (uint32_t)(next_random(&seed) % (i + 1));
        const uint32_t kept = order[i];
        order[i] = order[j];
        order[j] = kept;
    }
}

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
        shuffle(order, count, 3);
        for (uint32_t i = 0; i < count; i++)
            keys[i] = tcpk_registry_keys(registry)[order[i]];
        shuffle(walk, lines, 4);
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
        shuffle(order, ENTRIES, 5);
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

/* Append a row and query, on the reference window. The floor loads what any answer needs: the row, and a sum and a
 * count, here the blocks' totals. */
bool bench_window(struct row *row, size_t rounds)
{
    enum { ROWS = 1000, CALLS = 512, TOUCHED = 24 + 96 * 4 + 64 * 4 };
    struct tcpk_window_u8 *window = NULL;
    uint8_t *rows = malloc(ROWS * TCPK_FEATURES);
    const bool good = rows && tcpk_window_u8_create(ROWS, &window) == TCPK_OK;
    if (good) {
        fill(rows, ROWS * TCPK_FEATURES, 11);
        tcpk_window_u8_append(window, rows, ROWS);
    }
    for (size_t round = 0; good && round < rounds; round++) {
        struct tcpk_scan_u8 answer;
        double begin = bench_now();
        for (size_t i = 0; i < CALLS; i++) {
            tcpk_window_u8_append(window, rows + (i % ROWS) * TCPK_FEATURES, 1);
            tcpk_window_u8_query(window, 4590, &answer);
            bench_use(answer.count);
        }
        row->samples[row->sample_count++] = (bench_now() - begin) / CALLS;
        begin = bench_now();
        for (size_t i = 0; i < CALLS; i++)
            bench_load(rows + i, TOUCHED);
        row->floors[row->floor_count++] = (bench_now() - begin) / CALLS;
    }
    tcpk_window_u8_free(window);
    free(rows);
    return good;
}

bool bench_baseline(struct row *row, size_t rounds)
{
    enum { K = 10, CALLS = 512, FLOATS = (K + 1) * TCPK_FEATURES };
    float rows[FLOATS];
    uint64_t state = 13;
    for (size_t i = 0; i < FLOATS; i++)
        rows[i] = (float)((double)(next_random(&state) >> 40) / (1 << 24));
    for (size_t round = 0; round < rounds; round++) {
        float score = 0.0f;
        double begin = bench_now();
        for (size_t i = 0; i < CALLS; i++) {
            if (tcpk_baseline_score(rows, K, rows + K * TCPK_FEATURES, &score) != TCPK_OK)
                return false;
            bench_use((uint64_t)score);
        }
        row->samples[row->sample_count++] = (bench_now() - begin) / CALLS;
        begin = bench_now();
        for (size_t i = 0; i < CALLS; i++)
            bench_load(rows, sizeof rows);
        row->floors[row->floor_count++] = (bench_now() - begin) / CALLS;
    }
    return true;
}

/* Scan `matrices` reference matrices in turn; the floor loads the same bytes in the same turn. */
static bool scan_in_turn(struct row *row, size_t rounds, size_t matrices)
{
    enum { ROWS = 1000, CALLS = 128, SIZE = ROWS * TCPK_FEATURES };
    uint8_t *memory = aligned_alloc(64, matrices * SIZE);
    if (!memory)
        return false;
    fill(memory, matrices * SIZE, 17);
    for (size_t round = 0; round < rounds; round++) {
        struct tcpk_scan_u8 answer = {0};
        double begin = bench_now();
        for (size_t i = 0; i < CALLS; i++) {
            if (tcpk_window_scan_u8(memory + i % matrices * SIZE, ROWS, 4590, &answer) != TCPK_OK)
                break;
            bench_use(answer.count);
        }
        row->samples[row->sample_count++] = (bench_now() - begin) / CALLS;
        begin = bench_now();
        for (size_t i = 0; i < CALLS; i++)
            bench_load(memory + i % matrices * SIZE, SIZE);
        row->floors[row->floor_count++] = (bench_now() - begin) / CALLS;
    }
    free(memory);
    return true;
}

/* A monitor scans one agent's window after another's: 16 matrices, 384 KB, in turn, from the second-level cache. */
bool bench_scan(struct row *row, size_t rounds)
{
    return scan_in_turn(row, rounds, 16);
}

/* The same matrix again and again, from the first-level cache. */
bool bench_scan_again(struct row *row, size_t rounds)
{
    return scan_in_turn(row, rounds, 1);
}

/* The reference adapt, each call with suspects of its own; they leave the set again outside the timed part. The floor
 * loads the votes and the suspects' words of the set. */
bool bench_adapt(struct row *row, size_t rounds)
{
    enum { NODES = 100, SUSPECTS = 5, CALLS = 128 };
    struct tcpk_quarantine *set = NULL;
    uint8_t votes[SUSPECTS * NODES];
    uint32_t suspects[CALLS * SUSPECTS];
    uint8_t *words = calloc(AGENTS / 8 + 8, 1);
    bool good = words && tcpk_quarantine_create(AGENTS, &set) == TCPK_OK;
    uint64_t state = 19;
    for (size_t i = 0; i < sizeof votes; i++)
        votes[i] = next_random(&state) % 100 < 60;
    for (size_t round = 0; good && round < rounds; round++) {
        for (size_t i = 0; i < CALLS * SUSPECTS; i++)
            suspects[i] = (uint32_t)(next_random(&state) % AGENTS);
        uint64_t newly = 0;
        double begin = bench_now();
        for (size_t i = 0; i < CALLS; i++)
            good &= tcpk_adapt(votes, SUSPECTS, NODES, suspects + i * SUSPECTS, set, TCPK_MAJORITY, &newly) == TCPK_OK;
        row->samples[row->sample_count++] = (bench_now() - begin) / CALLS;
        bench_use(newly);
        good &= tcpk_quarantine_remove(set, suspects, CALLS * SUSPECTS, NULL) == TCPK_OK;
        begin = bench_now();
        for (size_t i = 0; i < CALLS; i++) {
            bench_load(votes, sizeof votes);
            for (size_t j = 0; j < SUSPECTS; j++)
                bench_use(words[suspects[i * SUSPECTS + j] / 8]);
        }
        row->floors[row->floor_count++] = (bench_now() - begin) / CALLS;
    }
    tcpk_quarantine_free(set);
    free(words);
    return good;
}

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
        shuffle(order, AGENTS, 23);
        fill(features, 4096 * TCPK_FEATURES, 29);
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
