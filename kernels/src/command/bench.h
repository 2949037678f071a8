/* What the benchmarks share: a clock, samples, and rows. */
#ifndef TCPK_BENCH_H
#define TCPK_BENCH_H

#include "command.h"

/* One operation: nanoseconds of every round, of its floor in the same rounds, and what it is held against. */
struct row {
    const char *operation;
    const char *floor_kind;
    double target;       /* ns; 0: target_ratio x floor, and where that is 0 too, none */
    double target_ratio; /* of the floor's median; 0: `target` holds */
    bool target_is_p999; /* the target is for the 99.9th percentile, else for the median */
    double *samples, *floors;
    size_t sample_count, floor_count;
};

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

/* Measurements of the rows; false when memory is short. Each one fills a row whose arrays hold `rounds` samples. */
bool bench_lookup_single(struct row *row, size_t rounds, const struct tcpk_registry *registry);
bool bench_lookup_batch(struct row *row, size_t rounds);
bool bench_window(struct row *row, size_t rounds);
bool bench_baseline(struct row *row, size_t rounds);
bool bench_scan(struct row *row, size_t rounds);
bool bench_scan_again(struct row *row, size_t rounds);
bool bench_adapt(struct row *row, size_t rounds);
bool bench_engine(struct row *row, size_t rounds, const struct tcpk_registry *registry);

#endif
