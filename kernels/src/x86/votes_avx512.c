#include <immintrin.h>

#include "avx512.h"

size_t tcpk_count_votes_avx512(const uint8_t *votes, size_t n)
{
    size_t i = 0, count = 0;
    for (; i + 64 <= n; i += 64) {
        const __m512i some = _mm512_loadu_si512(votes + i);
        count += (size_t)__builtin_popcountll(_mm512_test_epi8_mask(some, some));
    }
    const __m512i rest = _mm512_maskz_loadu_epi8(((__mmask64)1 << (n - i)) - 1, votes + i);
    return count + (size_t)__builtin_popcountll(_mm512_test_epi8_mask(rest, rest));
}
