// SPDX-License-Identifier: GPL-2.0
/* ring_exercise [--seed N] [--events N] NAME...: what /dev/tcpk_ring grants and refuses, tried on the real device.
 * exit 0 all held, 1 one did not, 2 usage */
#include "exercise.h"

#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <signal.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/prctl.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

#define SPINS 200
#define PATIENCE_MS 10000

static uint64_t random_state = 1;

void require(bool holds, const char *file, int line, const char *format, ...)
{
    if (holds) {
        return;
    }
    const int error = errno;
    va_list arguments;
    va_start(arguments, format);
    fprintf(stderr, "%s:%d: ", file, line);
    vfprintf(stderr, format, arguments);
    fprintf(stderr, " (errno %d, %s)\n", error, strerror(error));
    va_end(arguments);
    exit(1);
}

double seconds(void)
{
    struct timespec now;
    clock_gettime(CLOCK_MONOTONIC, &now);
    return (double)now.tv_sec + (double)now.tv_nsec / 1e9;
}

uint64_t random_number(void)
{ /* splitmix64 */
    uint64_t z = random_state += 0x9e3779b97f4a7c15;
    z = (z ^ z >> 30) * 0xbf58476d1ce4e5b9;
    z = (z ^ z >> 27) * 0x94d049bb133111eb;
    return z ^ z >> 31;
}

pid_t start(void (*child)(void))
{
    fflush(NULL);
    const pid_t made = fork();
    REQUIRE(made >= 0, "fork");
    if (made == 0) {
        prctl(PR_SET_PDEATHSIG, SIGKILL);
        child();
        exit(0);
    }
    return made;
}

int outcome(pid_t child)
{
    int status;
    REQUIRE(waitpid(child, &status, 0) == child, "waitpid");
    return WIFSIGNALED(status) ? 128 + WTERMSIG(status) : WEXITSTATUS(status);
}

void end(pid_t child, int signal_number)
{
    kill(child, signal_number);
    outcome(child);
}

int open_device(int flags)
{
    const int handle = open(DEVICE, flags | O_CLOEXEC);
    REQUIRE(handle >= 0, "open %s", DEVICE);
    return handle;
}

static struct ring open_ring(void)
{
    struct ring ring = {.handle = open_device(O_RDWR)};
    struct tcpk_ring_info info;
    REQUIRE(ioctl(ring.handle, TCPK_RING_INFO, &info) == 0, "TCPK_RING_INFO");
    ring.geometry = info.geometry;
    return ring;
}

static void map_ring(struct ring *ring, int protection)
{
    ring->memory = mmap(NULL, ring->geometry.bytes, protection, MAP_SHARED, ring->handle, 0);
    REQUIRE(ring->memory != MAP_FAILED, "mmap of the ring");
    ring->header = (struct tcpk_ring_header *)ring->memory;
    ring->readers = (struct tcpk_ring_readers *)(ring->memory + TCPK_RING_READERS_OFFSET);
    ring->slots = (struct tcpk_ring_slot *)(ring->memory + TCPK_RING_SLOTS_OFFSET);
}

/* The role of a process that was killed is free once its memory is. */
static void attach(int handle, unsigned long command, void *argument)
{
    const double until = seconds() + 10;
    int done;
    do {
        done = ioctl(handle, command, argument);
    } while (done != 0 && errno == EBUSY && seconds() < until);
    REQUIRE(done == 0, "attach");
}

struct ring open_writer(void)
{
    struct ring ring = open_ring();
    attach(ring.handle, TCPK_RING_ATTACH_WRITER, NULL);
    map_ring(&ring, PROT_READ | PROT_WRITE);
    ring.next = __atomic_load_n(&ring.header->head, __ATOMIC_ACQUIRE);
    return ring;
}

struct ring open_reader(void)
{
    struct ring ring = open_ring();
    attach(ring.handle, TCPK_RING_ATTACH_READER, &ring.number);
    map_ring(&ring, PROT_READ);
    void *const page =
        mmap(ring.readers, 4096, PROT_READ | PROT_WRITE, MAP_SHARED | MAP_FIXED, ring.handle, TCPK_RING_READERS_OFFSET);
    REQUIRE(page == ring.readers, "mmap of the readers' page");
    struct tcpk_ring_reader *const own = &ring.readers->reader[ring.number];
    __atomic_store_n(&own->attached, 1, __ATOMIC_RELAXED);
    __atomic_thread_fence(__ATOMIC_SEQ_CST);
    ring.next = __atomic_load_n(&ring.header->head, __ATOMIC_ACQUIRE);
    __atomic_store_n(&own->tail, ring.next, __ATOMIC_RELEASE);
    return ring;
}

void close_ring(struct ring *ring)
{
    munmap(ring->memory, ring->geometry.bytes);
    close(ring->handle);
}

bool wait_ready(int handle, short events, int milliseconds)
{
    struct pollfd waited = {.fd = handle, .events = events};
    const int ready = poll(&waited, 1, milliseconds);
    REQUIRE(ready >= 0, "poll");
    return ready == 1 && (waited.revents & events) == events;
}

static bool has_room(const struct ring *ring)
{
    for (uint32_t i = 0; i < TCPK_RING_READERS; i++) {
        const struct tcpk_ring_reader *const reader = &ring->readers->reader[i];
        if (__atomic_load_n(&reader->attached, __ATOMIC_RELAXED) != 0 &&
            ring->next - __atomic_load_n(&reader->tail, __ATOMIC_ACQUIRE) >= ring->geometry.slots) {
            return false;
        }
    }
    return true;
}

