/* Adaptation. */
#include <stdlib.h>

#include "bench.h"

#define AGENTS 1000000u

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
