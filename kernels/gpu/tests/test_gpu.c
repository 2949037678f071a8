/* A build of the library against libtcpk's generic variant. TCPK_GPU_AGENTS: how many agents and keys the largest batch
 * has (default 20000, which is several parts of the buffers that are asked for here). */
#include <math.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "random.h"
#include "tcpk/gpu.h"
#include "tcpk/tcpk.h"

#define LEAST_BUFFERS ((uint64_t)1 << 20)
#define GUARD 0xee

static struct tcpk_gpu *gpu;

static size_t most_agents(void)
{
    const char *asked = getenv("TCPK_GPU_AGENTS");
    return asked ? strtoul(asked, NULL, 10) : 20000;
}

static void *take(size_t size)
{
    void *memory = test_malloc(size + 1);
    memset(memory, GUARD, size + 1);
    return memory;
}

static int open_device(void **state)
{
    (void)state;
    struct tcpk_error error = {0};
    /* Small buffers for few agents, the usual ones for many. */
    const uint64_t buffers = most_agents() > 100000 ? 0 : LEAST_BUFFERS;
    if (tcpk_variant_select("generic", &error) == TCPK_OK && tcpk_gpu_open(0, buffers, &gpu, &error) == TCPK_OK)
        return 0;
    print_error("%s\n", error.message);
    return -1;
}

static int close_device(void **state)
{
    (void)state;
    tcpk_gpu_close(gpu);
    return 0;
}

static void check_keys(const struct tcpk_table *table, const uint64_t *keys, size_t n)
{
    uint8_t *descriptors = take(24 * n), *found = take(n), *decisions = take(n);
    uint8_t *same_descriptors = take(24 * n), *same_found = take(n), *same_decisions = take(n);
    tcpk_table_find_many(table, keys, n, same_descriptors, same_found);
    tcpk_table_decide_many(table, keys, n, same_decisions);
    assert_int_equal(tcpk_gpu_find_many(gpu, keys, n, descriptors, found, NULL), TCPK_OK);
    assert_int_equal(tcpk_gpu_decide_many(gpu, keys, n, decisions, NULL), TCPK_OK);
    /* One byte more: nothing is written behind an output. */
    assert_memory_equal(descriptors, same_descriptors, 24 * n + 1);
    assert_memory_equal(found, same_found, n + 1);
    assert_memory_equal(decisions, same_decisions, n + 1);
    void *const taken[] = {descriptors, found, decisions, same_descriptors, same_found, same_decisions};
    for (size_t i = 0; i < sizeof taken / sizeof *taken; i++)
        test_free(taken[i]);
}

static void check_table(const uint64_t *known, const uint8_t *descriptors, size_t count)
{
    const size_t sizes[] = {0, 1, 63, 64, 65, 255, 256, 257, most_agents()};
    struct random random = {count + 1};
    struct tcpk_table *table = NULL;
    assert_int_equal(tcpk_table_create(known, descriptors, count, &table, NULL), TCPK_OK);
    assert_int_equal(tcpk_gpu_load(gpu, known, descriptors, count, NULL), TCPK_OK);
    for (size_t size = 0; size < sizeof sizes / sizeof *sizes; size++) {
        uint64_t *keys = take(8 * sizes[size]);
        for (size_t i = 0; i < sizes[size]; i++)
            keys[i] = count && random_below(&random, 4) ? known[random_below(&random, count)] : random_next(&random);
        check_keys(table, keys, sizes[size]);
        test_free(keys);
    }
    tcpk_table_free(table);
}

static void lookups_agree(void **state)
{
    (void)state;
    const size_t counts[] = {0, 1, 3, 1000, 20000};
    for (size_t i = 0; i < sizeof counts / sizeof *counts; i++) {
        struct tcpk_registry *registry = NULL;
        assert_int_equal(tcpk_registry_generate(counts[i], 7, &registry, NULL), TCPK_OK);
        check_table(tcpk_registry_keys(registry), tcpk_registry_descriptors(registry), counts[i]);
        tcpk_registry_free(registry);
    }
}

