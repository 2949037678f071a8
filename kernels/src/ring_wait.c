/* Sleeping until a peer has done something, and waking peers that sleep. */
#define _GNU_SOURCE
#include <errno.h>
#include <limits.h>
#include <linux/futex.h>
#include <poll.h>
#include <sys/syscall.h>
#include <time.h>
#include <unistd.h>

#include "ring_state.h"

#define SECOND 1000000000
/* In memory nobody wakes a sleeper whose peer died before it did; so long it sleeps at a time. */
#define LONGEST_SLEEP (SECOND / 20)
#define PAUSE (SECOND / 1000)

static void futex_wake(uint32_t *word, int most)
{
    (void)syscall(SYS_futex, word, FUTEX_WAKE, most, NULL, NULL, 0);
}

static void futex_wait(const uint32_t *word, uint32_t value, int64_t nanoseconds)
{
    const struct timespec time = {nanoseconds / SECOND, nanoseconds % SECOND};
    (void)syscall(SYS_futex, word, FUTEX_WAIT, value, &time, NULL, 0);
}

void tcpk_ring_wake_readers(struct tcpk_ring *ring)
{
    (void)__atomic_exchange_n(&ring->readers->sleepers, 0, __ATOMIC_SEQ_CST);
    (void)__atomic_fetch_add(&ring->header->wakes, 1, __ATOMIC_SEQ_CST);
    if (ring->kind == TCPK_RING_IN_MEMORY)
        futex_wake(&ring->header->wakes, INT_MAX);
    else
        (void)ioctl(ring->role_file, TCPK_RING_WAKE);
}

void tcpk_ring_wake_writer(struct tcpk_ring *ring)
{
    (void)__atomic_fetch_add(&ring->readers->room, 1, __ATOMIC_SEQ_CST);
    if (ring->kind == TCPK_RING_IN_MEMORY)
        futex_wake(&ring->readers->room, 1);
    else
        (void)ioctl(ring->role_file, TCPK_RING_WAKE);
}

/* Detach the readers that leave no room and are dead: their locks can be had. */
static void bury_the_dead(struct tcpk_ring *ring)
{
    for (uint32_t i = 0; i < TCPK_RING_READERS; i++) {
        struct tcpk_ring_reader *place = &ring->readers->reader[i];
        if (!tcpk_ring_load_flag(&place->attached) ||
            ring->position - tcpk_ring_load(&place->tail) < ring->geometry.slots || tcpk_ring_lock(ring, i) != 0)
            continue;
        tcpk_ring_store_flag(&place->attached, 0);
        tcpk_ring_unlock(ring, i);
    }
}

/* Whether there is something to do now. A reader that was expelled has nothing to wait for. */
static enum tcpk_status look(struct tcpk_ring *ring)
{
    const enum tcpk_status status =
        ring->role == TCPK_RING_WRITER ? tcpk_ring_look_for_room(ring) : tcpk_ring_look_for_events(ring);
    if (status != TCPK_OK || ring->limit != ring->position)
        return status;
    const enum tcpk_status place = ring->role == TCPK_RING_READER ? tcpk_ring_check_place(ring) : TCPK_OK;
    return place == TCPK_OK ? TCPK_ERROR_TIMEOUT : place;
}

static void announce(struct tcpk_ring *ring, bool sleeps)
{
    const uint32_t bit = 1u << ring->reader;
    if (ring->role == TCPK_RING_WRITER)
        tcpk_ring_store_flag(&ring->header->writer_sleeps, sleeps);
    else if (sleeps)
        (void)__atomic_fetch_or(&ring->readers->sleepers, bit, __ATOMIC_SEQ_CST);
    else
        (void)__atomic_fetch_and(&ring->readers->sleepers, ~bit, __ATOMIC_SEQ_CST);
}

static void sleep_for(int64_t nanoseconds)
{
    const struct timespec time = {nanoseconds / SECOND, nanoseconds % SECOND};
    (void)clock_nanosleep(CLOCK_MONOTONIC, 0, &time, NULL);
}

/* What look says after it. The module sees the same memory; where it says that there is something and look does not, a
 * reader is attaching, or somebody writes nonsense: that must not become a loop without a pause. */
static enum tcpk_status sleep_in_device(struct tcpk_ring *ring, int64_t left)
{
    struct pollfd file = {.fd = ring->role_file, .events = ring->role == TCPK_RING_WRITER ? POLLOUT : POLLIN};
    const struct timespec time = {left / SECOND, left % SECOND};
    const int ready = ppoll(&file, 1, left < 0 ? NULL : &time, NULL);
    if (ready > 0 && file.revents & (POLLERR | POLLHUP | POLLNVAL))
        return TCPK_ERROR_IO;
    const enum tcpk_status status = look(ring);
    if (ready > 0 && status == TCPK_ERROR_TIMEOUT)
        sleep_for(PAUSE);
    return status;
}

static enum tcpk_status sleep_in_memory(struct tcpk_ring *ring, const uint32_t *word, uint32_t before, int64_t left)
{
    futex_wait(word, before, left < 0 || left > LONGEST_SLEEP ? LONGEST_SLEEP : left);
    return look(ring);
}

/* Announce that this process sleeps, look a last time, and sleep; `left` nanoseconds at most, negative: any time. */
static enum tcpk_status sleep_once(struct tcpk_ring *ring, int64_t left)
{
    const uint32_t *word = ring->role == TCPK_RING_WRITER ? &ring->readers->room : &ring->header->wakes;
    const uint32_t before = tcpk_ring_load_flag(word);
    announce(ring, true);
    enum tcpk_status status = look(ring);
    if (status == TCPK_ERROR_TIMEOUT)
        status =
            ring->kind == TCPK_RING_IN_DEVICE ? sleep_in_device(ring, left) : sleep_in_memory(ring, word, before, left);
    announce(ring, false);
    return status;
}

enum tcpk_status tcpk_ring_wait(struct tcpk_ring *ring, int64_t timeout)
{
    if (ring->role == TCPK_RING_NO_ROLE)
        return TCPK_ERROR_ARGUMENT;
    const int64_t begin = tcpk_now(), end = timeout > INT64_MAX - begin ? INT64_MAX : begin + timeout;
    for (;;) {
        enum tcpk_status status = look(ring);
        if (status == TCPK_ERROR_TIMEOUT && ring->role == TCPK_RING_WRITER && ring->kind == TCPK_RING_IN_MEMORY) {
            bury_the_dead(ring);
            status = look(ring);
        }
        if (status != TCPK_ERROR_TIMEOUT)
            return status;
        const int64_t left = timeout < 0 ? -1 : end - tcpk_now();
        if (timeout >= 0 && left <= 0)
            return TCPK_ERROR_TIMEOUT;
        status = sleep_once(ring, left);
        if (status != TCPK_ERROR_TIMEOUT)
            return status;
    }
}
