/* Squared distances in double, four lanes of six, in the order of behavior.h: multiply and add apart, as generic does.
 */
#include <immintrin.h>

#include "avx2.h"

#define VECTORS (TCPK_FEATURES / 4)
#define AHEAD 1920 /* bytes, two agents of ten rows: the CPU's own prefetching left a batch waiting */

/* Whether no float is NaN or infinite: x - x is 0 for all others. */
static bool is_finite(const float *row)
{
    const __m256 a = _mm256_loadu_ps(row), b = _mm256_loadu_ps(row + 8), c = _mm256_loadu_ps(row + 16);
    const __m256i bits =
        _mm256_castps_si256(_mm256_or_ps(_mm256_or_ps(_mm256_sub_ps(a, a), _mm256_sub_ps(b, b)), _mm256_sub_ps(c, c)));
    return _mm256_testz_si256(bits, bits);
}

/* Of the rows it is asked of the distance, a fifth of the work less: no double is exceeded by squares of differences of
 * floats, so a distance is NaN or infinite only where an input is. */
bool tcpk_distances_avx2(const float *rows, size_t k, const float *baseline, double *distances)
{
    __m256d centre[VECTORS];
    for (unsigned i = 0; i < VECTORS; i++)
        centre[i] = _mm256_cvtps_pd(_mm_loadu_ps(baseline + 4 * i));
    __m128d residue = _mm_setzero_pd();
    for (size_t row = 0; row < k; row++) {
        const float *features = rows + row * TCPK_FEATURES;
        _mm_prefetch((const char *)features + AHEAD, _MM_HINT_T0); /* past the end it is no fault */
        _mm_prefetch((const char *)features + AHEAD + 64, _MM_HINT_T0);
        __m256d lanes = _mm256_setzero_pd();
        for (unsigned i = 0; i < VECTORS; i++) {
            const __m256d difference = _mm256_sub_pd(_mm256_cvtps_pd(_mm_loadu_ps(features + 4 * i)), centre[i]);
            lanes = _mm256_add_pd(lanes, _mm256_mul_pd(difference, difference));
        }
        const __m128d pairs = _mm_add_pd(_mm256_castpd256_pd128(lanes), _mm256_extractf128_pd(lanes, 1));
        const __m128d distance = _mm_add_sd(pairs, _mm_unpackhi_pd(pairs, pairs));
        residue = _mm_or_pd(residue, _mm_sub_sd(distance, distance));
        distances[row] = _mm_cvtsd_f64(distance);
    }
    return _mm_cvtsd_f64(residue) == 0.0 && is_finite(baseline);
}