static void wait_for_room(const struct ring *ring)
{
    for (int i = 0; i < SPINS; i++) {
        if (has_room(ring)) {
            return;
        }
    }
    __atomic_store_n(&ring->header->writer_sleeps, 1, __ATOMIC_RELAXED);
    __atomic_thread_fence(__ATOMIC_SEQ_CST);
    while (!has_room(ring)) {
        REQUIRE(wait_ready(ring->handle, POLLOUT, PATIENCE_MS), "no room at %llu", (unsigned long long)ring->next);
    }
    __atomic_store_n(&ring->header->writer_sleeps, 0, __ATOMIC_RELAXED);
}

static uint64_t key_of(uint64_t position)
{
    return position * 0x9e3779b97f4a7c15;
}

void publish(struct ring *ring)
{
    wait_for_room(ring);
    struct tcpk_ring_slot *const slot = &ring->slots[ring->next & (ring->geometry.slots - 1)];
    slot->agent = (uint32_t)(ring->next >> 7);
    slot->key = key_of(ring->next);
    memset(slot->descriptor, (int)(ring->next & 0xff), sizeof slot->descriptor);
    memset(slot->features, (int)(ring->next >> 8 & 0xff), sizeof slot->features);
    slot->sequence = (uint32_t)(ring->next + 1);
    __atomic_store_n(&ring->header->head, ++ring->next, __ATOMIC_RELEASE);
    __atomic_thread_fence(__ATOMIC_SEQ_CST);
    if (__atomic_load_n(&ring->readers->sleepers, __ATOMIC_RELAXED) != 0) {
        __atomic_exchange_n(&ring->readers->sleepers, 0, __ATOMIC_SEQ_CST);
        __atomic_fetch_add(&ring->header->wakes, 1, __ATOMIC_RELAXED);
        REQUIRE(ioctl(ring->handle, TCPK_RING_WAKE) == 0, "wake");
    }
}

static uint64_t wait_for_events(const struct ring *ring)
{
    uint64_t head;
    for (int i = 0; i < SPINS; i++) {
        if ((head = __atomic_load_n(&ring->header->head, __ATOMIC_ACQUIRE)) != ring->next) {
            return head;
        }
    }
    const uint32_t mine = 1u << ring->number;
    for (;;) {
        __atomic_fetch_or(&ring->readers->sleepers, mine, __ATOMIC_SEQ_CST);
        if ((head = __atomic_load_n(&ring->header->head, __ATOMIC_ACQUIRE)) != ring->next) {
            break;
        }
        REQUIRE(wait_ready(ring->handle, POLLIN, PATIENCE_MS), "no event at %llu", (unsigned long long)ring->next);
    }
    __atomic_fetch_and(&ring->readers->sleepers, ~mine, __ATOMIC_RELAXED);
    return head;
}

static bool is_filled(const unsigned char *bytes, size_t count, uint64_t value)
{
    for (size_t i = 0; i < count; i++) {
        if (bytes[i] != (value & 0xff)) {
            return false;
        }
    }
    return true;
}

uint64_t consume(struct ring *ring, uint64_t most)
{
    const uint64_t head = wait_for_events(ring);
    const uint64_t there = head - ring->next;
    REQUIRE(there <= ring->geometry.slots, "head %llu, tail %llu", (unsigned long long)head,
            (unsigned long long)ring->next);
    const uint64_t count = there < most ? there : most;
    for (uint64_t i = 0; i < count; i++, ring->next++) {
        const uint64_t position = ring->next;
        const struct tcpk_ring_slot *const slot = &ring->slots[position & (ring->geometry.slots - 1)];
        REQUIRE(slot->sequence == (uint32_t)(position + 1) && slot->agent == (uint32_t)(position >> 7) &&
                    slot->key == key_of(position) && is_filled(slot->descriptor, sizeof slot->descriptor, position) &&
                    is_filled(slot->features, sizeof slot->features, position >> 8),
                "another event at %llu", (unsigned long long)position);
    }
    __atomic_store_n(&ring->readers->reader[ring->number].tail, ring->next, __ATOMIC_RELEASE);
    __atomic_thread_fence(__ATOMIC_SEQ_CST);
    if (__atomic_load_n(&ring->header->writer_sleeps, __ATOMIC_RELAXED) != 0) {
        __atomic_fetch_add(&ring->readers->room, 1, __ATOMIC_RELAXED);
        REQUIRE(ioctl(ring->handle, TCPK_RING_WAKE) == 0, "wake");
    }
    return count;
}

static const struct {
    const char *name;
    void (*run)(void);
} EXERCISES[] = {
    {"roles", exercise_roles},       {"mappings", exercise_mappings},
    {"commands", exercise_commands}, {"waiting", exercise_waiting},
    {"stream", exercise_stream},     {"deaths", exercise_deaths},
    {"hostile", exercise_hostile},   {"hold", hold},
};

int main(int count, char **words)
{
    int first = 1;
    if (count > 2 && strcmp(words[1], "--seed") == 0) {
        random_state = strtoull(words[2], NULL, 0);
        first = 3;
    }
    for (int i = first; i < count; i++) {
        size_t known = 0;
        while (known < sizeof EXERCISES / sizeof *EXERCISES && strcmp(EXERCISES[known].name, words[i]) != 0) {
            known++;
        }
        if (known == sizeof EXERCISES / sizeof *EXERCISES) {
            fprintf(stderr, "%s: there is no exercise of that name\n", words[i]);
            return 2;
        }
        const double begin = seconds();
        EXERCISES[known].run();
        printf("%s: held in %.1f s\n", words[i], seconds() - begin);
        fflush(stdout);
    }
    return 0;
}
