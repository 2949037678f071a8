#define _GNU_SOURCE
#include "ring_channels.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

enum { SLOTS = 1024 };

/* An event as a producer has it: every field is written. */
static void make(struct tcpk_ring_slot *slot, uint64_t n)
{
    slot->agent = (uint32_t)n;
    slot->key = n * 0x9e3779b97f4a7c15u;
    memset(slot->descriptor, (int)n, sizeof slot->descriptor);
    memset(slot->features, (int)(n >> 1), sizeof slot->features);
}

static uint64_t look_at(const struct tcpk_ring_slot *slot)
{
    uint64_t features;
    memcpy(&features, slot->features, sizeof features);
    return slot->agent + slot->key + features;
}

static void make_batch(struct tcpk_ring_slot *events, uint64_t first, size_t batch)
{
    for (size_t i = 0; i < batch; i++)
        make(&events[i], first + i);
}

static void sum_up(const struct tcpk_ring_slot *events, size_t batch, uint64_t *sum)
{
    for (size_t i = 0; i < batch; i++)
        *sum += look_at(&events[i]);
}

/* --- the ring */

static bool ring_open(struct channel *channel)
{
    const enum tcpk_status status = channel->device ? tcpk_ring_open(channel->device, &channel->rings[THERE], NULL)
                                                    : tcpk_ring_create(SLOTS, &channel->rings[THERE], NULL);
    return status == TCPK_OK && tcpk_ring_create(SLOTS, &channel->rings[BACK], NULL) == TCPK_OK;
}

static bool ring_begin(struct channel *channel, int sends)
{
    return tcpk_ring_attach_writer(channel->rings[sends], NULL) == TCPK_OK &&
           tcpk_ring_attach_reader(channel->rings[1 - sends], NULL) == TCPK_OK;
}

static bool ring_send(struct channel *channel, int direction, uint64_t first, size_t batch)
{
    struct tcpk_ring *ring = channel->rings[direction];
    for (size_t done = 0; done < batch;) {
        struct tcpk_ring_slot *slots;
        size_t got;
        if (tcpk_ring_claim(ring, batch - done, &slots, &got) != TCPK_OK)
            return false;
        make_batch(slots, first + done, got);
        if (tcpk_ring_publish(ring, got) != TCPK_OK || (!got && tcpk_ring_wait(ring, -1) != TCPK_OK))
            return false;
        done += got;
    }
    return true;
}

static bool ring_receive(struct channel *channel, int direction, size_t batch, uint64_t *sum)
{
    struct tcpk_ring *ring = channel->rings[direction];
    for (size_t done = 0; done < batch;) {
        const struct tcpk_ring_slot *slots;
        size_t got;
        if (tcpk_ring_peek(ring, batch - done, &slots, &got) != TCPK_OK)
            return false;
        sum_up(slots, got, sum);
        if (got ? tcpk_ring_release(ring, got) != TCPK_OK : !channel->spins && tcpk_ring_wait(ring, -1) != TCPK_OK)
            return false;
        done += got;
    }
    return true;
}

static void ring_close(struct channel *channel)
{
    tcpk_ring_close(channel->rings[THERE]);
    tcpk_ring_close(channel->rings[BACK]);
}

/* --- files: pipes and sockets */

static bool no_more(struct channel *channel, int sends)
{
    (void)channel;
    (void)sends;
    return true;
}

static bool let_spin(const struct channel *channel)
{
    for (int direction = THERE; channel->spins && direction <= BACK; direction++)
        if (fcntl(channel->files[direction][0], F_SETFL, O_NONBLOCK) != 0)
            return false;
    return true;
}

static bool pipe_open(struct channel *channel)
{
    return pipe(channel->files[THERE]) == 0 && pipe(channel->files[BACK]) == 0 && let_spin(channel);
}

static bool sockets_open(struct channel *channel, int type)
{
    return socketpair(AF_UNIX, type, 0, channel->files[THERE]) == 0 &&
           socketpair(AF_UNIX, type, 0, channel->files[BACK]) == 0 && let_spin(channel);
}

