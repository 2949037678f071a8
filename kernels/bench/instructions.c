/* Every kernel once on fixed inputs, under callgrind: one dump a case, so that its instructions can be counted. The
 * variant is the environment's (TCPK_VARIANT). Each case runs once uncounted, so that nothing is resolved or chosen in
 * the counted run. Prints the compiler, then the variants that run here. Learned baselines are not here: what they cost
 * is BLAS's, which chooses its code by CPU. */
#include <stdio.h>
#include <stdlib.h>
#include <valgrind/callgrind.h>

#include "../tests/random.h"
#include "tcpk/tcpk.h"

enum { ROWS = 1000, K = 10, SCORED = 200, COMMANDS = 1567, AGENTS = 5000, EVENTS = 3000, NODES = 100, SUSPECTS = 5 };

static struct {
    uint8_t bytes[ROWS * TCPK_FEATURES];
    float floats[SCORED * K * TCPK_FEATURES], baselines[SCORED * TCPK_FEATURES], scores[SCORED];
    uint8_t votes[SUSPECTS * NODES];
    uint32_t suspects[SUSPECTS], agents[EVENTS];
    uint64_t keys[EVENTS];
    uint8_t features[EVENTS * TCPK_FEATURES];
    uint8_t descriptors[EVENTS * TCPK_DESCRIPTOR_SIZE], decisions[EVENTS], flags[EVENTS];
    uint8_t *snapshot;
    struct tcpk_registry *registry;
    struct tcpk_table *table;
    struct tcpk_window_u8 *window_u8;
    struct tcpk_window_f32 *window_f32;
    struct tcpk_quarantine *set;
    struct tcpk_engine *engine;
    struct tcpk_ring *writer, *reader;
    void *stream;
    uint64_t answer; /* everything goes in here, so that nothing is left out */
} it;

static void scan_u8(void)
{
    struct tcpk_scan_u8 answer = {0};
    tcpk_window_scan_u8(it.bytes, ROWS, 4590, &answer);
    it.answer += answer.count;
}

static void scan_f32(void)
{
    struct tcpk_scan_f32 answer = {0};
    tcpk_window_scan_f32(it.floats, ROWS, 12.0f, &answer);
    it.answer += answer.count;
}

static void window_u8(void)
{
    struct tcpk_scan_u8 answer;
    for (size_t i = 0; i < 200; i++) {
        tcpk_window_u8_append(it.window_u8, it.bytes + i * TCPK_FEATURES, 1);
        tcpk_window_u8_query(it.window_u8, 3300, &answer);
        it.answer += answer.count;
    }
}

static void window_f32(void)
{
    struct tcpk_scan_f32 answer;
    for (size_t i = 0; i < 20; i++) {
        tcpk_window_f32_append(it.window_f32, it.floats + i * TCPK_FEATURES, 1);
        tcpk_window_f32_query(it.window_f32, 12.0f, &answer);
        it.answer += answer.count;
    }
}

static void window_many(void)
{
    tcpk_window_u8_append(it.window_u8, it.bytes, ROWS);
    tcpk_window_f32_append(it.window_f32, it.floats, ROWS);
}

static void stream(void)
{
    for (size_t i = 0; i < ROWS; i++)
        it.answer += tcpk_stream_append(it.stream, 333, it.bytes[i] > 200);
}

static void baseline_score(void)
{
    for (size_t i = 0; i < 20; i++)
        tcpk_baseline_score(it.floats + i * TCPK_FEATURES, K, it.baselines, &it.scores[i]);
}

static void baseline_score_many(void)
{
    tcpk_baseline_score_many(it.floats, SCORED, K, it.baselines, it.scores);
}

static void consensus(void)
{
    bool passed = false;
    for (size_t i = 1; i <= SUSPECTS * NODES; i += 7)
        it.answer += tcpk_consensus(it.votes, i, TCPK_BYZANTINE, &passed) == TCPK_OK && passed;
}

static void adapt(void)
{
    uint64_t newly = 0;
    tcpk_adapt(it.votes, SUSPECTS, NODES, it.suspects, it.set, TCPK_MAJORITY, &newly);
    tcpk_quarantine_remove(it.set, it.suspects, SUSPECTS, NULL);
    it.answer += newly;
}

