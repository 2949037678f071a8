/* A ring of events between processes: one writer, up to 16 readers, each of which sees every event. It lies in a sealed
 * memfd, or in a device of the kernel module; ring_layout.h has the layout and the rules, docs/ring.md explains them.
 *
 * The writer fills slots where they lie and publishes them; a reader reads them where they lie and releases them. No
 * system call is made for an event, unless somebody sleeps. A slot is written again once all readers have released it,
 * so that a slow reader holds the writer up; a dead one does not (tcpk_ring_wait), nor one that is expelled.
 *
 * Nothing in the shared memory is trusted. Its geometry is read once and held against the size of the file; every index
 * is checked before it is used. What an honest peer never writes is TCPK_ERROR_CORRUPT, whatever it is; no value makes
 * the library touch memory outside the ring or loop without end.
 *
 * A tcpk_ring is used by one thread at a time, and takes one role at a time. Its role ends by detach, close, or the
 * death of the process; a child made by fork keeps it alive, so attach after forking. */
#ifndef TCPK_RING_H
#define TCPK_RING_H

#include <stddef.h>
#include <stdint.h>

#include "engine.h"
#include "error.h"
#include "ring_layout.h"

#ifdef __cplusplus
extern "C" {
#endif

#define TCPK_RING_DEVICE "/dev/tcpk_ring"

/* In a memfd a role is a lock of one byte of the file (F_OFD_SETLK): byte i is reader i's, this one the writer's. The
 * kernel drops the locks of the dead. */
#define TCPK_RING_WRITER_LOCK TCPK_RING_READERS

struct tcpk_ring;

enum tcpk_ring_kind {
    TCPK_RING_IN_MEMORY = 0, /* a memfd */
    TCPK_RING_IN_DEVICE = 1
};

enum tcpk_ring_role { TCPK_RING_NO_ROLE = 0, TCPK_RING_WRITER = 1, TCPK_RING_READER = 2 };

struct tcpk_ring_about {
    enum tcpk_ring_kind kind;
    enum tcpk_ring_role role;
    uint32_t reader; /* its number, where the role is that */
    uint32_t page_bytes;
    uint64_t slots;
    uint64_t bytes;
    uint64_t position; /* of the next event to publish or to release; 0 without a role */
    uint32_t attached; /* bit i: there is a reader i; 0 without a role */
};

/* Make a ring in memory, of a power of two of slots, TCPK_RING_MIN_SLOTS to TCPK_RING_MAX_SLOTS (else
 * TCPK_ERROR_ARGUMENT). Slots of 2 MiB and more try reserved huge pages and fall back to ordinary ones; page_bytes of
 * tcpk_ring_describe says what was got. The caller closes *out. */
TCPK_API enum tcpk_status tcpk_ring_create(uint64_t slots, struct tcpk_ring **out, struct tcpk_error *error);

/* Open a ring by the path of a device, or of another process's memfd (/proc/PID/fd/N). TCPK_ERROR_IO, or
 * TCPK_ERROR_LAYOUT when it is no ring or a file that its owner could still shrink. The caller closes *out. */
TCPK_API enum tcpk_status tcpk_ring_open(const char *path, struct tcpk_ring **out, struct tcpk_error *error);

/* As tcpk_ring_open, of an open file, as a process gets it from its parent or over a socket. It is duplicated and stays
 * the caller's. */
TCPK_API enum tcpk_status tcpk_ring_open_file(int file, struct tcpk_ring **out, struct tcpk_error *error);

TCPK_API void tcpk_ring_close(struct tcpk_ring *ring); /* detaches; NULL is allowed */

/* The open file that names the ring, to be given to other processes; it belongs to the ring and has no role. */
TCPK_API int tcpk_ring_file(const struct tcpk_ring *ring);

TCPK_API void tcpk_ring_describe(const struct tcpk_ring *ring, struct tcpk_ring_about *about);

/* Take a role. TCPK_ERROR_BUSY when it is taken, TCPK_ERROR_ARGUMENT when this ring has one already. The file is opened
 * anew through /proc/self/fd, because the role belongs to an open file. A writer goes on where the last one stopped; a
 * reader begins with the next event that is published. */
TCPK_API enum tcpk_status tcpk_ring_attach_writer(struct tcpk_ring *ring, struct tcpk_error *error);
TCPK_API enum tcpk_status tcpk_ring_attach_reader(struct tcpk_ring *ring, struct tcpk_error *error);

/* Give the role up; nothing without one. No slot got from claim or peek may be touched any more. */
TCPK_API void tcpk_ring_detach(struct tcpk_ring *ring);

/* --- The writer; TCPK_ERROR_ARGUMENT in any other role. */

/* Get up to `most` slots to fill: *got of them lie at *slots, fewer than there is room for where the ring's end is met,
 * 0 when there is no room. Their `sequence` is publish's business. Claiming again gives the same ones again.
 * TCPK_ERROR_CORRUPT: a reader says that it has read what was not written; expel it. Makes no system call. */
TCPK_API enum tcpk_status tcpk_ring_claim(struct tcpk_ring *ring, size_t most, struct tcpk_ring_slot **slots,
                                          size_t *got);

/* Show the first n claimed slots to the readers, and wake those that sleep. n beyond what is claimed:
 * TCPK_ERROR_ARGUMENT. */
TCPK_API enum tcpk_status tcpk_ring_publish(struct tcpk_ring *ring, size_t n);

/* Claim, copy and publish n events from arrays as tcpk_engine_process takes them; descriptors (n x 24) may be NULL and
 * are then zeros. *written: how many there was room for. */
TCPK_API enum tcpk_status tcpk_ring_write(struct tcpk_ring *ring, const uint32_t *agents, const uint64_t *keys,
                                          const uint8_t *features, const uint8_t *descriptors, size_t n,
                                          size_t *written);

/* Wait for reader `reader` no more: one that is stuck, or that wrote nonsense. It learns by TCPK_ERROR_OVERRUN.
 * TCPK_ERROR_RANGE for a number not below TCPK_RING_READERS. */
TCPK_API enum tcpk_status tcpk_ring_expel(struct tcpk_ring *ring, uint32_t reader);

/* --- A reader; TCPK_ERROR_ARGUMENT in any other role. */

/* Look at up to `most` events where they lie: *got of them at *slots, fewer where the ring's end is met, 0 when there
 * is none. They stay until released: an honest writer leaves them alone. A hostile one does not: what lies in a slot
 * may change between two reads of it, so copy what you check before you use it, as tcpk_ring_read and tcpk_ring_process
 * do. TCPK_ERROR_CORRUPT, TCPK_ERROR_OVERRUN. Makes no system call. */
TCPK_API enum tcpk_status tcpk_ring_peek(struct tcpk_ring *ring, size_t most, const struct tcpk_ring_slot **slots,
                                         size_t *got);

/* Have done with the first n events that were looked at. TCPK_ERROR_ARGUMENT for n beyond those; TCPK_ERROR_OVERRUN
 * when they may have been overwritten since peek: then what was read of them is worth nothing. */
TCPK_API enum tcpk_status tcpk_ring_release(struct tcpk_ring *ring, size_t n);

/* Copy up to n events into arrays, each byte read once, and release them; *got of them. descriptors may be NULL. */
TCPK_API enum tcpk_status tcpk_ring_read(struct tcpk_ring *ring, uint32_t *agents, uint64_t *keys, uint8_t *features,
                                         uint8_t *descriptors, size_t n, size_t *got);

/* Let the engine answer up to n events: *done of them, with their agents (may be NULL), decisions and quarantined, as
 * tcpk_engine_process. The engine decides by the key and its own table; the slot's descriptor is not looked at.
 * Each event's id, key and features are copied once from the slot, a few hundred at a time, into memory that stays in
 * the first-level cache: the engine checks an id before it uses it, and a hostile writer could change it in between.
 * An id that the engine does not have: TCPK_ERROR_RANGE, *error names it, *done events before it are answered and
 * released, and it is the next one; tcpk_ring_skip leaves it out. */
TCPK_API enum tcpk_status tcpk_ring_process(struct tcpk_ring *ring, struct tcpk_engine *engine, size_t n,
                                            uint32_t *agents, uint8_t *decisions, uint8_t *quarantined, size_t *done,
                                            struct tcpk_error *error);

/* Release up to n events unseen; *skipped of them. */
TCPK_API enum tcpk_status tcpk_ring_skip(struct tcpk_ring *ring, size_t n, size_t *skipped);

/* --- Both. */

/* Sleep until a reader has an event that it has not released, or the writer has room for one; `timeout` nanoseconds at
 * most, forever when negative. TCPK_ERROR_TIMEOUT when neither came; with 0 it only looks. In memory the writer finds
 * dead readers here, and only here; a sleeper looks again every 50 ms, for the peer that should have woken it may have
 * died first. A signal does not end the wait. */
TCPK_API enum tcpk_status tcpk_ring_wait(struct tcpk_ring *ring, int64_t timeout);

#ifdef __cplusplus
}
#endif

#endif
