// SPDX-License-Identifier: GPL-2.0
/* The ring's memory: taken once, zeroed, the kernel's own and so never swapped out or moved; and its mappings. */
#define pr_fmt(text) KBUILD_MODNAME ": " text

#include "module.h"

#include <linux/gfp.h>
#include <linux/slab.h>
#include <linux/version.h>

#define HUGE_ORDER 9 /* 2 MiB */

static bool take_pieces(struct tcpk_ring *ring, unsigned long bytes, unsigned int order)
{
    /* Large pieces are a wish: no compaction to the bitter end, no complaint in the log. */
    const gfp_t flags = GFP_KERNEL | __GFP_ZERO | (order ? __GFP_NOWARN | __GFP_NORETRY : 0);

    ring->order = order;
    ring->count = DIV_ROUND_UP(bytes, PAGE_SIZE << order);
    ring->pieces = kvcalloc(ring->count, sizeof(*ring->pieces), GFP_KERNEL);
    if (!ring->pieces)
        return false;
    for (unsigned long i = 0; i < ring->count; i++) {
        ring->pieces[i] = __get_free_pages(flags, order);
        if (!ring->pieces[i]) {
            tcpk_ring_free(ring);
            return false;
        }
    }
    return true;
}

int tcpk_ring_allocate(struct tcpk_ring *ring, unsigned int slots, bool huge)
{
    const unsigned long bytes = TCPK_RING_SLOTS_OFFSET + (unsigned long)slots * TCPK_RING_SLOT_BYTES;
    const bool large = huge && bytes >= PAGE_SIZE << HUGE_ORDER && take_pieces(ring, bytes, HUGE_ORDER);

    BUILD_BUG_ON(PAGE_SIZE != TCPK_RING_READERS_OFFSET);
    if (!large && !take_pieces(ring, bytes, 0))
        return -ENOMEM;
    ring->geometry = (struct tcpk_ring_geometry){
        .magic = TCPK_RING_MAGIC,
        .version = TCPK_RING_VERSION,
        .slot_bytes = TCPK_RING_SLOT_BYTES,
        .slots = slots,
        .bytes = ring->count * (PAGE_SIZE << ring->order),
        .readers = TCPK_RING_READERS,
        .page_bytes = PAGE_SIZE << ring->order,
    };
    ring->header = (struct tcpk_ring_header *)ring->pieces[0];
    ring->readers = (struct tcpk_ring_readers *)(ring->order ? ring->pieces[0] + PAGE_SIZE : ring->pieces[1]);
    ring->header->geometry = ring->geometry;
    return 0;
}

void tcpk_ring_free(struct tcpk_ring *ring)
{
    for (unsigned long i = 0; ring->pieces && i < ring->count; i++)
        free_pages(ring->pieces[i], ring->order); /* 0 is none */
    kvfree(ring->pieces);
    ring->pieces = NULL;
}

static void change_flags(struct vm_area_struct *area, unsigned long set, unsigned long clear)
{
#if LINUX_VERSION_CODE >= KERNEL_VERSION(6, 3, 0)
    vm_flags_mod(area, set, clear);
#else
    area->vm_flags = (area->vm_flags & ~clear) | set;
#endif
}

/* Whole or not at all, all pages at once: a process that has its mapping meets no fault. The pages are mapped as bare
 * frames, so that nobody can take a reference to one (splice, direct I/O) and write through it when the role is gone.
 */
int tcpk_ring_map(struct tcpk_ring *ring, enum tcpk_ring_role role, struct vm_area_struct *area)
{
    const unsigned long bytes = area->vm_end - area->vm_start;
    const bool whole = area->vm_pgoff == 0 && bytes == ring->geometry.bytes;
    const bool readers = area->vm_pgoff == TCPK_RING_READERS_OFFSET >> PAGE_SHIFT && bytes == PAGE_SIZE;
    const bool writes = area->vm_flags & VM_WRITE;

    /* VM_SHARED would not do: a file that is open for reading alone loses it. */
    if (!(area->vm_flags & VM_MAYSHARE) || !(area->vm_flags & VM_READ) || (area->vm_flags & VM_EXEC))
        return -EINVAL;
    if (!whole && !(readers && writes))
        return -EINVAL;
    if (writes && role != (whole ? TCPK_RING_WRITER : TCPK_RING_READER))
        return -EACCES;
    /* What is missing now mprotect must not add. A child gets no copy: it has no role. */
    change_flags(area, VM_DONTCOPY | VM_DONTEXPAND | VM_DONTDUMP, VM_MAYEXEC | (writes ? 0 : VM_MAYWRITE));

    if (readers)
        return remap_pfn_range(area, area->vm_start, PHYS_PFN(__pa(ring->readers)), PAGE_SIZE, area->vm_page_prot);
    for (unsigned long i = 0; i < ring->count; i++) {
        const unsigned long piece = PAGE_SIZE << ring->order;
        const int error = remap_pfn_range(area, area->vm_start + i * piece, PHYS_PFN(__pa(ring->pieces[i])), piece,
                                          area->vm_page_prot);

        if (error)
            return error; /* what is mapped already goes with the area */
    }
    return 0;
}