/* Keys in a row are no hashes: the table mixes them first. And every combination of the risk bits. */
static void keys_that_are_no_hashes_agree(void **state)
{
    (void)state;
    enum { COUNT = 200 };
    uint64_t keys[COUNT];
    uint8_t descriptors[COUNT * TCPK_DESCRIPTOR_SIZE];
    for (unsigned i = 0; i < COUNT; i++) {
        keys[i] = i < COUNT / 2 ? i : UINT64_MAX - i;
        const struct tcpk_descriptor fields = {
            .command_hash = (uint32_t)(keys[i] >> 32), .security_flags = i | i << 24, .memory_mb = (uint16_t)(i * 257)};
        tcpk_descriptor_encode(&fields, descriptors + i * TCPK_DESCRIPTOR_SIZE);
    }
    check_table(keys, descriptors, COUNT);
}

static float feature(struct random *random)
{
    const float odd[] = {NAN, INFINITY, -INFINITY, 3e38f, 1e-40f, 0.0f};
    return random_below(random, 2000) ? random_float(random) : odd[random_below(random, 6)];
}

static void check_scores(size_t agents, size_t k)
{
    struct random random = {agents * 31 + k};
    float *rows = take(4 * 24 * agents * k), *baselines = take(4 * 24 * agents);
    float *scores = take(4 * agents), *same = take(4 * agents);
    for (size_t i = 0; i < 24 * agents * k; i++)
        rows[i] = i / (24 * k) % 7 == 3 ? 0.25f : feature(&random); /* every seventh agent never changes */
    for (size_t i = 0; i < 24 * agents; i++)
        baselines[i] = feature(&random);
    assert_int_equal(tcpk_baseline_score_many(rows, agents, k, baselines, same), TCPK_OK);
    assert_int_equal(tcpk_gpu_baseline_score_many(gpu, rows, agents, k, baselines, scores, NULL), TCPK_OK);
    assert_memory_equal(scores, same, 4 * agents + 1);
    test_free(rows);
    test_free(baselines);
    test_free(scores);
    test_free(same);
}

static void scores_agree_bit_by_bit(void **state)
{
    (void)state;
    const size_t agents[] = {0, 1, 65, 257}, ks[] = {0, 1, 2, 10, 33};
    for (size_t i = 0; i < sizeof agents / sizeof *agents; i++)
        for (size_t k = 0; k < sizeof ks / sizeof *ks; k++)
            check_scores(agents[i], ks[k]);
    check_scores(most_agents(), 10);
}

static void check_votes(size_t m, size_t n, enum tcpk_rule rule)
{
    const uint32_t needed = tcpk_votes_needed(n, rule);
    struct random random = {m * 4099 + n};
    uint8_t *votes = take(m * n), *passed = take((m + 7) / 8), *same = take((m + 7) / 8);
    memset(same, 0, (m + 7) / 8);
    for (size_t i = 0; i < m; i++) {
        /* About as many as are needed, each another byte. */
        const uint64_t likely = 1000 * needed / n;
        for (size_t j = 0; j < n; j++)
            votes[i * n + j] = random_below(&random, 1000) < likely ? (uint8_t)(1 + random_below(&random, 255)) : 0;
        bool pass = false;
        assert_int_equal(tcpk_consensus(votes + i * n, n, rule, &pass), TCPK_OK);
        same[i / 8] |= (uint8_t)(pass << i % 8);
    }
    assert_int_equal(tcpk_gpu_votes(gpu, votes, m, n, needed, passed, NULL), TCPK_OK);
    assert_memory_equal(passed, same, (m + 7) / 8 + 1);
    test_free(votes);
    test_free(passed);
    test_free(same);
}

static void votes_agree(void **state)
{
    (void)state;
    const size_t suspects[] = {0, 1, 5, 31, 32, 33, 63, 64, 65, 500};
    const size_t voters[] = {1, 2, 31, 32, 33, 63, 64, 65, 100, 257};
    for (size_t i = 0; i < sizeof suspects / sizeof *suspects; i++)
        for (size_t j = 0; j < sizeof voters / sizeof *voters; j++) {
            check_votes(suspects[i], voters[j], TCPK_MAJORITY);
            check_votes(suspects[i], voters[j], TCPK_BYZANTINE);
        }
    check_votes(65, TCPK_MAX_VOTERS, TCPK_BYZANTINE);
    check_votes(most_agents(), 100, TCPK_MAJORITY);
}

