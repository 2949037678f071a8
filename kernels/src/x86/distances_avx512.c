/* Squared distances in double, in the order of behavior.h: four lanes of six terms. Two rows share a vector, each in a
 * half of its own; multiply and add apart, as generic does. */
#include <immintrin.h>

#include "avx512.h"

#define VECTORS (TCPK_FEATURES / 4)

/* Nonzero bits where a float is NaN or infinite: x - x is 0 for all others. */
static __m512 residue_of(const float *row)
{
    const __m512 sixteen = _mm512_loadu_ps(row), eight = _mm512_castps256_ps512(_mm256_loadu_ps(row + 16));
    const __m512 rest = _mm512_maskz_sub_ps(0xff, eight, eight);
    return _mm512_or_ps(_mm512_sub_ps(sixteen, sixteen), rest);
}

/* Four floats of one row and four of another, as doubles. */
static __m512d pair_of(const float *low, const float *high)
{
    return _mm512_cvtps_pd(_mm256_insertf128_ps(_mm256_castps128_ps256(_mm_loadu_ps(low)), _mm_loadu_ps(high), 1));
}

bool tcpk_distances_avx512(const float *rows, size_t k, const float *baseline, double *distances)
{
    __m512d centre[VECTORS];
    for (unsigned i = 0; i < VECTORS; i++)
        centre[i] = _mm512_broadcast_f64x4(_mm256_cvtps_pd(_mm_loadu_ps(baseline + 4 * i)));
    __m512 residue = residue_of(baseline);
    for (size_t row = 0; row < k; row += 2) {
        /* An odd row at the end is its own partner. */
        const size_t partner = row + 1 < k ? row + 1 : row;
        const float *low = rows + row * TCPK_FEATURES, *high = rows + partner * TCPK_FEATURES;
        residue = _mm512_or_ps(residue, _mm512_or_ps(residue_of(low), residue_of(high)));
        __m512d lanes = _mm512_setzero_pd();
        for (unsigned i = 0; i < VECTORS; i++) {
            const __m512d difference = _mm512_sub_pd(pair_of(low + 4 * i, high + 4 * i), centre[i]);
            lanes = _mm512_add_pd(lanes, _mm512_mul_pd(difference, difference));
        }
        const __m512d pairs = _mm512_add_pd(lanes, _mm512_permutex_pd(lanes, 0x4e));
        const __m512d sums = _mm512_add_pd(pairs, _mm512_permute_pd(pairs, 0x55));
        distances[row] = _mm512_cvtsd_f64(sums);
        distances[partner] = _mm_cvtsd_f64(_mm512_extractf64x2_pd(sums, 2));
    }
    const __m512i bits = _mm512_castps_si512(residue);
    return _mm512_test_epi32_mask(bits, bits) == 0;
}
