/* The definition of scans, sums and distances. The orders of addition are those of behavior.h; a compiler may use wider
 * registers, never another order (-ffp-contract=off, no fast math). */
#include <math.h>

#include "generic.h"

void tcpk_sums_u8_generic(const uint8_t *matrix, size_t n, uint16_t *sums)
{
    for (size_t row = 0; row < n; row++) {
        unsigned sum = 0;
        for (unsigned i = 0; i < TCPK_FEATURES; i++)
            sum += matrix[row * TCPK_FEATURES + i];
        sums[row] = (uint16_t)sum;
    }
}

static float row_sum(const float *row)
{
    float lanes[8];
    for (unsigned lane = 0; lane < 8; lane++)
        lanes[lane] = row[lane] + row[lane + 8] + row[lane + 16];
    for (unsigned width = 4; width; width /= 2)
        for (unsigned lane = 0; lane < width; lane++)
            lanes[lane] += lanes[lane + width];
    return lanes[0];
}

void tcpk_sums_f32_generic(const float *matrix, size_t n, float *sums)
{
    for (size_t row = 0; row < n; row++)
        sums[row] = row_sum(matrix + row * TCPK_FEATURES);
}

void tcpk_scan_u8_generic(const uint8_t *matrix, size_t n, uint32_t threshold, struct tcpk_scan_u8 *answer)
{
    *answer = (struct tcpk_scan_u8){.index = -1};
    for (size_t row = 0; row < n; row++) {
        uint16_t sum;
        tcpk_sums_u8_generic(matrix + row * TCPK_FEATURES, 1, &sum);
        answer->count += sum > threshold;
        if (answer->index < 0 || sum > answer->sum) {
            answer->index = (int64_t)row;
            answer->sum = sum;
        }
    }
}

void tcpk_scan_f32_generic(const float *matrix, size_t n, float threshold, struct tcpk_scan_f32 *answer)
{
    *answer = (struct tcpk_scan_f32){.index = -1};
    for (size_t row = 0; row < n; row++) {
        const float sum = row_sum(matrix + row * TCPK_FEATURES);
        answer->count += !(sum <= threshold);
        /* The first NaN is the largest. */
        if (answer->index < 0 || (!isnan(answer->sum) && !(sum <= answer->sum))) {
            answer->index = (int64_t)row;
            answer->sum = sum;
        }
    }
}

size_t tcpk_count_above_f32_generic(const float *sums, size_t n, float threshold)
{
    size_t count = 0;
    for (size_t i = 0; i < n; i++)
        count += !(sums[i] <= threshold);
    return count;
}

bool tcpk_distances_generic(const float *rows, size_t k, const float *baseline, double *distances)
{
    /* x - x is 0 for a finite x and NaN for the rest. */
    float residue = 0.0f;
    for (unsigned i = 0; i < TCPK_FEATURES; i++)
        residue += baseline[i] - baseline[i];
    for (size_t row = 0; row < k; row++) {
        const float *features = rows + row * TCPK_FEATURES;
        double lanes[4] = {0.0, 0.0, 0.0, 0.0};
        for (unsigned i = 0; i < TCPK_FEATURES; i++) {
            const double difference = (double)features[i] - (double)baseline[i];
            lanes[i % 4] += difference * difference;
            residue += features[i] - features[i];
        }
        distances[row] = (lanes[0] + lanes[2]) + (lanes[1] + lanes[3]);
    }
    return residue == 0.0f;
}
