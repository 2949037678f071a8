/* Sums and the raw scan of uint8 rows: eight rows a step, whose eight lanes of three bytes each are added in pairs. */
#include <arm_neon.h>

#include "../generic/generic.h"
#include "neon.h"

#define STEP 8
#define KEPT 1024 /* rows whose sums are kept at once */

/* Eight lanes, each the sum of three bytes. */
static uint16x8_t lanes_of(const uint8_t *row)
{
    return vaddw_u8(vpaddlq_u8(vld1q_u8(row)), vld1_u8(row + 16));
}

static uint16x8_t lanes_of_2(const uint8_t *rows)
{
    return vpaddq_u16(lanes_of(rows), lanes_of(rows + TCPK_FEATURES));
}

static uint16x8_t lanes_of_4(const uint8_t *rows)
{
    return vpaddq_u16(lanes_of_2(rows), lanes_of_2(rows + 2 * TCPK_FEATURES));
}

void tcpk_sums_u8_neon(const uint8_t *matrix, size_t n, uint16_t *sums)
{
    size_t row = 0;
    for (; row + STEP <= n; row += STEP) {
        const uint8_t *rows = matrix + row * TCPK_FEATURES;
        vst1q_u16(sums + row, vpaddq_u16(lanes_of_4(rows), lanes_of_4(rows + 4 * TCPK_FEATURES)));
    }
    tcpk_sums_u8_generic(matrix + row * TCPK_FEATURES, n - row, sums + row);
}

/* Scan 1 to KEPT rows. */
static void scan_part(const uint8_t *rows, size_t n, uint16_t threshold, struct tcpk_scan_u8 *answer)
{
    uint16_t sums[KEPT];
    tcpk_sums_u8_neon(rows, n, sums);
    const uint16x8_t limit = vdupq_n_u16(threshold);
    uint16x8_t above = vdupq_n_u16(0), most = vdupq_n_u16(0);
    size_t i = 0;
    for (; i + STEP <= n; i += STEP) {
        const uint16x8_t here = vld1q_u16(sums + i);
        above = vsubq_u16(above, vcgtq_u16(here, limit));
        most = vmaxq_u16(most, here);
    }
    answer->count = vaddvq_u16(above);
    answer->sum = vmaxvq_u16(most);
    for (; i < n; i++) {
        answer->count += sums[i] > threshold;
        answer->sum = sums[i] > answer->sum ? sums[i] : answer->sum;
    }
    answer->index = 0;
    while (sums[answer->index] != answer->sum)
        answer->index++;
}

void tcpk_scan_u8_neon(const uint8_t *matrix, size_t n, uint32_t threshold, struct tcpk_scan_u8 *answer)
{
    const uint16_t limit = threshold < UINT16_MAX ? (uint16_t)threshold : UINT16_MAX;
    *answer = (struct tcpk_scan_u8){.index = -1};
    for (size_t begin = 0; begin < n; begin += KEPT) {
        struct tcpk_scan_u8 part;
        scan_part(matrix + begin * TCPK_FEATURES, n - begin < KEPT ? n - begin : KEPT, limit, &part);
        answer->count += part.count;
        if (answer->index < 0 || part.sum > answer->sum) {
            answer->index = (int64_t)begin + part.index;
            answer->sum = part.sum;
        }
    }
}
