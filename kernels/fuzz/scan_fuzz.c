/* Scans, windows, streams and scores in every variant: what the definitions in behavior.h say, of any bytes. */
#include <math.h>

#include "input.h"

enum { MOST_ROWS = 300, MOST_WINDOW = 70 };

static uint32_t sum_u8(const uint8_t *row)
{
    uint32_t sum = 0;
    for (unsigned i = 0; i < TCPK_FEATURES; i++)
        sum += row[i];
    return sum;
}

/* As behavior.h orders the additions. */
static float sum_f32(const uint8_t *row)
{
    float x[TCPK_FEATURES], lanes[8];
    memcpy(x, row, sizeof x);
    for (unsigned l = 0; l < 8; l++)
        lanes[l] = (x[l] + x[l + 8]) + x[l + 16];
    for (unsigned half = 4; half; half /= 2)
        for (unsigned l = 0; l < half; l++)
            lanes[l] += lanes[l + half];
    return lanes[0];
}

static struct tcpk_scan_u8 define_u8(const uint8_t *rows, size_t n, uint32_t threshold)
{
    struct tcpk_scan_u8 it = {0, -1, 0};
    for (size_t i = 0; i < n; i++) {
        const uint32_t sum = sum_u8(rows + i * TCPK_FEATURES);
        it.count += sum > threshold;
        if (it.index < 0 || sum > it.sum)
            it.index = (int64_t)i, it.sum = sum;
    }
    return it;
}

static struct tcpk_scan_f32 define_f32(const uint8_t *rows, size_t n, float threshold)
{
    struct tcpk_scan_f32 it = {0, -1, 0.0f};
    for (size_t i = 0; i < n; i++) {
        const float sum = sum_f32(rows + i * TCPK_FEATURES * sizeof(float));
        it.count += isnan(sum) || isnan(threshold) || sum > threshold;
        if (it.index < 0 || (!isnan(it.sum) && (isnan(sum) || sum > it.sum)))
            it.index = (int64_t)i, it.sum = sum;
    }
    return it;
}

static bool same(float left, float right)
{
    return memcmp(&left, &right, sizeof left) == 0 || (isnan(left) && isnan(right)) || left == right;
}

static void require_u8(const struct tcpk_scan_u8 *got, const struct tcpk_scan_u8 *wanted)
{
    REQUIRE(got->count == wanted->count && got->index == wanted->index && got->sum == wanted->sum);
}

static void require_f32(const struct tcpk_scan_f32 *got, const struct tcpk_scan_f32 *wanted)
{
    REQUIRE(got->count == wanted->count && got->index == wanted->index && same(got->sum, wanted->sum));
}

static void check_u8(struct input *input)
{
    const size_t n = input_below(input, MOST_ROWS), size = 1 + input_below(input, MOST_WINDOW);
    const size_t first = input_below(input, n + 1), kept = n < size ? n : size;
    const uint32_t threshold = (uint32_t)input_value(input, 4) % 7000;
    const bool odd = input_value(input, 1) & 1;
    struct array rows = array_of(input, n * TCPK_FEATURES, odd);
    const uint8_t *at = rows.data;
    struct tcpk_scan_u8 got, wanted = define_u8(at, n, threshold);
    REQUIRE(tcpk_window_scan_u8(at, n, threshold, &got) == TCPK_OK);
    require_u8(&got, &wanted);
    struct tcpk_window_u8 *window = NULL;
    REQUIRE(tcpk_window_u8_create(size, &window) == TCPK_OK);
    tcpk_window_u8_append(window, at, first);
    tcpk_window_u8_append(window, at + first * TCPK_FEATURES, n - first);
    tcpk_window_u8_query(window, threshold, &got);
    wanted = define_u8(at + (n - kept) * TCPK_FEATURES, kept, threshold);
    require_u8(&got, &wanted);
    REQUIRE(tcpk_window_u8_count(window) == kept);
    tcpk_window_u8_free(window);
    uint64_t *stream = calloc(1, tcpk_stream_bytes((uint32_t)size));
    REQUIRE(stream);
    for (size_t i = 0; i < n; i++)
        tcpk_stream_append(stream, (uint32_t)size, sum_u8(at + i * TCPK_FEATURES) > threshold);
    REQUIRE(tcpk_stream_count(stream) == wanted.count);
    free(stream);
    free(rows.memory);
}