/* From the middle of pinned memory, and across its end, which is not pinned. */
static void pinned_memory_is_used_where_it_lies(void **state)
{
    (void)state;
    const size_t m = most_agents(), n = 9, size = m * n;
    void *votes = NULL, *passed = NULL;
    struct random random = {3};
    assert_int_equal(tcpk_gpu_pinned_new(size + 5, &votes, NULL), TCPK_OK);
    assert_int_equal(tcpk_gpu_pinned_new((m + 7) / 8, &passed, NULL), TCPK_OK);
    uint8_t *own = (uint8_t *)votes + 5, *copy = take(size), *same = take((m + 7) / 8);
    for (size_t i = 0; i < size; i++)
        own[i] = copy[i] = (uint8_t)random_below(&random, 2);
    assert_int_equal(tcpk_gpu_votes(gpu, own, m, n, 5, passed, NULL), TCPK_OK);
    assert_int_equal(tcpk_gpu_votes(gpu, copy, m, n, 5, same, NULL), TCPK_OK);
    assert_memory_equal(passed, same, (m + 7) / 8);
    tcpk_gpu_pinned_delete(votes);
    tcpk_gpu_pinned_delete(passed);
    tcpk_gpu_pinned_delete(NULL);
    test_free(copy);
    test_free(same);
}

static void wrong_arguments_are_refused(void **state)
{
    (void)state;
    struct tcpk_error error = {0};
    struct tcpk_gpu *other = NULL;
    uint8_t byte = 1, decision = GUARD, descriptor[24] = {0};
    const uint64_t keys[2] = {5, 5};
    assert_int_equal(tcpk_gpu_open(999, 0, &other, &error), TCPK_ERROR_RANGE);
    assert_non_null(strstr(error.message, "999"));
    assert_null(other);
    assert_int_equal(tcpk_gpu_open(0, LEAST_BUFFERS, &other, &error), TCPK_OK);
    assert_int_equal(tcpk_gpu_decide_many(other, keys, 1, &decision, &error), TCPK_ERROR_ARGUMENT);
    assert_int_equal(tcpk_gpu_find_many(other, keys, 1, descriptor, &byte, NULL), TCPK_ERROR_ARGUMENT);
    assert_int_equal(tcpk_gpu_votes(other, &byte, 1, 0, 1, &decision, &error), TCPK_ERROR_ARGUMENT);
    assert_int_equal(tcpk_gpu_votes(other, &byte, 1, TCPK_MAX_VOTERS + 1, 1, &decision, NULL), TCPK_ERROR_ARGUMENT);
    assert_int_equal(tcpk_gpu_votes(other, &byte, 1, 1, 2, &decision, NULL), TCPK_ERROR_ARGUMENT);
    /* 64 agents with so long a history are more than the buffers hold; nothing is read. */
    assert_int_equal(tcpk_gpu_baseline_score_many(other, NULL, 1, 1000, NULL, NULL, &error), TCPK_ERROR_MEMORY);
    assert_non_null(strstr(error.message, "larger buffers"));
    assert_int_equal(tcpk_gpu_copy_time(other, 1, 0, &(double){0}, &error), TCPK_ERROR_ARGUMENT);
    assert_int_equal(decision, GUARD);
    tcpk_gpu_close(other);
    tcpk_gpu_close(NULL);
}

static void a_table_that_can_not_be_built_leaves_the_former_one(void **state)
{
    (void)state;
    const struct tcpk_descriptor fields = {.security_flags = TCPK_RISK_CRITICAL};
    uint8_t descriptors[2 * TCPK_DESCRIPTOR_SIZE], decision = GUARD;
    const uint64_t keys[2] = {5, 5};
    tcpk_descriptor_encode(&fields, descriptors);
    tcpk_descriptor_encode(&fields, descriptors + TCPK_DESCRIPTOR_SIZE);
    assert_int_equal(tcpk_gpu_load(gpu, keys, descriptors, 1, NULL), TCPK_OK);
    assert_int_equal(tcpk_gpu_load(gpu, keys, descriptors, 2, NULL), TCPK_ERROR_COLLISION);
    assert_int_equal(tcpk_gpu_decide_many(gpu, keys, 1, &decision, NULL), TCPK_OK);
    assert_int_equal(decision, TCPK_REJECT);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(lookups_agree),
        cmocka_unit_test(keys_that_are_no_hashes_agree),
        cmocka_unit_test(scores_agree_bit_by_bit),
        cmocka_unit_test(votes_agree),
        cmocka_unit_test(pinned_memory_is_used_where_it_lies),
        cmocka_unit_test(wrong_arguments_are_refused),
        cmocka_unit_test(a_table_that_can_not_be_built_leaves_the_former_one),
    };
    return cmocka_run_group_tests(tests, open_device, close_device);
}
