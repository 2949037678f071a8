/* A descriptor from its body, inline: a batch of lookups makes one for each key. */
#ifndef TCPK_COMPLETE_H
#define TCPK_COMPLETE_H

#include <string.h>

#include "internal.h"

#if defined(__SSE2__)
#include <emmintrin.h>

static inline uint32_t tcpk_sum_of_body(const uint8_t *body)
{
    const __m128i sums = _mm_sad_epu8(_mm_loadu_si128((const __m128i *)body), _mm_setzero_si128());
    return (uint32_t)(_mm_cvtsi128_si32(sums) + _mm_extract_epi16(sums, 4));
}
#else
static inline uint32_t tcpk_sum_of_body(const uint8_t *body)
{
    uint32_t sum = 0;
    for (unsigned i = 0; i < TCPK_BODY_SIZE; i++)
        sum += body[i];
    return sum;
}
#endif

/* As tcpk_descriptor_complete. */
static inline void tcpk_complete(const uint8_t *body, uint8_t *bytes)
{
    static const uint8_t HEAD[8] = {'T', 'C', 'P', 2, 0, 2}; /* eight are one store; the body goes over two of them */
    uint8_t copy[TCPK_BODY_SIZE];                            /* read once: the output could be the body, as types go */
    memcpy(copy, body, sizeof copy);
    const uint32_t sum = 'T' + 'C' + 'P' + 2 + 0 + 2 + tcpk_sum_of_body(copy);
    const uint8_t checksum[2] = {(uint8_t)(sum >> 8), (uint8_t)sum};
    memcpy(bytes, HEAD, sizeof HEAD);
    memcpy(bytes + TCPK_BODY_OFFSET, copy, sizeof copy);
    memcpy(bytes + TCPK_BODY_OFFSET + TCPK_BODY_SIZE, checksum, sizeof checksum);
}

#endif
