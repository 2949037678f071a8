/* The raw scan of uint8 rows: 16 rows a step, from 12 loads of 32 bytes.
 *
 * A row is three groups of 8 bytes, which vpsadbw adds. Four rows are three vectors A, B, C of four groups:
 *     A = (a0 a1 | a2 b0)  B = (b1 b2 | c0 c1)  C = (c2 d0 | d1 d2)
 * Four such fours go into three vectors of 16-bit lanes first, so that the lining up of groups is paid once for 16
 * rows. Of each row two groups are neighbours, in B or in (A's low half | C's high half), and are added there; the
 * third one comes from the other halves of A and C, exchanged.
 *
 * On Zen 4 the 12 vpsadbw have two ports of the four, the rest of a step shares all: 29 vector operations take 8.6
 * cycles, where loading alone takes 6. So counting is no part of a step: most windows have no row above the threshold,
 * which the largest row tells, and the sums are kept for the others. */
#include <immintrin.h>

#include "../generic/generic.h"
#include "avx2.h"

#define STEP 16
#define BLOCK 3   /* steps whose largest lanes are kept, to find the row again */
#define KEPT 1024 /* rows whose sums are kept at once */
#define STEPS (KEPT / STEP)

static __m256i groups(const uint8_t *bytes)
{
    return _mm256_sad_epu8(_mm256_setzero_si256(), _mm256_loadu_si256((const __m256i *)bytes));
}

/* The low halves of 64-bit lanes of two vectors. vshufps: it has three ports, the packs of integers have two. */
static __m256i low_halves(__m256i a, __m256i b)
{
    return _mm256_castps_si256(_mm256_shuffle_ps(_mm256_castsi256_ps(a), _mm256_castsi256_ps(b), 0x88));
}

/* The same, neighbours swapped. */
static __m256i low_halves_swapped(__m256i a, __m256i b)
{
    return _mm256_castps_si256(_mm256_shuffle_ps(_mm256_castsi256_ps(a), _mm256_castsi256_ps(b), 0x22));
}

/* Groups of 16 rows: of the four vectors A, B, C each. Those of vector k are in 16-bit lanes 2k and 2k + 1 of each
 * half, in C swapped. */
struct packed {
    __m256i a, b, c;
};

static inline __m256i packed_four(const uint8_t *bytes)
{
    return _mm256_packus_epi32(low_halves(groups(bytes), groups(bytes + 96)),
                               low_halves(groups(bytes + 192), groups(bytes + 288)));
}

static inline __m256i packed_four_swapped(const uint8_t *bytes)
{
    return _mm256_packus_epi32(low_halves_swapped(groups(bytes), groups(bytes + 96)),
                               low_halves_swapped(groups(bytes + 192), groups(bytes + 288)));
}

static inline struct packed packed_groups(const uint8_t *rows)
{
    return (struct packed){packed_four(rows), packed_four(rows + 32), packed_four_swapped(rows + 64)};
}

/* Sums of 16 rows, in the lanes that row_of_lane tells. */
static inline __m256i sums_of_16(struct packed it)
{
    const __m256i outer = _mm256_blend_epi32(it.a, it.c, 0xf0);              /* (a0 a1 | d2 d1) */
    const __m256i crossed = _mm256_permute2x128_si256(it.a, it.c, 0x21);     /* (a2 b0 | d0 c2) */
    const __m256i even = _mm256_madd_epi16(outer, _mm256_set1_epi16(1));     /* a0 + a1, d1 + d2 */
    const __m256i odd = _mm256_add_epi16(it.b, _mm256_slli_epi32(it.b, 16)); /* b1 + b2, c0 + c1 */
    return _mm256_add_epi16(crossed, _mm256_blend_epi16(even, odd, 0xaa));
}

static __m256i row_of_lane(void)
{
    return _mm256_setr_epi16(0, 1, 4, 5, 8, 9, 12, 13, 3, 2, 7, 6, 11, 10, 15, 14);
}

/* In its first lane. */
static __m128i least_lane(__m256i values)
{
    return _mm_minpos_epu16(_mm_min_epu16(_mm256_castsi256_si128(values), _mm256_extracti128_si256(values, 1)));
}

