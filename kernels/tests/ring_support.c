#define _GNU_SOURCE
#include "ring_support.h"

#include <stdio.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

struct tcpk_ring *ring_make(uint64_t slots)
{
    struct tcpk_ring *ring = NULL;
    struct tcpk_error error = {0};
    if (tcpk_ring_create(slots, &ring, &error) != TCPK_OK)
        fail_msg("%s", error.message);
    return ring;
}

struct tcpk_ring *ring_again(const struct tcpk_ring *ring)
{
    struct tcpk_ring *again = NULL;
    struct tcpk_error error = {0};
    if (tcpk_ring_open_file(tcpk_ring_file(ring), &again, &error) != TCPK_OK)
        fail_msg("%s", error.message);
    return again;
}

struct tcpk_ring *ring_writer(const struct tcpk_ring *ring)
{
    struct tcpk_ring *writer = ring_again(ring);
    assert_int_equal(tcpk_ring_attach_writer(writer, NULL), TCPK_OK);
    return writer;
}

struct tcpk_ring *ring_reader(const struct tcpk_ring *ring)
{
    struct tcpk_ring *reader = ring_again(ring);
    assert_int_equal(tcpk_ring_attach_reader(reader, NULL), TCPK_OK);
    return reader;
}

void *ring_map(const struct tcpk_ring *ring)
{
    struct tcpk_ring_about about;
    tcpk_ring_describe(ring, &about);
    void *memory = mmap(NULL, about.bytes, PROT_READ | PROT_WRITE, MAP_SHARED, tcpk_ring_file(ring), 0);
    assert_true(memory != MAP_FAILED);
    return memory;
}

/* Every byte depends on the number. */
static void make(struct tcpk_ring_slot *slot, uint64_t n)
{
    struct random random = {n};
    slot->agent = (uint32_t)n;
    slot->key = random_next(&random);
    for (size_t at = 0; at < sizeof slot->features; at += 8) {
        const uint64_t values[2] = {random_next(&random), random_next(&random)};
        memcpy(slot->features + at, &values[0], 8);
        memcpy(slot->descriptor + at, &values[1], 8);
    }
}

void ring_fill(struct tcpk_ring_slot *slot, uint64_t n)
{
    make(slot, n);
}

bool ring_holds(const struct tcpk_ring_slot *slot, uint64_t n)
{
    struct tcpk_ring_slot wanted = {.sequence = slot->sequence};
    make(&wanted, n);
    return memcmp(&wanted, slot, sizeof wanted) == 0;
}

static void write_events(struct tcpk_ring *writer, uint64_t first, uint64_t count, size_t batch, bool *good)
{
    for (uint64_t written = 0; *good && written < count;) {
        struct tcpk_ring_slot *slots;
        size_t got;
        const size_t most = batch < count - written ? batch : (size_t)(count - written);
        *good = tcpk_ring_claim(writer, most, &slots, &got) == TCPK_OK;
        for (size_t i = 0; *good && i < got; i++)
            ring_fill(&slots[i], first + written + i);
        *good =
            *good && tcpk_ring_publish(writer, got) == TCPK_OK && (got || tcpk_ring_wait(writer, RING_LONG) == TCPK_OK);
        written += got;
    }
}

void ring_write_events(struct tcpk_ring *writer, uint64_t first, uint64_t count, size_t batch)
{
    bool good = true;
    write_events(writer, first, count, batch, &good);
    assert_true(good);
}

/* 0, or the line of what was wrong. */
static int read_events(struct tcpk_ring *reader, uint64_t count, int64_t pause)
{
    uint64_t next = 0;
    for (uint64_t done = 0; done < count;) {
        const struct tcpk_ring_slot *slots;
        size_t got;
        if (pause)
            nanosleep(&(struct timespec){0, pause}, NULL);
        if (tcpk_ring_wait(reader, RING_LONG) != TCPK_OK)
            return 2;
        if (tcpk_ring_peek(reader, 100 < count - done ? 100 : (size_t)(count - done), &slots, &got) != TCPK_OK)
            return 3;
        if (done == 0)
            next = slots[0].agent;
        for (size_t i = 0; i < got; i++)
            if (!ring_holds(&slots[i], next++))
                return 4;
        if (tcpk_ring_release(reader, got) != TCPK_OK)
            return 5;
        done += got;
    }
    return 0;
}

pid_t ring_fork_reader(const struct tcpk_ring *ring, uint64_t count, int64_t pause)
{
    const pid_t process = fork();
    assert_true(process >= 0);
    if (process)
        return process;
    struct tcpk_ring *reader = NULL;
    int code = 1;
    if (tcpk_ring_open_file(tcpk_ring_file(ring), &reader, NULL) == TCPK_OK &&
        tcpk_ring_attach_reader(reader, NULL) == TCPK_OK)
        code = read_events(reader, count, pause);
    tcpk_ring_close(reader);
    _exit(code);
}

pid_t ring_fork_writer(const struct tcpk_ring *ring, size_t batch)
{
    const pid_t process = fork();
    assert_true(process >= 0);
    if (process)
        return process;
    struct tcpk_ring *writer = NULL;
    struct tcpk_ring_about about;
    bool good = tcpk_ring_open_file(tcpk_ring_file(ring), &writer, NULL) == TCPK_OK &&
                tcpk_ring_attach_writer(writer, NULL) == TCPK_OK;
    if (good) {
        tcpk_ring_describe(writer, &about);
        write_events(writer, about.position, UINT64_MAX, batch, &good);
    }
    _exit(1);
}

void ring_await_readers(const struct tcpk_ring *writer, unsigned count)
{
    struct tcpk_ring_about about;
    do {
        nanosleep(&(struct timespec){0, 1000000}, NULL);
        tcpk_ring_describe(writer, &about);
    } while ((unsigned)__builtin_popcount(about.attached) < count);
}

int ring_wait_for(pid_t process)
{
    int status = 0;
    assert_int_equal(waitpid(process, &status, 0), process);
    return WIFEXITED(status) ? WEXITSTATUS(status) : -WTERMSIG(status);
}
