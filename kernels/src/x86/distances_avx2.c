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

/* A row's six vectors of squared differences, added in order. */
static inline __m256d lanes_of(const float *features, const __m256d *centre)
{
    _mm_prefetch((const char *)features + AHEAD, _MM_HINT_T0); /* past the end it is no fault */
    _mm_prefetch((const char *)features + AHEAD + 64, _MM_HINT_T0);
    __m256d lanes = _mm256_setzero_pd();
    for (unsigned i = 0; i < VECTORS; i++) {
        const __m256d difference = _mm256_sub_pd(_mm256_cvtps_pd(_mm_loadu_ps(features + 4 * i)), centre[i]);
        const __m256d square = _mm256_mul_pd(difference, difference);
        lanes = i ? _mm256_add_pd(lanes, square) : square;
    }
    return lanes;
}

/* (0+2) + (1+3) of four rows' lanes. */
static inline __m256d folded(const __m256d *lanes)
{
    __m256d pairs[2];
    for (unsigned i = 0; i < 2; i++)
        pairs[i] = _mm256_add_pd(_mm256_permute2f128_pd(lanes[i], lanes[i + 2], 0x20),
                                 _mm256_permute2f128_pd(lanes[i], lanes[i + 2], 0x31));
    return _mm256_add_pd(_mm256_unpacklo_pd(pairs[0], pairs[1]), _mm256_unpackhi_pd(pairs[0], pairs[1]));
}

/* Of the rows it is asked of the distance, a fifth of the work less: no double is exceeded by squares of differences of
 * floats, so a distance is NaN or infinite only where an input is. */
bool tcpk_distances_avx2(const float *rows, size_t k, const float *baseline, double *distances)
{
    __m256d centre[VECTORS];
    for (unsigned i = 0; i < VECTORS; i++)
        centre[i] = _mm256_cvtps_pd(_mm_loadu_ps(baseline + 4 * i));
    __m256d residues = _mm256_setzero_pd();
    size_t row = 0;
    for (; row + 4 <= k; row += 4) {
        __m256d lanes[4];
        for (unsigned i = 0; i < 4; i++)
            lanes[i] = lanes_of(rows + (row + i) * TCPK_FEATURES, centre);
        const __m256d four = folded(lanes);
        residues = _mm256_or_pd(residues, _mm256_sub_pd(four, four));
        _mm256_storeu_pd(distances + row, four);
    }
    for (; row < k; row++) {
        const __m256d lanes = lanes_of(rows + row * TCPK_FEATURES, centre);
        const __m128d pairs = _mm_add_pd(_mm256_castpd256_pd128(lanes), _mm256_extractf128_pd(lanes, 1));
        const __m128d distance = _mm_add_sd(pairs, _mm_unpackhi_pd(pairs, pairs));
        residues = _mm256_or_pd(residues, _mm256_zextpd128_pd256(_mm_sub_pd(distance, distance)));
        distances[row] = _mm_cvtsd_f64(distance);
    }
    const __m256i bits = _mm256_castpd_si256(residues);
    return _mm256_testz_si256(bits, bits) && is_finite(baseline);
}
