/* Windows, scans, scores. */
#include <stdlib.h>

#include "bench.h"

/* Append a row and query, on the reference window. The floor loads what any answer needs: the row, and a sum and a
 * count, here the blocks' totals. */
enum { ROWS = 1000, CALLS = 512, TOUCHED = 24 + 96 * 4 + 64 * 4 };

struct window {
    struct tcpk_window_u8 *window;
    uint8_t rows[ROWS * TCPK_FEATURES];
};

static void release_window(void *memory)
{
    struct window *it = memory;
    if (it)
        tcpk_window_u8_free(it->window);
    free(it);
}

static void *prepare_window(const struct tcpk_registry *unused)
{
    (void)unused;
    struct window *it = calloc(1, sizeof *it);
    if (!it || tcpk_window_u8_create(ROWS, &it->window) != TCPK_OK) {
        release_window(it);
        return NULL;
    }
    bench_fill(it->rows, sizeof it->rows, 11);
    tcpk_window_u8_append(it->window, it->rows, ROWS);
    return it;
}

static double append_and_query(struct window *it)
{
    struct tcpk_scan_u8 answer;
    const double begin = bench_now();
    for (size_t i = 0; i < CALLS; i++) {
        tcpk_window_u8_append(it->window, it->rows + (i % ROWS) * TCPK_FEATURES, 1);
        tcpk_window_u8_query(it->window, 4590, &answer);
        bench_use(answer.count);
    }
    return (bench_now() - begin) / CALLS;
}

static double load_touched(const struct window *it)
{
    const double begin = bench_now();
    for (size_t i = 0; i < CALLS; i++)
        bench_load(it->rows + i, TOUCHED);
    return (bench_now() - begin) / CALLS;
}

static bool measure_window(void *state, struct row *row, size_t round, size_t rounds)
{
    (void)round, (void)rounds;
    const double asked = append_and_query(state);
    bench_add(row, asked, load_touched(state));
    return true;
}

const struct operation bench_window = {prepare_window, measure_window, release_window};

enum { K = 10, FLOATS = (K + 1) * TCPK_FEATURES };

static void *prepare_baseline(const struct tcpk_registry *unused)
{
    (void)unused;
    float *rows = malloc(FLOATS * sizeof *rows);
    uint64_t state = 13;
    for (size_t i = 0; rows && i < FLOATS; i++)
        rows[i] = (float)((double)(next_random(&state) >> 40) / (1 << 24));
    return rows;
}

static double score_each(const float *rows, bool *good)
{
    float score = 0.0f;
    const double begin = bench_now();
    for (size_t i = 0; i < CALLS; i++) {
        *good &= tcpk_baseline_score(rows, K, rows + K * TCPK_FEATURES, &score) == TCPK_OK;
        bench_use((uint64_t)score);
    }
    return (bench_now() - begin) / CALLS;
}

static double load_rows(const float *rows)
{
    const double begin = bench_now();
    for (size_t i = 0; i < CALLS; i++)
        bench_load(rows, FLOATS * sizeof *rows);
    return (bench_now() - begin) / CALLS;
}

static bool measure_baseline(void *state, struct row *row, size_t round, size_t rounds)
{
    (void)round, (void)rounds;
    bool good = true;
    const double scored = score_each(state, &good);
    bench_add(row, scored, load_rows(state));
    return good;
}

const struct operation bench_baseline = {prepare_baseline, measure_baseline, free};

/* Scans of some reference matrices in turn; the floor loads the same bytes in the same turn. */
enum { SCANS = 128, SIZE = ROWS * TCPK_FEATURES, MATRICES = 16 };

static void *prepare_scan(const struct tcpk_registry *unused)
{
    (void)unused;
    uint8_t *memory = aligned_alloc(64, MATRICES * SIZE);
    if (memory)
        bench_fill(memory, MATRICES * SIZE, 17);
    return memory;
}

static double scan_each(const uint8_t *memory, size_t matrices, bool *good)
{
    struct tcpk_scan_u8 answer = {0};
    const double begin = bench_now();
    for (size_t i = 0; i < SCANS; i++) {
        *good &= tcpk_window_scan_u8(memory + i % matrices * SIZE, ROWS, 4590, &answer) == TCPK_OK;
        bench_use(answer.count);
    }
    return (bench_now() - begin) / SCANS;
}

static double load_each(const uint8_t *memory, size_t matrices)
{
    const double begin = bench_now();
    for (size_t i = 0; i < SCANS; i++)
        bench_load(memory + i % matrices * SIZE, SIZE);
    return (bench_now() - begin) / SCANS;
}

static bool measure_matrices(const uint8_t *memory, struct row *row, size_t matrices)
{
    bool good = true;
    const double scanned = scan_each(memory, matrices, &good);
    bench_add(row, scanned, load_each(memory, matrices));
    return good;
}

/* A monitor scans one agent's window after another's: 16 matrices, 384 KB, in turn, from the second-level cache. */
static bool measure_scan(void *state, struct row *row, size_t round, size_t rounds)
{
    (void)round, (void)rounds;
    return measure_matrices(state, row, MATRICES);
}

/* The same matrix again and again, from the first-level cache. */
static bool measure_scan_again(void *state, struct row *row, size_t round, size_t rounds)
{
    (void)round, (void)rounds;
    return measure_matrices(state, row, 1);
}

const struct operation bench_scan = {prepare_scan, measure_scan, free};
const struct operation bench_scan_again = {prepare_scan, measure_scan_again, free};
