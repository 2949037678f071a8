/* Windows, scans, scores. */
#include <stdlib.h>

#include "bench.h"

/* Append a row and query, on the reference window. The floor loads what any answer needs: the row, and a sum and a
 * count, here the blocks' totals. */
bool bench_window(struct row *row, size_t rounds)
{
    enum { ROWS = 1000, CALLS = 512, TOUCHED = 24 + 96 * 4 + 64 * 4 };
    struct tcpk_window_u8 *window = NULL;
    uint8_t *rows = malloc(ROWS * TCPK_FEATURES);
    const bool good = rows && tcpk_window_u8_create(ROWS, &window) == TCPK_OK;
    if (good) {
        bench_fill(rows, ROWS * TCPK_FEATURES, 11);
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
    bench_fill(memory, matrices * SIZE, 17);
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
