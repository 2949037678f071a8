/* Reading slots of a ring and releasing them. */
#include <inttypes.h>
#include <string.h>

#include "ring_state.h"

#define BATCH 256u /* events copied for the engine at once: 9 KiB */

static const struct tcpk_ring_reader *place_of(const struct tcpk_ring *ring)
{
    return &ring->readers->reader[ring->reader];
}

enum tcpk_status tcpk_ring_check_place(const struct tcpk_ring *ring)
{
    __atomic_thread_fence(__ATOMIC_ACQUIRE); /* what was read of slots is read before */
    return tcpk_ring_load_flag(&place_of(ring)->attached) ? TCPK_OK : TCPK_ERROR_OVERRUN;
}

/* What was read is impossible: because the writer no longer waits for this reader, or for no honest reason. */
static enum tcpk_status impossible(const struct tcpk_ring *ring)
{
    const enum tcpk_status status = tcpk_ring_check_place(ring);
    return status == TCPK_OK ? TCPK_ERROR_CORRUPT : status;
}

enum tcpk_status tcpk_ring_look_for_events(struct tcpk_ring *ring)
{
    const uint64_t head = tcpk_ring_load(&ring->header->head);
    if (head - ring->limit > UINT64_MAX / 2 || head - ring->position > ring->geometry.slots)
        return impossible(ring);
    ring->limit = head;
    return TCPK_OK;
}

void tcpk_ring_store_tail(struct tcpk_ring *ring)
{
    tcpk_ring_store(&ring->readers->reader[ring->reader].tail, ring->position);
    if (tcpk_ring_load_flag(&ring->header->writer_sleeps))
        tcpk_ring_wake_writer(ring);
}

enum tcpk_status tcpk_ring_peek(struct tcpk_ring *ring, size_t most, const struct tcpk_ring_slot **slots, size_t *got)
{
    *got = 0;
    *slots = NULL;
    if (ring->role != TCPK_RING_READER)
        return TCPK_ERROR_ARGUMENT;
    ring->open = 0;
    if (ring->limit - ring->position < most) {
        const enum tcpk_status status = tcpk_ring_look_for_events(ring);
        if (status != TCPK_OK)
            return status;
    }
    const uint64_t there = ring->limit - ring->position, index = ring->position & ring->mask;
    const uint64_t left = ring->geometry.slots - index;
    uint64_t n = there < left ? there : left;
    n = n < most ? n : most;
    const struct tcpk_ring_slot *first = ring->slots + index;
    for (uint64_t i = 0; i < n; i++)
        if (__atomic_load_n(&first[i].sequence, __ATOMIC_RELAXED) != (uint32_t)(ring->position + i + 1)) {
            if (i == 0)
                return impossible(ring);
            n = i; /* the next call meets it */
        }
    ring->open = n;
    *slots = first;
    *got = n;
    return TCPK_OK;
}

enum tcpk_status tcpk_ring_release(struct tcpk_ring *ring, size_t n)
{
    if (ring->role != TCPK_RING_READER || n > ring->open)
        return TCPK_ERROR_ARGUMENT;
    const enum tcpk_status status = tcpk_ring_check_place(ring);
    if (status != TCPK_OK || n == 0)
        return status;
    ring->position += n;
    ring->open -= n;
    tcpk_ring_store_tail(ring);
    return TCPK_OK;
}

struct columns {
    uint32_t *agents;
    uint64_t *keys;
    uint8_t *features, *descriptors;
};

/* Copy n slots to the columns from row `at` on. */
static void copy(const struct tcpk_ring_slot *slots, size_t n, const struct columns *columns, size_t at)
{
    for (size_t i = 0; i < n; i++) {
        columns->agents[at + i] = slots[i].agent;
        columns->keys[at + i] = slots[i].key;
        memcpy(columns->features + (at + i) * TCPK_FEATURES, slots[i].features, TCPK_FEATURES);
        if (columns->descriptors)
            memcpy(columns->descriptors + (at + i) * TCPK_DESCRIPTOR_SIZE, slots[i].descriptor, TCPK_DESCRIPTOR_SIZE);
    }
}

