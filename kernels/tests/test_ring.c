/* One ring in one process: roles, room, order, sleeping, and the engine at its end. */
#define _GNU_SOURCE
#include <signal.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <unistd.h>

#include "ring_support.h"

#define SLOTS 64u
#define F TCPK_FEATURES

static void sizes_are_powers_of_two(void **state)
{
    (void)state;
    const uint64_t refused[] = {0, 1, 32, 63, 65, 100, TCPK_RING_MAX_SLOTS + 1, 2 * TCPK_RING_MAX_SLOTS, UINT64_MAX};
    for (size_t i = 0; i < sizeof refused / sizeof *refused; i++) {
        struct tcpk_ring *ring = NULL;
        struct tcpk_error error = {0};
        assert_int_equal(tcpk_ring_create(refused[i], &ring, &error), TCPK_ERROR_ARGUMENT);
        assert_null(ring);
        assert_non_null(strstr(error.message, "allowed: a power of two, 64 to 16777216"));
    }
    for (uint64_t slots = TCPK_RING_MIN_SLOTS; slots <= 1u << 17; slots *= 2) {
        struct tcpk_ring *ring = ring_make(slots);
        struct tcpk_ring_about about;
        tcpk_ring_describe(ring, &about);
        assert_int_equal(about.kind, TCPK_RING_IN_MEMORY);
        assert_int_equal(about.slots, slots);
        assert_true(about.bytes >= TCPK_RING_SLOTS_OFFSET + slots * TCPK_RING_SLOT_BYTES);
        assert_int_equal(about.bytes % about.page_bytes, 0);
        /* Huge pages are taken where there are any, and never for what is smaller than one. */
        assert_true(about.page_bytes == (uint32_t)sysconf(_SC_PAGESIZE) ||
                    (about.page_bytes == 1u << 21 && slots >= 1u << 15));
        tcpk_ring_close(ring);
    }
}

static void a_role_is_taken_once(void **state)
{
    (void)state;
    struct tcpk_ring *ring = ring_make(SLOTS), *readers[TCPK_RING_READERS];
    struct tcpk_ring *writer = ring_writer(ring), *other = ring_again(ring);
    struct tcpk_error error = {0};
    assert_int_equal(tcpk_ring_attach_writer(other, &error), TCPK_ERROR_BUSY);
    assert_string_equal(error.message, "the ring has a writer; allowed: 1");
    for (uint32_t i = 0; i < TCPK_RING_READERS; i++) {
        readers[i] = ring_reader(ring);
        struct tcpk_ring_about about;
        tcpk_ring_describe(readers[i], &about);
        assert_int_equal(about.role, TCPK_RING_READER);
        assert_int_equal(about.reader, i);
        assert_int_equal(about.attached, (2u << i) - 1);
    }
    assert_int_equal(tcpk_ring_attach_reader(other, &error), TCPK_ERROR_BUSY);
    assert_string_equal(error.message, "all places of readers are taken; allowed: 16");
    assert_int_equal(tcpk_ring_attach_reader(writer, NULL), TCPK_ERROR_ARGUMENT);
    assert_int_equal(tcpk_ring_attach_writer(readers[3], NULL), TCPK_ERROR_ARGUMENT);

    tcpk_ring_detach(writer);
    tcpk_ring_detach(writer);
    assert_int_equal(tcpk_ring_attach_writer(other, NULL), TCPK_OK);
    tcpk_ring_close(other);
    tcpk_ring_detach(readers[5]);
    assert_int_equal(tcpk_ring_attach_reader(writer, NULL), TCPK_OK);
    struct tcpk_ring_about about;
    tcpk_ring_describe(writer, &about);
    assert_int_equal(about.reader, 5);
    for (size_t i = 0; i < TCPK_RING_READERS; i++)
        tcpk_ring_close(readers[i]);
    tcpk_ring_close(writer);
    tcpk_ring_close(ring);
    tcpk_ring_close(NULL);
}

