/* The engine against the five steps of its definition, done one event at a time on plain arrays. */
#include <stdlib.h>
#include <string.h>

#include "support.h"

#define F TCPK_FEATURES
#define COMMANDS 50
#define EVENTS 3000

enum { AGENTS = 37, VOTERS_MOST = 130 };

struct events {
    uint32_t agents[EVENTS];
    uint64_t keys[EVENTS];
    uint8_t features[EVENTS * F];
};

struct answers {
    uint8_t decisions[EVENTS];
    uint8_t quarantined[EVENTS];
};

struct fixture {
    struct tcpk_registry *registry;
    struct tcpk_table *table;
    struct events events;
};

/* A few rows are anomalous, a few commands rejected or unknown. */
static int set_up(void **state)
{
    struct fixture *fixture = calloc(1, sizeof *fixture);
    assert_non_null(fixture);
    assert_int_equal(tcpk_registry_generate(COMMANDS, 3, &fixture->registry, NULL), TCPK_OK);
    assert_int_equal(tcpk_table_of_registry(fixture->registry, &fixture->table, NULL), TCPK_OK);
    struct random random = {21};
    for (size_t i = 0; i < EVENTS; i++) {
        size_t command = random_below(&random, COMMANDS);
        if (command % 5 == 4 && random_below(&random, 10))
            command--; /* the generated risks are spread evenly: fewer CRITICAL ones */
        fixture->events.agents[i] = (uint32_t)random_below(&random, AGENTS);
        fixture->events.keys[i] =
            random_below(&random, 20) ? tcpk_registry_keys(fixture->registry)[command] : random_next(&random);
        memset(fixture->events.features + i * F, random_below(&random, 12) ? 100 : 200, F);
    }
    *state = fixture;
    return 0;
}

static int tear_down(void **state)
{
    struct fixture *fixture = *state;
    tcpk_table_free(fixture->table);
    tcpk_registry_free(fixture->registry);
    free(fixture);
    return 0;
}

static struct tcpk_engine_options usual(void)
{
    return (struct tcpk_engine_options){
        .agents = AGENTS, .window = 20, .threshold = 4590, .suspicion = 3, .voters = 1, .threads = 1};
}

/* Plain state of the definition. */
struct node {
    struct tcpk_engine_options options;
    bool rows[AGENTS][EVENTS];
    size_t arrived[AGENTS];
    bool votes[AGENTS][VOTERS_MOST];
    bool quarantined[AGENTS];
};

static void settle(struct node *node, uint32_t agent)
{
    uint32_t known = 0;
    for (uint32_t voter = 0; voter < node->options.voters; voter++)
        known += node->votes[agent][voter];
    const uint32_t n = node->options.voters;
    if (node->options.rule == TCPK_MAJORITY ? 2 * known > n : known >= 2 * n / 3 + 1)
        node->quarantined[agent] = true;
}

static void define(struct node *node, const struct fixture *fixture, size_t first, size_t n, struct answers *answers)
{
    for (size_t i = first; i < first + n; i++) {
        const uint32_t agent = fixture->events.agents[i];
        const enum tcpk_decision decision = support_decide(fixture->table, fixture->events.keys[i]);
        uint32_t sum = 0, anomalous = 0;
        for (unsigned j = 0; j < F; j++)
            sum += fixture->events.features[i * F + j];
        const size_t at = node->arrived[agent]++;
        node->rows[agent][at] = sum > node->options.threshold;
        for (size_t row = at + 1 < node->options.window ? 0 : at + 1 - node->options.window; row <= at; row++)
            anomalous += node->rows[agent][row];
        if (decision == TCPK_REJECT || anomalous >= node->options.suspicion)
            node->votes[agent][node->options.voter] = true;
        settle(node, agent);
        answers->quarantined[i] = node->quarantined[agent];
        answers->decisions[i] = (uint8_t)(node->quarantined[agent] ? TCPK_REJECT : decision);
    }
}

static void receive(struct node *node, uint32_t voter, const uint32_t *agents, size_t n)
{
    for (size_t i = 0; i < n; i++) {
        node->votes[agents[i]][voter] = true;
        settle(node, agents[i]);
    }
}

