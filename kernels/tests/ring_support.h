/* What the tests of the ring share: numbered events, and processes that write or read them. */
#ifndef TCPK_TESTS_RING_SUPPORT_H
#define TCPK_TESTS_RING_SUPPORT_H

#include <sys/types.h>

#include "support.h"

#define RING_LONG 60000000000 /* ns: longer than anything here takes */

#define RING_SLOTS 64u /* of a ring that is soon full */

/* For fields that somebody hostile fills. */
static const uint64_t RING_VALUES[] = {0,
                                       1,
                                       2,
                                       RING_SLOTS - 1,
                                       RING_SLOTS,
                                       RING_SLOTS + 1,
                                       2 * RING_SLOTS,
                                       100,
                                       0xff,
                                       4095,
                                       4096,
                                       0x7fffffff,
                                       0x80000000,
                                       0xffffffff,
                                       0x100000000,
                                       0x7fffffffffffffff,
                                       0x8000000000000000,
                                       0xffffffffffffffff - RING_SLOTS,
                                       0xffffffffffffffff};
enum { RING_VALUE_COUNT = sizeof RING_VALUES / sizeof *RING_VALUES };

struct tcpk_ring *ring_make(uint64_t slots);

/* A ring of its own on the same memory. */
struct tcpk_ring *ring_again(const struct tcpk_ring *ring);
struct tcpk_ring *ring_writer(const struct tcpk_ring *ring);
struct tcpk_ring *ring_reader(const struct tcpk_ring *ring);

/* The whole of the memory, writable. The caller unmaps it. */
void *ring_map(const struct tcpk_ring *ring);

/* Event number n, and whether a slot holds it. */
void ring_fill(struct tcpk_ring_slot *slot, uint64_t n);
bool ring_holds(const struct tcpk_ring_slot *slot, uint64_t n);

/* Write events first .. first + count - 1 as the ring's writer, up to `batch` at once, sleeping for room. */
void ring_write_events(struct tcpk_ring *writer, uint64_t first, uint64_t count, size_t batch);

/* A process that attaches as a reader, and reads `count` events whose numbers follow one another, waiting
 * `pause` ns before each batch. Its exit code is 0 when all were right. */
pid_t ring_fork_reader(const struct tcpk_ring *ring, uint64_t count, int64_t pause);

/* A process that attaches as the writer and writes events without end from the number at the ring's head on. */
pid_t ring_fork_writer(const struct tcpk_ring *ring, size_t batch);

/* Wait until so many readers are attached; `writer` has a role. */
void ring_await_readers(const struct tcpk_ring *writer, unsigned count);

/* The exit code of a process, or minus the signal that ended it. */
int ring_wait_for(pid_t process);

#endif
