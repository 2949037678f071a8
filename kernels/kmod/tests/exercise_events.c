// SPDX-License-Identifier: GPL-2.0
/* Events between processes: a million in order and complete, sleepers woken, processes killed, memory spoilt. */
#include "exercise.h"

#include <fcntl.h>
#include <poll.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <unistd.h>

#define EVENTS 1000000
#define STREAM_READERS 3
#define ROUNDS 60
#define SPOILT 200000
#define PROBES 100

/* What the processes of one exercise tell each other. */
static struct {
    uint32_t attached;
    uint32_t stop;
    uint64_t seen;
    uint64_t wanted;
} * common;

static void meet(void)
{
    if (common == NULL) {
        common = mmap(NULL, 4096, PROT_READ | PROT_WRITE, MAP_SHARED | MAP_ANONYMOUS, -1, 0);
        REQUIRE(common != MAP_FAILED, "mmap");
    }
    memset(common, 0, sizeof *common);
}

static void write_all(void)
{
    struct ring ring = open_writer();
    for (uint64_t i = 0; i < common->wanted; i++) {
        publish(&ring);
    }
    close_ring(&ring);
}

static void read_all(void)
{
    struct ring ring = open_reader();
    __atomic_fetch_add(&common->attached, 1, __ATOMIC_SEQ_CST);
    for (uint64_t left = common->wanted; left > 0;) {
        left -= consume(&ring, left < 64 ? left : 64);
    }
    close_ring(&ring);
}

static void await_attached(uint32_t readers)
{
    const double until = seconds() + 10;
    while (__atomic_load_n(&common->attached, __ATOMIC_SEQ_CST) < readers) {
        REQUIRE(seconds() < until, "a reader did not come");
        usleep(1000);
    }
}

static void stream(uint64_t events, uint32_t readers)
{
    pid_t reading[TCPK_RING_READERS];
    meet();
    common->wanted = events;
    for (uint32_t i = 0; i < readers; i++) {
        reading[i] = start(read_all);
    }
    await_attached(readers);
    const double begin = seconds();
    const pid_t writing = start(write_all);
    REQUIRE(outcome(writing) == 0, "the writer failed");
    for (uint32_t i = 0; i < readers; i++) {
        REQUIRE(outcome(reading[i]) == 0, "reader %u failed", i);
    }
    printf("  %llu events to %u readers in %.1f s\n", (unsigned long long)events, readers, seconds() - begin);
}

void exercise_stream(void)
{
    stream(EVENTS, 1);
    stream(EVENTS / 10, STREAM_READERS);
}

static void sleep_as_reader(void)
{
    struct ring ring = open_reader();
    __atomic_fetch_add(&common->attached, 1, __ATOMIC_SEQ_CST);
    pause();
    close_ring(&ring);
}

/* Sleepers: a reader until there is an event, a writer until a reader leaves room, or dies. */
void exercise_waiting(void)
{
    meet();
    struct ring writer = open_writer();
    REQUIRE(wait_ready(writer.handle, POLLOUT, 0), "no room without readers");
    struct ring reader = open_reader();
    REQUIRE(!wait_ready(reader.handle, POLLIN, 20), "an event that nobody published");
    publish(&writer);
    REQUIRE(wait_ready(reader.handle, POLLIN, 1000) && consume(&reader, 1) == 1, "the event does not show");

    const pid_t idle = start(sleep_as_reader);
    await_attached(1);
    for (uint64_t i = 0; i < writer.geometry.slots; i++) {
        publish(&writer);
        consume(&reader, 1);
    }
    REQUIRE(!wait_ready(writer.handle, POLLOUT, 20), "room, although a reader has read nothing");
    end(idle, SIGKILL);
    REQUIRE(wait_ready(writer.handle, POLLOUT, 1000), "a dead reader holds up the writer");
    publish(&writer);
    REQUIRE(consume(&reader, 1) == 1, "the event after the death");
    close_ring(&reader);
    close_ring(&writer);
}

static void write_for_ever(void)
{
    struct ring ring = open_writer();
    for (;;) {
        publish(&ring);
    }
}

static void read_for_ever(void)
{
    struct ring ring = open_reader();
    for (;;) {
        consume(&ring, 64);
    }
}

static void survive(void)
{
    struct ring ring = open_reader();
    __atomic_fetch_add(&common->attached, 1, __ATOMIC_SEQ_CST);
    while (__atomic_load_n(&common->stop, __ATOMIC_RELAXED) == 0) {
        __atomic_fetch_add(&common->seen, consume(&ring, 64), __ATOMIC_RELAXED);
    }
    close_ring(&ring);
}

