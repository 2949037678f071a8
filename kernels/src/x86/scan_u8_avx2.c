/* The raw scan of uint8 rows: 16 rows a step, from 12 loads of 32 bytes.
 *
 * A row is three groups of 8 bytes, which vpsadbw adds. Four rows are three vectors A, B, C of four groups:
 *     A = (a0 a1 a2 b0)  B = (b1 b2 c0 c1)  C = (c2 d0 d1 d2)
 * Four such steps go into one vector first, so that the lining up of groups is paid once for 16 rows: by blends
 *     (a0 b2 c0 d2), (b1 a1 d1 c1), (c2 d0 a2 b0)
 * of which the second needs its neighbours swapped and the third its halves, before the three are added. The four lie
 * in halves of 32-bit lanes, two by a shuffle and two by a shift: blends of whole 32-bit lanes run on any port. */
#include <immintrin.h>

#include "../generic/generic.h"
#include "avx2.h"

#define STEP 16
#define KEPT 1024 /* sums of so many rows are kept at once, to find the largest's index without scanning again */

static __m256i groups(const uint8_t *bytes)
{
    return _mm256_sad_epu8(_mm256_setzero_si256(), _mm256_loadu_si256((const __m256i *)bytes));
}

/* The low halves of 64-bit lanes of two vectors. vshufps: the packs of integers are rarer among the ports. */
static __m256i low_halves(__m256i a, __m256i b)
{
    return _mm256_castps_si256(_mm256_shuffle_ps(_mm256_castsi256_ps(a), _mm256_castsi256_ps(b), 0x88));
}

/* Groups of the vectors at 0, 96, 192, 288 bytes: 32-bit lane 2k + l of each half holds group l of vectors k (low 16
 * bits) and k + 2 (high 16 bits). */
static __m256i packed_groups(const uint8_t *bytes)
{
    const __m256i first = low_halves(groups(bytes), groups(bytes + 96));
    const __m256i second = low_halves(groups(bytes + 192), groups(bytes + 288));
    return _mm256_or_si256(first, _mm256_slli_epi32(second, 16));
}

/* Sums of 16 rows, in the lanes that LANE tells. */
static __m256i sums_of_16(const uint8_t *rows)
{
    const __m256i a = packed_groups(rows), b = packed_groups(rows + 32), c = packed_groups(rows + 64);
    const __m256i straight = _mm256_blend_epi32(_mm256_blend_epi32(a, b, 0x5a), c, 0xa0);
    const __m256i swapped = _mm256_blend_epi32(_mm256_blend_epi32(b, a, 0x0a), c, 0x50);
    const __m256i crossed = _mm256_blend_epi32(c, a, 0xf0);
    return _mm256_add_epi16(_mm256_add_epi16(straight, _mm256_shuffle_epi32(swapped, 0xb1)),
                            _mm256_permute4x64_epi64(crossed, 0x4e));
}

/* 16-bit lane of each row of a step in sums_of_16. */
static const uint8_t LANE[STEP] = {0, 2, 8, 10, 4, 6, 12, 14, 1, 3, 9, 11, 5, 7, 13, 15};

static uint16_t largest_lane(__m256i values)
{
    const __m128i folded = _mm_max_epu16(_mm256_castsi256_si128(values), _mm256_extracti128_si256(values, 1));
    /* The minimum of the complement is the maximum. */
    const __m128i least = _mm_minpos_epu16(_mm_xor_si128(folded, _mm_set1_epi16(-1)));
    return (uint16_t)~_mm_extract_epi16(least, 0);
}

static size_t total(__m256i counts)
{
    const __m256i pairs = _mm256_madd_epi16(counts, _mm256_set1_epi16(1));
    const __m128i four = _mm_add_epi32(_mm256_castsi256_si128(pairs), _mm256_extracti128_si256(pairs, 1));
    const __m128i two = _mm_add_epi32(four, _mm_shuffle_epi32(four, 0x4e));
    return (size_t)(unsigned)(_mm_cvtsi128_si32(two) + _mm_extract_epi32(two, 1));
}

