/* Events of a ring answered by the engine: as when it gets them from arrays. */
#include <stdlib.h>
#include <string.h>

#include "ring_support.h"

#define F TCPK_FEATURES
enum { AGENTS = 30, COMMANDS = 20, EVENTS = 5000 };

struct fixture {
    struct tcpk_registry *registry;
    struct tcpk_table *table;
    struct tcpk_engine *one, *other;
    struct tcpk_ring *ring, *writer, *reader;
    uint32_t agents[EVENTS], read_agents[EVENTS];
    uint64_t keys[EVENTS];
    uint8_t features[EVENTS * F], wanted[EVENTS], wanted_inside[EVENTS], got[EVENTS], got_inside[EVENTS];
};

static int set_up(void **state)
{
    struct fixture *it = calloc(1, sizeof *it);
    assert_non_null(it);
    const struct tcpk_engine_options options = {
        .agents = AGENTS, .window = 20, .threshold = 4590, .suspicion = 3, .voters = 1, .threads = 1};
    assert_int_equal(tcpk_registry_generate(COMMANDS, 3, &it->registry, NULL), TCPK_OK);
    assert_int_equal(tcpk_table_of_registry(it->registry, &it->table, NULL), TCPK_OK);
    assert_int_equal(tcpk_engine_create(&options, it->table, &it->one, NULL), TCPK_OK);
    assert_int_equal(tcpk_engine_create(&options, it->table, &it->other, NULL), TCPK_OK);
    it->ring = ring_make(1024);
    it->writer = ring_writer(it->ring);
    it->reader = ring_reader(it->ring);
    struct random random = {51};
    for (size_t i = 0; i < EVENTS; i++) {
        it->agents[i] = (uint32_t)random_below(&random, AGENTS);
        it->keys[i] = random_below(&random, 10) ? tcpk_registry_keys(it->registry)[random_below(&random, COMMANDS - 4)]
                                                : random_next(&random);
        memset(it->features + i * F, random_below(&random, 30) ? 100 : 200, F);
    }
    *state = it;
    return 0;
}

static int tear_down(void **state)
{
    struct fixture *it = *state;
    tcpk_ring_close(it->reader);
    tcpk_ring_close(it->writer);
    tcpk_ring_close(it->ring);
    tcpk_engine_free(it->one);
    tcpk_engine_free(it->other);
    tcpk_table_free(it->table);
    tcpk_registry_free(it->registry);
    free(it);
    return 0;
}

static void answers_are_those_of_arrays(void **state)
{
    struct fixture *it = *state;
    assert_int_equal(
        tcpk_engine_process(it->one, it->agents, it->keys, it->features, EVENTS, it->wanted, it->wanted_inside, NULL),
        TCPK_OK);
    struct random random = {52};
    size_t written = 0, read = 0, done;
    while (read < EVENTS) {
        size_t most = random_below(&random, 900);
        most = most < EVENTS - written ? most : EVENTS - written;
        assert_int_equal(tcpk_ring_write(it->writer, it->agents + written, it->keys + written,
                                         it->features + written * F, NULL, most, &done),
                         TCPK_OK);
        written += done;
        assert_int_equal(tcpk_ring_process(it->reader, it->other, EVENTS - read, it->read_agents + read, it->got + read,
                                           it->got_inside + read, &done, NULL),
                         TCPK_OK);
        read += done;
    }
    assert_memory_equal(it->read_agents, it->agents, sizeof it->agents);
    assert_memory_equal(it->got, it->wanted, EVENTS);
    assert_memory_equal(it->got_inside, it->wanted_inside, EVENTS);
}

/* At the beginning, within and at the end of a batch of the engine's. */
static void an_id_out_of_range_is_the_next_event(void **state)
{
    struct fixture *it = *state;
    const size_t places[] = {0, 1, 100, 255, 256, 300};
    for (size_t i = 0; i < sizeof places / sizeof *places; i++) {
        struct tcpk_error error = {0};
        const size_t at = places[i];
        size_t done;
        const uint32_t kept = it->agents[at];
        it->agents[at] = AGENTS;
        assert_int_equal(tcpk_ring_write(it->writer, it->agents, it->keys, it->features, NULL, 400, &done), TCPK_OK);
        assert_int_equal(done, 400);
        size_t answered = 0;
        enum tcpk_status status = TCPK_OK;
        while (status == TCPK_OK && answered < 400) {
            status =
                tcpk_ring_process(it->reader, it->other, 400 - answered, NULL, it->got, it->got_inside, &done, &error);
            answered += done;
        }
        assert_int_equal(status, TCPK_ERROR_RANGE);
        assert_int_equal(answered, at);
        assert_non_null(strstr(error.message, "agent id 30"));
        it->agents[at] = kept;
        assert_int_equal(tcpk_ring_skip(it->reader, 1, &done), TCPK_OK);
        assert_int_equal(done, 1);
        for (answered++; answered < 400; answered += done)
            assert_int_equal(tcpk_ring_process(it->reader, it->other, 400, NULL, it->got, it->got_inside, &done, NULL),
                             TCPK_OK);
    }
}

/* The same event is never answered twice, nor one that the writer may have overwritten. */
static void an_expelled_reader_answers_nothing(void **state)
{
    struct fixture *it = *state;
    struct tcpk_error error = {0};
    size_t done;
    assert_int_equal(tcpk_ring_write(it->writer, it->agents, it->keys, it->features, NULL, 10, &done), TCPK_OK);
    assert_int_equal(tcpk_ring_expel(it->writer, 0), TCPK_OK);
    assert_int_equal(tcpk_ring_process(it->reader, it->other, 10, NULL, it->got, it->got_inside, &done, &error),
                     TCPK_ERROR_OVERRUN);
    assert_int_equal(done, 0);
    assert_non_null(strstr(error.message, "overrun"));
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup_teardown(answers_are_those_of_arrays, set_up, tear_down),
        cmocka_unit_test_setup_teardown(an_id_out_of_range_is_the_next_event, set_up, tear_down),
        cmocka_unit_test_setup_teardown(an_expelled_reader_answers_nothing, set_up, tear_down),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
