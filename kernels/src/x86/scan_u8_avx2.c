/* The raw scan of uint8 rows: 16 rows a step, from 12 loads of 32 bytes.
 *
 * A row is three groups of 8 bytes, which vpsadbw adds. Four rows are three vectors A, B, C of four groups:
 *     A = (a0 a1 a2 b0)  B = (b1 b2 c0 c1)  C = (c2 d0 d1 d2)
 * Four such steps are packed to 16-bit lanes first, so that the lining up of groups is paid once for 16 rows: by blends
 *     (a0 b2 c0 d2), (b1 a1 d1 c1), (c2 d0 a2 b0)
 * of which the second needs its neighbours swapped and the third its halves, before the three are added. */
#include <immintrin.h>

#include "../generic/generic.h"
#include "avx2.h"

#define STEP 16
#define KEPT 1024 /* sums of so many rows are kept at once, to find the largest's index without scanning again */

static __m256i groups(const uint8_t *bytes)
{
    return _mm256_sad_epu8(_mm256_loadu_si256((const __m256i *)bytes), _mm256_setzero_si256());
}

/* Groups of the vectors at 0, 96, 192, 288 bytes as 16-bit lanes: in each half, lane 2k + l is group l of vector k. */
static __m256i packed_groups(const uint8_t *bytes)
{
    const __m256i first = _mm256_packus_epi32(groups(bytes), groups(bytes + 96));
    const __m256i second = _mm256_packus_epi32(groups(bytes + 192), groups(bytes + 288));
    return _mm256_packus_epi32(first, second);
}

/* Sums of 16 rows: in each half, lane 2k + l is row 4k + l, of the upper half row 4k + 2 + l. */
static __m256i sums_of_16(const uint8_t *rows)
{
    const __m256i a = packed_groups(rows), b = packed_groups(rows + 32), c = packed_groups(rows + 64);
    const __m256i neighbours = _mm256_setr_epi8(2, 3, 0, 1, 6, 7, 4, 5, 10, 11, 8, 9, 14, 15, 12, 13, 2, 3, 0, 1, 6, 7,
                                                4, 5, 10, 11, 8, 9, 14, 15, 12, 13);
    const int odd = 0xaa, upper = 0xf0;
    const __m256i straight = _mm256_blend_epi32(_mm256_blend_epi16(a, b, odd), _mm256_blend_epi16(b, c, odd), upper);
    const __m256i swapped = _mm256_blend_epi32(_mm256_blend_epi16(b, a, odd), _mm256_blend_epi16(c, b, odd), upper);
    const __m256i crossed = _mm256_blend_epi32(c, a, upper);
    return _mm256_add_epi16(_mm256_add_epi16(straight, _mm256_shuffle_epi8(swapped, neighbours)),
                            _mm256_permute4x64_epi64(crossed, 0x4e));
}

/* Lane of each row of a step in sums_of_16. */
static const uint8_t LANE[STEP] = {0, 1, 8, 9, 2, 3, 10, 11, 4, 5, 12, 13, 6, 7, 14, 15};

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

/* The first row whose sum is `wanted`, which one is. */
static size_t first_row(const __m256i *sums, uint16_t wanted)
{
    const __m256i pattern = _mm256_set1_epi16((short)wanted);
    size_t step = 0;
    __m256i equal = _mm256_cmpeq_epi16(sums[0], pattern);
    while (_mm256_testz_si256(equal, equal))
        equal = _mm256_cmpeq_epi16(sums[++step], pattern);
    const unsigned bytes = (unsigned)_mm256_movemask_epi8(equal);
    size_t row = 0;
    while (!(bytes >> (2 * LANE[row]) & 1))
        row++;
    return step * STEP + row;
}

/* Scan n rows, a multiple of 16 and at most KEPT, n > 0; the answer's index counts from the first of them. */
static void scan_part(const uint8_t *rows, size_t n, __m256i threshold, struct tcpk_scan_u8 *answer)
{
    __m256i sums[KEPT / STEP];
    __m256i above = _mm256_setzero_si256(), most = _mm256_setzero_si256();
    for (size_t step = 0; step < n / STEP; step++) {
        const __m256i sum = sums_of_16(rows + step * STEP * TCPK_FEATURES);
        sums[step] = sum;
        above = _mm256_sub_epi16(above, _mm256_cmpgt_epi16(sum, threshold));
        most = _mm256_max_epi16(most, sum);
    }
    answer->count = total(above);
    answer->sum = largest_lane(most);
    answer->index = (int64_t)first_row(sums, (uint16_t)answer->sum);
}

void tcpk_scan_u8_avx2(const uint8_t *matrix, size_t n, uint32_t threshold, struct tcpk_scan_u8 *answer)
{
    const uint32_t largest_sum = 255 * TCPK_FEATURES;
    const __m256i limit = _mm256_set1_epi16((short)(threshold < largest_sum ? threshold : largest_sum));
    *answer = (struct tcpk_scan_u8){.index = -1};
    for (size_t begin = 0; begin < n;) {
        const size_t left = n - begin, whole = left / STEP * STEP;
        const size_t rows = whole ? (whole < KEPT ? whole : KEPT) : left;
        struct tcpk_scan_u8 part;
        if (whole)
            scan_part(matrix + begin * TCPK_FEATURES, rows, limit, &part);
        else
            tcpk_scan_u8_generic(matrix + begin * TCPK_FEATURES, rows, threshold, &part);
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
