/* SPDX-License-Identifier: GPL-2.0 OR Apache-2.0 */
/* The ring of events as it lies in memory: one definition for the library and for the kernel module, hence the two
 * licences on this one file (a module must be GPL, the library is Apache). docs/ring.md explains the rules.
 *
 * A ring is one mapping of `bytes` bytes:
 *
 *     0     struct tcpk_ring_header    written by the creator, then by the writer alone
 *     4096  struct tcpk_ring_readers   written by readers (and by the writer where a field says so)
 *     8192  slots, struct tcpk_ring_slot, a power of two of them
 *
 * so that a reader may be given everything read-only but the second page. Whatever two processes write lies 128
 * bytes apart: cache lines are fetched in pairs.
 *
 * One writer, up to 16 readers, and each reader sees every event that is published after it attached. Positions are
 * 64-bit, count events from 0 and never wrap; position p lies in slot p & (slots - 1). A slot may be written again
 * once the `tail` of every attached reader is beyond its position: head - tail <= slots.
 *
 * Everything in the memory may be hostile. Geometry is taken once and checked (from a device by TCPK_RING_INFO,
 * never from the memory); masks come from the process's own copy; an index is checked before it is used. */
#ifndef TCPK_RING_LAYOUT_H
#define TCPK_RING_LAYOUT_H

#ifdef __KERNEL__
#include <linux/ioctl.h>
#include <linux/types.h>
#else
#include <stdint.h>
#include <sys/ioctl.h>
#endif

#define TCPK_RING_MAGIC 0x474e49524b504354ull /* "TCPKRING", little-endian */
#define TCPK_RING_VERSION 1u
#define TCPK_RING_READERS 16u
#define TCPK_RING_SLOT_BYTES 64u
#define TCPK_RING_READERS_OFFSET 4096u /* of struct tcpk_ring_readers */
#define TCPK_RING_SLOTS_OFFSET 8192u   /* of slot 0 */
#define TCPK_RING_MIN_SLOTS 64u
#define TCPK_RING_MAX_SLOTS (1u << 24)

#define TCPK_RING_ALONE __attribute__((aligned(128)))

/* One event, one cache line. Numbers are in the machine's byte order, the descriptor's own are big-endian. */
struct tcpk_ring_slot {
    uint32_t sequence; /* low 32 bits of position + 1, written by publish: another value is an overwritten slot */
    uint32_t agent;
    uint64_t key; /* first 8 bytes of MD5(command name), big-endian; the engine decides by it and its own table */
    uint8_t descriptor[24];
    uint8_t features[24];
} __attribute__((aligned(64)));

/* Never changes after creation. */
struct tcpk_ring_geometry {
    uint64_t magic;
    uint32_t version;
    uint32_t slot_bytes; /* TCPK_RING_SLOT_BYTES */
    uint64_t slots;      /* power of two, TCPK_RING_MIN_SLOTS .. TCPK_RING_MAX_SLOTS */
    uint64_t bytes;      /* of the mapping: offset of the slots + slots x 64, rounded up to whole pages of page_bytes */
    uint32_t readers;    /* TCPK_RING_READERS */
    uint32_t page_bytes; /* of the pages behind it: 4096, 2097152, ... */
};

struct tcpk_ring_header {
    struct tcpk_ring_geometry geometry;
    /* Position of the next event. The writer stores it with release after the slots' bytes; readers load it with
     * acquire before them. */
    uint64_t head TCPK_RING_ALONE;
    /* 1 while the writer sleeps for want of room. Set by it before it looks at the tails a last time, with a full
     * fence between; a reader fences between its store of `tail` and its load of this, and wakes the writer. */
    uint32_t writer_sleeps TCPK_RING_ALONE;
    /* Added to by the writer each time it wakes readers. In a memfd it is the futex on which readers sleep. */
    uint32_t wakes;
};

struct tcpk_ring_reader {
    /* Position of the next event this reader will read; stored with release when it has done with the slots before,
     * loaded with acquire by the writer before it writes them again. */
    uint64_t tail TCPK_RING_ALONE;
    /* 1: the writer waits for this reader. Set by attach with a full fence before it takes `head` as its tail, cleared
     * by detach; also cleared by whoever finds the reader dead: in a device the module, in a memfd the writer or the
     * next reader in that place. */
    uint32_t attached;
};

struct tcpk_ring_readers {
    /* Bit i: reader i sleeps. Set by it before it looks at `head` a last time, with a full fence between; the writer
     * fences between its store of `head` and its load of this, takes all bits by exchange with 0, and wakes. So a
     * publish costs a system call only when someone sleeps, and a dead sleeper costs one. */
    uint32_t sleepers TCPK_RING_ALONE;
    /* Added to by a reader that wakes the writer. In a memfd it is the futex on which the writer sleeps. */
    uint32_t room;
    struct tcpk_ring_reader reader[TCPK_RING_READERS];
};

/* --- The device -----------------------------------------------------------------------------------------------------
 * A device holds one ring; every open file of it sees the same. An open file takes at most one role, writer or one
 * reader, and loses it by TCPK_RING_DETACH or when the file is closed for the last time, which is also how the death
 * of its process shows: the module then clears the reader's `attached`, or `writer_sleeps`, and wakes the others.
 *
 * Roles are for files that are open for reading and writing; attaching with another is EACCES.
 *
 * mmap, each only with MAP_SHARED:
 *   offset 0, length bytes        PROT_READ for anyone; PROT_WRITE only for the writer
 *   offset 4096, length 4096      PROT_READ | PROT_WRITE for a reader, over the same page of its first mapping
 * Anything else is EINVAL, writing without the role EACCES. Mappings that were made read-only stay so.
 *
 * poll: a reader's file is readable (POLLIN) when head != its tail; the writer's is writable (POLLOUT) when every
 * attached reader leaves room. A file without a role: POLLERR. */

struct tcpk_ring_info {
    struct tcpk_ring_geometry geometry; /* the module's own, never read back from the memory */
};

#define TCPK_RING_IOCTL 0xF7
#define TCPK_RING_INFO _IOR(TCPK_RING_IOCTL, 1, struct tcpk_ring_info)
#define TCPK_RING_ATTACH_WRITER _IO(TCPK_RING_IOCTL, 2) /* EBUSY: there is one; EEXIST: this file has a role */
#define TCPK_RING_ATTACH_READER _IOR(TCPK_RING_IOCTL, 3, uint32_t) /* its number; EBUSY: all are taken; EEXIST */
#define TCPK_RING_DETACH _IO(TCPK_RING_IOCTL, 4)                   /* EINVAL: this file has no role */
#define TCPK_RING_WAKE _IO(TCPK_RING_IOCTL, 5) /* from the writer: all sleeping readers; from a reader: the writer */

#ifndef __cplusplus
_Static_assert(sizeof(struct tcpk_ring_slot) == TCPK_RING_SLOT_BYTES, "a slot is one cache line");
_Static_assert(sizeof(struct tcpk_ring_geometry) == 40, "no padding in the geometry");
_Static_assert(sizeof(struct tcpk_ring_header) <= TCPK_RING_READERS_OFFSET, "the header is one page");
_Static_assert(sizeof(struct tcpk_ring_readers) <= TCPK_RING_SLOTS_OFFSET - TCPK_RING_READERS_OFFSET, "one page");
#endif

#endif