static bool stream_open(struct channel *channel)
{
    return sockets_open(channel, SOCK_STREAM);
}

static bool packet_open(struct channel *channel)
{
    return sockets_open(channel, SOCK_SEQPACKET);
}

static bool file_send(struct channel *channel, int direction, uint64_t first, size_t batch)
{
    struct tcpk_ring_slot events[LARGEST_BATCH];
    const char *bytes = (const char *)events;
    make_batch(events, first, batch);
    for (size_t done = 0; done < batch * sizeof *events;) {
        const ssize_t sent = write(channel->files[direction][1], bytes + done, batch * sizeof *events - done);
        if (sent < 0)
            return false;
        done += (size_t)sent;
    }
    return true;
}

static bool file_receive(struct channel *channel, int direction, size_t batch, uint64_t *sum)
{
    struct tcpk_ring_slot events[LARGEST_BATCH];
    char *bytes = (char *)events;
    for (size_t done = 0; done < batch * sizeof *events;) {
        const ssize_t got = read(channel->files[direction][0], bytes + done, batch * sizeof *events - done);
        if (got == 0 || (got < 0 && errno != EAGAIN))
            return false;
        done += got > 0 ? (size_t)got : 0;
    }
    sum_up(events, batch, sum);
    return true;
}

static void files_close(struct channel *channel)
{
    for (int i = 0; i < 4; i++)
        close(channel->files[i / 2][i % 2]);
}

/* --- POSIX message queues */

static bool queue_open(struct channel *channel)
{
    struct mq_attr shape = {.mq_maxmsg = 10, .mq_msgsize = LARGEST_BATCH * sizeof(struct tcpk_ring_slot)};
    for (int direction = THERE; direction <= BACK; direction++) {
        char name[64];
        snprintf(name, sizeof name, "/tcpk-bench-%ld-%d", (long)getpid(), direction);
        channel->queues[direction] = mq_open(name, O_RDWR | O_CREAT | O_EXCL, 0600, &shape);
        if (channel->queues[direction] < 0)
            return false;
        mq_unlink(name);
    }
    return true;
}

/* O_NONBLOCK belongs to the open queue, which both processes have: sending waits by trying again. */
static bool queue_begin(struct channel *channel, int sends)
{
    (void)sends;
    const struct mq_attr flags = {.mq_flags = channel->spins ? O_NONBLOCK : 0};
    return mq_setattr(channel->queues[THERE], &flags, NULL) == 0 &&
           mq_setattr(channel->queues[BACK], &flags, NULL) == 0;
}

static bool queue_send(struct channel *channel, int direction, uint64_t first, size_t batch)
{
    struct tcpk_ring_slot events[LARGEST_BATCH];
    make_batch(events, first, batch);
    while (mq_send(channel->queues[direction], (const char *)events, batch * sizeof *events, 0) != 0)
        if (errno != EAGAIN)
            return false;
    return true;
}

static bool queue_receive(struct channel *channel, int direction, size_t batch, uint64_t *sum)
{
    struct tcpk_ring_slot events[LARGEST_BATCH];
    ssize_t got;
    while ((got = mq_receive(channel->queues[direction], (char *)events, sizeof events, NULL)) < 0)
        if (errno != EAGAIN)
            return false;
    sum_up(events, batch, sum);
    return (size_t)got == batch * sizeof *events;
}

static void queue_close(struct channel *channel)
{
    mq_close(channel->queues[THERE]);
    mq_close(channel->queues[BACK]);
}

const struct channel_kind ring_kind = {"tcpk", ring_open, ring_begin, ring_send, ring_receive, ring_close};
const struct channel_kind pipe_kind = {"pipe", pipe_open, no_more, file_send, file_receive, files_close};
const struct channel_kind stream_kind = {"stream socket", stream_open, no_more, file_send, file_receive, files_close};
const struct channel_kind packet_kind = {"packet socket", packet_open, no_more, file_send, file_receive, files_close};
const struct channel_kind queue_kind = {"message queue", queue_open,    queue_begin,
                                        queue_send,      queue_receive, queue_close};
