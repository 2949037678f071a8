/* Filling slots of a ring and publishing them. */
#include <string.h>

#include "ring_state.h"

enum tcpk_status tcpk_ring_look_for_room(struct tcpk_ring *ring)
{
    const uint64_t slots = ring->geometry.slots;
    uint64_t room = slots;
    for (uint32_t i = 0; i < TCPK_RING_READERS; i++) {
        if (!tcpk_ring_load_flag(&ring->readers->reader[i].attached))
            continue;
        const uint64_t behind = ring->position - tcpk_ring_load(&ring->readers->reader[i].tail);
        if (behind > UINT64_MAX / 2) /* it is ahead */
            return TCPK_ERROR_CORRUPT;
        /* More than a ring behind is one that attaches just now and has yet to say where it begins. */
        const uint64_t left = behind < slots ? slots - behind : 0;
        room = left < room ? left : room;
    }
    ring->limit = ring->position + room;
    return TCPK_OK;
}

enum tcpk_status tcpk_ring_claim(struct tcpk_ring *ring, size_t most, struct tcpk_ring_slot **slots, size_t *got)
{
    *got = 0;
    *slots = NULL;
    if (ring->role != TCPK_RING_WRITER)
        return TCPK_ERROR_ARGUMENT;
    ring->open = 0;
    /* Readers only move on, and new ones begin at the head: there is room up to the limit for good. */
    if (ring->limit - ring->position < most) {
        const enum tcpk_status status = tcpk_ring_look_for_room(ring);
        if (status != TCPK_OK)
            return status;
    }
    const uint64_t room = ring->limit - ring->position, index = ring->position & ring->mask;
    const uint64_t left = ring->geometry.slots - index;
    uint64_t n = room < left ? room : left;
    n = n < most ? n : most;
    ring->open = n;
    *slots = ring->slots + index;
    *got = n;
    return TCPK_OK;
}

enum tcpk_status tcpk_ring_publish(struct tcpk_ring *ring, size_t n)
{
    if (ring->role != TCPK_RING_WRITER || n > ring->open)
        return TCPK_ERROR_ARGUMENT;
    if (n == 0)
        return TCPK_OK;
    struct tcpk_ring_slot *slots = ring->slots + (ring->position & ring->mask);
    for (size_t i = 0; i < n; i++)
        slots[i].sequence = (uint32_t)(ring->position + i + 1);
    ring->position += n;
    ring->open -= n;
    tcpk_ring_store(&ring->header->head, ring->position);
    if (tcpk_ring_load_flag(&ring->readers->sleepers))
        tcpk_ring_wake_readers(ring);
    return TCPK_OK;
}

enum tcpk_status tcpk_ring_write(struct tcpk_ring *ring, const uint32_t *agents, const uint64_t *keys,
                                 const uint8_t *features, const uint8_t *descriptors, size_t n, size_t *written)
{
    *written = 0;
    for (;;) {
        struct tcpk_ring_slot *slots;
        size_t got;
        const enum tcpk_status status = tcpk_ring_claim(ring, n - *written, &slots, &got);
        if (status != TCPK_OK)
            return status;
        for (size_t i = 0; i < got; i++) {
            const size_t at = *written + i;
            slots[i].agent = agents[at];
            slots[i].key = keys[at];
            memcpy(slots[i].features, features + at * TCPK_FEATURES, TCPK_FEATURES);
            if (descriptors)
                memcpy(slots[i].descriptor, descriptors + at * TCPK_DESCRIPTOR_SIZE, TCPK_DESCRIPTOR_SIZE);
            else
                memset(slots[i].descriptor, 0, TCPK_DESCRIPTOR_SIZE);
        }
        (void)tcpk_ring_publish(ring, got); /* of what was claimed */
        *written += got;
        if (got == 0 || *written == n)
            return TCPK_OK;
    }
}

enum tcpk_status tcpk_ring_expel(struct tcpk_ring *ring, uint32_t reader)
{
    if (ring->role != TCPK_RING_WRITER)
        return TCPK_ERROR_ARGUMENT;
    if (reader >= TCPK_RING_READERS)
        return TCPK_ERROR_RANGE;
    tcpk_ring_store_flag(&ring->readers->reader[reader].attached, 0);
    return TCPK_OK;
}

_Static_assert(sizeof(((struct tcpk_ring_slot *)0)->features) == TCPK_FEATURES, "a slot has a row");
_Static_assert(sizeof(((struct tcpk_ring_slot *)0)->descriptor) == TCPK_DESCRIPTOR_SIZE, "a slot has a descriptor");
