/* The AVX-512 kernels; their files are compiled with -mavx512f -mavx512bw -mavx512dq -mavx512vl -mbmi -mpopcnt, called
 * only where tcpk_cpu_has_avx512; with -mavx512vnni those of *_vnni_avx512.c, called only where tcpk_cpu_has_vnni. */
#ifndef TCPK_AVX512_H
#define TCPK_AVX512_H

#include "../internal.h"

void tcpk_sums_u8_avx512(const uint8_t *matrix, size_t n, uint16_t *sums);
void tcpk_sums_f32_avx512(const float *matrix, size_t n, float *sums);
void tcpk_scan_u8_avx512(const uint8_t *matrix, size_t n, uint32_t threshold, struct tcpk_scan_u8 *answer);
void tcpk_scan_u8_vnni_avx512(const uint8_t *matrix, size_t n, uint32_t threshold, struct tcpk_scan_u8 *answer);
void tcpk_scan_f32_avx512(const float *matrix, size_t n, float threshold, struct tcpk_scan_f32 *answer);
size_t tcpk_count_above_f32_avx512(const float *sums, size_t n, float threshold);
bool tcpk_distances_avx512(const float *rows, size_t k, const float *baseline, double *distances);
size_t tcpk_count_votes_avx512(const uint8_t *votes, size_t n);

#endif
