#define _GNU_SOURCE
#include <errno.h>
#include <stdatomic.h>
#include <sys/mman.h>
#include <sys/syscall.h>
#include <unistd.h>

#include "internal.h"

#define MIB ((size_t)1 << 20)
#define GIB ((size_t)1 << 30)
#define HUGE_SHIFT 26 /* of the page size's logarithm in mmap's flags, <linux/mman.h> */
#define MAP_2M (MAP_HUGETLB | 21 << HUGE_SHIFT)
#define MAP_1G (MAP_HUGETLB | 30 << HUGE_SHIFT)

/* <linux/mempolicy.h>; without libnuma, whose only use here this would be. */
#define POLICY_BIND 2
#define POLICY_STRICT 1u
#define MAX_NODES 1024

static _Atomic uint64_t in_use[TCPK_PAGES_KINDS], peak[TCPK_PAGES_KINDS];

static size_t round_up(size_t size, size_t unit)
{
    return (size + unit - 1) / unit * unit;
}

static bool map_as(size_t size, size_t unit, int flags, enum tcpk_pages pages, struct tcpk_memory *out)
{
    out->size = round_up(size, unit);
    if (out->size < size)
        return false;
    void *address = mmap(NULL, out->size, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS | flags, -1, 0);
    if (address == MAP_FAILED)
        return false;
    out->address = address;
    out->pages = pages;
    return true;
}

/* Transparent pages need an address aligned to 2 MiB: map more, and give the ends back. */
static bool map_transparent(size_t size, struct tcpk_memory *out)
{
    if (!map_as(round_up(size, 2 * MIB) + 2 * MIB, 4096, 0, TCPK_PAGES_TRANSPARENT, out))
        return false;
    const uintptr_t begin = (uintptr_t)out->address, aligned = round_up(begin, 2 * MIB);
    const size_t wanted = round_up(size, 2 * MIB);
    const size_t before = aligned - begin, after = out->size - wanted - before;
    if (before)
        munmap(out->address, before);
    if (after)
        munmap((void *)(aligned + wanted), after);
    out->address = (void *)aligned;
    out->size = wanted;
    if (madvise(out->address, wanted, MADV_HUGEPAGE) != 0)
        out->pages = TCPK_PAGES_SMALL; /* a kernel without them */
    return true;
}

static bool bind_to(const struct tcpk_memory *memory, int node)
{
    if (node < 0)
        return true;
    if (node >= MAX_NODES)
        return false;
    unsigned long mask[MAX_NODES / (8 * sizeof(unsigned long))] = {0};
    const unsigned bits = 8 * sizeof(unsigned long);
    mask[(unsigned)node / bits] = 1ul << ((unsigned)node % bits);
    return syscall(SYS_mbind, memory->address, memory->size, POLICY_BIND, mask, MAX_NODES, POLICY_STRICT) == 0;
}

enum tcpk_status tcpk_memory_map(size_t size, int node, bool lock, struct tcpk_memory *out)
{
    *out = (struct tcpk_memory){0};
    if (size == 0)
        return TCPK_ERROR_ARGUMENT;
    if (size > SIZE_MAX / 2) /* rounding up must not run over */
        return TCPK_ERROR_MEMORY;
    const bool mapped = (size >= GIB && map_as(size, GIB, MAP_1G, TCPK_PAGES_1G, out)) ||
                        (size >= 2 * MIB && map_as(size, 2 * MIB, MAP_2M, TCPK_PAGES_2M, out)) ||
                        (size >= 2 * MIB && map_transparent(size, out)) || map_as(size, 4096, 0, TCPK_PAGES_SMALL, out);
    if (!mapped) {
        *out = (struct tcpk_memory){0};
        return TCPK_ERROR_MEMORY;
    }
    out->on_node = bind_to(out, node);
    out->locked = lock && mlock(out->address, out->size) == 0;
    const uint64_t now = atomic_fetch_add(&in_use[out->pages], out->size) + out->size;
    uint64_t most = atomic_load(&peak[out->pages]);
    while (now > most && !atomic_compare_exchange_weak(&peak[out->pages], &most, now))
        ;
    return TCPK_OK;
}

void tcpk_memory_unmap(struct tcpk_memory *memory)
{
    if (!memory->address)
        return;
    munmap(memory->address, memory->size);
    atomic_fetch_sub(&in_use[memory->pages], memory->size);
    *memory = (struct tcpk_memory){0};
}

uint64_t tcpk_memory_in_use(enum tcpk_pages pages)
{
    return (unsigned)pages < TCPK_PAGES_KINDS ? atomic_load(&in_use[pages]) : 0;
}

uint64_t tcpk_memory_peak(enum tcpk_pages pages)
{
    return (unsigned)pages < TCPK_PAGES_KINDS ? atomic_load(&peak[pages]) : 0;
}

const char *tcpk_pages_name(enum tcpk_pages pages)
{
    static const char *const NAMES[TCPK_PAGES_KINDS] = {"4 KiB", "transparent", "2 MiB", "1 GiB"};
    return (unsigned)pages < TCPK_PAGES_KINDS ? NAMES[pages] : "unknown";
}