enum tcpk_status tcpk_ring_read(struct tcpk_ring *ring, uint32_t *agents, uint64_t *keys, uint8_t *features,
                                uint8_t *descriptors, size_t n, size_t *got)
{
    const struct columns columns = {agents, keys, features, descriptors};
    *got = 0;
    for (;;) {
        const struct tcpk_ring_slot *slots;
        size_t seen;
        enum tcpk_status status = tcpk_ring_peek(ring, n - *got, &slots, &seen);
        if (status == TCPK_OK && seen) {
            copy(slots, seen, &columns, *got);
            status = tcpk_ring_release(ring, seen);
        }
        if (status != TCPK_OK) /* what was read before is good; the next call meets the fault */
            return *got ? TCPK_OK : status;
        *got += seen;
        if (seen == 0 || *got == n)
            return TCPK_OK;
    }
}

enum tcpk_status tcpk_ring_skip(struct tcpk_ring *ring, size_t n, size_t *skipped)
{
    *skipped = 0;
    for (;;) {
        const struct tcpk_ring_slot *slots;
        size_t seen;
        enum tcpk_status status = tcpk_ring_peek(ring, n - *skipped, &slots, &seen);
        if (status == TCPK_OK)
            status = tcpk_ring_release(ring, seen);
        if (status != TCPK_OK)
            return *skipped ? TCPK_OK : status;
        *skipped += seen;
        if (seen == 0 || *skipped == n)
            return TCPK_OK;
    }
}

/* One batch, already copied: the engine answers those before the first id that it refuses. */
static enum tcpk_status answer(struct tcpk_engine *engine, const struct columns *batch, size_t n, uint8_t *decisions,
                               uint8_t *quarantined, size_t *answered, struct tcpk_error *error)
{
    struct tcpk_error refused = {0};
    enum tcpk_status status =
        tcpk_engine_process(engine, batch->agents, batch->keys, batch->features, n, decisions, quarantined, &refused);
    *answered = n;
    if (status == TCPK_ERROR_RANGE && refused.offset < n) {
        *answered = refused.offset;
        (void)tcpk_engine_process(engine, batch->agents, batch->keys, batch->features, *answered, decisions,
                                  quarantined, NULL); /* ids that were checked */
    } else if (status != TCPK_OK) {
        *answered = 0;
    }
    if (status != TCPK_OK && error)
        *error = refused;
    return status;
}

enum tcpk_status tcpk_ring_process(struct tcpk_ring *ring, struct tcpk_engine *engine, size_t n, uint32_t *agents,
                                   uint8_t *decisions, uint8_t *quarantined, size_t *done, struct tcpk_error *error)
{
    uint32_t ids[BATCH];
    uint64_t keys[BATCH];
    uint8_t features[BATCH * TCPK_FEATURES];
    const struct columns batch = {ids, keys, features, NULL};
    *done = 0;
    for (;;) {
        const struct tcpk_ring_slot *slots;
        size_t seen, answered = 0;
        enum tcpk_status status = tcpk_ring_peek(ring, n - *done < BATCH ? n - *done : BATCH, &slots, &seen);
        if (status == TCPK_OK && seen) {
            copy(slots, seen, &batch, 0);
            status = tcpk_ring_check_place(ring);
        }
        if (status != TCPK_OK)
            return *done
                       ? TCPK_OK
                       : tcpk_fail(error, status, 0, "event %" PRIu64 ": %s", ring->position, tcpk_status_name(status));
        if (seen == 0)
            return TCPK_OK;
        status = answer(engine, &batch, seen, decisions + *done, quarantined + *done, &answered, error);
        if (agents)
            memcpy(agents + *done, ids, answered * sizeof *agents);
        *done += answered;
        (void)tcpk_ring_release(ring, answered); /* the next peek meets a place that was taken away */
        if (status != TCPK_OK || *done == n)
            return status;
    }
}
