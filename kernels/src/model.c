/* The learned baseline: population covariance and Cholesky factor through BLAS and LAPACK, by their Fortran names,
 * which OpenBLAS, MKL and the reference share. A row-major rows x 24 matrix is their column-major 24 x rows one. */
#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "internal.h"

#define N ((int)TCPK_FEATURES)
#define CHUNK 4096 /* rows at once: their copy stays in the cache */

/* The trailing lengths of character arguments are passed by value, as gfortran's interface has it. */
void dsyrk_(const char *uplo, const char *trans, const int *n, const int *k, const double *alpha, const double *a,
            const int *lda, const double *beta, double *c, const int *ldc, size_t, size_t);
void dpotrf_(const char *uplo, const int *n, double *a, const int *lda, int *info, size_t);
void dtrtri_(const char *uplo, const char *diag, const int *n, double *a, const int *lda, int *info, size_t, size_t);
void dgemm_(const char *transa, const char *transb, const int *m, const int *n, const int *k, const double *alpha,
            const double *a, const int *lda, const double *b, const int *ldb, const double *beta, double *c,
            const int *ldc, size_t, size_t);

struct tcpk_model {
    double mean[TCPK_FEATURES];
    double covariance[TCPK_FEATURES * TCPK_FEATURES];
    /* The Cholesky factor solved for the unit matrix, once: lower, column-major, zeros above. A product with many rows
     * takes a seventh of the time that solving for them takes, as a triangle of 24 is too small for BLAS to solve fast.
     */
    double solved[TCPK_FEATURES * TCPK_FEATURES];
};

static void centre(const double *rows, size_t n, const double *mean, double *out)
{
    for (size_t row = 0; row < n; row++)
        for (unsigned i = 0; i < TCPK_FEATURES; i++)
            out[row * TCPK_FEATURES + i] = rows[row * TCPK_FEATURES + i] - mean[i];
}

static bool is_finite(const double *values, size_t n)
{
    for (size_t i = 0; i < n; i++)
        if (!isfinite(values[i]))
            return false;
    return true;
}

/* Lower triangle of the sum of outer products, a chunk at a time, then divided, mirrored, and the ridge added. */
static void fit_covariance(struct tcpk_model *model, const double *history, size_t m, double ridge, double *chunk)
{
    const double one = 1.0;
    for (size_t begin = 0; begin < m; begin += CHUNK) {
        const int rows = (int)(m - begin < CHUNK ? m - begin : CHUNK);
        const int n = N;
        centre(history + begin * TCPK_FEATURES, (size_t)rows, model->mean, chunk);
        dsyrk_("L", "N", &n, &rows, &one, chunk, &n, &one, model->covariance, &n, 1, 1);
    }
    for (int column = 0; column < N; column++) {
        for (int row = column; row < N; row++) {
            const double value = model->covariance[column * N + row] / (double)m;
            model->covariance[column * N + row] = model->covariance[row * N + column] = value;
        }
        model->covariance[column * N + column] += ridge;
    }
}

static bool solve(struct tcpk_model *model)
{
    const int n = N;
    int info = 0;
    memcpy(model->solved, model->covariance, sizeof model->solved);
    dpotrf_("L", &n, model->solved, &n, &info, 1);
    if (info == 0)
        dtrtri_("L", "N", &n, model->solved, &n, &info, 1, 1);
    for (int column = 1; column < N; column++)
        memset(model->solved + column * N, 0, (size_t)column * sizeof *model->solved);
    return info == 0;
}

enum tcpk_status tcpk_model_fit(const double *history, size_t m, double ridge, struct tcpk_model **out)
{
    *out = NULL;
    if (m == 0 || !isfinite(ridge) || ridge < 0 || !is_finite(history, m * TCPK_FEATURES))
        return TCPK_ERROR_ARGUMENT;
    struct tcpk_model *model = calloc(1, sizeof *model);
    double *chunk = malloc((size_t)CHUNK * TCPK_FEATURES * sizeof *chunk);
    if (!model || !chunk) {
        free(model);
        free(chunk);
        return TCPK_ERROR_MEMORY;
    }
    for (size_t row = 0; row < m; row++)
        for (unsigned i = 0; i < TCPK_FEATURES; i++)
            model->mean[i] += history[row * TCPK_FEATURES + i];
    for (unsigned i = 0; i < TCPK_FEATURES; i++)
        model->mean[i] /= (double)m;
    fit_covariance(model, history, m, ridge, chunk);
    free(chunk);
    if (!solve(model)) {
        free(model);
        return TCPK_ERROR_BLAS;
    }
    *out = model;
    return TCPK_OK;
}

void tcpk_model_free(struct tcpk_model *model)
{
    free(model);
}

const double *tcpk_model_mean(const struct tcpk_model *model)
{
    return model->mean;
}

const double *tcpk_model_covariance(const struct tcpk_model *model)
{
    return model->covariance;
}

enum tcpk_status tcpk_model_distances(const struct tcpk_model *model, const double *rows, size_t n, double *distances)
{
    const size_t most = n < CHUNK ? n : CHUNK;
    double *centred = malloc(2 * (most + 1) * TCPK_FEATURES * sizeof *centred);
    if (!centred)
        return TCPK_ERROR_MEMORY;
    double *spread = centred + (most + 1) * TCPK_FEATURES;
    const double one = 1.0, none = 0.0;
    for (size_t begin = 0; begin < n; begin += CHUNK) {
        const int count = (int)(n - begin < CHUNK ? n - begin : CHUNK);
        const int features = N;
        centre(rows + begin * TCPK_FEATURES, (size_t)count, model->mean, centred);
        dgemm_("N", "N", &features, &count, &features, &one, model->solved, &features, centred, &features, &none,
               spread, &features, 1, 1);
        for (int row = 0; row < count; row++) {
            double squares = 0.0;
            for (int i = 0; i < N; i++)
                squares += spread[row * N + i] * spread[row * N + i];
            const double distance = sqrt(squares);
            distances[begin + (size_t)row] = isfinite(distance) ? distance : INFINITY;
        }
    }
    free(centred);
    return TCPK_OK;
}
