#include <arm_neon.h>

#include "../generic/generic.h"
#include "neon.h"

size_t tcpk_count_votes_neon(const uint8_t *votes, size_t n)
{
    const uint8x16_t one = vdupq_n_u8(1);
    size_t i = 0, count = 0;
    for (; i + 16 <= n; i += 16)
        count += vaddvq_u8(vminq_u8(vld1q_u8(votes + i), one));
    return count + tcpk_count_votes_generic(votes + i, n - i);
}
