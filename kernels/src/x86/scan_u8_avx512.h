/* The raw scan of uint8 rows: 32 rows a step, from 12 loads of 64 bytes. For scan_u8_avx512.c and its twin with VNNI,
 * which define PACKED_A, PACKED_B, PACKED_C: how the bytes of each of the three vectors become groups.
 *
 * A row is three groups of 8 bytes; eight rows are three vectors A, B, C of eight groups. Four such eights go into
 * three vectors of 16-bit lanes first. The first groups of the rows then lie in all lanes of a kind once: in lanes 0,
 * 3, 6 of A, 1, 4, 7 of B, 2, 5 of C; and so do the second ones, one lane further, and the third ones, two lanes
 * further. So each is two blends, and a turn by one or two lanes lines them up. */
#ifndef TCPK_SCAN_U8_AVX512_H
#define TCPK_SCAN_U8_AVX512_H

#include <immintrin.h>

#include "../generic/generic.h"
#include "avx512.h"

#define STEP 32
#define BLOCK 2   /* steps packed before the first is added up: the adding then waits for nothing */
#define KEPT 1024 /* rows whose sums are kept at once */
#define STEPS (KEPT / STEP)

/* 16-bit lanes: group l of vector k is in lane 8 (l / 2) + 4 (k / 2) + 2 (l % 2) + k % 2. */
#define GROUP(l) ((__mmask32)(0x33u << (l) / 2 * 8 << (l) % 2 * 2))
#define GROUPS_036 (GROUP(0) | GROUP(3) | GROUP(6))
#define GROUPS_147 (GROUP(1) | GROUP(4) | GROUP(7))
#define GROUPS_25 (GROUP(2) | GROUP(5))

static inline __m512i groups(const uint8_t *bytes)
{
    return _mm512_sad_epu8(_mm512_setzero_si512(), _mm512_loadu_si512(bytes));
}

/* The low halves of 64-bit lanes of two vectors. */
static inline __m512i low_halves(__m512i a, __m512i b)
{
    return _mm512_castps_si512(_mm512_shuffle_ps(_mm512_castsi512_ps(a), _mm512_castsi512_ps(b), 0x88));
}

/* Groups of the vectors at 0, 192, 384, 576 bytes. Most of it has port 5 alone on Intel, so a shift and not a pack. */
static inline __m512i packed_four(const uint8_t *bytes)
{
    const __m512i even = low_halves(groups(bytes), groups(bytes + 384));
    const __m512i odd = low_halves(groups(bytes + 192), groups(bytes + 576));
    return _mm512_or_si512(even, _mm512_slli_epi32(odd, 16));
}

static inline __m512i blend(__m512i a, __m512i b, __mmask32 from_b, __m512i c, __mmask32 from_c)
{
    return _mm512_mask_blend_epi16(from_c, _mm512_mask_blend_epi16(from_b, a, b), c);
}

/* 16-bit lanes whose group is the next one, with k as it is. */
static inline __m512i next_group(void)
{
    return _mm512_set_epi16(5, 4, 31, 30, 1, 0, 27, 26, 29, 28, 23, 22, 25, 24, 19, 18, 21, 20, 15, 14, 17, 16, 11, 10,
                            13, 12, 7, 6, 9, 8, 3, 2);
}

/* Groups of 32 rows: of the four vectors A, B, C each. */
struct packed {
    __m512i a, b, c;
};

static inline struct packed packed_groups(const uint8_t *rows)
{
    return (struct packed){PACKED_A(rows), PACKED_B(rows + 64), PACKED_C(rows + 128)};
}

/* Sums of 32 rows, in the lanes that row_of_lane tells. */
static inline __m512i sums_of_32(struct packed it)
{
    const __m512i a = it.a, b = it.b, c = it.c;
    const __m512i first = blend(a, b, GROUPS_147, c, GROUPS_25);
    const __m512i second = blend(a, b, GROUPS_25, c, GROUPS_036);
    const __m512i third = blend(a, b, GROUPS_036, c, GROUPS_147);
    return _mm512_add_epi16(_mm512_add_epi16(first, _mm512_permutexvar_epi16(next_group(), second)),
                            _mm512_shuffle_i64x2(third, third, 0x39));
}