static void quarantine(void)
{
    bool inside;
    tcpk_quarantine_add(it.set, it.agents, EVENTS, NULL);
    for (size_t i = 0; i < EVENTS; i++)
        it.answer += tcpk_quarantine_contains(it.set, it.agents[i], &inside) == TCPK_OK && inside;
    tcpk_quarantine_snapshot(it.set, it.snapshot);
    tcpk_quarantine_remove(it.set, it.agents, EVENTS, NULL);
}

static void descriptor(void)
{
    struct tcpk_descriptor fields;
    const uint8_t *all = tcpk_registry_descriptors(it.registry);
    for (size_t i = 0; i < 100; i++) {
        const uint8_t *one = all + i * TCPK_DESCRIPTOR_SIZE;
        tcpk_descriptor_decode(one, &fields);
        tcpk_descriptor_encode(&fields, it.descriptors);
        it.answer += (uint64_t)tcpk_descriptor_decide(one) + tcpk_descriptor_equal_constant_time(one, it.descriptors);
    }
}

static void key(void)
{
    static const char NAME[] = "git-commit";
    for (size_t i = 0; i < 100; i++)
        it.answer += tcpk_key(NAME, i % sizeof NAME);
}

static void find(void)
{
    for (size_t i = 0; i < EVENTS; i++)
        it.answer += tcpk_table_find(it.table, it.keys[i]) != NULL;
}

static void find_many(void)
{
    tcpk_table_find_many(it.table, it.keys, EVENTS, it.descriptors, it.flags);
}

static void decide_many(void)
{
    tcpk_table_decide_many(it.table, it.keys, EVENTS, it.decisions);
}

static void find_constant_time(void)
{
    it.answer += tcpk_table_find_constant_time(it.table, it.keys[0], it.descriptors);
}

static void table_create(void)
{
    struct tcpk_table *table = NULL;
    it.answer += (uint64_t)tcpk_table_of_registry(it.registry, &table, NULL);
    tcpk_table_free(table);
}

static void engine(void)
{
    tcpk_engine_process(it.engine, it.agents, it.keys, it.features, EVENTS, it.decisions, it.flags, NULL);
}

static void engine_single(void)
{
    for (size_t i = 0; i < 300; i++)
        tcpk_engine_process(it.engine, it.agents + i, it.keys + i, it.features + i * TCPK_FEATURES, 1, it.decisions,
                            it.flags, NULL);
}

/* Events through the ring, there and back. */
static void ring(void)
{
    size_t done;
    for (size_t i = 0; i + 64 <= EVENTS; i += 64) {
        tcpk_ring_write(it.writer, it.agents + i, it.keys + i, it.features + i * TCPK_FEATURES,
                        it.descriptors + i * TCPK_DESCRIPTOR_SIZE, 64, &done);
        tcpk_ring_read(it.reader, it.agents + i, it.keys + i, it.features + i * TCPK_FEATURES,
                       it.descriptors + i * TCPK_DESCRIPTOR_SIZE, 64, &done);
        it.answer += done;
    }
}

static void ring_single(void)
{
    struct tcpk_ring_slot *slot;
    const struct tcpk_ring_slot *seen;
    size_t got;
    for (size_t i = 0; i < 1000; i++) {
        tcpk_ring_claim(it.writer, 1, &slot, &got);
        slot->key = i;
        tcpk_ring_publish(it.writer, got);
        tcpk_ring_peek(it.reader, 1, &seen, &got);
        it.answer += seen->key;
        tcpk_ring_release(it.reader, got);
    }
}

static const struct {
    const char *name;
    void (*run)(void);
} CASES[] = {
#define CASE(name)                                                                                                     \
    {                                                                                                                  \
#name, name                                                                                                    \
    }
    CASE(scan_u8),      CASE(scan_f32),       CASE(window_u8),
    CASE(window_f32),   CASE(window_many),    CASE(stream),
    CASE(consensus),    CASE(baseline_score), CASE(baseline_score_many),
    CASE(adapt),        CASE(quarantine),     CASE(key),
    CASE(descriptor),   CASE(find),           CASE(find_many),
    CASE(decide_many),  CASE(engine),         CASE(engine_single),
    CASE(ring),         CASE(ring_single),    CASE(find_constant_time),
    CASE(table_create),
#undef CASE
};

