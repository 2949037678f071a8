/* Taking a role in a ring and giving it up. */
#define _GNU_SOURCE
#include <errno.h>
#include <fcntl.h>
#include <sched.h>
#include <stdio.h>
#include <string.h>
#include <sys/mman.h>
#include <unistd.h>

#include "ring_state.h"

#define ROUNDS 4 /* over the places of readers: one may be locked for as long as somebody finds its reader dead */

static int set_lock(const struct tcpk_ring *ring, uint32_t byte, short type)
{
    struct flock lock = {.l_type = type, .l_whence = SEEK_SET, .l_start = byte, .l_len = 1};
    if (fcntl(ring->role_file, F_OFD_SETLK, &lock) == 0)
        return 0;
    return errno == EACCES ? EAGAIN : errno;
}

int tcpk_ring_lock(const struct tcpk_ring *ring, uint32_t byte)
{
    return set_lock(ring, byte, F_WRLCK);
}

void tcpk_ring_unlock(const struct tcpk_ring *ring, uint32_t byte)
{
    (void)set_lock(ring, byte, F_UNLCK);
}

/* One mapping; a reader's is read-only, with the readers' page writable over it. In a memfd of larger pages that page
 * cannot be mapped alone, and a reader gets all of it writable. */
static bool map(struct tcpk_ring *ring, enum tcpk_ring_role role)
{
    const size_t bytes = ring->geometry.bytes;
    const bool apart = role == TCPK_RING_READER &&
                       (ring->kind == TCPK_RING_IN_DEVICE || ring->geometry.page_bytes == TCPK_RING_READERS_OFFSET);
    const int flags = MAP_SHARED | (ring->kind == TCPK_RING_IN_MEMORY ? MAP_POPULATE : 0);
    char *begin = mmap(NULL, bytes, apart ? PROT_READ : PROT_READ | PROT_WRITE, flags, ring->role_file, 0);
    if (begin == MAP_FAILED)
        return false;
    if (apart &&
        mmap(begin + TCPK_RING_READERS_OFFSET, TCPK_RING_SLOTS_OFFSET - TCPK_RING_READERS_OFFSET,
             PROT_READ | PROT_WRITE, flags | MAP_FIXED, ring->role_file, TCPK_RING_READERS_OFFSET) == MAP_FAILED) {
        const int reason = errno;
        munmap(begin, bytes);
        errno = reason;
        return false;
    }
    ring->header = (struct tcpk_ring_header *)begin;
    ring->readers = (struct tcpk_ring_readers *)(begin + TCPK_RING_READERS_OFFSET);
    ring->slots = (struct tcpk_ring_slot *)(begin + TCPK_RING_SLOTS_OFFSET);
    return true;
}

/* 0, or the error number: EBUSY when the role is taken. */
static int take_in_device(struct tcpk_ring *ring, enum tcpk_ring_role role)
{
    if (role == TCPK_RING_WRITER)
        return ioctl(ring->role_file, TCPK_RING_ATTACH_WRITER) == 0 ? 0 : errno;
    if (ioctl(ring->role_file, TCPK_RING_ATTACH_READER, &ring->reader) != 0)
        return errno;
    return ring->reader < TCPK_RING_READERS ? 0 : EPROTO;
}

static int take_in_memory(struct tcpk_ring *ring, enum tcpk_ring_role role)
{
    int reason = EAGAIN;
    if (role == TCPK_RING_WRITER) {
        reason = tcpk_ring_lock(ring, TCPK_RING_WRITER_LOCK);
        return reason == EAGAIN ? EBUSY : reason;
    }
    for (unsigned round = 0; round < ROUNDS; round++, sched_yield())
        for (ring->reader = 0; ring->reader < TCPK_RING_READERS; ring->reader++) {
            reason = tcpk_ring_lock(ring, ring->reader);
            if (reason != EAGAIN)
                return reason;
        }
    return EBUSY;
}

/* The role is this ring's: begin at the head. */
static void begin(struct tcpk_ring *ring, enum tcpk_ring_role role)
{
    ring->role = role;
    ring->open = 0;
    if (role == TCPK_RING_WRITER) {
        ring->position = ring->limit = tcpk_ring_load(&ring->header->head);
        tcpk_ring_store_flag(&ring->header->writer_sleeps, 0);
        tcpk_ring_wake_readers(ring); /* the last writer may have died before it did */
        return;
    }
    struct tcpk_ring_reader *place = &ring->readers->reader[ring->reader];
    tcpk_ring_store(&place->tail, tcpk_ring_load(&ring->header->head)); /* not that of a reader that died here */
    tcpk_ring_store_flag(&place->attached, 1);
    ring->position = ring->limit = tcpk_ring_load(&ring->header->head);
    tcpk_ring_store_tail(ring);
}

static enum tcpk_status attach(struct tcpk_ring *ring, enum tcpk_ring_role role, struct tcpk_error *error)
{
    if (ring->role != TCPK_RING_NO_ROLE)
        return tcpk_fail(error, TCPK_ERROR_ARGUMENT, 0, "the ring has a role; allowed: one, until it is detached");
    char path[32];
    snprintf(path, sizeof path, "/proc/self/fd/%d", ring->file);
    ring->role_file = open(path, O_RDWR | O_CLOEXEC | O_NONBLOCK);
    if (ring->role_file < 0)
        return tcpk_fail(error, TCPK_ERROR_IO, 0, "%s: %s", path, strerror(errno));
    int reason = ring->kind == TCPK_RING_IN_DEVICE ? take_in_device(ring, role) : take_in_memory(ring, role);
    if (reason == 0 && !map(ring, role))
        reason = errno ? errno : ENOMEM;
    if (reason == 0) {
        begin(ring, role);
        return TCPK_OK;
    }
    close(ring->role_file); /* drops what was taken */
    ring->role_file = -1;
    ring->reader = 0;
    if (reason == EBUSY)
        return tcpk_fail(error, TCPK_ERROR_BUSY, 0,
                         role == TCPK_RING_WRITER ? "the ring has a writer; allowed: 1"
                                                  : "all places of readers are taken; allowed: %u",
                         TCPK_RING_READERS);
    return tcpk_fail(error, reason == ENOMEM ? TCPK_ERROR_MEMORY : TCPK_ERROR_IO, 0, "attaching to the ring: %s",
                     strerror(reason));
}

enum tcpk_status tcpk_ring_attach_writer(struct tcpk_ring *ring, struct tcpk_error *error)
{
    return attach(ring, TCPK_RING_WRITER, error);
}

enum tcpk_status tcpk_ring_attach_reader(struct tcpk_ring *ring, struct tcpk_error *error)
{
    return attach(ring, TCPK_RING_READER, error);
}

void tcpk_ring_detach(struct tcpk_ring *ring)
{
    if (ring->role == TCPK_RING_NO_ROLE)
        return;
    if (ring->role == TCPK_RING_READER) {
        tcpk_ring_store_flag(&ring->readers->reader[ring->reader].attached, 0);
        __atomic_fetch_and(&ring->readers->sleepers, ~(1u << ring->reader), __ATOMIC_SEQ_CST);
        if (tcpk_ring_load_flag(&ring->header->writer_sleeps))
            tcpk_ring_wake_writer(ring);
    }
    munmap(ring->header, ring->geometry.bytes);
    close(ring->role_file);
    ring->role_file = -1;
    ring->role = TCPK_RING_NO_ROLE;
    ring->header = NULL;
    ring->readers = NULL;
    ring->slots = NULL;
    ring->reader = 0;
    ring->position = ring->limit = 0;
    ring->open = 0;
}