/* The lane of group l holds row 3 l mod 8 of its eight. */
static inline __m512i row_of_lane(void)
{
    return _mm512_set_epi16(29, 21, 26, 18, 13, 5, 10, 2, 31, 23, 28, 20, 15, 7, 12, 4, 25, 17, 30, 22, 9, 1, 14, 6, 27,
                            19, 24, 16, 11, 3, 8, 0);
}

static __m128i least_lane(__m512i values)
{
    const __m256i half = _mm256_min_epu16(_mm512_castsi512_si256(values), _mm512_extracti64x4_epi64(values, 1));
    return _mm_minpos_epu16(_mm_min_epu16(_mm256_castsi256_si128(half), _mm256_extracti128_si256(half, 1)));
}

/* How many of n rows are above the threshold. The last step's rows that an earlier one has too come first in it. */
static size_t count_above(const __m512i *sums, size_t n, __m512i threshold)
{
    const size_t steps = n / STEP, left = n % STEP;
    size_t count = 0;
    for (size_t step = 0; step < steps; step++)
        count += (size_t)__builtin_popcount(_mm512_cmpgt_epi16_mask(sums[step], threshold));
    if (left) {
        const __mmask32 last = _mm512_cmpge_epi16_mask(row_of_lane(), _mm512_set1_epi16((short)(STEP - (int)left)));
        count += (size_t)__builtin_popcount(_mm512_mask_cmpgt_epi16_mask(last, sums[steps], threshold));
    }
    return count;
}

/* Scan STEP to KEPT rows. The last step ends with the last row, whatever it shares with the one before. Rows are
 * counted only where the largest is above the threshold. */
static void scan_part(const uint8_t *rows, size_t n, uint32_t threshold, struct tcpk_scan_u8 *answer)
{
    __m512i sums[STEPS + BLOCK];
    const __m512i ones = _mm512_set1_epi16(-1);
    const uint8_t *at = rows, *const last = rows + (n - STEP) * TCPK_FEATURES;
    __m512i most = _mm512_setzero_si512();
    for (size_t step = 0; step * STEP < n; step += BLOCK) {
        struct packed packed[BLOCK];
#pragma GCC unroll 2
        for (unsigned i = 0; i < BLOCK; i++) {
            packed[i] = packed_groups(at);
            at += STEP * TCPK_FEATURES;
            at = at < last ? at : last;
        }
#pragma GCC unroll 2
        for (unsigned i = 0; i < BLOCK; i++) {
            sums[step + i] = sums_of_32(packed[i]);
            most = _mm512_max_epi16(most, sums[step + i]);
        }
    }
    /* The least of the complements is the complement of the largest. */
    const __m128i least = least_lane(_mm512_xor_si512(most, ones));
    const __m512i wanted = _mm512_xor_si512(_mm512_broadcastw_epi16(least), ones);
    answer->sum = (uint16_t)~_mm_cvtsi128_si32(least);
    size_t step = 0;
    __mmask32 equal;
    while (!(equal = _mm512_cmpeq_epi16_mask(sums[step], wanted)))
        step++;
    const __m128i row = least_lane(_mm512_mask_mov_epi16(ones, equal, row_of_lane()));
    answer->index = (int64_t)(step < n / STEP ? step * STEP : n - STEP) + (uint16_t)_mm_cvtsi128_si32(row);
    answer->count = answer->sum > threshold ? count_above(sums, n, _mm512_set1_epi16((short)threshold)) : 0;
}

static void scan_u8(const uint8_t *matrix, size_t n, uint32_t threshold, struct tcpk_scan_u8 *answer)
{
    if (n < STEP) {
        tcpk_scan_u8_generic(matrix, n, threshold, answer);
        return;
    }
    *answer = (struct tcpk_scan_u8){.index = -1};
    for (size_t begin = 0; begin < n;) {
        /* Parts are even enough that none is left with fewer rows than a step. */
        const size_t left = n - begin, rows = left <= KEPT ? left : left < KEPT + STEP ? KEPT - STEP : KEPT;
        struct tcpk_scan_u8 part;
        scan_part(matrix + begin * TCPK_FEATURES, rows, threshold, &part);
        answer->count += part.count;
        if (answer->index < 0 || part.sum > answer->sum) {
            answer->index = (int64_t)begin + part.index;
            answer->sum = part.sum;
        }
        begin += rows;
    }
}

#endif
