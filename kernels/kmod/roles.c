// SPDX-License-Identifier: GPL-2.0
/* Who is the writer, who is which reader, and how they wake each other. */
#include "module.h"

#include <linux/bitops.h>

/* A reader that is not attached must hold up no writer, whoever has set its mark. */
static void forget_absent(struct tcpk_ring *ring)
{
    for (u32 i = 0; i < TCPK_RING_READERS; i++) {
        if (!(ring->attached & BIT(i)) && READ_ONCE(ring->readers->reader[i].attached))
            WRITE_ONCE(ring->readers->reader[i].attached, 0);
    }
}

int tcpk_ring_attach_writer(struct tcpk_ring *ring, struct tcpk_ring_file *file)
{
    int error = 0;

    spin_lock(&ring->lock);
    if (file->role != TCPK_RING_NO_ROLE) {
        error = -EEXIST;
    } else if (ring->writer) {
        error = -EBUSY;
    } else {
        ring->writer = file;
        WRITE_ONCE(file->role, TCPK_RING_WRITER);
        /* A former writer may have spoilt it. Nobody here reads it back. */
        ring->header->geometry = ring->geometry;
        forget_absent(ring);
    }
    spin_unlock(&ring->lock);
    return error;
}

int tcpk_ring_attach_reader(struct tcpk_ring *ring, struct tcpk_ring_file *file)
{
    int error = 0;

    spin_lock(&ring->lock);
    if (file->role != TCPK_RING_NO_ROLE) {
        error = -EEXIST;
    } else if (ring->attached == GENMASK(TCPK_RING_READERS - 1, 0)) {
        error = -EBUSY;
    } else {
        file->number = ffz(ring->attached);
        ring->attached |= BIT(file->number);
        WRITE_ONCE(file->role, TCPK_RING_READER);
    }
    spin_unlock(&ring->lock);
    return error;
}

int tcpk_ring_detach(struct tcpk_ring *ring, struct tcpk_ring_file *file)
{
    enum tcpk_ring_role role;

    spin_lock(&ring->lock);
    role = file->role;
    WRITE_ONCE(file->role, TCPK_RING_NO_ROLE);
    if (role == TCPK_RING_WRITER) {
        ring->writer = NULL;
        WRITE_ONCE(ring->header->writer_sleeps, 0);
    } else if (role == TCPK_RING_READER) {
        ring->attached &= ~BIT(file->number);
        forget_absent(ring);
    }
    spin_unlock(&ring->lock);
    if (role == TCPK_RING_NO_ROLE)
        return -EINVAL;
    wake_up_interruptible_all(&ring->wait_for_events);
    wake_up_interruptible_all(&ring->wait_for_room);
    return 0;
}

/* Always through the queue's lock, never after a look whether somebody waits: a sleeper that comes at this moment looks
 * at the ring again once it is in the queue. */
int tcpk_ring_wake(struct tcpk_ring *ring, const struct tcpk_ring_file *file)
{
    switch (READ_ONCE(file->role)) {
    case TCPK_RING_WRITER: wake_up_interruptible_poll(&ring->wait_for_events, EPOLLIN | EPOLLRDNORM); return 0;
    case TCPK_RING_READER: wake_up_interruptible_poll(&ring->wait_for_room, EPOLLOUT | EPOLLWRNORM); return 0;
    default: return -EINVAL;
    }
}

/* A head or a tail may be any number at all; differences are taken modulo 2^64 and only compared. */
static bool has_room(const struct tcpk_ring *ring)
{
    const u64 head = READ_ONCE(ring->header->head);
    const u32 attached = READ_ONCE(ring->attached);

    for (u32 i = 0; i < TCPK_RING_READERS; i++) {
        const struct tcpk_ring_reader *reader = &ring->readers->reader[i];

        if ((attached & BIT(i)) && READ_ONCE(reader->attached) &&
            head - READ_ONCE(reader->tail) >= ring->geometry.slots)
            return false;
    }
    return true;
}

__poll_t tcpk_ring_poll(struct tcpk_ring *ring, const struct tcpk_ring_file *file, struct file *handle,
                        poll_table *table)
{
    const u32 number = READ_ONCE(file->number) % TCPK_RING_READERS;

    switch (READ_ONCE(file->role)) {
    case TCPK_RING_WRITER:
        poll_wait(handle, &ring->wait_for_room, table);
        return has_room(ring) ? EPOLLOUT | EPOLLWRNORM : 0;
    case TCPK_RING_READER:
        poll_wait(handle, &ring->wait_for_events, table);
        return READ_ONCE(ring->header->head) != READ_ONCE(ring->readers->reader[number].tail) ? EPOLLIN | EPOLLRDNORM
                                                                                              : 0;
    default: return EPOLLERR;
    }
}
