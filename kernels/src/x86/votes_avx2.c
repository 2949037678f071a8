#include <immintrin.h>

#include "../generic/generic.h"
#include "avx2.h"

size_t tcpk_count_votes_avx2(const uint8_t *votes, size_t n)
{
    const __m256i zero = _mm256_setzero_si256();
    size_t i = 0, count = 0;
    for (; i + 32 <= n; i += 32) {
        const __m256i absent = _mm256_cmpeq_epi8(_mm256_loadu_si256((const __m256i *)(votes + i)), zero);
        count += 32 - (size_t)__builtin_popcount((unsigned)_mm256_movemask_epi8(absent));
    }
    return count + tcpk_count_votes_generic(votes + i, n - i);
}
