/* Baseline scores against the definition in double, and the learned baseline against plain elimination. */
#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "support.h"

#define F TCPK_FEATURES

static double define_score(const float *rows, size_t k, const float *baseline)
{
    double *d = calloc(k + 1, sizeof *d);
    assert_non_null(d);
    double mean = 0, variance = 0, largest = 0;
    for (size_t row = 0; row < k; row++) {
        for (unsigned i = 0; i < F; i++)
            d[row] += pow((double)rows[row * F + i] - (double)baseline[i], 2);
        mean += d[row] / (double)k;
    }
    for (size_t row = 0; row < k; row++) {
        variance += pow(d[row] - mean, 2) / (double)k;
        largest = fmax(largest, fabs(d[row] - mean));
    }
    free(d);
    const double spread = sqrt(variance);
    return k < 2 || spread < 1e-10 ? 0 : largest / (spread + 1e-10);
}

static void check_score(const char *variant)
{
    const size_t counts[] = {0, 1, 2, 3, 7, 8, 10, 11, 64, 65, 1000};
    struct random random = {11};
    static float rows[1000 * F], baseline[F];
    for (size_t i = 0; i < sizeof counts / sizeof *counts; i++)
        for (unsigned scale = 0; scale < 4; scale++) {
            const float factor = powf(1000.0f, (float)scale - 1);
            for (size_t j = 0; j < counts[i] * F; j++)
                rows[j] = random_float(&random) * factor;
            for (unsigned j = 0; j < F; j++)
                baseline[j] = random_float(&random) * factor;
            const double wanted = define_score(rows, counts[i], baseline);
            float got = -1.0f, generic = -1.0f;
            assert_int_equal(tcpk_baseline_score(rows, counts[i], baseline, &got), TCPK_OK);
            assert_true(fabs((double)got - wanted) <= 1e-5 * wanted);
            assert_int_equal(tcpk_variant_select("generic", NULL), TCPK_OK);
            assert_int_equal(tcpk_baseline_score(rows, counts[i], baseline, &generic), TCPK_OK);
            assert_int_equal(tcpk_variant_select(variant, NULL), TCPK_OK);
            assert_memory_equal(&got, &generic, sizeof got);
        }
}

static void score_is_the_definition_and_the_same_in_every_variant(void **state)
{
    (void)state;
    support_each_variant(check_score);
}

static void check_not_finite(const char *variant)
{
    (void)variant;
    enum { K = 10 };
    const float odd_ones[] = {NAN, INFINITY, -INFINITY};
    for (unsigned odd = 0; odd < 3; odd++)
        for (size_t at = 0; at < (K + 1) * F; at++)
            for (size_t k = 1; k <= K; k += K - 1) {
                float values[(K + 1) * F] = {0}, score = 0.0f;
                values[at] = odd_ones[odd];
                /* The baseline comes first, so that its numbers are tried too. */
                if (at >= (k + 1) * F)
                    continue;
                assert_int_equal(tcpk_baseline_score(values + F, k, values, &score), TCPK_OK);
                assert_true(isinf(score) && score > 0);
            }
}

static void what_is_not_finite_scores_infinity(void **state)
{
    (void)state;
    support_each_variant(check_not_finite);
}

static void check_no_spread(const char *variant)
{
    (void)variant;
    float rows[5 * F], baseline[F] = {0}, score = -1.0f;
    for (size_t i = 0; i < 5 * F; i++)
        rows[i] = 0.3f;
    assert_int_equal(tcpk_baseline_score(rows, 5, baseline, &score), TCPK_OK);
    assert_true(score == 0.0f);
    /* Finite numbers whose squares are large in double still have a score. */
    for (size_t i = 0; i < 5 * F; i++)
        rows[i] = i < F ? 3e38f : -3e38f;
    assert_int_equal(tcpk_baseline_score(rows, 5, baseline, &score), TCPK_OK);
    assert_true(isfinite(score));
}

static void rows_without_spread_score_zero(void **state)
{
    (void)state;
    support_each_variant(check_no_spread);
}

static void check_many(const char *variant)
{
    (void)variant;
    enum { AGENTS = 33, K = 10 };
    static float rows[AGENTS * K * F], baselines[AGENTS * F];
    float scores[AGENTS];
    struct random random = {12};
    for (size_t i = 0; i < AGENTS * K * F; i++)
        rows[i] = random_float(&random);
    for (size_t i = 0; i < AGENTS * F; i++)
        baselines[i] = random_float(&random);
    baselines[7 * F] = NAN;
    assert_int_equal(tcpk_baseline_score_many(rows, AGENTS, K, baselines, scores), TCPK_OK);
    assert_true(isinf(scores[7]));
    for (size_t agent = 0; agent < AGENTS; agent++) {
        float single = -1.0f;
        assert_int_equal(tcpk_baseline_score(rows + agent * K * F, K, baselines + agent * F, &single), TCPK_OK);
        assert_memory_equal(&single, &scores[agent], sizeof single);
    }
}

static void many_scores_are_the_single_ones(void **state)
{
    (void)state;
    support_each_variant(check_many);
}

