/* What the ring's files share. Fields of the shared memory are only touched by the functions here: each access is one
 * load or store, of the whole field. */
#ifndef TCPK_RING_STATE_H
#define TCPK_RING_STATE_H

#include "internal.h"

struct tcpk_ring {
    enum tcpk_ring_kind kind;
    enum tcpk_ring_role role;
    uint32_t reader;
    int file;                           /* names the ring */
    int role_file;                      /* an open file of its own, to which the role belongs; -1 without one */
    struct tcpk_ring_geometry geometry; /* a checked copy; the one in memory is not looked at again */
    /* Mapped while there is a role. The header and slots of a reader are read-only where pages allow. */
    struct tcpk_ring_header *header;
    struct tcpk_ring_readers *readers;
    struct tcpk_ring_slot *slots;
    uint64_t mask;
    uint64_t position; /* of the next event to publish or to release; what the memory says of it is not read again */
    /* The writer: the position for which there may be no room, when it last looked. A reader: the head it last saw. */
    uint64_t limit;
    size_t open; /* slots from position on that claim or peek gave out */
};

/* Two processes that each write one field and then read the other's must not both miss: those accesses are sequentially
 * consistent, which is a full fence between the two. */
static inline uint64_t tcpk_ring_load(const uint64_t *field)
{
    return __atomic_load_n(field, __ATOMIC_SEQ_CST);
}

static inline uint32_t tcpk_ring_load_flag(const uint32_t *field)
{
    return __atomic_load_n(field, __ATOMIC_SEQ_CST);
}

static inline void tcpk_ring_store(uint64_t *field, uint64_t value)
{
    __atomic_store_n(field, value, __ATOMIC_SEQ_CST);
}

static inline void tcpk_ring_store_flag(uint32_t *field, uint32_t value)
{
    __atomic_store_n(field, value, __ATOMIC_SEQ_CST);
}

/* Take, and drop, the lock of a byte of the role's file; 0, or the error number. EAGAIN: another has it. */
int tcpk_ring_lock(const struct tcpk_ring *ring, uint32_t byte);
void tcpk_ring_unlock(const struct tcpk_ring *ring, uint32_t byte);

/* Set the writer's limit by the readers' tails. */
enum tcpk_status tcpk_ring_look_for_room(struct tcpk_ring *ring);

/* Set the reader's limit by the head. */
enum tcpk_status tcpk_ring_look_for_events(struct tcpk_ring *ring);

/* Store the reader's position as its tail, and wake a writer that sleeps. */
void tcpk_ring_store_tail(struct tcpk_ring *ring);

/* TCPK_ERROR_OVERRUN when the reader's place was taken from it. */
enum tcpk_status tcpk_ring_check_place(const struct tcpk_ring *ring);

void tcpk_ring_wake_readers(struct tcpk_ring *ring);
void tcpk_ring_wake_writer(struct tcpk_ring *ring);

#endif
