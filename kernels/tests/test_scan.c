/* Scans and windows: every variant against a definition written here, on the same cases, to the last bit. */
#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "support.h"

#define F TCPK_FEATURES
#define MOST 2100

static const size_t SIZES[] = {0,  1,  2,  3,  7,  8,  9,   15,   16,   17,   31,   32,   33,
                               47, 48, 49, 63, 64, 65, 999, 1000, 1001, 1023, 1024, 1025, MOST};

/* Rows of many kinds: random, near the reference threshold, all equal, with ties, full scale. */
static void fill_u8(struct random *random, unsigned kind, uint8_t *matrix, size_t n)
{
    for (size_t i = 0; i < n * F; i++) {
        const uint8_t value = (uint8_t)random_next(random);
        switch (kind) {
        case 0: matrix[i] = value; break;
        case 1: matrix[i] = (uint8_t)(189 + value % 5); break;
        case 2: matrix[i] = 77; break;
        case 3: matrix[i] = i / F % 5 == 4 ? 200 : 100; break;
        case 4: matrix[i] = 255; break;
        default: matrix[i] = 0; break;
        }
    }
}

static struct tcpk_scan_u8 define_u8(const uint8_t *matrix, size_t n, uint32_t threshold)
{
    struct tcpk_scan_u8 answer = {.index = -1};
    for (size_t row = 0; row < n; row++) {
        uint32_t sum = 0;
        for (unsigned i = 0; i < F; i++)
            sum += matrix[row * F + i];
        answer.count += sum > threshold;
        if (row == 0 || sum > answer.sum) {
            answer.index = (int64_t)row;
            answer.sum = sum;
        }
    }
    return answer;
}

static void expect_u8(const struct tcpk_scan_u8 *got, const struct tcpk_scan_u8 *wanted)
{
    assert_int_equal(got->count, wanted->count);
    assert_int_equal(got->index, wanted->index);
    assert_int_equal(got->sum, wanted->sum);
}

static void check_scan_u8(const char *variant)
{
    (void)variant;
    const uint32_t thresholds[] = {
        0, 1848, 2400, 4589, 4590, 4591, 6119, 6120, 6121, UINT16_MAX, UINT16_MAX + 1u, UINT32_MAX};
    struct random random = {1};
    for (unsigned kind = 0; kind < 6; kind++)
        for (size_t i = 0; i < sizeof SIZES / sizeof *SIZES; i++) {
            /* Memory of exactly its size, at an odd address. */
            const size_t n = SIZES[i];
            uint8_t *memory = malloc(n * F + 1);
            assert_non_null(memory);
            fill_u8(&random, kind, memory + 1, n);
            for (size_t t = 0; t < sizeof thresholds / sizeof *thresholds; t++) {
                const struct tcpk_scan_u8 wanted = define_u8(memory + 1, n, thresholds[t]);
                struct tcpk_scan_u8 got;
                assert_int_equal(tcpk_window_scan_u8(memory + 1, n, thresholds[t], &got), TCPK_OK);
                expect_u8(&got, &wanted);
            }
            free(memory);
        }
}

static void scan_u8_is_exact(void **state)
{
    (void)state;
    support_each_variant(check_scan_u8);
}

/* The largest row at every place of a part and over its borders. */
static void check_largest_row(const char *variant)
{
    (void)variant;
    enum { ROWS = 1100 };
    uint8_t *matrix = calloc(ROWS, F);
    assert_non_null(matrix);
    for (size_t row = 0; row < ROWS; row++) {
        matrix[row * F + row % F] = 1;
        struct tcpk_scan_u8 got;
        assert_int_equal(tcpk_window_scan_u8(matrix, ROWS, 0, &got), TCPK_OK);
        expect_u8(&got, &(struct tcpk_scan_u8){.count = 1, .index = (int64_t)row, .sum = 1});
        matrix[row * F + row % F] = 0;
    }
    free(matrix);
}

static void the_largest_row_is_found_anywhere(void **state)
{
    (void)state;
    support_each_variant(check_largest_row);
}

/* The order of addition that behavior.h states. */
static float sum_f32(const float *row)
{
    float lanes[8];
    for (unsigned lane = 0; lane < 8; lane++) {
        const float two = row[lane] + row[lane + 8];
        lanes[lane] = two + row[lane + 16];
    }
    const float four[4] = {lanes[0] + lanes[4], lanes[1] + lanes[5], lanes[2] + lanes[6], lanes[3] + lanes[7]};
    const float two[2] = {four[0] + four[2], four[1] + four[3]};
    return two[0] + two[1];
}

static struct tcpk_scan_f32 define_f32(const float *matrix, size_t n, float threshold)
{
    struct tcpk_scan_f32 answer = {.index = -1};
    for (size_t row = 0; row < n; row++) {
        const float sum = sum_f32(matrix + row * F);
        answer.count += isnan(sum) || isnan(threshold) || sum > threshold;
        if (row == 0 || (!isnan(answer.sum) && (isnan(sum) || sum > answer.sum))) {
            answer.index = (int64_t)row;
            answer.sum = sum;
        }
    }
    return answer;
}

static void expect_f32(const struct tcpk_scan_f32 *got, const struct tcpk_scan_f32 *wanted)
{
    assert_int_equal(got->count, wanted->count);
    assert_int_equal(got->index, wanted->index);
    if (isnan(wanted->sum))
        assert_true(isnan(got->sum));
    else
        assert_memory_equal(&got->sum, &wanted->sum, sizeof wanted->sum);
}

static void fill_f32(struct random *random, unsigned kind, float *matrix, size_t n)
{
    const float odd_ones[] = {NAN, INFINITY, -INFINITY, 3e38f, -0.0f, 1e-45f};
    for (size_t i = 0; i < n * F; i++) {
        matrix[i] = kind == 2 ? 0.75f : random_float(random) * (kind == 3 ? 1e30f : 1.5f);
        if (kind == 1 && random_below(random, 100) == 0)
            matrix[i] = odd_ones[random_below(random, 6)];
        if (kind == 4)
            matrix[i] = -0.0f;
    }
}

static void check_scan_f32(const char *variant)
{
    (void)variant;
    const float thresholds[] = {18.0f, 0.0f, -1.0f, INFINITY, -INFINITY, NAN};
    struct random random = {2};
    for (unsigned kind = 0; kind < 5; kind++)
        for (size_t i = 0; i < sizeof SIZES / sizeof *SIZES; i++) {
            const size_t n = SIZES[i];
            /* Memory of exactly its size, at an address that is no vector's. */
            float *memory = malloc((n * F + 1) * sizeof *memory), *const matrix = memory + 1;
            assert_non_null(memory);
            fill_f32(&random, kind, matrix, n);
            for (size_t t = 0; t < sizeof thresholds / sizeof *thresholds; t++) {
                const struct tcpk_scan_f32 wanted = define_f32(matrix, n, thresholds[t]);
                struct tcpk_scan_f32 got;
                assert_int_equal(tcpk_window_scan_f32(matrix, n, thresholds[t], &got), TCPK_OK);
                expect_f32(&got, &wanted);
            }
            free(memory);
        }
}

static void scan_f32_has_the_same_bits_in_every_variant(void **state)
{
    (void)state;
    support_each_variant(check_scan_f32);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(scan_u8_is_exact),
        cmocka_unit_test(the_largest_row_is_found_anywhere),
        cmocka_unit_test(scan_f32_has_the_same_bits_in_every_variant),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