static void fill(void)
{
    struct random random = {1};
    for (size_t i = 0; i < sizeof it.bytes; i++)
        it.bytes[i] = (uint8_t)random_next(&random);
    for (size_t i = 0; i < sizeof it.floats / sizeof *it.floats; i++)
        it.floats[i] = random_float(&random);
    for (size_t i = 0; i < sizeof it.baselines / sizeof *it.baselines; i++)
        it.baselines[i] = random_float(&random);
    for (size_t i = 0; i < sizeof it.votes; i++)
        it.votes[i] = random_below(&random, 100) < 60;
    for (size_t i = 0; i < SUSPECTS; i++)
        it.suspects[i] = (uint32_t)random_below(&random, AGENTS);
    for (size_t i = 0; i < EVENTS; i++) {
        it.agents[i] = (uint32_t)random_below(&random, AGENTS);
        /* A third unknown. */
        it.keys[i] = random_below(&random, 3) ? tcpk_registry_keys(it.registry)[random_below(&random, COMMANDS)]
                                              : random_next(&random);
        for (size_t j = 0; j < TCPK_FEATURES; j++)
            it.features[i * TCPK_FEATURES + j] = (uint8_t)random_next(&random);
    }
}

static bool prepare(void)
{
    const struct tcpk_engine_options options = {
        .agents = AGENTS, .window = 1000, .threshold = 3300, .suspicion = 3, .voters = 3, .threads = 1};
    it.snapshot = malloc((AGENTS + 7) / 8);
    it.stream = calloc(1, tcpk_stream_bytes(333));
    if (!it.snapshot || !it.stream || tcpk_registry_generate(COMMANDS, 1, &it.registry, NULL) != TCPK_OK ||
        tcpk_table_of_registry(it.registry, &it.table, NULL) != TCPK_OK ||
        tcpk_window_u8_create(ROWS, &it.window_u8) != TCPK_OK ||
        tcpk_window_f32_create(ROWS, &it.window_f32) != TCPK_OK || tcpk_quarantine_create(AGENTS, &it.set) != TCPK_OK ||
        tcpk_engine_create(&options, it.table, &it.engine, NULL) != TCPK_OK ||
        tcpk_ring_create(4096, &it.writer, NULL) != TCPK_OK ||
        tcpk_ring_open_file(tcpk_ring_file(it.writer), &it.reader, NULL) != TCPK_OK ||
        tcpk_ring_attach_writer(it.writer, NULL) != TCPK_OK || tcpk_ring_attach_reader(it.reader, NULL) != TCPK_OK)
        return false;
    fill();
    return true;
}

static void release(void)
{
    tcpk_ring_close(it.reader);
    tcpk_ring_close(it.writer);
    tcpk_engine_free(it.engine);
    tcpk_quarantine_free(it.set);
    tcpk_window_f32_free(it.window_f32);
    tcpk_window_u8_free(it.window_u8);
    tcpk_table_free(it.table);
    tcpk_registry_free(it.registry);
    free(it.stream);
    free(it.snapshot);
}

int main(void)
{
    if (!tcpk_variant() || !prepare()) {
        fprintf(stderr, "instructions: TCPK_VARIANT is not to be had here, or memory is short\n");
        return 2;
    }
    printf("%s\n", TCPK_COMPILER);
    for (const char *const *name = tcpk_variants(); *name; name++)
        printf("%s%c", *name, name[1] ? ' ' : '\n');
    for (size_t i = 0; i < sizeof CASES / sizeof *CASES; i++) {
        CASES[i].run();
        CALLGRIND_TOGGLE_COLLECT;
        CASES[i].run();
        CALLGRIND_TOGGLE_COLLECT;
        CALLGRIND_DUMP_STATS_AT(CASES[i].name);
    }
    release();
    return it.answer ? 0 : 1;
}
