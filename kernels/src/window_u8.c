/* The window of uint8 rows: a ring of sums, how often each sum occurs, and the candidates for the largest.
 *
 * A count is exact for any threshold from the occurrences: blocks of 64 sums are totalled, so a query adds at most 96
 * totals and 63 occurrences. The largest is the front of a queue of falling sums, as in a sliding maximum: a row leaves
 * it when a larger one arrives, so its front is the largest, and the oldest of equals. */
#include <stdlib.h>

#include "internal.h"

#define LARGEST (255u * TCPK_FEATURES)
#define BLOCK 64u
#define BLOCKS (LARGEST / BLOCK + 1)

struct candidate {
    uint64_t row;
    uint32_t sum;
};

struct tcpk_window_u8 {
    uint64_t arrived;
    size_t rows;
    size_t place; /* where the next sum goes: arrived mod rows */
    uint32_t occurrences[BLOCKS * BLOCK];
    uint32_t totals[BLOCKS];
    uint16_t *sums;               /* rows: the sum of row i at i mod rows */
    struct candidate *candidates; /* rows: a queue in a ring */
    size_t first, queued;
};

enum tcpk_status tcpk_window_u8_create(size_t rows, struct tcpk_window_u8 **out)
{
    *out = NULL;
    if (rows == 0 || rows > UINT32_MAX)
        return TCPK_ERROR_ARGUMENT;
    if (!tcpk_kernels())
        return TCPK_ERROR_VARIANT;
    struct tcpk_window_u8 *window = calloc(1, sizeof *window);
    if (window) {
        window->rows = rows;
        window->sums = malloc(rows * sizeof *window->sums);
        window->candidates = malloc(rows * sizeof *window->candidates);
    }
    if (!window || !window->sums || !window->candidates) {
        tcpk_window_u8_free(window);
        return TCPK_ERROR_MEMORY;
    }
    *out = window;
    return TCPK_OK;
}

void tcpk_window_u8_free(struct tcpk_window_u8 *window)
{
    if (!window)
        return;
    free(window->sums);
    free(window->candidates);
    free(window);
}

static size_t wrap(const struct tcpk_window_u8 *window, size_t place)
{
    return place >= window->rows ? place - window->rows : place;
}

static void count(struct tcpk_window_u8 *window, uint16_t sum, uint32_t change)
{
    window->occurrences[sum] += change;
    window->totals[sum / BLOCK] += change;
}

static void append_sum(struct tcpk_window_u8 *window, uint16_t sum)
{
    if (window->arrived >= window->rows) {
        count(window, window->sums[window->place], (uint32_t)-1);
        if (window->candidates[window->first].row == window->arrived - window->rows) {
            window->first = wrap(window, window->first + 1);
            window->queued--;
        }
    }
    while (window->queued && window->candidates[wrap(window, window->first + window->queued - 1)].sum < sum)
        window->queued--;
    window->candidates[wrap(window, window->first + window->queued)] = (struct candidate){window->arrived, sum};
    window->queued++;
    window->sums[window->place] = sum;
    window->place = wrap(window, window->place + 1);
    count(window, sum, 1);
    window->arrived++;
}

void tcpk_window_u8_append(struct tcpk_window_u8 *window, const uint8_t *matrix, size_t n)
{
    const struct tcpk_kernels *kernels = tcpk_kernels();
    enum { AT_ONCE = 64 };
    uint16_t sums[AT_ONCE];
    while (n) {
        const size_t some = n < AT_ONCE ? n : AT_ONCE;
        kernels->sums_u8(matrix, some, sums);
        for (size_t i = 0; i < some; i++)
            append_sum(window, sums[i]);
        matrix += some * TCPK_FEATURES;
        n -= some;
    }
}

size_t tcpk_window_u8_count(const struct tcpk_window_u8 *window)
{
    return window->arrived < window->rows ? (size_t)window->arrived : window->rows;
}

void tcpk_window_u8_query(const struct tcpk_window_u8 *window, uint32_t threshold, struct tcpk_scan_u8 *answer)
{
    *answer = (struct tcpk_scan_u8){.index = -1};
    if (!window->arrived)
        return;
    const struct candidate *largest = &window->candidates[window->first];
    const size_t held = tcpk_window_u8_count(window);
    answer->index = (int64_t)(largest->row - (window->arrived - held));
    answer->sum = largest->sum;
    if (threshold >= LARGEST)
        return;
    const uint32_t above = threshold + 1, block = above / BLOCK;
    uint64_t total = 0;
    for (uint32_t sum = above; sum < (block + 1) * BLOCK; sum++)
        total += window->occurrences[sum];
    for (uint32_t next = block + 1; next < BLOCKS; next++)
        total += window->totals[next];
    answer->count = total;
}
