/* Squared distances in double, four lanes of six, in the order of behavior.h: multiply and add apart, as generic does.
 */
#include <immintrin.h>

#include "avx2.h"

#define VECTORS (TCPK_FEATURES / 4)

/* Nonzero bits where a float is NaN or infinite: x - x is 0 for all others. */
static __m256 residue_of(const float *row)
{
    const __m256 a = _mm256_loadu_ps(row), b = _mm256_loadu_ps(row + 8), c = _mm256_loadu_ps(row + 16);
    return _mm256_or_ps(_mm256_or_ps(_mm256_sub_ps(a, a), _mm256_sub_ps(b, b)), _mm256_sub_ps(c, c));
}

bool tcpk_distances_avx2(const float *rows, size_t k, const float *baseline, double *distances)
{
    __m256d centre[VECTORS];
    for (unsigned i = 0; i < VECTORS; i++)
        centre[i] = _mm256_cvtps_pd(_mm_loadu_ps(baseline + 4 * i));
    __m256 residue = residue_of(baseline);
    for (size_t row = 0; row < k; row++) {
        const float *features = rows + row * TCPK_FEATURES;
        residue = _mm256_or_ps(residue, residue_of(features));
        __m256d lanes = _mm256_setzero_pd();
        for (unsigned i = 0; i < VECTORS; i++) {
            const __m256d difference = _mm256_sub_pd(_mm256_cvtps_pd(_mm_loadu_ps(features + 4 * i)), centre[i]);
            lanes = _mm256_add_pd(lanes, _mm256_mul_pd(difference, difference));
        }
        const __m128d pairs = _mm_add_pd(_mm256_castpd256_pd128(lanes), _mm256_extractf128_pd(lanes, 1));
        distances[row] = _mm_cvtsd_f64(pairs) + _mm_cvtsd_f64(_mm_unpackhi_pd(pairs, pairs));
    }
    const __m256i bits = _mm256_castps_si256(residue);
    return _mm256_testz_si256(bits, bits);
}
