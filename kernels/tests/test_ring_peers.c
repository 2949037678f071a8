/* A ring between processes: complete and in order, asleep and woken, and whatever dies. */
#define _GNU_SOURCE
#include <signal.h>
#include <string.h>
#include <sys/mman.h>
#include <time.h>
#include <unistd.h>

#include "ring_support.h"

#define MILLION 1000000u

static void rest(int64_t nanoseconds)
{
    nanosleep(&(struct timespec){0, nanoseconds}, NULL);
}

static void a_million_events_arrive_in_order(void **state)
{
    (void)state;
    const size_t batches[] = {1, 64, 100000};
    for (size_t i = 0; i < 3; i++) {
        struct tcpk_ring *ring = ring_make(4096);
        const pid_t reader = ring_fork_reader(ring, MILLION, 0);
        assert_int_equal(tcpk_ring_attach_writer(ring, NULL), TCPK_OK);
        ring_await_readers(ring, 1);
        ring_write_events(ring, 0, MILLION, batches[i]);
        assert_int_equal(ring_wait_for(reader), 0);
        tcpk_ring_close(ring);
    }
}

static void each_reader_sees_every_event(void **state)
{
    (void)state;
    enum { READERS = 5 };
    const uint64_t count = 100000;
    struct tcpk_ring *ring = ring_make(1024);
    pid_t readers[READERS];
    for (int i = 0; i < READERS; i++)
        readers[i] = ring_fork_reader(ring, count, i == 0 ? 100000 : 0); /* one is slow, and holds the others up */
    assert_int_equal(tcpk_ring_attach_writer(ring, NULL), TCPK_OK);
    ring_await_readers(ring, READERS);
    ring_write_events(ring, 0, count, 64);
    for (int i = 0; i < READERS; i++)
        assert_int_equal(ring_wait_for(readers[i]), 0);
    tcpk_ring_close(ring);
}

/* Ordinary and, where there are any, huge pages. */
static void a_large_ring_carries_a_million_at_once(void **state)
{
    (void)state;
    struct tcpk_ring *ring = ring_make(1u << 20);
    const pid_t reader = ring_fork_reader(ring, MILLION, 0);
    assert_int_equal(tcpk_ring_attach_writer(ring, NULL), TCPK_OK);
    ring_await_readers(ring, 1);
    ring_write_events(ring, 0, MILLION, MILLION);
    assert_int_equal(ring_wait_for(reader), 0);
    tcpk_ring_close(ring);
}

static void nobody_is_woken_who_does_not_sleep(void **state)
{
    (void)state;
    struct tcpk_ring *ring = ring_make(64);
    assert_int_equal(tcpk_ring_attach_writer(ring, NULL), TCPK_OK);
    struct tcpk_ring_header *header = ring_map(ring);
    struct tcpk_ring_readers *readers = (void *)((char *)header + TCPK_RING_READERS_OFFSET);
    struct tcpk_ring *idle = ring_reader(ring);
    const uint32_t wakes = header->wakes, room = readers->room;
    ring_write_events(ring, 0, 10, 1);
    size_t skipped;
    assert_int_equal(tcpk_ring_skip(idle, 10, &skipped), TCPK_OK);
    assert_int_equal(header->wakes, wakes);
    assert_int_equal(readers->room, room);
    tcpk_ring_close(idle);

    const pid_t reader = ring_fork_reader(ring, 1, 0);
    while (!__atomic_load_n(&readers->sleepers, __ATOMIC_SEQ_CST))
        rest(100000);
    ring_write_events(ring, 10, 1, 1);
    assert_int_equal(header->wakes, wakes + 1);
    assert_int_equal(ring_wait_for(reader), 0);
    assert_int_equal(readers->sleepers, 0);
    munmap(header, TCPK_RING_SLOTS_OFFSET);
    tcpk_ring_close(ring);
}

static void a_writer_sleeps_until_there_is_room(void **state)
{
    (void)state;
    struct tcpk_ring *ring = ring_make(64), *reader = ring_reader(ring);
    struct tcpk_ring_header *header = ring_map(ring);
    const struct tcpk_ring_readers *readers = (void *)((char *)header + TCPK_RING_READERS_OFFSET);
    const pid_t writer = ring_fork_writer(ring, 64);
    while (!__atomic_load_n(&header->writer_sleeps, __ATOMIC_SEQ_CST))
        rest(100000);
    assert_int_equal(header->head, 64);
    const uint32_t room = readers->room;
    size_t skipped;
    assert_int_equal(tcpk_ring_skip(reader, 5, &skipped), TCPK_OK);
    assert_int_equal(skipped, 5);
    assert_int_equal(readers->room, room + 1);
    while (__atomic_load_n(&header->head, __ATOMIC_SEQ_CST) < 64 + 5)
        rest(100000);
    kill(writer, SIGKILL);
    assert_int_equal(ring_wait_for(writer), -SIGKILL);
    munmap(header, TCPK_RING_SLOTS_OFFSET);
    tcpk_ring_close(reader);
    tcpk_ring_close(ring);
}

static int64_t now(void)
{
    struct timespec time;
    clock_gettime(CLOCK_MONOTONIC, &time);
    return time.tv_sec * 1000000000 + time.tv_nsec;
}

