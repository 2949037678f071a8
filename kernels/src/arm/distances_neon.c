/* Squared distances in double, in the order of behavior.h: four lanes of six terms, here two pairs of lanes; multiply
 * and add apart, as generic does. */
#include <arm_neon.h>

#include "neon.h"

#define VECTORS (TCPK_FEATURES / 4)

/* Nonzero bits where a float is NaN or infinite: x - x is 0 for all others. */
static uint32x4_t residue_of(float32x4_t values)
{
    return vreinterpretq_u32_f32(vsubq_f32(values, values));
}

bool tcpk_distances_neon(const float *rows, size_t k, const float *baseline, double *distances)
{
    float64x2_t low[VECTORS], high[VECTORS];
    uint32x4_t residue = vdupq_n_u32(0);
    for (unsigned i = 0; i < VECTORS; i++) {
        const float32x4_t four = vld1q_f32(baseline + 4 * i);
        residue = vorrq_u32(residue, residue_of(four));
        low[i] = vcvt_f64_f32(vget_low_f32(four));
        high[i] = vcvt_high_f64_f32(four);
    }
    for (size_t row = 0; row < k; row++) {
        float64x2_t lanes_01 = vdupq_n_f64(0.0), lanes_23 = vdupq_n_f64(0.0);
        for (unsigned i = 0; i < VECTORS; i++) {
            const float32x4_t four = vld1q_f32(rows + row * TCPK_FEATURES + 4 * i);
            residue = vorrq_u32(residue, residue_of(four));
            const float64x2_t first = vsubq_f64(vcvt_f64_f32(vget_low_f32(four)), low[i]);
            const float64x2_t second = vsubq_f64(vcvt_high_f64_f32(four), high[i]);
            lanes_01 = vaddq_f64(lanes_01, vmulq_f64(first, first));
            lanes_23 = vaddq_f64(lanes_23, vmulq_f64(second, second));
        }
        distances[row] = vpaddd_f64(vaddq_f64(lanes_01, lanes_23));
    }
    return vmaxvq_u32(residue) == 0;
}
