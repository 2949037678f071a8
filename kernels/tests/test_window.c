/* Window objects and streams against a scan of the rows they should hold. */
#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "support.h"

#define F TCPK_FEATURES
#define ARRIVING 400

static const size_t WINDOWS[] = {1, 2, 3, 16, 63, 64, 65, 100, ARRIVING, 1000};

static void check_window_u8(const char *variant)
{
    (void)variant;
    const uint32_t thresholds[] = {0, 63, 64, 3000, 3071, 3072, 4590, 6119, 6120, 6143, 6144, UINT32_MAX};
    static uint8_t rows[ARRIVING * F];
    /* Every seventh row ties for the largest: the oldest of them must be named. */
    struct random random = {3};
    for (size_t i = 0; i < sizeof rows; i++)
        rows[i] = (uint8_t)(i / F % 7 == 0 ? 240 : random_next(&random));
    for (size_t w = 0; w < sizeof WINDOWS / sizeof *WINDOWS; w++) {
        struct tcpk_window_u8 *window = NULL;
        assert_int_equal(tcpk_window_u8_create(WINDOWS[w], &window), TCPK_OK);
        for (size_t arrived = 0, some = 0; arrived <= ARRIVING; arrived += some) {
            const size_t held = arrived < WINDOWS[w] ? arrived : WINDOWS[w];
            assert_int_equal(tcpk_window_u8_count(window), held);
            for (size_t t = 0; t < sizeof thresholds / sizeof *thresholds; t++) {
                struct tcpk_scan_u8 wanted, got;
                tcpk_window_u8_query(window, thresholds[t], &got);
                assert_int_equal(tcpk_window_scan_u8(rows + (arrived - held) * F, held, thresholds[t], &wanted), 0);
                assert_int_equal(got.count, wanted.count);
                assert_int_equal(got.index, wanted.index);
                assert_int_equal(got.sum, wanted.sum);
            }
            if (arrived == ARRIVING)
                break;
            some = random_below(&random, 4) ? random_below(&random, 3) : random_below(&random, 150);
            some = some < ARRIVING - arrived ? some : ARRIVING - arrived;
            tcpk_window_u8_append(window, rows + arrived * F, some);
        }
        tcpk_window_u8_free(window);
    }
}

static void window_u8_is_a_scan_of_the_last_rows(void **state)
{
    (void)state;
    support_each_variant(check_window_u8);
}

static void check_window_f32(const char *variant)
{
    (void)variant;
    const float thresholds[] = {0.0f, 12.0f, 18.0f, INFINITY, NAN};
    static float rows[ARRIVING * F];
    struct random random = {4};
    for (size_t i = 0; i < sizeof rows / sizeof *rows; i++)
        rows[i] = i / F % 7 == 0 ? 0.9f : random_below(&random, 3000) ? random_float(&random) : NAN;
    for (size_t w = 0; w < sizeof WINDOWS / sizeof *WINDOWS; w++) {
        struct tcpk_window_f32 *window = NULL;
        assert_int_equal(tcpk_window_f32_create(WINDOWS[w], &window), TCPK_OK);
        for (size_t arrived = 0, some = 0; arrived <= ARRIVING; arrived += some) {
            const size_t held = arrived < WINDOWS[w] ? arrived : WINDOWS[w];
            assert_int_equal(tcpk_window_f32_count(window), held);
            for (size_t t = 0; t < sizeof thresholds / sizeof *thresholds; t++) {
                struct tcpk_scan_f32 wanted, got;
                tcpk_window_f32_query(window, thresholds[t], &got);
                assert_int_equal(tcpk_window_scan_f32(rows + (arrived - held) * F, held, thresholds[t], &wanted), 0);
                assert_int_equal(got.count, wanted.count);
                assert_int_equal(got.index, wanted.index);
                if (isnan(wanted.sum))
                    assert_true(isnan(got.sum));
                else
                    assert_memory_equal(&got.sum, &wanted.sum, sizeof got.sum);
            }
            if (arrived == ARRIVING)
                break;
            some = random_below(&random, 4) ? random_below(&random, 3) : random_below(&random, 150);
            some = some < ARRIVING - arrived ? some : ARRIVING - arrived;
            tcpk_window_f32_append(window, rows + arrived * F, some);
        }
        tcpk_window_f32_free(window);
    }
}

static void window_f32_is_a_scan_of_the_last_rows(void **state)
{
    (void)state;
    support_each_variant(check_window_f32);
}

static void a_window_of_no_rows_is_refused(void **state)
{
    (void)state;
    struct tcpk_window_u8 *bytes = NULL;
    struct tcpk_window_f32 *floats = NULL;
    assert_int_equal(tcpk_window_u8_create(0, &bytes), TCPK_ERROR_ARGUMENT);
    assert_int_equal(tcpk_window_f32_create(0, &floats), TCPK_ERROR_ARGUMENT);
    assert_null(bytes);
    assert_null(floats);
}

static void a_stream_counts_its_last_rows(void **state)
{
    (void)state;
    const uint32_t windows[] = {1, 2, 63, 64, 65, 1000};
    struct random random = {6};
    static bool seen[3000];
    for (size_t w = 0; w < sizeof windows / sizeof *windows; w++) {
        void *stream = calloc(1, tcpk_stream_bytes(windows[w]));
        assert_non_null(stream);
        uint32_t wanted = 0;
        for (size_t i = 0; i < sizeof seen / sizeof *seen; i++) {
            seen[i] = random_below(&random, 3) == 0;
            wanted += seen[i];
            if (i >= windows[w])
                wanted -= seen[i - windows[w]];
            assert_int_equal(tcpk_stream_append(stream, windows[w], seen[i]), wanted);
            assert_int_equal(tcpk_stream_count(stream), wanted);
        }
        free(stream);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(window_u8_is_a_scan_of_the_last_rows),
        cmocka_unit_test(window_f32_is_a_scan_of_the_last_rows),
        cmocka_unit_test(a_window_of_no_rows_is_refused),
        cmocka_unit_test(a_stream_counts_its_last_rows),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