/* Writer and reader die at random moments and are started anew; who lives on misses nothing. */
void exercise_deaths(void)
{
    meet();
    const pid_t survivor = start(survive);
    await_attached(1);
    pid_t writing = start(write_for_ever), reading = start(read_for_ever);
    for (int round = 0; round < ROUNDS; round++) {
        const uint64_t which = random_number() % 3;
        usleep((useconds_t)(random_number() % 40000));
        if (which != 0) {
            end(writing, SIGKILL);
            writing = start(write_for_ever);
        }
        if (which != 1) {
            end(reading, SIGKILL);
            reading = start(read_for_ever);
        }
    }
    const uint64_t before = __atomic_load_n(&common->seen, __ATOMIC_RELAXED);
    usleep(200000);
    const uint64_t after = __atomic_load_n(&common->seen, __ATOMIC_RELAXED);
    __atomic_store_n(&common->stop, 1, __ATOMIC_RELAXED);
    REQUIRE(outcome(survivor) == 0, "the reader that lived on");
    REQUIRE(after > before, "nothing came after the last death");
    end(writing, SIGKILL);
    end(reading, SIGKILL);
    printf("  %d rounds, %llu events in order\n", ROUNDS, (unsigned long long)common->seen);
}

static void spoil(void)
{
    struct ring ring = open_writer();
    uint64_t *const words = (uint64_t *)ring.memory;
    __atomic_fetch_add(&common->attached, 1, __ATOMIC_SEQ_CST);
    for (int i = 0; i < SPOILT; i++) {
        const uint64_t value = random_number();
        /* Header and readers' page most of the time; numbers near the borders as often as any. */
        const uint64_t place =
            value % 8 ? random_number() % (TCPK_RING_SLOTS_OFFSET / 8) : random_number() % (ring.geometry.bytes / 8);
        __atomic_store_n(&words[place], value & 8 ? random_number() : (value & 16 ? -(value >> 60) : value >> 60),
                         __ATOMIC_RELAXED);
    }
    pause();
}

static void probe_while_spoilt(const struct tcpk_ring_geometry *geometry)
{
    struct tcpk_ring_info info;
    uint32_t number;
    const int handle = open_device(O_RDWR);
    REQUIRE(ioctl(handle, TCPK_RING_ATTACH_READER, &number) == 0 && number < TCPK_RING_READERS, "attach");
    wait_ready(handle, POLLIN, 0);
    REQUIRE(ioctl(handle, TCPK_RING_WAKE) == 0, "wake");
    REQUIRE(ioctl(handle, TCPK_RING_INFO, &info) == 0 && memcmp(&info.geometry, geometry, sizeof *geometry) == 0,
            "the geometry came from the memory");
    void *const memory = mmap(NULL, geometry->bytes, PROT_READ, MAP_SHARED, handle, 0);
    REQUIRE(memory != MAP_FAILED, "mmap");
    munmap(memory, geometry->bytes);
    REQUIRE(ioctl(handle, TCPK_RING_DETACH) == 0, "detach");
    close(handle);
}

void exercise_hostile(void)
{
    struct tcpk_ring_info info;
    const int handle = open_device(O_RDWR);
    REQUIRE(ioctl(handle, TCPK_RING_INFO, &info) == 0, "info");
    close(handle);
    meet();
    const pid_t spoiler = start(spoil);
    await_attached(1);
    for (int i = 0; i < PROBES; i++) {
        probe_while_spoilt(&info.geometry);
    }
    end(spoiler, SIGKILL);

    struct ring writer = open_writer();
    REQUIRE(memcmp(&writer.header->geometry, &info.geometry, sizeof info.geometry) == 0,
            "the next writer does not find the geometry");
    for (uint32_t i = 0; i < TCPK_RING_READERS; i++) {
        REQUIRE(writer.readers->reader[i].attached == 0, "reader %u is attached and nobody is", i);
    }
    REQUIRE(wait_ready(writer.handle, POLLOUT, 0), "no room after all");
    close_ring(&writer);
    stream(10000, 2);
}

/* Keeps a mapping without its handle until its input ends. */
void hold(void)
{
    struct ring ring = open_reader();
    char letter;
    close(ring.handle);
    printf("held\n");
    fflush(stdout);
    REQUIRE(read(STDIN_FILENO, &letter, 1) == 0, "input");
    munmap(ring.memory, ring.geometry.bytes);
}
