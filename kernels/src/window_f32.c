/* The window of float32 rows: a ring of sums, scanned at a query, and the candidates for the largest (see window_u8.c).
 * A NaN sum is larger than every number, and as large as another NaN. */
#include <math.h>
#include <stdlib.h>

#include "internal.h"

struct candidate {
    uint64_t row;
    float sum;
};

struct tcpk_window_f32 {
    uint64_t arrived;
    size_t rows;
    size_t place; /* where the next sum goes: arrived mod rows */
    float *sums;
    struct candidate *candidates;
    size_t first, queued;
};

enum tcpk_status tcpk_window_f32_create(size_t rows, struct tcpk_window_f32 **out)
{
    *out = NULL;
    if (rows == 0 || rows > UINT32_MAX)
        return TCPK_ERROR_ARGUMENT;
    if (!tcpk_kernels())
        return TCPK_ERROR_VARIANT;
    struct tcpk_window_f32 *window = calloc(1, sizeof *window);
    if (window) {
        window->rows = rows;
        window->sums = malloc(rows * sizeof *window->sums);
        window->candidates = malloc(rows * sizeof *window->candidates);
    }
    if (!window || !window->sums || !window->candidates) {
        tcpk_window_f32_free(window);
        return TCPK_ERROR_MEMORY;
    }
    *out = window;
    return TCPK_OK;
}

void tcpk_window_f32_free(struct tcpk_window_f32 *window)
{
    if (!window)
        return;
    free(window->sums);
    free(window->candidates);
    free(window);
}

static size_t wrap(const struct tcpk_window_f32 *window, size_t place)
{
    return place >= window->rows ? place - window->rows : place;
}

static bool is_less(float left, float right)
{
    return isnan(right) ? !isnan(left) : left < right;
}

static void append_sum(struct tcpk_window_f32 *window, float sum)
{
    if (window->arrived >= window->rows && window->candidates[window->first].row == window->arrived - window->rows) {
        window->first = wrap(window, window->first + 1);
        window->queued--;
    }
    while (window->queued && is_less(window->candidates[wrap(window, window->first + window->queued - 1)].sum, sum))
        window->queued--;
    window->candidates[wrap(window, window->first + window->queued)] = (struct candidate){window->arrived, sum};
    window->queued++;
    window->sums[window->place] = sum;
    window->place = wrap(window, window->place + 1);
    window->arrived++;
}

void tcpk_window_f32_append(struct tcpk_window_f32 *window, const float *matrix, size_t n)
{
    const struct tcpk_kernels *kernels = tcpk_kernels();
    enum { AT_ONCE = 64 };
    float sums[AT_ONCE];
    while (n) {
        const size_t some = n < AT_ONCE ? n : AT_ONCE;
        kernels->sums_f32(matrix, some, sums);
        for (size_t i = 0; i < some; i++)
            append_sum(window, sums[i]);
        matrix += some * TCPK_FEATURES;
        n -= some;
    }
}

size_t tcpk_window_f32_count(const struct tcpk_window_f32 *window)
{
    return window->arrived < window->rows ? (size_t)window->arrived : window->rows;
}

void tcpk_window_f32_query(const struct tcpk_window_f32 *window, float threshold, struct tcpk_scan_f32 *answer)
{
    *answer = (struct tcpk_scan_f32){.index = -1};
    if (!window->arrived)
        return;
    const struct tcpk_kernels *kernels = tcpk_kernels();
    const size_t held = tcpk_window_f32_count(window);
    const struct candidate *largest = &window->candidates[window->first];
    answer->index = (int64_t)(largest->row - (window->arrived - held));
    answer->sum = largest->sum;
    answer->count = kernels->count_above_f32(window->sums, held, threshold);
}
