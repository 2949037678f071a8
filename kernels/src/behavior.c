/* Scans and baseline scores: the checks, and what all variants share. */
#include <math.h>
#include <stdlib.h>

#include "internal.h"

enum tcpk_status tcpk_window_scan_u8(const uint8_t *matrix, size_t n, uint32_t threshold, struct tcpk_scan_u8 *answer)
{
    const struct tcpk_kernels *kernels = tcpk_kernels();
    if (!kernels)
        return TCPK_ERROR_VARIANT;
    kernels->scan_u8(matrix, n, threshold, answer);
    return TCPK_OK;
}

enum tcpk_status tcpk_window_scan_f32(const float *matrix, size_t n, float threshold, struct tcpk_scan_f32 *answer)
{
    const struct tcpk_kernels *kernels = tcpk_kernels();
    if (!kernels)
        return TCPK_ERROR_VARIANT;
    kernels->scan_f32(matrix, n, threshold, answer);
    return TCPK_OK;
}

/* Scores in one fixed order, so that equal distances give equal bits whatever computed them. */
static float score_of(const double *distances, size_t k)
{
    const double tiny = 1e-10;
    if (k < 2)
        return 0.0f;
    double sum = 0.0, squares = 0.0, largest = 0.0;
    for (size_t i = 0; i < k; i++)
        sum += distances[i];
    const double mean = sum / (double)k;
    for (size_t i = 0; i < k; i++) {
        const double deviation = fabs(distances[i] - mean);
        squares += deviation * deviation;
        largest = deviation > largest ? deviation : largest;
    }
    const double spread = sqrt(squares / (double)k);
    return spread < tiny ? 0.0f : (float)(largest / (spread + tiny));
}

#define ON_STACK 64  /* distances; a longer history takes its memory from the heap */
#define TOGETHER 512 /* agents in one thread's turn */

static enum tcpk_status score_some(const struct tcpk_kernels *kernels, const float *rows, size_t agents, size_t k,
                                   const float *baselines, float *scores)
{
    double few[ON_STACK];
    double *distances = few;
    if (k > ON_STACK) {
        if (k > SIZE_MAX / sizeof *distances || !(distances = malloc(k * sizeof *distances)))
            return TCPK_ERROR_MEMORY;
    }
    for (size_t agent = 0; agent < agents; agent++) {
        const bool finite =
            kernels->distances(rows + agent * k * TCPK_FEATURES, k, baselines + agent * TCPK_FEATURES, distances);
        scores[agent] = finite ? score_of(distances, k) : INFINITY;
    }
    if (distances != few)
        free(distances);
    return TCPK_OK;
}

enum tcpk_status tcpk_baseline_score(const float *rows, size_t k, const float *baseline, float *score)
{
    const struct tcpk_kernels *kernels = tcpk_kernels();
    return kernels ? score_some(kernels, rows, 1, k, baseline, score) : TCPK_ERROR_VARIANT;
}

enum tcpk_status tcpk_baseline_score_many(const float *rows, size_t agents, size_t k, const float *baselines,
                                          float *scores)
{
    const struct tcpk_kernels *kernels = tcpk_kernels();
    if (!kernels)
        return TCPK_ERROR_VARIANT;
    bool failed = false;
    /* Agents are independent: the scores are the same for any number of threads. */
#pragma omp parallel for schedule(static) if (agents >= 8 * TOGETHER) reduction(|| : failed)
    for (size_t begin = 0; begin < agents; begin += TOGETHER) {
        const size_t some = agents - begin < TOGETHER ? agents - begin : TOGETHER;
        failed = failed || score_some(kernels, rows + begin * k * TCPK_FEATURES, some, k,
                                      baselines + begin * TCPK_FEATURES, scores + begin) != TCPK_OK;
    }
    return failed ? TCPK_ERROR_MEMORY : TCPK_OK;
}
