#include "avx512.h"

#define WITH(scan)                                                                                                     \
    {                                                                                                                  \
        .name = "avx512", .scan_u8 = (scan), .scan_f32 = tcpk_scan_f32_avx512, .sums_u8 = tcpk_sums_u8_avx512,         \
        .sums_f32 = tcpk_sums_f32_avx512, .count_above_f32 = tcpk_count_above_f32_avx512,                              \
        .distances = tcpk_distances_avx512, .count_votes = tcpk_count_votes_avx512,                                    \
    }

const struct tcpk_kernels tcpk_kernels_avx512 = WITH(tcpk_scan_u8_avx512);
const struct tcpk_kernels tcpk_kernels_avx512_vnni = WITH(tcpk_scan_u8_vnni_avx512);
