/* Sums and scans of float32 rows, in the order of behavior.h. */
#include <immintrin.h>
#include <math.h>

#include "../generic/generic.h"
#include "avx2.h"

#define STEP 8
#define KEPT 1024

/* The eight lanes of a row, each the sum of its three. */
static __m256 lanes_of(const float *row)
{
    return _mm256_add_ps(_mm256_add_ps(_mm256_loadu_ps(row), _mm256_loadu_ps(row + 8)), _mm256_loadu_ps(row + 16));
}

/* Lanes 0-3 onto 4-7 of two rows: (a, b). */
static __m256 fold_halves(__m256 a, __m256 b)
{
    return _mm256_add_ps(_mm256_permute2f128_ps(a, b, 0x20), _mm256_permute2f128_ps(a, b, 0x31));
}

/* Sums of 8 rows, in order. */
static __m256 sums_of_8(const float *rows)
{
    __m256 lanes[STEP];
    for (unsigned row = 0; row < STEP; row++)
        lanes[row] = lanes_of(rows + row * TCPK_FEATURES);
    const __m256 ab = fold_halves(lanes[0], lanes[1]), cd = fold_halves(lanes[2], lanes[3]);
    const __m256 ef = fold_halves(lanes[4], lanes[5]), gh = fold_halves(lanes[6], lanes[7]);
    const __m256 low = _mm256_add_ps(_mm256_shuffle_ps(ab, cd, 0x44), _mm256_shuffle_ps(ab, cd, 0xee));
    const __m256 high = _mm256_add_ps(_mm256_shuffle_ps(ef, gh, 0x44), _mm256_shuffle_ps(ef, gh, 0xee));
    const __m256 mixed = _mm256_add_ps(_mm256_shuffle_ps(low, high, 0x88), _mm256_shuffle_ps(low, high, 0xdd));
    /* mixed holds rows 0 2 4 6 1 3 5 7 */
    return _mm256_permutevar8x32_ps(mixed, _mm256_setr_epi32(0, 4, 1, 5, 2, 6, 3, 7));
}

void tcpk_sums_f32_avx2(const float *matrix, size_t n, float *sums)
{
    size_t row = 0;
    for (; row + STEP <= n; row += STEP)
        _mm256_storeu_ps(sums + row, sums_of_8(matrix + row * TCPK_FEATURES));
    tcpk_sums_f32_generic(matrix + row * TCPK_FEATURES, n - row, sums + row);
}

size_t tcpk_count_above_f32_avx2(const float *sums, size_t n, float threshold)
{
    const __m256 limit = _mm256_set1_ps(threshold);
    __m256i count = _mm256_setzero_si256();
    size_t i = 0, total = 0;
    while (i + STEP <= n) {
        /* Lanes are 32 bits wide: added up before they could run over. */
        const size_t end = n - i > ((size_t)1 << 30) ? i + ((size_t)1 << 30) : n;
        for (; i + STEP <= end; i += STEP) {
            const __m256 above = _mm256_cmp_ps(_mm256_loadu_ps(sums + i), limit, _CMP_NLE_UQ);
            count = _mm256_sub_epi32(count, _mm256_castps_si256(above));
        }
        uint32_t lanes[STEP];
        _mm256_storeu_si256((__m256i *)lanes, count);
        for (unsigned lane = 0; lane < STEP; lane++)
            total += lanes[lane];
        count = _mm256_setzero_si256();
    }
    return total + tcpk_count_above_f32_generic(sums + i, n - i, threshold);
}

void tcpk_scan_f32_avx2(const float *matrix, size_t n, float threshold, struct tcpk_scan_f32 *answer)
{
    float sums[KEPT];
    *answer = (struct tcpk_scan_f32){.index = -1};
    for (size_t begin = 0; begin < n; begin += KEPT) {
        const size_t rows = n - begin < KEPT ? n - begin : KEPT;
        tcpk_sums_f32_avx2(matrix + begin * TCPK_FEATURES, rows, sums);
        answer->count += tcpk_count_above_f32_avx2(sums, rows, threshold);
        for (size_t row = 0; row < rows; row++) {
            if (answer->index < 0 || (!isnan(answer->sum) && !(sums[row] <= answer->sum))) {
                answer->index = (int64_t)(begin + row);
                answer->sum = sums[row];
            }
        }
    }
}
