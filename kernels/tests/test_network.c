#include <pthread.h>
#include <stdlib.h>
#include <string.h>

#include "support.h"

static void the_fewest_votes_that_pass(void **state)
{
    (void)state;
    for (size_t n = 1; n <= TCPK_MAX_VOTERS; n++) {
        const uint32_t majority = tcpk_votes_needed(n, TCPK_MAJORITY), byzantine = tcpk_votes_needed(n, TCPK_BYZANTINE);
        assert_true(2 * majority > n && 2 * (majority - 1) <= n);
        assert_true(byzantine == 2 * n / 3 + 1 && byzantine <= n);
    }
    assert_int_equal(tcpk_votes_needed(0, TCPK_MAJORITY), 0);
    assert_int_equal(tcpk_votes_needed(TCPK_MAX_VOTERS + 1, TCPK_MAJORITY), 0);
    assert_int_equal(tcpk_votes_needed(3, (enum tcpk_rule)7), 0);
}

static void check_consensus(const char *variant)
{
    (void)variant;
    const size_t counts[] = {1, 2, 3, 31, 32, 33, 63, 100, 101, 4095, 4096};
    for (size_t i = 0; i < sizeof counts / sizeof *counts; i++)
        for (enum tcpk_rule rule = TCPK_MAJORITY; rule <= TCPK_BYZANTINE; rule++) {
            const size_t n = counts[i];
            const uint32_t needed = tcpk_votes_needed(n, rule);
            uint8_t *votes = calloc(1, n);
            assert_non_null(votes);
            for (size_t given = 0; given <= n; given++) {
                bool passed = given < needed;
                assert_int_equal(tcpk_consensus(votes, n, rule, &passed), TCPK_OK);
                assert_int_equal(passed, given >= needed);
                /* Any nonzero byte is a vote; from the end, so that what is left over of a vector counts. */
                if (given < n)
                    votes[n - 1 - given] = (uint8_t)(given % 255 + 1);
            }
            free(votes);
        }
}

static void consensus_passes_at_the_fewest_votes(void **state)
{
    (void)state;
    support_each_variant(check_consensus);
}

static void consensus_refuses_other_sizes_and_rules(void **state)
{
    (void)state;
    static uint8_t votes[TCPK_MAX_VOTERS + 1];
    bool passed = false;
    assert_int_equal(tcpk_consensus(votes, 0, TCPK_MAJORITY, &passed), TCPK_ERROR_ARGUMENT);
    assert_int_equal(tcpk_consensus(votes, TCPK_MAX_VOTERS + 1, TCPK_MAJORITY, &passed), TCPK_ERROR_ARGUMENT);
    assert_int_equal(tcpk_consensus(votes, 3, (enum tcpk_rule)7, &passed), TCPK_ERROR_ARGUMENT);
}

static struct tcpk_quarantine *set_of(uint64_t agents)
{
    struct tcpk_quarantine *set = NULL;
    assert_int_equal(tcpk_quarantine_create(agents, &set), TCPK_OK);
    assert_int_equal(tcpk_quarantine_agents(set), agents);
    assert_int_equal(tcpk_quarantine_count(set), 0);
    return set;
}

static void ids_come_and_go_once(void **state)
{
    (void)state;
    struct tcpk_quarantine *set = set_of(131);
    const uint32_t ids[] = {0, 63, 64, 130, 63};
    uint64_t changed = 0;
    assert_int_equal(tcpk_quarantine_add(set, ids, 5, &changed), TCPK_OK);
    assert_int_equal(changed, 4);
    assert_int_equal(tcpk_quarantine_add(set, ids, 5, &changed), TCPK_OK);
    assert_int_equal(changed, 0);
    assert_int_equal(tcpk_quarantine_count(set), 4);
    for (uint32_t id = 0; id < 131; id++) {
        bool inside = false;
        assert_int_equal(tcpk_quarantine_contains(set, id, &inside), TCPK_OK);
        assert_int_equal(inside, id == 0 || id == 63 || id == 64 || id == 130);
    }
    uint8_t bits[17];
    tcpk_quarantine_snapshot(set, bits);
    const uint8_t wanted[17] = {0x80, 0, 0, 0, 0, 0, 0, 0x01, 0x80, 0, 0, 0, 0, 0, 0, 0, 0x20};
    assert_memory_equal(bits, wanted, sizeof bits);
    assert_int_equal(tcpk_quarantine_remove(set, ids + 1, 4, &changed), TCPK_OK);
    assert_int_equal(changed, 3);
    assert_int_equal(tcpk_quarantine_count(set), 1);
    tcpk_quarantine_free(set);
}

static void an_id_out_of_range_changes_nothing(void **state)
{
    (void)state;
    struct tcpk_quarantine *set = set_of(10);
    const uint32_t ids[] = {1, 10};
    bool inside = false;
    assert_int_equal(tcpk_quarantine_add(set, ids, 2, NULL), TCPK_ERROR_RANGE);
    assert_int_equal(tcpk_quarantine_remove(set, ids, 2, NULL), TCPK_ERROR_RANGE);
    assert_int_equal(tcpk_quarantine_contains(set, 10, &inside), TCPK_ERROR_RANGE);
    assert_int_equal(tcpk_quarantine_count(set), 0);
    tcpk_quarantine_free(set);
    assert_int_equal(tcpk_quarantine_create(0, &set), TCPK_ERROR_ARGUMENT);
    assert_int_equal(tcpk_quarantine_create(((uint64_t)1 << 32) + 1, &set), TCPK_ERROR_ARGUMENT);
}