/* sqrt(x' C^-1 x) by elimination with pivots in long double. */
static double define_distance(const double *covariance, const double *x)
{
    long double a[F][F + 1];
    for (unsigned i = 0; i < F; i++) {
        for (unsigned j = 0; j < F; j++)
            a[i][j] = covariance[i * F + j];
        a[i][F] = x[i];
    }
    for (unsigned column = 0; column < F; column++) {
        unsigned pivot = column;
        for (unsigned row = column; row < F; row++)
            pivot = fabsl(a[row][column]) > fabsl(a[pivot][column]) ? row : pivot;
        for (unsigned j = 0; j <= F; j++) {
            const long double swap = a[column][j];
            a[column][j] = a[pivot][j];
            a[pivot][j] = swap;
        }
        for (unsigned row = 0; row < F; row++) {
            const long double factor = row == column ? 0 : a[row][column] / a[column][column];
            for (unsigned j = column; j <= F; j++)
                a[row][j] -= factor * a[column][j];
        }
    }
    long double form = 0;
    for (unsigned i = 0; i < F; i++)
        form += x[i] * (a[i][F] / a[i][i]);
    return (double)sqrtl(form);
}

static void check_model(size_t m, double ridge)
{
    enum { ROWS = 50 };
    struct random random = {13 + m};
    double *history = malloc(m * F * sizeof *history), rows[ROWS * F], distances[ROWS];
    assert_non_null(history);
    for (size_t i = 0; i < m * F; i++)
        history[i] = random_float(&random) + (i % F && i % 3 == 0 ? history[i - 1] : 0);
    for (size_t i = 0; i < ROWS * F; i++)
        rows[i] = 2 * random_float(&random);
    struct tcpk_model *model = NULL;
    assert_int_equal(tcpk_model_fit(history, m, ridge, &model), TCPK_OK);
    const double *mean = tcpk_model_mean(model), *covariance = tcpk_model_covariance(model);
    for (unsigned i = 0; i < F; i++)
        for (unsigned j = 0; j < F; j++) {
            long double sum_i = 0, sum_j = 0, sum = 0;
            for (size_t row = 0; row < m; row++) {
                sum_i += history[row * F + i];
                sum_j += history[row * F + j];
            }
            for (size_t row = 0; row < m; row++)
                sum += (history[row * F + i] - sum_i / m) * (history[row * F + j] - sum_j / m);
            const double wanted = (double)(sum / m) + (i == j ? ridge : 0);
            assert_true(fabs(mean[i] - (double)(sum_i / m)) < 1e-12);
            assert_true(fabs(covariance[i * F + j] - wanted) < 1e-12);
        }
    assert_int_equal(tcpk_model_distances(model, rows, ROWS, distances), TCPK_OK);
    for (size_t row = 0; row < ROWS; row++) {
        double x[F];
        for (unsigned i = 0; i < F; i++)
            x[i] = rows[row * F + i] - mean[i];
        const double wanted = define_distance(covariance, x);
        assert_true(fabs(distances[row] - wanted) <= 1e-8 * wanted);
    }
    tcpk_model_free(model);
    free(history);
}

static void learned_distances_are_mahalanobis(void **state)
{
    (void)state;
    check_model(1000, 0.0);
    check_model(1000, 0.1);
    check_model(1, 0.5);
    check_model(5, 1e-3);
    check_model(5000, 1e-6); /* more than one chunk */
}

static void a_model_that_cannot_be_is_refused(void **state)
{
    (void)state;
    double history[2 * F] = {0};
    struct tcpk_model *model = NULL;
    assert_int_equal(tcpk_model_fit(history, 0, 1.0, &model), TCPK_ERROR_ARGUMENT);
    assert_int_equal(tcpk_model_fit(history, 2, -1.0, &model), TCPK_ERROR_ARGUMENT);
    assert_int_equal(tcpk_model_fit(history, 2, (double)NAN, &model), TCPK_ERROR_ARGUMENT);
    assert_int_equal(tcpk_model_fit(history, 2, 0.0, &model), TCPK_ERROR_BLAS);
    history[5] = (double)INFINITY;
    assert_int_equal(tcpk_model_fit(history, 2, 1.0, &model), TCPK_ERROR_ARGUMENT);
    assert_null(model);
}

static void a_row_that_is_not_finite_is_infinitely_far(void **state)
{
    (void)state;
    const double history[2 * F] = {0};
    struct tcpk_model *model = NULL;
    assert_int_equal(tcpk_model_fit(history, 2, 1.0, &model), TCPK_OK);
    double rows[3 * F] = {0}, distances[3];
    rows[3] = (double)NAN;
    rows[2 * F + 23] = -(double)INFINITY;
    assert_int_equal(tcpk_model_distances(model, rows, 3, distances), TCPK_OK);
    assert_true(isinf(distances[0]) && distances[1] == 0 && isinf(distances[2]));
    assert_int_equal(tcpk_model_distances(model, NULL, 0, distances), TCPK_OK);
    tcpk_model_free(model);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(score_is_the_definition_and_the_same_in_every_variant),
        cmocka_unit_test(what_is_not_finite_scores_infinity),
        cmocka_unit_test(rows_without_spread_score_zero),
        cmocka_unit_test(many_scores_are_the_single_ones),
        cmocka_unit_test(learned_distances_are_mahalanobis),
        cmocka_unit_test(a_model_that_cannot_be_is_refused),
        cmocka_unit_test(a_row_that_is_not_finite_is_infinitely_far),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
