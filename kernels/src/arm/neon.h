/* The NEON kernels, for aarch64, where NEON is part of the baseline. */
#ifndef TCPK_NEON_H
#define TCPK_NEON_H

#include "../internal.h"

void tcpk_sums_u8_neon(const uint8_t *matrix, size_t n, uint16_t *sums);
void tcpk_sums_f32_neon(const float *matrix, size_t n, float *sums);
void tcpk_scan_u8_neon(const uint8_t *matrix, size_t n, uint32_t threshold, struct tcpk_scan_u8 *answer);
void tcpk_scan_f32_neon(const float *matrix, size_t n, float threshold, struct tcpk_scan_f32 *answer);
size_t tcpk_count_above_f32_neon(const float *sums, size_t n, float threshold);
bool tcpk_distances_neon(const float *rows, size_t k, const float *baseline, double *distances);
size_t tcpk_count_votes_neon(const uint8_t *votes, size_t n);

#endif