static size_t total(__m256i counts)
{
    const __m256i pairs = _mm256_madd_epi16(counts, _mm256_set1_epi16(1));
    const __m128i four = _mm_add_epi32(_mm256_castsi256_si128(pairs), _mm256_extracti128_si256(pairs, 1));
    const __m128i two = _mm_add_epi32(four, _mm_shuffle_epi32(four, 0x4e));
    return (size_t)(unsigned)(_mm_cvtsi128_si32(two) + _mm_extract_epi32(two, 1));
}

/* How many of n rows are above the threshold. The last step's rows that an earlier one has too come first in it. */
static size_t count_above(const __m256i *sums, size_t n, __m256i threshold)
{
    const size_t steps = n / STEP, left = n % STEP;
    __m256i above = _mm256_setzero_si256();
    for (size_t step = 0; step < steps; step++)
        above = _mm256_sub_epi16(above, _mm256_cmpgt_epi16(sums[step], threshold));
    if (left) {
        const __m256i last = _mm256_cmpgt_epi16(row_of_lane(), _mm256_set1_epi16((short)(STEP - 1 - (int)left)));
        above = _mm256_sub_epi16(above, _mm256_and_si256(last, _mm256_cmpgt_epi16(sums[steps], threshold)));
    }
    return total(above);
}

static bool has(__m256i sums, __m256i wanted)
{
    return _mm256_movemask_epi8(_mm256_cmpeq_epi16(sums, wanted)) != 0;
}

/* Scan STEP to KEPT rows. The last step ends with the last row, whatever it shares with the one before; steps beyond
 * it, to fill a block, repeat it. */
static void scan_part(const uint8_t *rows, size_t n, uint32_t threshold, struct tcpk_scan_u8 *answer)
{
    __m256i sums[STEPS + BLOCK], largest[STEPS / BLOCK + 1];
    const __m256i ones = _mm256_set1_epi16(-1);
    const uint8_t *at = rows, *const last = rows + (n - STEP) * TCPK_FEATURES;
    __m256i most = _mm256_setzero_si256();
    for (size_t block = 0; block * BLOCK * STEP < n; block++) {
        /* All three packed before the first is added up: the adding then waits for nothing. */
        struct packed packed[BLOCK];
#pragma GCC unroll 3
        for (unsigned i = 0; i < BLOCK; i++) {
            packed[i] = packed_groups(at);
            at += STEP * TCPK_FEATURES;
            at = at < last ? at : last;
        }
        __m256i *const here = sums + block * BLOCK;
#pragma GCC unroll 3
        for (unsigned i = 0; i < BLOCK; i++)
            here[i] = sums_of_16(packed[i]);
        largest[block] = _mm256_max_epi16(_mm256_max_epi16(here[0], here[1]), here[2]);
        most = _mm256_max_epi16(most, largest[block]);
    }
    /* The least of the complements is the complement of the largest. */
    const __m128i least = least_lane(_mm256_xor_si256(most, ones));
    const __m256i wanted = _mm256_xor_si256(_mm256_broadcastw_epi16(least), ones);
    answer->sum = (uint16_t)~_mm_cvtsi128_si32(least);
    size_t block = 0;
    while (!has(largest[block], wanted))
        block++;
    size_t step = block * BLOCK;
    while (!has(sums[step], wanted))
        step++;
    const __m256i equal = _mm256_cmpeq_epi16(sums[step], wanted);
    const __m128i row = least_lane(_mm256_blendv_epi8(ones, row_of_lane(), equal));
    answer->index = (int64_t)(step < n / STEP ? step * STEP : n - STEP) + (uint16_t)_mm_cvtsi128_si32(row);
    answer->count = answer->sum > threshold ? count_above(sums, n, _mm256_set1_epi16((short)threshold)) : 0;
}

void tcpk_scan_u8_avx2(const uint8_t *matrix, size_t n, uint32_t threshold, struct tcpk_scan_u8 *answer)
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

void tcpk_sums_u8_avx2(const uint8_t *matrix, size_t n, uint16_t *sums)
{
    const __m128i zero = _mm_setzero_si128();
    for (size_t row = 0; row < n; row++) {
        const uint8_t *bytes = matrix + row * TCPK_FEATURES;
        const __m128i sixteen = _mm_sad_epu8(_mm_loadu_si128((const __m128i *)bytes), zero);
        const __m128i eight = _mm_sad_epu8(_mm_loadl_epi64((const __m128i *)(bytes + 16)), zero);
        const __m128i both = _mm_add_epi32(sixteen, eight);
        sums[row] = (uint16_t)(_mm_cvtsi128_si32(both) + _mm_extract_epi16(both, 4));
    }
}