static void what_is_of_another_role_is_refused(void **state)
{
    (void)state;
    struct tcpk_ring *ring = ring_make(SLOTS), *reader = ring_reader(ring), *writer = ring_writer(ring);
    struct tcpk_ring *const no_writers[] = {ring, reader}, *const no_readers[] = {ring, writer};
    struct tcpk_ring_slot *slots;
    const struct tcpk_ring_slot *seen;
    size_t got;
    for (size_t i = 0; i < 2; i++) {
        assert_int_equal(tcpk_ring_claim(no_writers[i], 1, &slots, &got), TCPK_ERROR_ARGUMENT);
        assert_int_equal(tcpk_ring_publish(no_writers[i], 0), TCPK_ERROR_ARGUMENT);
        assert_int_equal(tcpk_ring_write(no_writers[i], NULL, NULL, NULL, NULL, 0, &got), TCPK_ERROR_ARGUMENT);
        assert_int_equal(tcpk_ring_expel(no_writers[i], 0), TCPK_ERROR_ARGUMENT);
        assert_int_equal(tcpk_ring_peek(no_readers[i], 1, &seen, &got), TCPK_ERROR_ARGUMENT);
        assert_int_equal(tcpk_ring_release(no_readers[i], 0), TCPK_ERROR_ARGUMENT);
        assert_int_equal(tcpk_ring_skip(no_readers[i], 0, &got), TCPK_ERROR_ARGUMENT);
        assert_int_equal(tcpk_ring_read(no_readers[i], NULL, NULL, NULL, NULL, 0, &got), TCPK_ERROR_ARGUMENT);
        assert_int_equal(tcpk_ring_process(no_readers[i], NULL, 0, NULL, NULL, NULL, &got, NULL), TCPK_ERROR_ARGUMENT);
    }
    assert_int_equal(tcpk_ring_wait(ring, 0), TCPK_ERROR_ARGUMENT);
    assert_int_equal(tcpk_ring_expel(writer, TCPK_RING_READERS), TCPK_ERROR_RANGE);
    tcpk_ring_close(writer);
    tcpk_ring_close(reader);
    tcpk_ring_close(ring);
}

/* Claim, fill and publish one batch; how many there was room for. */
static size_t put(struct tcpk_ring *writer, uint64_t first, size_t most)
{
    struct tcpk_ring_slot *slots;
    size_t got;
    assert_int_equal(tcpk_ring_claim(writer, most, &slots, &got), TCPK_OK);
    for (size_t i = 0; i < got; i++)
        ring_fill(&slots[i], first + i);
    assert_int_equal(tcpk_ring_publish(writer, got), TCPK_OK);
    return got;
}

static size_t take(struct tcpk_ring *reader, uint64_t first, size_t most)
{
    const struct tcpk_ring_slot *slots;
    size_t got;
    assert_int_equal(tcpk_ring_peek(reader, most, &slots, &got), TCPK_OK);
    for (size_t i = 0; i < got; i++)
        assert_true(ring_holds(&slots[i], first + i));
    assert_int_equal(tcpk_ring_release(reader, got), TCPK_OK);
    return got;
}

static void a_full_ring_has_no_room_until_all_have_read(void **state)
{
    (void)state;
    struct tcpk_ring *ring = ring_make(SLOTS), *writer = ring_writer(ring);
    for (uint64_t n = 0; n < 3 * SLOTS; n += SLOTS) /* nobody reads: there is always room */
        assert_int_equal(put(writer, n, 1000), SLOTS);
    struct tcpk_ring *fast = ring_reader(ring), *slow = ring_reader(ring);
    assert_int_equal(take(fast, 0, 10), 0); /* a reader sees what is published after it attached */
    assert_int_equal(put(writer, 0, 10), 10);
    assert_int_equal(put(writer, 10, 1000), SLOTS - 10); /* up to the ring's end */
    assert_int_equal(put(writer, 64, 1000), 0);
    assert_int_equal(take(fast, 0, 1000), SLOTS);
    assert_int_equal(put(writer, 64, 1000), 0);
    assert_int_equal(take(slow, 0, 3), 3);
    assert_int_equal(put(writer, 64, 1000), 3);
    assert_int_equal(take(slow, 3, 1000), SLOTS - 3);
    assert_int_equal(take(slow, 64, 1000), 3);
    assert_int_equal(put(writer, 67, 1000), SLOTS - 3);
    assert_int_equal(put(writer, 0, 1000), 0); /* the fast one has yet to read */
    tcpk_ring_close(fast);
    assert_int_equal(put(writer, 128, 1000), 3);
    assert_int_equal(take(slow, 67, 1000), SLOTS - 3);
    assert_int_equal(take(slow, 128, 1000), 3);
    tcpk_ring_close(slow);
    tcpk_ring_close(writer);
    tcpk_ring_close(ring);
}

