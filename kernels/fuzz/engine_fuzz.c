/* Engines with one thread and with several, fed the same events in other portions: the same answers, and never an
 * APPROVE for a command that is unknown. What each answer must be, tests/test_engine.c says. */
#include "input.h"

enum { COMMANDS = 25, MOST_EVENTS = 400, MOST_AGENTS = 60, ENGINES = 2 };

struct events {
    size_t n;
    uint32_t agents[MOST_EVENTS];
    uint64_t keys[MOST_EVENTS];
    uint8_t features[MOST_EVENTS * TCPK_FEATURES];
};

struct answers {
    uint8_t decisions[MOST_EVENTS], quarantined[MOST_EVENTS];
};

static struct tcpk_registry *registry;
static struct tcpk_table *table;

static struct tcpk_engine_options options_of(struct input *input)
{
    struct tcpk_engine_options options = {
        .agents = 1 + input_below(input, MOST_AGENTS),
        .window = 1 + (uint32_t)input_below(input, 200),
        .threshold = (uint32_t)input_below(input, 6200),
        .voters = 1 + (uint32_t)input_below(input, 140),
        .rule = (enum tcpk_rule)(input_value(input, 1) & 1),
        .threads = 1,
    };
    options.suspicion = 1 + (uint32_t)input_below(input, options.window);
    options.voter = (uint32_t)input_below(input, options.voters);
    return options;
}

static void take_events(struct input *input, struct events *events, uint32_t agents)
{
    events->n = input_below(input, MOST_EVENTS);
    for (size_t i = 0; i < events->n; i++) {
        const uint8_t which = (uint8_t)input_value(input, 1), feature = (uint8_t)input_value(input, 1);
        events->agents[i] = (uint32_t)input_value(input, 1) % agents;
        events->keys[i] = which < 200 ? tcpk_registry_keys(registry)[which % COMMANDS] : which;
        memset(events->features + i * TCPK_FEATURES, feature, TCPK_FEATURES);
    }
}

/* All events in portions of `portion`, with a vote of another node after each. */
static void process(struct tcpk_engine *engine, const struct events *events, size_t portion, struct answers *answers)
{
    for (size_t at = 0; at < events->n; at += portion) {
        const size_t n = portion < events->n - at ? portion : events->n - at;
        REQUIRE(tcpk_engine_process(engine, events->agents + at, events->keys + at,
                                    events->features + at * TCPK_FEATURES, n, answers->decisions + at,
                                    answers->quarantined + at, NULL) == TCPK_OK);
    }
}

static void compare(const struct tcpk_engine *one, const struct tcpk_engine *other, uint64_t agents)
{
    uint32_t left[MOST_AGENTS], right[MOST_AGENTS];
    const size_t n = tcpk_engine_suspects(one, left, MOST_AGENTS);
    REQUIRE(n == tcpk_engine_suspects(other, right, MOST_AGENTS) && memcmp(left, right, n * sizeof *left) == 0);
    for (uint64_t agent = 0; agent < agents; agent++)
        REQUIRE(tcpk_engine_anomalous_rows(one, agent) == tcpk_engine_anomalous_rows(other, agent));
}

int LLVMFuzzerTestOneInput(const uint8_t *bytes, size_t length)
{
    static struct events events;
    static struct answers answers[ENGINES];
    if (!table)
        REQUIRE(tcpk_registry_generate(COMMANDS, 3, &registry, NULL) == TCPK_OK &&
                tcpk_table_of_registry(registry, &table, NULL) == TCPK_OK);
    struct input input = {bytes, length};
    struct tcpk_engine_options options = options_of(&input);
    /* Few events are the caller's alone, more are shared out. */
    const size_t portions[ENGINES] = {MOST_EVENTS, 1 + input_below(&input, 150)};
    const uint32_t threads = 1 + (uint32_t)input_below(&input, 3);
    const uint32_t voter = (uint32_t)input_below(&input, 150), accused = (uint32_t)input_below(&input, MOST_AGENTS);
    const bool allowed = voter < options.voters && voter != options.voter;
    take_events(&input, &events, (uint32_t)options.agents);
    struct tcpk_engine *engines[ENGINES];
    for (int i = 0; i < ENGINES; i++) {
        options.threads = i ? threads : 1;
        REQUIRE(tcpk_engine_create(&options, table, &engines[i], NULL) == TCPK_OK);
        REQUIRE(tcpk_engine_receive_votes(engines[i], voter, &accused, 1, NULL) == (!allowed ? TCPK_ERROR_ARGUMENT
                                                                                    : accused >= options.agents
                                                                                        ? TCPK_ERROR_RANGE
                                                                                        : TCPK_OK));
        process(engines[i], &events, portions[i], &answers[i]);
    }
    REQUIRE(memcmp(answers[0].decisions, answers[1].decisions, events.n) == 0);
    REQUIRE(memcmp(answers[0].quarantined, answers[1].quarantined, events.n) == 0);
    for (size_t i = 0; i < events.n; i++) {
        REQUIRE(answers[0].quarantined[i] == 0 || answers[0].decisions[i] == TCPK_REJECT);
        REQUIRE(tcpk_table_find(table, events.keys[i]) || answers[0].decisions[i] >= TCPK_REQUIRE_APPROVAL);
    }
    compare(engines[0], engines[1], options.agents);
    for (int i = 0; i < ENGINES; i++)
        tcpk_engine_free(engines[i]);
    return 0;
}
