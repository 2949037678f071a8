/* What a hostile peer can write into a ring: an error or a right answer, never a crash or a loop without end. */
#define _GNU_SOURCE
#include <signal.h>
#include <string.h>
#include <sys/mman.h>
#include <unistd.h>

#include "ring_support.h"

#define SLOTS RING_SLOTS
#define LONGEST 300 /* s: an alarm ends the test */

static struct tcpk_registry *registry;
static struct tcpk_table *table;
static struct tcpk_engine *engine;

static int set_up(void **state)
{
    (void)state;
    const struct tcpk_engine_options options = {
        .agents = 1u << 20, .window = 20, .threshold = 4590, .suspicion = 3, .voters = 1, .threads = 1};
    return tcpk_registry_generate(20, 1, &registry, NULL) != TCPK_OK ||
           tcpk_table_of_registry(registry, &table, NULL) != TCPK_OK ||
           tcpk_engine_create(&options, table, &engine, NULL) != TCPK_OK;
}

static int tear_down(void **state)
{
    (void)state;
    tcpk_engine_free(engine);
    tcpk_table_free(table);
    tcpk_registry_free(registry);
    return 0;
}

/* Everything a writer and a reader do; only that each call comes back, with a status of its own, is checked. */
static void work(struct tcpk_ring *writer, struct tcpk_ring *reader)
{
    struct tcpk_ring_slot *slots;
    const struct tcpk_ring_slot *seen;
    static uint32_t agents[200];
    static uint64_t keys[200];
    static uint8_t features[200 * TCPK_FEATURES], descriptors[200 * 24], decisions[200], quarantined[200];
    size_t got = 0;
    const enum tcpk_status claimed = tcpk_ring_claim(writer, 100, &slots, &got);
    assert_true(claimed == TCPK_OK || (claimed == TCPK_ERROR_CORRUPT && got == 0));
    assert_true(got <= SLOTS);
    for (size_t i = 0; i < got; i++)
        ring_fill(&slots[i], i);
    assert_int_equal(tcpk_ring_publish(writer, got), TCPK_OK);
    const enum tcpk_status looked = tcpk_ring_peek(reader, 100, &seen, &got);
    assert_true(looked == TCPK_OK || ((looked == TCPK_ERROR_CORRUPT || looked == TCPK_ERROR_OVERRUN) && got == 0));
    assert_true(got <= SLOTS);
    for (size_t i = 0; i < got; i++)
        (void)ring_holds(&seen[i], i);
    const enum tcpk_status released = tcpk_ring_release(reader, got / 2);
    assert_true(released == TCPK_OK || released == TCPK_ERROR_OVERRUN);
    (void)tcpk_ring_process(reader, engine, 200, agents, decisions, quarantined, &got, NULL);
    assert_true(got <= 200);
    (void)tcpk_ring_write(writer, agents, keys, features, NULL, 200, &got);
    assert_true(got <= 200);
    (void)tcpk_ring_read(reader, agents, keys, features, descriptors, 200, &got);
    assert_true(got <= 200);
    (void)tcpk_ring_skip(reader, 200, &got);
    (void)tcpk_ring_wait(reader, 1);
    (void)tcpk_ring_wait(writer, 1);
}

/* As peers that die and come again find it; they had it open before. */
static void attach_and_work(struct tcpk_ring *writer, struct tcpk_ring *reader)
{
    assert_int_equal(tcpk_ring_attach_writer(writer, NULL), TCPK_OK);
    assert_int_equal(tcpk_ring_attach_reader(reader, NULL), TCPK_OK);
    work(writer, reader);
    work(writer, reader);
    tcpk_ring_detach(reader);
    tcpk_ring_detach(writer);
}

static void any_value_in_any_field_is_survived(void **state)
{
    (void)state;
    alarm(LONGEST);
    struct tcpk_ring *ring = ring_make(SLOTS), *writer = ring_writer(ring), *reader = ring_reader(ring);
    uint8_t *memory = ring_map(ring);
    static uint8_t before[TCPK_RING_SLOTS_OFFSET + SLOTS * TCPK_RING_SLOT_BYTES];
    work(writer, reader);
    memcpy(before, memory, sizeof before);
    for (size_t at = 0; at < TCPK_RING_READERS_OFFSET + sizeof(struct tcpk_ring_readers); at += 4) {
        if (at >= sizeof(struct tcpk_ring_header) && at < TCPK_RING_READERS_OFFSET)
            continue;
        for (size_t i = 0; i < RING_VALUE_COUNT; i++) {
            memcpy(memory + at, &RING_VALUES[i], at % 8 ? 4 : 8);
            work(writer, reader);
            work(writer, reader);
        }
        tcpk_ring_detach(writer);
        tcpk_ring_detach(reader);
        attach_and_work(writer, reader);
        memcpy(memory, before, sizeof before);
        assert_int_equal(tcpk_ring_attach_writer(writer, NULL), TCPK_OK);
        assert_int_equal(tcpk_ring_attach_reader(reader, NULL), TCPK_OK);
    }
    alarm(0);
    munmap(memory, sizeof before);
    tcpk_ring_close(reader);
    tcpk_ring_close(writer);
    tcpk_ring_close(ring);
}