static void what_was_not_claimed_or_seen_cannot_be_given(void **state)
{
    (void)state;
    struct tcpk_ring *ring = ring_make(SLOTS), *writer = ring_writer(ring), *reader = ring_reader(ring);
    struct tcpk_ring_slot *slots, *again;
    const struct tcpk_ring_slot *seen;
    size_t got;
    assert_int_equal(tcpk_ring_publish(writer, 1), TCPK_ERROR_ARGUMENT);
    assert_int_equal(tcpk_ring_claim(writer, 5, &slots, &got), TCPK_OK);
    assert_int_equal(tcpk_ring_publish(writer, 6), TCPK_ERROR_ARGUMENT);
    for (size_t i = 0; i < 5; i++)
        ring_fill(&slots[i], i);
    assert_int_equal(take(reader, 0, 5), 0); /* not before it is published */
    assert_int_equal(tcpk_ring_publish(writer, 2), TCPK_OK);
    assert_int_equal(tcpk_ring_claim(writer, 3, &again, &got), TCPK_OK);
    assert_ptr_equal(again, slots + 2);
    assert_int_equal(tcpk_ring_publish(writer, 3), TCPK_OK);
    assert_int_equal(tcpk_ring_publish(writer, 1), TCPK_ERROR_ARGUMENT);

    assert_int_equal(tcpk_ring_release(reader, 1), TCPK_ERROR_ARGUMENT);
    assert_int_equal(tcpk_ring_peek(reader, 3, &seen, &got), TCPK_OK);
    assert_int_equal(tcpk_ring_release(reader, 4), TCPK_ERROR_ARGUMENT);
    assert_int_equal(tcpk_ring_release(reader, 1), TCPK_OK);
    assert_int_equal(tcpk_ring_release(reader, 2), TCPK_OK);
    assert_int_equal(tcpk_ring_release(reader, 1), TCPK_ERROR_ARGUMENT);
    assert_int_equal(take(reader, 3, 10), 2);
    tcpk_ring_close(reader);
    tcpk_ring_close(writer);
    tcpk_ring_close(ring);
}

static void arrays_go_around_the_end(void **state)
{
    (void)state;
    enum { N = 50 };
    struct tcpk_ring *ring = ring_make(SLOTS), *writer = ring_writer(ring), *reader = ring_reader(ring);
    uint32_t agents[N], read_agents[N];
    uint64_t keys[N], read_keys[N];
    uint8_t features[N * F], read_features[N * F], descriptors[N * 24], read_descriptors[N * 24];
    struct random random = {5};
    for (unsigned round = 0; round < 100; round++) {
        const size_t n = random_below(&random, N + 1);
        for (size_t i = 0; i < n; i++) {
            agents[i] = (uint32_t)random_next(&random);
            keys[i] = random_next(&random);
            memset(features + i * F, (int)random_below(&random, 256), F);
            memset(descriptors + i * 24, (int)random_below(&random, 256), 24);
        }
        size_t done;
        assert_int_equal(tcpk_ring_write(writer, agents, keys, features, round % 3 ? descriptors : NULL, n, &done),
                         TCPK_OK);
        assert_int_equal(done, n);
        if (round % 3 == 0)
            memset(descriptors, 0, sizeof descriptors);
        assert_int_equal(tcpk_ring_read(reader, read_agents, read_keys, read_features, read_descriptors, N, &done),
                         TCPK_OK);
        assert_int_equal(done, n);
        assert_memory_equal(read_agents, agents, n * sizeof *agents);
        assert_memory_equal(read_keys, keys, n * sizeof *keys);
        assert_memory_equal(read_features, features, n * F);
        assert_memory_equal(read_descriptors, descriptors, n * 24);
    }
    tcpk_ring_close(reader);
    tcpk_ring_close(writer);
    tcpk_ring_close(ring);
}

