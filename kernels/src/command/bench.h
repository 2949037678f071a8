/* What the benchmarks share: a clock, samples, and rows. */
#ifndef TCPK_BENCH_H
#define TCPK_BENCH_H

#include "command.h"

struct row;

/* How an operation is measured: made ready once, then some rounds of it in turn with some of each other one. A machine
 * that others share is fast for some seconds and slow for others; this way every row has its part of both. */
struct operation {
    /* NULL when memory is short, or the registry is empty. */
    void *(*prepare)(const struct tcpk_registry *registry);
    /* Add round `round` of `rounds` to the row, of the operation and of its floor. False when the operation failed. */
    bool (*measure)(void *state, struct row *row, size_t round, size_t rounds);
    /* Takes NULL too. */
    void (*release)(void *state);
};

/* One operation: nanoseconds of every round, of its floor in the same rounds, and what it is held against. */
struct row {
    const char *name;
    const char *floor_kind;
    double target;       /* ns; 0: target_ratio x floor, and where that is 0 too, none */
    double target_ratio; /* of the floor's median; 0: `target` holds */
    bool target_is_p999; /* the target is for the 99.9th percentile, else for the median */
    size_t most_samples; /* 0: one a round */
    const struct operation *operation;
    void *state;
    double *samples, *floors;
    size_t sample_count, floor_count;
};

static inline void bench_add(struct row *row, double nanoseconds, double floor)
{
    row->samples[row->sample_count++] = nanoseconds;
    row->floors[row->floor_count++] = floor;
}

/* Monotonic time in ns. */
double bench_now(void);

/* Keep a value alive: the compiler must believe that it is used. */
static inline void bench_use(uint64_t value)
{
    __asm__ volatile("" : : "r"(value));
}

/* Load every byte of `size` (a multiple of 8 is not needed) with the widest loads of the variant in use. */
void bench_load(const void *memory, size_t size);

/* Random bytes; the numbers below `count` in random order. The same for the same seed. */
void bench_fill(uint8_t *bytes, size_t size, uint64_t seed);
void bench_shuffle(uint32_t *order, uint32_t count, uint64_t seed);

extern const struct operation bench_lookup_single, bench_lookup_batch, bench_window, bench_baseline, bench_scan,
    bench_scan_again, bench_adapt, bench_engine;

#define BENCH_EVENTS 1000000u /* of the engine: a 99.9th percentile needs many */
#define BENCH_TURN 20u        /* rounds */
#define BENCH_UNTIMED 5u      /* rounds before each turn: the other operations have used the caches since */

#endif
