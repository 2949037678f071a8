/* engine_scale: engines of one and ten million agents, with one thread and as many as there are CPUs: time of an event
 * in batches beside what memory and the CPUs give for it, whether the answers are the same, and single events as a
 * distribution. JSON on standard output. */
#define _GNU_SOURCE
#include <sched.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

#include "../src/command/histogram.h"
#include "../tests/random.h"
#include "states.h"
#include "tcpk/tcpk.h"

enum { EVENTS = 1 << 19, BATCH = 1 << 16, ROUNDS = 9, SINGLES = 500000, STEPS = 4000000 };

static struct {
    struct tcpk_registry *registry;
    struct tcpk_table *table;
    uint32_t *agents;
    uint64_t *keys;
    uint8_t *features, *decisions, *quarantined;
    struct histogram singles;
} it;

static double now(void)
{
    struct timespec time;
    clock_gettime(CLOCK_MONOTONIC, &time);
    return 1e9 * (double)time.tv_sec + (double)time.tv_nsec;
}

static bool prepare(void)
{
    it.agents = malloc(EVENTS * sizeof *it.agents);
    it.keys = malloc(EVENTS * sizeof *it.keys);
    it.features = malloc((size_t)EVENTS * TCPK_FEATURES);
    it.decisions = malloc(EVENTS);
    it.quarantined = malloc(EVENTS);
    return it.agents && it.keys && it.features && it.decisions && it.quarantined &&
           tcpk_registry_generate(1567, 1, &it.registry, NULL) == TCPK_OK &&
           tcpk_table_of_registry(it.registry, &it.table, NULL) == TCPK_OK;
}

/* Agents in random order. One command in a thousand is any, which may be rejected; the others are approved. */
static void draw_events(uint64_t agents)
{
    struct random random = {3};
    for (size_t i = 0; i < EVENTS; i++) {
        const uint64_t command =
            random_below(&random, 1000) ? 5 * random_below(&random, 313) : random_below(&random, 1567);
        it.agents[i] = (uint32_t)random_below(&random, agents);
        it.keys[i] = tcpk_registry_keys(it.registry)[command];
    }
    for (size_t i = 0; i < (size_t)EVENTS * TCPK_FEATURES; i += 8) {
        const uint64_t value = random_next(&random);
        memcpy(it.features + i, &value, 8);
    }
}

static struct tcpk_engine *make(uint64_t agents, uint32_t threads)
{
    const struct tcpk_engine_options options = {
        .agents = agents, .window = 1000, .threshold = 4590, .suspicion = 3, .voters = 1, .threads = threads};
    struct tcpk_engine *engine = NULL;
    return tcpk_engine_create(&options, it.table, &engine, NULL) == TCPK_OK ? engine : NULL;
}

/* All events in batches; ns an event. Answers of every call go into the hash. */
static double run(struct tcpk_engine *engine, uint64_t *hash)
{
    const double begin = now();
    for (size_t at = 0; at < EVENTS; at += BATCH)
        tcpk_engine_process(engine, it.agents + at, it.keys + at, it.features + at * TCPK_FEATURES, BATCH,
                            it.decisions + at, it.quarantined + at, NULL);
    const double taken = (now() - begin) / EVENTS;
    for (size_t i = 0; i < EVENTS; i++)
        *hash = (*hash ^ (uint64_t)(it.decisions[i] << 1 | it.quarantined[i])) * 0x100000001b3u;
    return taken;
}

static int ascending(const void *left, const void *right)
{
    const double a = *(const double *)left, b = *(const double *)right;
    return (a > b) - (a < b);
}

static void print_singles(struct tcpk_engine *engine)
{
    memset(&it.singles, 0, sizeof it.singles);
    for (size_t i = 0; i < SINGLES && i < EVENTS; i++) {
        const double begin = now();
        tcpk_engine_process(engine, it.agents + i, it.keys + i, it.features + i * TCPK_FEATURES, 1, it.decisions,
                            it.quarantined, NULL);
        histogram_record(&it.singles, (uint64_t)(now() - begin));
    }
    printf(", \"single\": ");
    histogram_print_json(&it.singles, stdout);
}

