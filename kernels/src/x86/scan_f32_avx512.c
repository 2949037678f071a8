/* Sums and scans of float32 rows, in the order of behavior.h. Two rows share a vector, each in a half of its own. */
#include <immintrin.h>
#include <math.h>

#include "../generic/generic.h"
#include "avx512.h"

#define STEP 16
#define KEPT 1024

/* The eight lanes of two rows that follow each other, each lane the sum of its three. */
static __m512 lanes_of_2(const float *rows)
{
    const __m512 first = _mm512_loadu_ps(rows), second = _mm512_loadu_ps(rows + 16);
    const __m512 third = _mm512_loadu_ps(rows + 32);
    /* first = (a0 a1), second = (a2 b0), third = (b1 b2), eight lanes each */
    const __m512 zero = _mm512_shuffle_f32x4(first, second, 0xe4), one = _mm512_shuffle_f32x4(first, third, 0x4e);
    const __m512 two = _mm512_shuffle_f32x4(second, third, 0xe4);
    return _mm512_add_ps(_mm512_add_ps(zero, one), two);
}

/* Lanes 0-3 onto 4-7 of four rows: quarter q holds row q. */
static __m512 fold_halves(__m512 ab, __m512 cd)
{
    return _mm512_add_ps(_mm512_shuffle_f32x4(ab, cd, 0x88), _mm512_shuffle_f32x4(ab, cd, 0xdd));
}

/* Sums of 16 rows, in order. */
static __m512 sums_of_16(const float *rows)
{
    __m512 four[STEP / 4];
    for (unsigned i = 0; i < STEP / 4; i++) {
        const float *at = rows + i * 4 * TCPK_FEATURES;
        four[i] = fold_halves(lanes_of_2(at), lanes_of_2(at + 2 * TCPK_FEATURES));
    }
    const __m512 low =
        _mm512_add_ps(_mm512_shuffle_ps(four[0], four[1], 0x44), _mm512_shuffle_ps(four[0], four[1], 0xee));
    const __m512 high =
        _mm512_add_ps(_mm512_shuffle_ps(four[2], four[3], 0x44), _mm512_shuffle_ps(four[2], four[3], 0xee));
    const __m512 mixed = _mm512_add_ps(_mm512_shuffle_ps(low, high, 0x88), _mm512_shuffle_ps(low, high, 0xdd));
    /* lane 4q + i of mixed holds row q of the i-th four */
    return _mm512_permutexvar_ps(_mm512_setr_epi32(0, 4, 8, 12, 1, 5, 9, 13, 2, 6, 10, 14, 3, 7, 11, 15), mixed);
}

void tcpk_sums_f32_avx512(const float *matrix, size_t n, float *sums)
{
    size_t row = 0;
    for (; row + STEP <= n; row += STEP)
        _mm512_storeu_ps(sums + row, sums_of_16(matrix + row * TCPK_FEATURES));
    tcpk_sums_f32_generic(matrix + row * TCPK_FEATURES, n - row, sums + row);
}

size_t tcpk_count_above_f32_avx512(const float *sums, size_t n, float threshold)
{
    const __m512 limit = _mm512_set1_ps(threshold);
    size_t i = 0, count = 0;
    for (; i + STEP <= n; i += STEP)
        count += (size_t)__builtin_popcount(_mm512_cmp_ps_mask(_mm512_loadu_ps(sums + i), limit, _CMP_NLE_UQ));
    const __mmask16 left = (__mmask16)((1u << (n - i)) - 1);
    const __m512 rest = _mm512_maskz_loadu_ps(left, sums + i);
    return count + (size_t)__builtin_popcount(_mm512_mask_cmp_ps_mask(left, rest, limit, _CMP_NLE_UQ));
}

/* The largest of n sums and its first place, NaN before all others; nothing changes unless one is larger than what
 * the answer has. */
static void keep_largest(const float *sums, size_t n, size_t begin, struct tcpk_scan_f32 *answer)
{
    for (size_t i = 0; i < n; i++) {
        if (answer->index < 0 || (!isnan(answer->sum) && !(sums[i] <= answer->sum))) {
            answer->index = (int64_t)(begin + i);
            answer->sum = sums[i];
        }
    }
}

void tcpk_scan_f32_avx512(const float *matrix, size_t n, float threshold, struct tcpk_scan_f32 *answer)
{
    float sums[KEPT];
    *answer = (struct tcpk_scan_f32){.index = -1};
    for (size_t begin = 0; begin < n; begin += KEPT) {
        const size_t rows = n - begin < KEPT ? n - begin : KEPT;
        tcpk_sums_f32_avx512(matrix + begin * TCPK_FEATURES, rows, sums);
        answer->count += tcpk_count_above_f32_avx512(sums, rows, threshold);
        /* Sixteen at a time are passed over when none is larger. */
        size_t i = 0;
        for (; i + STEP <= rows; i += STEP)
            if (answer->index < 0 ||
                _mm512_cmp_ps_mask(_mm512_loadu_ps(sums + i), _mm512_set1_ps(answer->sum), _CMP_NLE_UQ))
                keep_largest(sums + i, STEP, begin + i, answer);
        keep_largest(sums + i, rows - i, begin + i, answer);
    }
}
