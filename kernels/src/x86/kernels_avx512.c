#include "avx512.h"

const struct tcpk_kernels tcpk_kernels_avx512 = {
    .name = "avx512",
    .scan_u8 = tcpk_scan_u8_avx512,
    .scan_f32 = tcpk_scan_f32_avx512,
    .sums_u8 = tcpk_sums_u8_avx512,
    .sums_f32 = tcpk_sums_f32_avx512,
    .count_above_f32 = tcpk_count_above_f32_avx512,
    .distances = tcpk_distances_avx512,
    .count_votes = tcpk_count_votes_avx512,
};
