#include "generic.h"

const struct tcpk_kernels tcpk_kernels_generic = {
    .name = "generic",
    .scan_u8 = tcpk_scan_u8_generic,
    .scan_f32 = tcpk_scan_f32_generic,
    .sums_u8 = tcpk_sums_u8_generic,
    .sums_f32 = tcpk_sums_f32_generic,
    .count_above_f32 = tcpk_count_above_f32_generic,
    .distances = tcpk_distances_generic,
    .count_votes = tcpk_count_votes_generic,
};
