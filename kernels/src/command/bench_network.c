/* Adaptation. */
#include <stdlib.h>

#include "bench.h"

/* The reference adapt, each call with suspects of its own; they leave the set again outside the timed part. The floor
 * loads the votes and the suspects' words of the set. */
enum { AGENTS = 1000000, NODES = 100, SUSPECTS = 5, CALLS = 128 };

struct adapt {
    struct tcpk_quarantine *set;
    uint64_t random;
    uint8_t votes[SUSPECTS * NODES];
    uint32_t suspects[CALLS * SUSPECTS];
    uint8_t words[AGENTS / 8 + 8]; /* as many as the set has */
};

static void release_adapt(void *memory)
{
    struct adapt *it = memory;
    if (it)
        tcpk_quarantine_free(it->set);
    free(it);
}

static void *prepare_adapt(const struct tcpk_registry *unused)
{
    (void)unused;
    struct adapt *it = calloc(1, sizeof *it);
    if (!it || tcpk_quarantine_create(AGENTS, &it->set) != TCPK_OK) {
        release_adapt(it);
        return NULL;
    }
    it->random = 19;
    for (size_t i = 0; i < sizeof it->votes; i++)
        it->votes[i] = next_random(&it->random) % 100 < 60;
    return it;
}

static double adapt_each(struct adapt *it, bool *good)
{
    for (size_t i = 0; i < CALLS * SUSPECTS; i++)
        it->suspects[i] = (uint32_t)(next_random(&it->random) % AGENTS);
    uint64_t newly = 0;
    const double begin = bench_now();
    for (size_t i = 0; i < CALLS; i++)
        *good &= tcpk_adapt(it->votes, SUSPECTS, NODES, it->suspects + i * SUSPECTS, it->set, TCPK_MAJORITY, &newly) ==
                 TCPK_OK;
    const double end = bench_now();
    bench_use(newly);
    *good &= tcpk_quarantine_remove(it->set, it->suspects, CALLS * SUSPECTS, NULL) == TCPK_OK;
    return (end - begin) / CALLS;
}

static double load_each(const struct adapt *it)
{
    const double begin = bench_now();
    for (size_t i = 0; i < CALLS; i++) {
        bench_load(it->votes, sizeof it->votes);
        for (size_t j = 0; j < SUSPECTS; j++)
            bench_use(it->words[it->suspects[i * SUSPECTS + j] / 8]);
    }
    return (bench_now() - begin) / CALLS;
}

static bool measure_adapt(void *state, struct row *row, size_t round, size_t rounds)
{
    (void)round, (void)rounds;
    bool good = true;
    const double adapted = adapt_each(state, &good);
    bench_add(row, adapted, load_each(state));
    return good;
}

const struct operation bench_adapt = {prepare_adapt, measure_adapt, release_adapt};
