/* SPDX-License-Identifier: GPL-2.0 */
/* What the module's files share. The one rule of all of them: memory that processes write is read once, compared, and
 * never used as an index, a length or an address. */
#ifndef TCPK_RING_MODULE_H
#define TCPK_RING_MODULE_H

#include <linux/fs.h>
#include <linux/mm.h>
#include <linux/poll.h>
#include <linux/spinlock.h>
#include <linux/wait.h>
#include <tcpk/ring_layout.h>

enum tcpk_ring_role { TCPK_RING_NO_ROLE, TCPK_RING_WRITER, TCPK_RING_READER };

/* One open file. The role changes under the ring's lock and is read without it, by READ_ONCE. */
struct tcpk_ring_file {
    enum tcpk_ring_role role;
    u32 number; /* a reader's */
};

/* The one ring there is. Geometry and memory stay as they are from load to unload. */
struct tcpk_ring {
    struct tcpk_ring_geometry geometry;
    unsigned long *pieces; /* addresses of the memory, page_bytes each */
    unsigned long count;
    unsigned int order;                /* of a piece */
    struct tcpk_ring_header *header;   /* shared with processes, as is all that follows */
    struct tcpk_ring_readers *readers; /* in the page after */

    spinlock_t lock; /* of the roles */
    struct tcpk_ring_file *writer;
    u32 attached; /* bit i: a file has the role of reader i */
    wait_queue_head_t wait_for_events;
    wait_queue_head_t wait_for_room;
};

extern struct tcpk_ring tcpk_ring;

int tcpk_ring_allocate(struct tcpk_ring *ring, unsigned int slots, bool huge);
void tcpk_ring_free(struct tcpk_ring *ring);
int tcpk_ring_map(struct tcpk_ring *ring, enum tcpk_ring_role role, struct vm_area_struct *area);

int tcpk_ring_attach_writer(struct tcpk_ring *ring, struct tcpk_ring_file *file);
int tcpk_ring_attach_reader(struct tcpk_ring *ring, struct tcpk_ring_file *file);
int tcpk_ring_detach(struct tcpk_ring *ring, struct tcpk_ring_file *file);
int tcpk_ring_wake(struct tcpk_ring *ring, const struct tcpk_ring_file *file);
__poll_t tcpk_ring_poll(struct tcpk_ring *ring, const struct tcpk_ring_file *file, struct file *handle,
                        poll_table *table);

extern const struct file_operations tcpk_ring_operations;
int tcpk_ring_files_prepare(void);
void tcpk_ring_files_finish(void);

#endif