static void a_wait_ends_in_time(void **state)
{
    (void)state;
    struct tcpk_ring *ring = ring_make(64), *writer = ring_writer(ring), *reader = ring_reader(ring);
    const int64_t times[] = {0, 1, 1000000, 120000000};
    for (size_t i = 0; i < sizeof times / sizeof *times; i++) {
        const int64_t begin = now();
        assert_int_equal(tcpk_ring_wait(reader, times[i]), TCPK_ERROR_TIMEOUT);
        assert_true(now() - begin >= times[i]);
    }
    for (int i = 0; i < 3; i++)
        assert_int_equal(tcpk_ring_wait(writer, i ? INT64_MAX : -1), TCPK_OK);
    ring_write_events(writer, 0, 64, 64);
    assert_int_equal(tcpk_ring_wait(writer, 60000000), TCPK_ERROR_TIMEOUT);
    assert_int_equal(tcpk_ring_wait(reader, -1), TCPK_OK);
    assert_int_equal(tcpk_ring_wait(reader, INT64_MAX), TCPK_OK);
    tcpk_ring_close(reader);
    tcpk_ring_close(writer);
    tcpk_ring_close(ring);
}

/* The next writer goes on where the dead one stopped, whatever it was doing: no number is lost or doubled. */
static void writers_die_and_readers_go_on(void **state)
{
    (void)state;
    struct tcpk_ring *ring = ring_make(256), *reader = ring_reader(ring);
    struct random random = {31};
    uint64_t next = 0;
    for (unsigned round = 0; round < 60; round++) {
        const pid_t writer = ring_fork_writer(ring, 1 + random_below(&random, 80));
        const uint64_t wanted = next + random_below(&random, 3000);
        while (next < wanted) {
            const struct tcpk_ring_slot *slots;
            size_t got;
            assert_int_equal(tcpk_ring_wait(reader, RING_LONG), TCPK_OK);
            assert_int_equal(tcpk_ring_peek(reader, 1 + random_below(&random, 100), &slots, &got), TCPK_OK);
            for (size_t i = 0; i < got; i++)
                assert_true(ring_holds(&slots[i], next++));
            assert_int_equal(tcpk_ring_release(reader, got), TCPK_OK);
        }
        rest((int64_t)random_below(&random, 300000));
        kill(writer, SIGKILL);
        assert_int_equal(ring_wait_for(writer), -SIGKILL);
    }
    assert_true(next > 10000);
    tcpk_ring_close(reader);
    tcpk_ring_close(ring);
}

/* The places of the dead are found, by the writer that lacks room and by readers that come after; a reader that lives
 * all along misses nothing. */
static void readers_die_and_the_others_go_on(void **state)
{
    (void)state;
    enum { MORTALS = 6 };
    struct tcpk_ring *ring = ring_make(256);
    struct random random = {32};
    uint64_t next = 0, total = 200 * 500;
    pid_t mortals[MORTALS];
    const pid_t survivor = ring_fork_reader(ring, total, 0);
    for (int i = 0; i < MORTALS; i++)
        mortals[i] = ring_fork_reader(ring, UINT64_MAX, 1000);
    assert_int_equal(tcpk_ring_attach_writer(ring, NULL), TCPK_OK);
    ring_await_readers(ring, MORTALS + 1);
    for (; next < total; next += 500) {
        ring_write_events(ring, next, 500, 1 + random_below(&random, 80));
        const uint64_t which = random_below(&random, 2 * MORTALS);
        if (which >= MORTALS)
            continue;
        kill(mortals[which], SIGKILL);
        assert_int_equal(ring_wait_for(mortals[which]), -SIGKILL);
        mortals[which] = ring_fork_reader(ring, UINT64_MAX, (int64_t)random_below(&random, 100000));
    }
    assert_int_equal(ring_wait_for(survivor), 0);
    for (int i = 0; i < MORTALS; i++) {
        kill(mortals[i], SIGKILL);
        assert_int_equal(ring_wait_for(mortals[i]), -SIGKILL);
    }
    tcpk_ring_close(ring);
}

static void a_dead_reader_is_found_only_when_it_is_dead(void **state)
{
    (void)state;
    struct tcpk_ring *ring = ring_make(64);
    const pid_t reader = ring_fork_reader(ring, UINT64_MAX, 0);
    assert_int_equal(tcpk_ring_attach_writer(ring, NULL), TCPK_OK);
    ring_await_readers(ring, 1);
    kill(reader, SIGSTOP);
    for (size_t written = 1; written;) {
        struct tcpk_ring_slot *slots;
        assert_int_equal(tcpk_ring_claim(ring, 64, &slots, &written), TCPK_OK);
        for (size_t i = 0; i < written; i++)
            ring_fill(&slots[i], i);
        assert_int_equal(tcpk_ring_publish(ring, written), TCPK_OK);
        rest(1000000); /* it may only be about to stop */
    }
    assert_int_equal(tcpk_ring_wait(ring, 120000000), TCPK_ERROR_TIMEOUT);
    kill(reader, SIGKILL);
    assert_int_equal(tcpk_ring_wait(ring, RING_LONG), TCPK_OK);
    struct tcpk_ring_about about;
    tcpk_ring_describe(ring, &about);
    assert_int_equal(about.attached, 0);
    assert_int_equal(ring_wait_for(reader), -SIGKILL);
    tcpk_ring_close(ring);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_million_events_arrive_in_order),
        cmocka_unit_test(each_reader_sees_every_event),
        cmocka_unit_test(a_large_ring_carries_a_million_at_once),
        cmocka_unit_test(nobody_is_woken_who_does_not_sleep),
        cmocka_unit_test(a_writer_sleeps_until_there_is_room),
        cmocka_unit_test(a_wait_ends_in_time),
        cmocka_unit_test(writers_die_and_readers_go_on),
        cmocka_unit_test(readers_die_and_the_others_go_on),
        cmocka_unit_test(a_dead_reader_is_found_only_when_it_is_dead),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