static void values_around_the_indices_are_survived(void **state)
{
    (void)state;
    alarm(LONGEST);
    struct tcpk_ring *ring = ring_make(SLOTS);
    struct tcpk_ring_header *header = ring_map(ring);
    struct tcpk_ring_readers *readers = (void *)((char *)header + TCPK_RING_READERS_OFFSET);
    for (int64_t head = -70; head <= 70; head += 7)
        for (int64_t tail = -140; tail <= 140; tail += 7) {
            struct tcpk_ring *writer = ring_writer(ring), *reader = ring_reader(ring);
            work(writer, reader);
            header->head += (uint64_t)head;
            readers->reader[0].tail += (uint64_t)tail;
            work(writer, reader);
            tcpk_ring_close(reader);
            tcpk_ring_close(writer);
        }
    alarm(0);
    munmap(header, TCPK_RING_SLOTS_OFFSET);
    tcpk_ring_close(ring);
}

/* Another process writes random bytes everywhere while both work. */
static void random_bytes_are_survived(void **state)
{
    (void)state;
    alarm(LONGEST);
    struct tcpk_ring *ring = ring_make(SLOTS), *writer = ring_again(ring), *reader = ring_again(ring);
    uint8_t *memory = ring_map(ring);
    const size_t bytes = TCPK_RING_SLOTS_OFFSET + SLOTS * TCPK_RING_SLOT_BYTES;
    const pid_t process = fork();
    if (process == 0)
        for (struct random random = {41};;) {
            const size_t fields[] = {random_below(&random, bytes), random_below(&random, 512),
                                     TCPK_RING_READERS_OFFSET + random_below(&random, 512)};
            memory[fields[random_below(&random, 3)]] = (uint8_t)random_next(&random);
        }
    assert_true(process > 0);
    for (unsigned round = 0; round < 300; round++)
        attach_and_work(writer, reader);
    kill(process, SIGKILL);
    assert_int_equal(ring_wait_for(process), -SIGKILL);
    alarm(0);
    munmap(memory, bytes);
    tcpk_ring_close(reader);
    tcpk_ring_close(writer);
    tcpk_ring_close(ring);
}

static void impossible_indices_are_said_to_be_so(void **state)
{
    (void)state;
    const struct tcpk_ring_slot *seen;
    struct tcpk_ring_slot *slots;
    size_t got;
    const uint64_t heads[] = {0, 9, 11 + SLOTS, UINT64_MAX, 1ull << 32, 1ull << 63};
    for (size_t i = 0; i < sizeof heads / sizeof *heads; i++) {
        struct tcpk_ring *ring = ring_make(SLOTS), *writer = ring_writer(ring), *reader = ring_reader(ring);
        struct tcpk_ring_header *header = ring_map(ring);
        ring_write_events(writer, 0, 10, 10);
        assert_int_equal(tcpk_ring_skip(reader, 100, &got), TCPK_OK);
        header->head = heads[i];
        assert_int_equal(tcpk_ring_peek(reader, 1, &seen, &got), TCPK_ERROR_CORRUPT);
        assert_int_equal(tcpk_ring_wait(reader, 1000), TCPK_ERROR_CORRUPT);
        header->head = 11; /* a head beyond what was written: the slot says so */
        assert_int_equal(tcpk_ring_peek(reader, 1, &seen, &got), TCPK_ERROR_CORRUPT);
        ring_write_events(writer, 0, 1, 1);
        assert_int_equal(tcpk_ring_peek(reader, 1, &seen, &got), TCPK_OK);
        assert_int_equal(got, 1);

        struct tcpk_ring_readers *readers = (void *)((char *)header + TCPK_RING_READERS_OFFSET);
        readers->reader[0].tail = 12; /* ahead of the head */
        assert_int_equal(tcpk_ring_claim(writer, SLOTS, &slots, &got), TCPK_ERROR_CORRUPT);
        assert_int_equal(got, 0);
        assert_int_equal(tcpk_ring_wait(writer, 1000), TCPK_ERROR_CORRUPT);
        assert_int_equal(tcpk_ring_expel(writer, 0), TCPK_OK);
        assert_int_equal(tcpk_ring_claim(writer, SLOTS, &slots, &got), TCPK_OK);
        munmap(header, TCPK_RING_SLOTS_OFFSET);
        tcpk_ring_close(reader);
        tcpk_ring_close(writer);
        tcpk_ring_close(ring);
    }
}

static void a_head_that_goes_back_is_seen(void **state)
{
    (void)state;
    struct tcpk_ring *ring = ring_make(SLOTS), *writer = ring_writer(ring), *reader = ring_reader(ring);
    struct tcpk_ring_header *header = ring_map(ring);
    const struct tcpk_ring_slot *seen;
    size_t got;
    ring_write_events(writer, 0, 10, 10);
    assert_int_equal(tcpk_ring_peek(reader, 20, &seen, &got), TCPK_OK);
    header->head = 9; /* not before what the reader has released, but before what it saw */
    assert_int_equal(tcpk_ring_peek(reader, 20, &seen, &got), TCPK_ERROR_CORRUPT);
    assert_int_equal(tcpk_ring_release(reader, 1), TCPK_ERROR_ARGUMENT);
    munmap(header, TCPK_RING_SLOTS_OFFSET);
    tcpk_ring_close(reader);
    tcpk_ring_close(writer);
    tcpk_ring_close(ring);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(any_value_in_any_field_is_survived), cmocka_unit_test(values_around_the_indices_are_survived),
        cmocka_unit_test(random_bytes_are_survived),          cmocka_unit_test(impossible_indices_are_said_to_be_so),
        cmocka_unit_test(a_head_that_goes_back_is_seen),
    };
    return cmocka_run_group_tests(tests, set_up, tear_down);
}