/* Positions go on beyond what the slots' sequence numbers hold. */
static void sequence_numbers_begin_anew_after_2_to_the_32(void **state)
{
    (void)state;
    struct tcpk_ring *ring = ring_make(SLOTS);
    struct tcpk_ring_header *header = ring_map(ring);
    header->head = ((uint64_t)1 << 32) - 70;
    struct tcpk_ring *writer = ring_writer(ring), *reader = ring_reader(ring);
    for (uint64_t n = 0; n < 300; n += 7) {
        for (size_t done = 0; done < 7;)
            done += put(writer, n + done, 7 - done);
        for (size_t done = 0; done < 7;)
            done += take(reader, n + done, 7 - done);
    }
    assert_true(header->head > (uint64_t)1 << 32);
    tcpk_ring_close(reader);
    tcpk_ring_close(writer);
    munmap(header, TCPK_RING_SLOTS_OFFSET);
    tcpk_ring_close(ring);
}

static void a_reader_cannot_write_events(void **state)
{
    (void)state;
    struct tcpk_ring *ring = ring_make(SLOTS), *reader = ring_reader(ring), *writer = ring_writer(ring);
    const struct tcpk_ring_slot *slots;
    size_t got;
    put(writer, 0, 1);
    assert_int_equal(tcpk_ring_peek(reader, 1, &slots, &got), TCPK_OK);
    const pid_t process = fork();
    if (process == 0) {
        /* A sanitizer's handler would take the signal and say much. */
        signal(SIGSEGV, SIG_DFL);
        ((volatile struct tcpk_ring_slot *)slots)->agent = 1;
        _exit(0);
    }
    assert_int_equal(ring_wait_for(process), -SIGSEGV);
    tcpk_ring_close(reader);
    tcpk_ring_close(writer);
    tcpk_ring_close(ring);
}

static void an_expelled_reader_learns_it(void **state)
{
    (void)state;
    struct tcpk_ring *ring = ring_make(SLOTS), *writer = ring_writer(ring), *stuck = ring_reader(ring);
    const struct tcpk_ring_slot *slots;
    size_t got;
    assert_int_equal(put(writer, 0, SLOTS), SLOTS);
    assert_int_equal(tcpk_ring_wait(writer, 1000000), TCPK_ERROR_TIMEOUT); /* it lives: it is waited for */
    assert_int_equal(tcpk_ring_peek(stuck, 1, &slots, &got), TCPK_OK);
    assert_int_equal(tcpk_ring_expel(writer, 0), TCPK_OK);
    assert_int_equal(tcpk_ring_release(stuck, 1), TCPK_ERROR_OVERRUN);
    assert_int_equal(put(writer, 64, 10), 10);
    assert_int_equal(tcpk_ring_peek(stuck, 1, &slots, &got), TCPK_ERROR_OVERRUN);
    assert_int_equal(tcpk_ring_wait(stuck, 0), TCPK_ERROR_OVERRUN);
    tcpk_ring_detach(stuck);
    assert_int_equal(tcpk_ring_attach_reader(stuck, NULL), TCPK_OK);
    assert_int_equal(put(writer, 74, 10), 10);
    assert_int_equal(take(stuck, 74, 10), 10);
    tcpk_ring_close(stuck);
    tcpk_ring_close(writer);
    tcpk_ring_close(ring);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(sizes_are_powers_of_two),
        cmocka_unit_test(a_role_is_taken_once),
        cmocka_unit_test(what_is_of_another_role_is_refused),
        cmocka_unit_test(a_full_ring_has_no_room_until_all_have_read),
        cmocka_unit_test(what_was_not_claimed_or_seen_cannot_be_given),
        cmocka_unit_test(arrays_go_around_the_end),
        cmocka_unit_test(sequence_numbers_begin_anew_after_2_to_the_32),
        cmocka_unit_test(a_reader_cannot_write_events),
        cmocka_unit_test(an_expelled_reader_learns_it),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