static void check_f32(struct input *input)
{
    const size_t n = input_below(input, MOST_ROWS / 4), size = 1 + input_below(input, MOST_WINDOW);
    const size_t first = input_below(input, n + 1), kept = n < size ? n : size, row = TCPK_FEATURES * sizeof(float);
    const uint32_t bits = (uint32_t)input_value(input, 4);
    float threshold;
    memcpy(&threshold, &bits, sizeof threshold);
    struct array rows = array_of(input, n * row, false);
    const uint8_t *at = rows.data;
    struct tcpk_scan_f32 got, wanted = define_f32(at, n, threshold);
    REQUIRE(tcpk_window_scan_f32(rows.data, n, threshold, &got) == TCPK_OK);
    require_f32(&got, &wanted);
    struct tcpk_window_f32 *window = NULL;
    REQUIRE(tcpk_window_f32_create(size, &window) == TCPK_OK);
    tcpk_window_f32_append(window, rows.data, first);
    tcpk_window_f32_append(window, (const float *)rows.data + first * TCPK_FEATURES, n - first);
    tcpk_window_f32_query(window, threshold, &got);
    wanted = define_f32(at + (n - kept) * row, kept, threshold);
    require_f32(&got, &wanted);
    tcpk_window_f32_free(window);
    free(rows.memory);
}

/* The generic variant is the definition; each other gives the same bits. */
static void check_scores(struct input *input)
{
    const size_t agents = input_below(input, 20), k = input_below(input, 14);
    struct array rows = array_of(input, agents * k * TCPK_FEATURES * sizeof(float), false);
    struct array baselines = array_of(input, agents * TCPK_FEATURES * sizeof(float), false);
    float *scores = malloc(agents * sizeof *scores);
    REQUIRE(scores || !agents);
    REQUIRE(tcpk_baseline_score_many(rows.data, agents, k, baselines.data, scores) == TCPK_OK);
    const char *const variant = tcpk_variant();
    REQUIRE(tcpk_variant_select("generic", NULL) == TCPK_OK);
    for (size_t agent = 0; agent < agents; agent++) {
        float alone;
        const float *own = (const float *)rows.data + agent * k * TCPK_FEATURES;
        REQUIRE(tcpk_baseline_score(own, k, (const float *)baselines.data + agent * TCPK_FEATURES, &alone) == TCPK_OK);
        REQUIRE(same(scores[agent], alone) && !isnan(alone));
    }
    REQUIRE(tcpk_variant_select(variant, NULL) == TCPK_OK);
    free(scores);
    free(rows.memory);
    free(baselines.memory);
}

/* No second definition here: an answer is an error, or a distance for each row that is no NaN. */
static void check_model(struct input *input)
{
    const size_t m = input_below(input, 40), n = input_below(input, 40);
    const double ridge = (double)input_value(input, 2) / 256;
    struct array history = array_of(input, m * TCPK_FEATURES * sizeof(double), false);
    struct array rows = array_of(input, n * TCPK_FEATURES * sizeof(double), false);
    double *distances = malloc(n * sizeof *distances);
    REQUIRE(distances || !n);
    struct tcpk_model *model = NULL;
    const enum tcpk_status status = tcpk_model_fit(history.data, m, ridge, &model);
    REQUIRE(status == TCPK_OK || status == TCPK_ERROR_ARGUMENT || status == TCPK_ERROR_BLAS);
    REQUIRE((status == TCPK_OK) == (model != NULL));
    if (model) {
        REQUIRE(tcpk_model_distances(model, rows.data, n, distances) == TCPK_OK);
        for (size_t i = 0; i < n; i++)
            REQUIRE(distances[i] >= 0);
    }
    tcpk_model_free(model);
    free(distances);
    free(history.memory);
    free(rows.memory);
}

int LLVMFuzzerTestOneInput(const uint8_t *bytes, size_t length)
{
    static void (*const CHECKS[])(struct input *) = {check_u8, check_f32, check_scores, check_model};
    if (!length)
        return 0;
    for (const char *const *variant = tcpk_variants(); *variant; variant++) {
        struct input input = {bytes + 1, length - 1};
        REQUIRE(tcpk_variant_select(*variant, NULL) == TCPK_OK);
        CHECKS[bytes[0] % 4](&input);
    }
    return 0;
}
