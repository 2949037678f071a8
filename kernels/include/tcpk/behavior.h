/* Behavioral analysis: window scans, windows, streams, baseline scores.
 *
 * A row is 24 features; uint8 rows have full scale 255 = 1.0. Matrices are row-major and need no alignment.
 * Every variant gives the same bits: float32 rows are summed as eight lanes of three, (x[l] + x[l+8]) + x[l+16], then
 * halves onto halves, lanes 4, 2 and 1; distances in double as four lanes of six in order, then (0+2) + (1+3). Of
 * distances the offsets o from the first and their squares are summed the same way, each fourth in a lane; 1/k rounded
 * gives mean(o) and mean(o^2), their variance is mean(o^2) - mean(o)^2, 0 where that is below.
 * A NaN sum is anomalous and larger than every number, and against a NaN threshold every row is anomalous: what cannot
 * be shown to be normal is not. */
#ifndef TCPK_BEHAVIOR_H
#define TCPK_BEHAVIOR_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "error.h"

#ifdef __cplusplus
extern "C" {
#endif

#define TCPK_FEATURES 24u

/* Answer of a scan: rows whose sum is above the threshold, index and sum of the largest (lowest index on ties).
 * No rows: count 0, index -1, sum 0. */
struct tcpk_scan_u8 {
    uint64_t count;
    int64_t index;
    uint32_t sum;
};

struct tcpk_scan_f32 {
    uint64_t count;
    int64_t index;
    float sum;
};

/* Scan n x 24 features. Errors: TCPK_ERROR_VARIANT (see cpu.h). */
TCPK_API enum tcpk_status tcpk_window_scan_u8(const uint8_t *matrix, size_t n, uint32_t threshold,
                                              struct tcpk_scan_u8 *answer);
TCPK_API enum tcpk_status tcpk_window_scan_f32(const float *matrix, size_t n, float threshold,
                                               struct tcpk_scan_f32 *answer);

/* The last `rows` rows of one kind, in order of arrival: index 0 is the oldest row held. Appending costs O(1) a row
 * (amortised); a query costs O(1) for uint8 and one pass over the sums for float32. One thread at a time. */
struct tcpk_window_u8;
struct tcpk_window_f32;

/* rows from 1 to 2^32 - 1, else TCPK_ERROR_ARGUMENT; TCPK_ERROR_VARIANT as above; the caller frees *out. */
TCPK_API enum tcpk_status tcpk_window_u8_create(size_t rows, struct tcpk_window_u8 **out);
TCPK_API void tcpk_window_u8_free(struct tcpk_window_u8 *window);
TCPK_API void tcpk_window_u8_append(struct tcpk_window_u8 *window, const uint8_t *matrix, size_t n);
TCPK_API void tcpk_window_u8_query(const struct tcpk_window_u8 *window, uint32_t threshold,
                                   struct tcpk_scan_u8 *answer);
TCPK_API size_t tcpk_window_u8_count(const struct tcpk_window_u8 *window);

TCPK_API enum tcpk_status tcpk_window_f32_create(size_t rows, struct tcpk_window_f32 **out);
TCPK_API void tcpk_window_f32_free(struct tcpk_window_f32 *window);
TCPK_API void tcpk_window_f32_append(struct tcpk_window_f32 *window, const float *matrix, size_t n);
TCPK_API void tcpk_window_f32_query(const struct tcpk_window_f32 *window, float threshold,
                                    struct tcpk_scan_f32 *answer);
TCPK_API size_t tcpk_window_f32_count(const struct tcpk_window_f32 *window);

/* A window of one bit a row, for one fixed threshold, in the caller's memory: tcpk_stream_bytes(window) bytes,
 * aligned to 8, zeroed. Appending is O(1). */
TCPK_API size_t tcpk_stream_bytes(uint32_t window);
/* Append a row's verdict, over the oldest; returns how many of the last `window` rows are anomalous. */
TCPK_API uint32_t tcpk_stream_append(void *stream, uint32_t window, bool anomalous);
TCPK_API uint32_t tcpk_stream_count(const void *stream);

/* Score of k recent rows against a baseline, float32 in, arithmetic in double:
 * max |d - mean(d)| / (population std(d) + 1e-10) of the squared distances d. 0 when k < 2 or the std is below 1e-10;
 * +infinity when any input is NaN or infinite. */
TCPK_API enum tcpk_status tcpk_baseline_score(const float *rows, size_t k, const float *baseline, float *score);
/* The same for `agents` agents: rows agents x k x 24, baselines agents x 24, scores agents. */
TCPK_API enum tcpk_status tcpk_baseline_score_many(const float *rows, size_t agents, size_t k, const float *baselines,
                                                   float *scores);

/* Learned baseline: mean and population covariance of a history with `ridge` on its diagonal, through BLAS/LAPACK. */
struct tcpk_model;

/* history m x 24, m >= 1, finite (else TCPK_ERROR_ARGUMENT); ridge finite and >= 0. TCPK_ERROR_BLAS when the
 * covariance is not positive definite. The caller frees *out. */
TCPK_API enum tcpk_status tcpk_model_fit(const double *history, size_t m, double ridge, struct tcpk_model **out);
TCPK_API void tcpk_model_free(struct tcpk_model *model);
TCPK_API const double *tcpk_model_mean(const struct tcpk_model *model);       /* 24 */
TCPK_API const double *tcpk_model_covariance(const struct tcpk_model *model); /* 24 x 24, ridge included */
/* Mahalanobis distances of rows n x 24; +infinity for a row that is not finite. */
TCPK_API enum tcpk_status tcpk_model_distances(const struct tcpk_model *model, const double *rows, size_t n,
                                               double *distances);

#ifdef __cplusplus
}
#endif

#endif