/* Votes of other nodes come in between parts of the events; the parts have odd sizes, and none. */
static void check_engine(const struct fixture *fixture, const struct tcpk_engine_options *options)
{
    static struct node node;
    static struct answers wanted, got;
    memset(&node, 0, sizeof node);
    node.options = *options;
    struct random random = {22};
    struct tcpk_engine *engine = NULL;
    assert_int_equal(tcpk_engine_create(options, fixture->table, &engine, NULL), TCPK_OK);
    for (size_t first = 0, n = 0; first < EVENTS; first += n) {
        n = random_below(&random, 200);
        n = n < EVENTS - first ? n : EVENTS - first;
        define(&node, fixture, first, n, &wanted);
        const struct events *events = &fixture->events;
        assert_int_equal(tcpk_engine_process(engine, events->agents + first, events->keys + first,
                                             events->features + first * F, n, got.decisions + first,
                                             got.quarantined + first, NULL),
                         TCPK_OK);
        if (options->voters > 1) {
            uint32_t voter = (uint32_t)random_below(&random, options->voters);
            voter = voter == options->voter ? (voter + 1) % options->voters : voter;
            const uint32_t agents[2] = {(uint32_t)random_below(&random, AGENTS), 0};
            receive(&node, voter, agents, 2);
            assert_int_equal(tcpk_engine_receive_votes(engine, voter, agents, 2, NULL), TCPK_OK);
        }
    }
    assert_memory_equal(got.decisions, wanted.decisions, EVENTS);
    assert_memory_equal(got.quarantined, wanted.quarantined, EVENTS);

    uint32_t suspects[AGENTS];
    const size_t found = tcpk_engine_suspects(engine, suspects, AGENTS);
    size_t expected = 0;
    for (uint32_t agent = 0; agent < AGENTS; agent++) {
        bool inside = false;
        assert_int_equal(tcpk_quarantine_contains(tcpk_engine_quarantine(engine), agent, &inside), TCPK_OK);
        assert_int_equal(inside, node.quarantined[agent]);
        if (node.votes[agent][options->voter])
            assert_int_equal(suspects[expected++], agent);
    }
    assert_int_equal(found, expected);
    tcpk_engine_free(engine);
}

static void one_node_answers_as_defined(void **state)
{
    struct tcpk_engine_options options = usual();
    check_engine(*state, &options);
    options.suspicion = 20;
    options.window = 64;
    check_engine(*state, &options);
    options.window = options.suspicion = 1;
    check_engine(*state, &options);
}

static void votes_of_other_nodes_count(void **state)
{
    const uint32_t voters[] = {2, 3, 5, 64, 65, VOTERS_MOST};
    for (size_t i = 0; i < sizeof voters / sizeof *voters; i++)
        for (enum tcpk_rule rule = TCPK_MAJORITY; rule <= TCPK_BYZANTINE; rule++) {
            struct tcpk_engine_options options = usual();
            options.voters = voters[i];
            options.voter = voters[i] - 1;
            options.rule = rule;
            check_engine(*state, &options);
        }
}

static void any_number_of_threads_answers_the_same(void **state)
{
    const uint32_t threads[] = {2, 3, 8, AGENTS + 1};
    for (size_t i = 0; i < sizeof threads / sizeof *threads; i++) {
        struct tcpk_engine_options options = usual();
        options.voters = 3;
        options.threads = threads[i];
        check_engine(*state, &options);
    }
}

static void threads_run_where_they_are_pinned(void **state)
{
    struct fixture *fixture = *state;
    struct tcpk_engine_options options = usual();
    const uint32_t first[2] = {0, 0}, absent[2] = {0, 1u << 20};
    struct tcpk_engine *engine = NULL;
    struct tcpk_error error = {0};
    options.threads = 2;
    options.cpus = first;
    check_engine(fixture, &options);
    options.cpus = absent;
    assert_int_equal(tcpk_engine_create(&options, fixture->table, &engine, &error), TCPK_ERROR_THREAD);
    assert_null(engine);
    assert_non_null(strstr(error.message, "1048576"));
}

static void an_agent_removed_by_hand_comes_back(void **state)
{
    const struct fixture *fixture = *state;
    const struct tcpk_engine_options options = usual();
    struct tcpk_engine *engine = NULL;
    assert_int_equal(tcpk_engine_create(&options, fixture->table, &engine, NULL), TCPK_OK);
    const uint32_t agent = 4;
    const uint64_t critical = tcpk_registry_keys(fixture->registry)[4], safe = tcpk_registry_keys(fixture->registry)[0];
    const uint8_t features[F] = {0};
    uint8_t decision = 0, quarantined = 0;
    assert_int_equal(tcpk_engine_process(engine, &agent, &critical, features, 1, &decision, &quarantined, NULL),
                     TCPK_OK);
    assert_true(decision == TCPK_REJECT && quarantined);
    assert_int_equal(tcpk_quarantine_remove(tcpk_engine_quarantine(engine), &agent, 1, NULL), TCPK_OK);
    assert_int_equal(tcpk_engine_process(engine, &agent, &safe, features, 1, &decision, &quarantined, NULL), TCPK_OK);
    assert_true(decision == TCPK_REJECT && quarantined);
    tcpk_engine_free(engine);
}

