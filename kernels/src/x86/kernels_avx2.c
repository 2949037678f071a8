#include "avx2.h"

const struct tcpk_kernels tcpk_kernels_avx2 = {
    .name = "avx2",
    .scan_u8 = tcpk_scan_u8_avx2,
    .scan_f32 = tcpk_scan_f32_avx2,
    .sums_u8 = tcpk_sums_u8_avx2,
    .sums_f32 = tcpk_sums_f32_avx2,
    .count_above_f32 = tcpk_count_above_f32_avx2,
    .distances = tcpk_distances_avx2,
    .count_votes = tcpk_count_votes_avx2,
};
