/* Sums and scans of float32 rows, in the order of behavior.h. */
#include <arm_neon.h>
#include <math.h>

#include "../generic/generic.h"
#include "neon.h"

#define STEP 4
#define KEPT 1024

/* The eight lanes of a row, each the sum of its three, lanes 4-7 added onto 0-3. */
static float32x4_t four_of(const float *row)
{
    const float32x4_t low = vaddq_f32(vaddq_f32(vld1q_f32(row), vld1q_f32(row + 8)), vld1q_f32(row + 16));
    const float32x4_t high = vaddq_f32(vaddq_f32(vld1q_f32(row + 4), vld1q_f32(row + 12)), vld1q_f32(row + 20));
    return vaddq_f32(low, high);
}

/* Lanes 2 and 3 added onto 0 and 1, of two rows. */
static float32x4_t two_of(float32x4_t a, float32x4_t b)
{
    return vaddq_f32(vcombine_f32(vget_low_f32(a), vget_low_f32(b)), vcombine_f32(vget_high_f32(a), vget_high_f32(b)));
}

void tcpk_sums_f32_neon(const float *matrix, size_t n, float *sums)
{
    size_t row = 0;
    for (; row + STEP <= n; row += STEP) {
        const float *at = matrix + row * TCPK_FEATURES;
        const float32x4_t ab = two_of(four_of(at), four_of(at + TCPK_FEATURES));
        const float32x4_t cd = two_of(four_of(at + 2 * TCPK_FEATURES), four_of(at + 3 * TCPK_FEATURES));
        vst1q_f32(sums + row, vpaddq_f32(ab, cd));
    }
    tcpk_sums_f32_generic(matrix + row * TCPK_FEATURES, n - row, sums + row);
}

size_t tcpk_count_above_f32_neon(const float *sums, size_t n, float threshold)
{
    const float32x4_t limit = vdupq_n_f32(threshold);
    size_t i = 0, count = 0;
    for (; i + STEP <= n; i += STEP)
        /* A NaN is not below anything. */
        count += STEP - vaddvq_u32(vshrq_n_u32(vcleq_f32(vld1q_f32(sums + i), limit), 31));
    return count + tcpk_count_above_f32_generic(sums + i, n - i, threshold);
}

void tcpk_scan_f32_neon(const float *matrix, size_t n, float threshold, struct tcpk_scan_f32 *answer)
{
    float sums[KEPT];
    *answer = (struct tcpk_scan_f32){.index = -1};
    for (size_t begin = 0; begin < n; begin += KEPT) {
        const size_t rows = n - begin < KEPT ? n - begin : KEPT;
        tcpk_sums_f32_neon(matrix + begin * TCPK_FEATURES, rows, sums);
        answer->count += tcpk_count_above_f32_neon(sums, rows, threshold);
        for (size_t row = 0; row < rows; row++) {
            if (answer->index < 0 || (!isnan(answer->sum) && !(sums[row] <= answer->sum))) {
                answer->index = (int64_t)(begin + row);
                answer->sum = sums[row];
            }
        }
    }
}
