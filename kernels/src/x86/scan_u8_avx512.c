/* Sums and the raw scan of uint8 rows; vpsadbw adds the bytes. */
#define PACKED_A packed_four
#define PACKED_B packed_four
#define PACKED_C packed_four
#include "scan_u8_avx512.h"

void tcpk_scan_u8_avx512(const uint8_t *matrix, size_t n, uint32_t threshold, struct tcpk_scan_u8 *answer)
{
    scan_u8(matrix, n, threshold, answer);
}

void tcpk_sums_u8_avx512(const uint8_t *matrix, size_t n, uint16_t *sums)
{
    for (size_t row = 0; row < n; row++) {
        /* 24 bytes, none beyond them read */
        const __m256i bytes = _mm256_maskz_loadu_epi64(7, matrix + row * TCPK_FEATURES);
        const __m256i three = _mm256_sad_epu8(bytes, _mm256_setzero_si256());
        const __m128i two = _mm_add_epi64(_mm256_castsi256_si128(three), _mm256_extracti128_si256(three, 1));
        sums[row] = (uint16_t)(_mm_cvtsi128_si32(two) + _mm_extract_epi16(two, 4));
    }
}
