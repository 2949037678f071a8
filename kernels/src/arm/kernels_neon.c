#include "neon.h"

const struct tcpk_kernels tcpk_kernels_neon = {
    .name = "neon",
    .scan_u8 = tcpk_scan_u8_neon,
    .scan_f32 = tcpk_scan_f32_neon,
    .sums_u8 = tcpk_sums_u8_neon,
    .sums_f32 = tcpk_sums_f32_neon,
    .count_above_f32 = tcpk_count_above_f32_neon,
    .distances = tcpk_distances_neon,
    .count_votes = tcpk_count_votes_neon,
};