enum { THREADS = 4, AGENTS = 4096 };

struct adder {
    pthread_t thread;
    struct tcpk_quarantine *set;
    uint64_t added, removed;
    unsigned number;
};

/* All add every agent, each in another order, and then remove those of every third. */
static void *add_all(void *argument)
{
    struct adder *adder = argument;
    for (uint32_t i = 0; i < AGENTS; i++) {
        const uint32_t id = (i * 5 + adder->number * 1024) % AGENTS;
        uint64_t changed = 0;
        (void)tcpk_quarantine_add(adder->set, &id, 1, &changed);
        adder->added += changed;
    }
    return NULL;
}

static void *remove_third(void *argument)
{
    struct adder *adder = argument;
    for (uint32_t id = 0; id < AGENTS; id += 3) {
        uint64_t changed = 0;
        (void)tcpk_quarantine_remove(adder->set, &id, 1, &changed);
        adder->removed += changed;
    }
    return NULL;
}

static void run_in_threads(struct adder *adders, void *(*work)(void *))
{
    for (unsigned i = 0; i < THREADS; i++)
        assert_int_equal(pthread_create(&adders[i].thread, NULL, work, &adders[i]), 0);
    for (unsigned i = 0; i < THREADS; i++)
        assert_int_equal(pthread_join(adders[i].thread, NULL), 0);
}

static void concurrent_changes_are_each_counted_once(void **state)
{
    (void)state;
    struct tcpk_quarantine *set = set_of(AGENTS);
    struct adder adders[THREADS] = {0};
    for (unsigned i = 0; i < THREADS; i++)
        adders[i] = (struct adder){.set = set, .number = i};
    run_in_threads(adders, add_all);
    assert_int_equal(tcpk_quarantine_count(set), AGENTS);
    run_in_threads(adders, remove_third);
    uint64_t added = 0, removed = 0;
    for (unsigned i = 0; i < THREADS; i++) {
        added += adders[i].added;
        removed += adders[i].removed;
    }
    assert_int_equal(added, AGENTS);
    assert_int_equal(removed, (AGENTS + 2) / 3);
    assert_int_equal(tcpk_quarantine_count(set), AGENTS - (AGENTS + 2) / 3);
    tcpk_quarantine_free(set);
}

static void check_adapt(const char *variant)
{
    (void)variant;
    enum { M = 6, N = 100 };
    struct tcpk_quarantine *set = set_of(1000000);
    static uint8_t votes[M * N];
    memset(votes, 0, sizeof votes);
    const uint32_t suspects[M] = {999999, 5, 7, 999999, 64, 8};
    const unsigned given[M] = {51, 50, 66, 100, 67, 0};
    for (unsigned i = 0; i < M; i++)
        memset(votes + i * N, 1, given[i]);
    uint64_t newly = 0;
    assert_int_equal(tcpk_adapt(votes, M, N, suspects, set, TCPK_BYZANTINE, &newly), TCPK_OK);
    assert_int_equal(newly, 2); /* 999999, once by all votes, and 64 */
    assert_int_equal(tcpk_adapt(votes, M, N, suspects, set, TCPK_MAJORITY, &newly), TCPK_OK);
    assert_int_equal(newly, 1); /* 7 */
    assert_int_equal(tcpk_quarantine_count(set), 3);
    assert_int_equal(tcpk_adapt(votes, 0, N, suspects, set, TCPK_MAJORITY, &newly), TCPK_OK);
    assert_int_equal(newly, 0);
    tcpk_quarantine_free(set);
}

static void adapt_quarantines_those_that_pass(void **state)
{
    (void)state;
    support_each_variant(check_adapt);
}

static void adapt_checks_all_before_it_changes_any(void **state)
{
    (void)state;
    struct tcpk_quarantine *set = set_of(10);
    const uint8_t votes[2] = {1, 1};
    const uint32_t suspects[2] = {1, 10};
    uint64_t newly = 0;
    assert_int_equal(tcpk_adapt(votes, 2, 1, suspects, set, TCPK_MAJORITY, &newly), TCPK_ERROR_RANGE);
    assert_int_equal(tcpk_adapt(votes, 2, 0, suspects, set, TCPK_MAJORITY, &newly), TCPK_ERROR_ARGUMENT);
    assert_int_equal(tcpk_quarantine_count(set), 0);
    tcpk_quarantine_free(set);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(the_fewest_votes_that_pass),
        cmocka_unit_test(consensus_passes_at_the_fewest_votes),
        cmocka_unit_test(consensus_refuses_other_sizes_and_rules),
        cmocka_unit_test(ids_come_and_go_once),
        cmocka_unit_test(an_id_out_of_range_changes_nothing),
        cmocka_unit_test(concurrent_changes_are_each_counted_once),
        cmocka_unit_test(adapt_quarantines_those_that_pass),
        cmocka_unit_test(adapt_checks_all_before_it_changes_any),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
