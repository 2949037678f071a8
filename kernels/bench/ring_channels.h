/* What carries events from one process to another and back: the ring, and what a user could take instead. */
#ifndef TCPK_RING_CHANNELS_H
#define TCPK_RING_CHANNELS_H

#include <mqueue.h>

#include "tcpk/tcpk.h"

enum { THERE = 0, BACK = 1, LARGEST_BATCH = 64 };

struct channel;

struct channel_kind {
    const char *name;
    /* Both directions, before the processes part. False: it cannot be had, errno says why. */
    bool (*open)(struct channel *channel);
    /* In each process, before its first event: what belongs to one of them. */
    bool (*begin)(struct channel *channel, int sends);
    /* A batch of events, numbered from `first` on, made and sent; received and summed up. */
    bool (*send)(struct channel *channel, int direction, uint64_t first, size_t batch);
    bool (*receive)(struct channel *channel, int direction, size_t batch, uint64_t *sum);
    void (*close)(struct channel *channel);
};

struct channel {
    const struct channel_kind *kind;
    bool spins;         /* the receiver looks again and again instead of sleeping */
    const char *device; /* of the ring from here to there; NULL: in memory */
    int files[2][2];    /* [direction][receiving, sending] */
    mqd_t queues[2];
    struct tcpk_ring *rings[2];
};

extern const struct channel_kind ring_kind, pipe_kind, stream_kind, packet_kind, queue_kind;

#endif
