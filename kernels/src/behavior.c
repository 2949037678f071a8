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

#define LANES 4      /* agents scored at once: a score ends in a square root and a division, which take their time */
#define CHAINS 4     /* of additions that do not wait for each other */
#define ON_STACK 64  /* distances of an agent; a longer history takes its memory from the heap */
#define TOGETHER 512 /* agents in one thread's turn */

/* What a score needs of the distances, as seen from the first of them. */
struct spread {
    double sum[CHAINS], squares[CHAINS], least, most;
};

static inline __attribute__((always_inline)) void see(struct spread *spread, unsigned chain, double offset)
{
    spread->sum[chain] += offset;
    spread->squares[chain] += offset * offset;
    spread->least = offset < spread->least ? offset : spread->least;
    spread->most = offset > spread->most ? offset : spread->most;
}

static inline __attribute__((always_inline)) struct spread see_all(const double *distances, size_t k)
{
    struct spread spread = {.least = 0.0};
    size_t i = 0;
    for (; i + CHAINS <= k; i += CHAINS)
        for (unsigned chain = 0; chain < CHAINS; chain++)
            see(&spread, chain, distances[i + chain] - distances[0]);
    for (unsigned chain = 0; chain < CHAINS - 1; chain++) /* unrolled: no chain is looked up by its number */
        if (i + chain < k)
            see(&spread, chain, distances[i + chain] - distances[0]);
    return spread;
}

static inline double fold(const double *chains)
{
    return (chains[0] + chains[2]) + (chains[1] + chains[3]);
}

/* Scores in the order of behavior.h, so that equal distances give equal bits whatever computed them and beside which
 * others. One pass is enough, with offsets from a distance instead of the mean: that one's own offset from the mean is
 * at most sqrt(k - 1) standard deviations (Samuelson), so what cancels in the variance is at most k times as large. */
static inline __attribute__((always_inline)) void score_lanes(const double *distances, size_t k, unsigned lanes,
                                                              float *scores)
{
    const double tiny = 1e-10, share = 1.0 / (double)k;
    double mean[LANES] = {0.0}, squares[LANES] = {0.0}, least[LANES] = {0.0}, most[LANES] = {0.0};
    for (unsigned lane = 0; lane < lanes; lane++) {
        const struct spread spread = see_all(distances + lane * k, k);
        mean[lane] = fold(spread.sum) * share;
        squares[lane] = fold(spread.squares) * share;
        least[lane] = spread.least;
        most[lane] = spread.most;
    }
    for (unsigned lane = 0; lane < lanes; lane++) {
        const double variance = squares[lane] - mean[lane] * mean[lane];
        const double deviation = sqrt(variance > 0.0 ? variance : 0.0);
        const double above = most[lane] - mean[lane], below = mean[lane] - least[lane];
        scores[lane] = k < 2 || deviation < tiny ? 0.0f : (float)((above > below ? above : below) / (deviation + tiny));
    }
}

/* `lanes` agents, LANES at most; memory for as many times k distances. */
static inline __attribute__((always_inline)) void score_few(const struct tcpk_kernels *kernels, const float *rows,
                                                            unsigned lanes, size_t k, const float *baselines,
                                                            double *distances, float *scores)
{
    bool finite[LANES];
    for (unsigned lane = 0; lane < lanes; lane++)
        finite[lane] = kernels->distances(rows + lane * k * TCPK_FEATURES, k, baselines + lane * TCPK_FEATURES,
                                          distances + lane * k);
    if (lanes == LANES)
        score_lanes(distances, k, LANES, scores);
    else
        for (unsigned lane = 0; lane < lanes; lane++)
            score_lanes(distances + lane * k, k, 1, scores + lane);
    for (unsigned lane = 0; lane < lanes; lane++)
        scores[lane] = finite[lane] ? scores[lane] : INFINITY;
}

static enum tcpk_status score_some(const struct tcpk_kernels *kernels, const float *rows, size_t agents, size_t k,
                                   const float *baselines, float *scores)
{
    double few[LANES * ON_STACK];
    double *distances = few;
    if (k > ON_STACK) {
        if (k > SIZE_MAX / sizeof few || !(distances = malloc(LANES * k * sizeof *distances)))
            return TCPK_ERROR_MEMORY;
    }
    for (size_t agent = 0; agent < agents; agent += LANES) {
        const unsigned lanes = agents - agent < LANES ? (unsigned)(agents - agent) : LANES;
        score_few(kernels, rows + agent * k * TCPK_FEATURES, lanes, k, baselines + agent * TCPK_FEATURES, distances,
                  scores + agent);
    }
    if (distances != few)
        free(distances);
    return TCPK_OK;
}

enum tcpk_status tcpk_baseline_score(const float *rows, size_t k, const float *baseline, float *score)
{
    const struct tcpk_kernels *kernels = tcpk_kernels();
    if (!kernels)
        return TCPK_ERROR_VARIANT;
    if (k > ON_STACK)
        return score_some(kernels, rows, 1, k, baseline, score);
    /* One agent by itself is spared the batch's loops, a seventh of its time. */
    double distances[ON_STACK];
    score_few(kernels, rows, 1, k, baseline, distances, score);
    return TCPK_OK;
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