/* The first row whose sum is `wanted`, which one of `steps` steps holds. */
static size_t first_row(const __m256i *sums, size_t steps, uint16_t wanted)
{
    const __m256i pattern = _mm256_set1_epi16((short)wanted);
    size_t step = 0;
    for (; step + 4 <= steps; step += 4) {
        const __m256i low =
            _mm256_or_si256(_mm256_cmpeq_epi16(sums[step], pattern), _mm256_cmpeq_epi16(sums[step + 1], pattern));
        const __m256i high =
            _mm256_or_si256(_mm256_cmpeq_epi16(sums[step + 2], pattern), _mm256_cmpeq_epi16(sums[step + 3], pattern));
        const __m256i any = _mm256_or_si256(low, high);
        if (!_mm256_testz_si256(any, any))
            break;
    }
    unsigned bytes;
    while (!(bytes = (unsigned)_mm256_movemask_epi8(_mm256_cmpeq_epi16(sums[step], pattern))))
        step++;
    size_t row = 0;
    while (!(bytes >> (2 * LANE[row]) & 1))
        row++;
    return step * STEP + row;
}

/* Rows of a step that come last, by how many: all ones in their lanes. */
static __m256i last_rows(size_t count)
{
    const __m256i rows = _mm256_setr_epi16(0, 8, 1, 9, 4, 12, 5, 13, 2, 10, 3, 11, 6, 14, 7, 15);
    return _mm256_cmpgt_epi16(rows, _mm256_set1_epi16((short)(STEP - 1 - (int)count)));
}

/* Scan STEP to KEPT rows. What is left after whole steps is the end of one last step that overlaps the one before: its
 * rows that were there already are not counted again, and cannot change the largest. */
static void scan_part(const uint8_t *rows, size_t n, __m256i threshold, struct tcpk_scan_u8 *answer)
{
    __m256i sums[KEPT / STEP];
    __m256i above = _mm256_setzero_si256(), most = _mm256_setzero_si256();
    const size_t steps = n / STEP, left = n % STEP;
    for (size_t step = 0; step < steps; step++) {
        const __m256i sum = sums_of_16(rows + step * STEP * TCPK_FEATURES);
        sums[step] = sum;
        above = _mm256_sub_epi16(above, _mm256_cmpgt_epi16(sum, threshold));
        most = _mm256_max_epi16(most, sum);
    }
    const __m256i end = sums_of_16(rows + (n - STEP) * TCPK_FEATURES);
    const __m256i counted = _mm256_and_si256(_mm256_cmpgt_epi16(end, threshold), last_rows(left));
    answer->count = total(_mm256_sub_epi16(above, counted));
    const uint16_t whole = largest_lane(most), last = largest_lane(end);
    answer->sum = last > whole ? last : whole;
    answer->index = (int64_t)(last > whole ? n - STEP + first_row(&end, 1, last) : first_row(sums, steps, whole));
}

void tcpk_scan_u8_avx2(const uint8_t *matrix, size_t n, uint32_t threshold, struct tcpk_scan_u8 *answer)
{
    if (n < STEP) {
        tcpk_scan_u8_generic(matrix, n, threshold, answer);
        return;
    }
    const uint32_t largest_sum = 255 * TCPK_FEATURES;
    const __m256i limit = _mm256_set1_epi16((short)(threshold < largest_sum ? threshold : largest_sum));
    *answer = (struct tcpk_scan_u8){.index = -1};
    for (size_t begin = 0; begin < n;) {
        /* Parts are even enough that none is left with fewer rows than a step. */
        const size_t left = n - begin, rows = left <= KEPT ? left : left < KEPT + STEP ? KEPT - STEP : KEPT;
        struct tcpk_scan_u8 part;
        scan_part(matrix + begin * TCPK_FEATURES, rows, limit, &part);
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