/* Medians by the number of threads. */
static void print_by_threads(const char *name, const uint32_t *threads, size_t count, double samples[][ROUNDS])
{
    printf(", \"%s\": {", name);
    for (size_t i = 0; i < count; i++) {
        qsort(samples[i], ROUNDS, sizeof *samples[i], ascending);
        printf("%s\"%u\": %.2f", i ? ", " : "", threads[i], samples[i][ROUNDS / 2]);
    }
    printf("}");
}

/* Thread numbers take turns, round by round, each engine's with its floor's and arithmetic; each has an engine of its
 * own that sees the same events. */
static bool measure(uint64_t agents, const uint32_t *threads, size_t count)
{
    struct tcpk_engine *engines[2] = {NULL};
    struct states *states[2] = {NULL};
    double samples[2][ROUNDS], floors[2][ROUNDS], steps[2][ROUNDS];
    uint64_t hashes[2] = {0};
    bool good = true;
    draw_events(agents);
    for (size_t i = 0; good && i < count; i++) {
        engines[i] = make(agents, threads[i]);
        good = engines[i] && (states[i] = states_create(agents, tcpk_engine_bytes_per_agent(engines[i]), it.agents,
                                                        EVENTS, threads[i]));
        good = good && states_change(states[i]); /* its pages are there now */
    }
    for (size_t round = 0; good && round < ROUNDS; round++)
        for (size_t i = 0; good && i < count; i++) {
            samples[i][round] = run(engines[i], &hashes[i]);
            const double begin = now();
            good = states_change(states[i]);
            const double middle = now();
            good = good && arithmetic_run(STEPS, threads[i]);
            floors[i][round] = (middle - begin) / EVENTS;
            steps[i][round] = (now() - middle) / STEPS;
        }
    if (good) {
        printf("{\"agents\": %llu, \"bytes\": %zu, \"same_answers\": %s", (unsigned long long)agents,
               tcpk_engine_bytes_per_agent(engines[0]), hashes[0] == hashes[count - 1] ? "true" : "false");
        print_by_threads("threads", threads, count, samples);
        print_by_threads("floor", threads, count, floors);
        print_by_threads("arithmetic", threads, count, steps);
        print_singles(engines[0]);
        printf("}");
    }
    for (size_t i = 0; i < count; i++) {
        tcpk_engine_free(engines[i]);
        states_free(states[i]);
    }
    return good && hashes[0] == hashes[count - 1];
}

int main(void)
{
    cpu_set_t set;
    const int cpus = sched_getaffinity(0, sizeof set, &set) == 0 ? CPU_COUNT(&set) : 1;
    const uint32_t threads[] = {1, (uint32_t)(cpus < STATES_MOST_THREADS ? cpus : STATES_MOST_THREADS)};
    const size_t engines = cpus > 1 ? 2 : 1;
    const uint64_t sizes[] = {1000000, 10000000};
    const uint64_t free_bytes = (uint64_t)sysconf(_SC_AVPHYS_PAGES) * (uint64_t)sysconf(_SC_PAGESIZE);
    if (!prepare())
        return 2;
    bool good = true;
    printf("[");
    for (size_t i = 0; i < sizeof sizes / sizeof *sizes; i++) {
        printf("%s", i ? ",\n " : "");
        if (sizes[i] * 192 * 2 * engines > free_bytes / 2) /* as much for the floors */
            printf("{\"agents\": %llu, \"absent\": \"it would take more than half of the free memory\"}",
                   (unsigned long long)sizes[i]);
        else
            good = measure(sizes[i], threads, engines) && good;
        fflush(stdout);
    }
    printf("]\n");
    return good ? 0 : 1;
}
