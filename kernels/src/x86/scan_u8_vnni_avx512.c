/* The raw scan of uint8 rows where the CPU has VNNI: in one of the three vectors vpdpbusd adds the bytes.
 *
 * With vpsadbw alone most of a step waits for port 5 of Intel's cores, which it shares with every shuffle; vpdpbusd and
 * the shift go to port 0. By llvm-mca 19, cycles a step of 32 rows with vpdpbusd in none, one and two of the vectors:
 * Ice Lake server 24.1, 19.2, 19.0; Sapphire Rapids 22.3, 18.3; Zen 4, whose ports are even, 20.8, 20.9. One has nearly
 * all of the gain and costs nothing where there is none. An estimate, no measurement. */
#define PACKED_A packed_four
#define PACKED_B packed_four_vnni
#define PACKED_C packed_four
#include <immintrin.h>
#include <stdint.h>

/* Sums of four bytes: of `high` in the high halves of 32-bit lanes, of `low` in the low ones, where 1020 is the most.
 */
static inline __m512i quads_of_2(const uint8_t *high, const uint8_t *low)
{
    const __m512i ones = _mm512_set1_epi8(1);
    const __m512i first = _mm512_dpbusd_epi32(_mm512_setzero_si512(), _mm512_loadu_si512(high), ones);
    return _mm512_dpbusd_epi32(_mm512_slli_epi32(first, 16), _mm512_loadu_si512(low), ones);
}

/* As packed_four: groups of the vectors at 0, 192, 384, 576 bytes. */
static inline __m512i packed_four_vnni(const uint8_t *bytes)
{
    const __m512 a = _mm512_castsi512_ps(quads_of_2(bytes + 192, bytes));
    const __m512 b = _mm512_castsi512_ps(quads_of_2(bytes + 576, bytes + 384));
    return _mm512_add_epi16(_mm512_castps_si512(_mm512_shuffle_ps(a, b, 0x88)),
                            _mm512_castps_si512(_mm512_shuffle_ps(a, b, 0xdd)));
}

#include "scan_u8_avx512.h"

void tcpk_scan_u8_vnni_avx512(const uint8_t *matrix, size_t n, uint32_t threshold, struct tcpk_scan_u8 *answer)
{
    scan_u8(matrix, n, threshold, answer);
}