static void bad_options_are_named(void **state)
{
    const struct fixture *fixture = *state;
    const struct {
        size_t offset, size;
        uint64_t value;
        const char *name;
    } faults[] = {
#define FAULT(field, bad)                                                                                              \
    {offsetof(struct tcpk_engine_options, field), sizeof usual().field, bad, #field " is " #bad ";"}
        FAULT(agents, 0),       FAULT(agents, 4294967297), FAULT(window, 0),
        FAULT(window, 1048577), FAULT(suspicion, 0),       FAULT(suspicion, 21),
        FAULT(voters, 0),       FAULT(voters, 4097),       FAULT(voter, 1),
        FAULT(rule, 2),         FAULT(threads, 0),         FAULT(threads, 1025),
#undef FAULT
    };
    for (size_t i = 0; i < sizeof faults / sizeof *faults; i++) {
        struct tcpk_engine_options options = usual();
        struct tcpk_engine *engine = NULL;
        struct tcpk_error error = {0};
        memcpy((char *)&options + faults[i].offset, &faults[i].value, faults[i].size); /* little-endian hosts */
        assert_int_equal(tcpk_engine_create(&options, fixture->table, &engine, &error), TCPK_ERROR_ARGUMENT);
        assert_null(engine);
        assert_non_null(strstr(error.message, faults[i].name));
    }
}

static void a_bad_event_changes_nothing(void **state)
{
    const struct fixture *fixture = *state;
    struct tcpk_engine_options options = usual();
    options.voters = 2;
    struct tcpk_engine *engine = NULL;
    struct tcpk_error error = {0};
    assert_int_equal(tcpk_engine_create(&options, fixture->table, &engine, NULL), TCPK_OK);
    const uint32_t agents[2] = {0, AGENTS};
    const uint64_t keys[2] = {0, 0};
    uint8_t features[2 * F], decisions[2], quarantined[2];
    memset(features, 255, sizeof features);
    assert_int_equal(tcpk_engine_process(engine, agents, keys, features, 2, decisions, quarantined, &error),
                     TCPK_ERROR_RANGE);
    assert_non_null(strstr(error.message, "37 at 1"));
    assert_int_equal(tcpk_engine_anomalous_rows(engine, 0), 0);
    assert_int_equal(tcpk_engine_receive_votes(engine, 1, agents, 2, &error), TCPK_ERROR_RANGE);
    assert_int_equal(tcpk_engine_receive_votes(engine, 2, agents, 1, &error), TCPK_ERROR_ARGUMENT);
    assert_int_equal(tcpk_engine_receive_votes(engine, 0, agents, 1, &error), TCPK_ERROR_ARGUMENT);
    assert_int_equal(tcpk_quarantine_count(tcpk_engine_quarantine(engine)), 0);
    tcpk_engine_free(engine);
}

static void an_agent_takes_at_most_192_bytes(void **state)
{
    const struct fixture *fixture = *state;
    struct tcpk_engine_options options = usual();
    options.window = 1000;
    struct tcpk_engine *engine = NULL;
    assert_int_equal(tcpk_engine_create(&options, fixture->table, &engine, NULL), TCPK_OK);
    assert_in_range(tcpk_engine_bytes_per_agent(engine), 1, 192);
    tcpk_engine_free(engine);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(one_node_answers_as_defined),
        cmocka_unit_test(votes_of_other_nodes_count),
        cmocka_unit_test(any_number_of_threads_answers_the_same),
        cmocka_unit_test(threads_run_where_they_are_pinned),
        cmocka_unit_test(an_agent_removed_by_hand_comes_back),
        cmocka_unit_test(bad_options_are_named),
        cmocka_unit_test(a_bad_event_changes_nothing),
        cmocka_unit_test(an_agent_takes_at_most_192_bytes),
    };
    return cmocka_run_group_tests(tests, set_up, tear_down);
}
