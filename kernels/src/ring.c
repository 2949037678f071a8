/* Rings: making one, opening one, and what is known of it. */
#define _GNU_SOURCE
#include <errno.h>
#include <fcntl.h>
#include <inttypes.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <sys/vfs.h>
#include <unistd.h>

#include "ring_state.h"

#define MIB ((uint64_t)1 << 20)
#define HUGE_2M (MFD_HUGETLB | 21u << 26) /* the page size's logarithm, <linux/memfd.h> */
#define HUGETLBFS 0x958458f6              /* <linux/magic.h> */
#define LARGEST_PAGE ((uint64_t)1 << 30)

/* Bytes of a ring; slots and page were checked. */
static uint64_t bytes_of(uint64_t slots, uint64_t page)
{
    return (TCPK_RING_SLOTS_OFFSET + slots * TCPK_RING_SLOT_BYTES + page - 1) / page * page;
}

static bool is_power_of_two(uint64_t value, uint64_t least, uint64_t most)
{
    return value >= least && value <= most && (value & (value - 1)) == 0;
}

static enum tcpk_status check_slots(uint64_t slots, enum tcpk_status status, struct tcpk_error *error)
{
    if (is_power_of_two(slots, TCPK_RING_MIN_SLOTS, TCPK_RING_MAX_SLOTS))
        return TCPK_OK;
    return tcpk_fail(error, status, 0, "slots is %" PRIu64 "; allowed: a power of two, %u to %u", slots,
                     TCPK_RING_MIN_SLOTS, TCPK_RING_MAX_SLOTS);
}

static enum tcpk_status check_geometry(const struct tcpk_ring_geometry *geometry, struct tcpk_error *error)
{
    if (geometry->magic != TCPK_RING_MAGIC)
        return tcpk_fail(error, TCPK_ERROR_LAYOUT, 0, "magic is 0x%016" PRIx64 "; a ring begins with 0x%016" PRIx64,
                         geometry->magic, (uint64_t)TCPK_RING_MAGIC);
    const struct {
        const char *name;
        uint64_t value, allowed;
    } fields[] = {
        {"version", geometry->version, TCPK_RING_VERSION},
        {"slot_bytes", geometry->slot_bytes, TCPK_RING_SLOT_BYTES},
        {"readers", geometry->readers, TCPK_RING_READERS},
    };
    for (size_t i = 0; i < sizeof fields / sizeof *fields; i++)
        if (fields[i].value != fields[i].allowed)
            return tcpk_fail(error, TCPK_ERROR_LAYOUT, 0, "%s is %" PRIu64 "; allowed: %" PRIu64, fields[i].name,
                             fields[i].value, fields[i].allowed);
    if (!is_power_of_two(geometry->page_bytes, 4096, LARGEST_PAGE))
        return tcpk_fail(error, TCPK_ERROR_LAYOUT, 0, "page_bytes is %" PRIu32 "; allowed: a power of two, from 4096",
                         geometry->page_bytes);
    const enum tcpk_status status = check_slots(geometry->slots, TCPK_ERROR_LAYOUT, error);
    if (status != TCPK_OK)
        return status;
    const uint64_t bytes = bytes_of(geometry->slots, geometry->page_bytes);
    if (geometry->bytes != bytes)
        return tcpk_fail(error, TCPK_ERROR_LAYOUT, 0, "bytes is %" PRIu64 "; %" PRIu64 " slots take %" PRIu64,
                         geometry->bytes, geometry->slots, bytes);
    return TCPK_OK;
}

/* The page size of a memfd. */
static uint64_t page_of(int file)
{
    struct statfs about;
    if (fstatfs(file, &about) == 0 && (unsigned long)about.f_type == HUGETLBFS)
        return (uint64_t)about.f_bsize;
    return (uint64_t)sysconf(_SC_PAGESIZE);
}

static enum tcpk_status failed(struct tcpk_error *error, const char *what)
{
    return tcpk_fail(error, errno == ENOMEM || errno == ENOSPC ? TCPK_ERROR_MEMORY : TCPK_ERROR_IO, 0, "%s: %s", what,
                     strerror(errno));
}

/* A memfd of the size for so many slots, all of it allocated now: later a page that cannot be had would be SIGBUS. */
static int make_file(uint64_t slots, unsigned flags, struct tcpk_ring_geometry *geometry)
{
    const int file = memfd_create("tcpk_ring", MFD_CLOEXEC | MFD_ALLOW_SEALING | flags);
    if (file < 0)
        return -1;
    const uint64_t page = page_of(file), bytes = bytes_of(slots, page);
    *geometry = (struct tcpk_ring_geometry){.magic = TCPK_RING_MAGIC,
                                            .version = TCPK_RING_VERSION,
                                            .slot_bytes = TCPK_RING_SLOT_BYTES,
                                            .slots = slots,
                                            .bytes = bytes,
                                            .readers = TCPK_RING_READERS,
                                            .page_bytes = (uint32_t)page};
    if (ftruncate(file, (off_t)bytes) == 0 && fallocate(file, 0, 0, (off_t)bytes) == 0)
        return file;
    const int reason = errno;
    close(file);
    errno = reason;
    return -1;
}

/* Written through a mapping: not every kernel can write() to huge pages. */
static bool write_geometry(int file, const struct tcpk_ring_geometry *geometry)
{
    void *begin = mmap(NULL, geometry->page_bytes, PROT_READ | PROT_WRITE, MAP_SHARED, file, 0);
    if (begin == MAP_FAILED)
        return false;
    memcpy(begin, geometry, sizeof *geometry);
    munmap(begin, geometry->page_bytes);
    return true;
}

static enum tcpk_status ring_of(int file, enum tcpk_ring_kind kind, const struct tcpk_ring_geometry *geometry,
                                struct tcpk_ring **out, struct tcpk_error *error)
{
    struct tcpk_ring *ring = calloc(1, sizeof *ring);
    if (!ring) {
        close(file);
        return tcpk_fail(error, TCPK_ERROR_MEMORY, 0, "no memory for a ring");
    }
    ring->kind = kind;
    ring->file = file;
    ring->role_file = -1;
    ring->geometry = *geometry;
    ring->mask = geometry->slots - 1;
    *out = ring;
    return TCPK_OK;
}

enum tcpk_status tcpk_ring_create(uint64_t slots, struct tcpk_ring **out, struct tcpk_error *error)
{
    *out = NULL;
    const enum tcpk_status status = check_slots(slots, TCPK_ERROR_ARGUMENT, error);
    if (status != TCPK_OK)
        return status;
    struct tcpk_ring_geometry geometry;
    int file = slots * TCPK_RING_SLOT_BYTES >= 2 * MIB ? make_file(slots, HUGE_2M, &geometry) : -1;
    if (file >= 0 && !write_geometry(file, &geometry)) {
        close(file);
        file = -1;
    }
    if (file < 0) {
        file = make_file(slots, 0, &geometry);
        if (file < 0)
            return failed(error, "memory for a ring");
        if (!write_geometry(file, &geometry)) {
            const enum tcpk_status reason = failed(error, "mapping a ring");
            close(file);
            return reason;
        }
    }
    /* A peer that could shrink the file could kill the others; the last seal keeps it from adding more. */
    if (fcntl(file, F_ADD_SEALS, F_SEAL_SHRINK | F_SEAL_GROW | F_SEAL_SEAL) != 0) {
        const enum tcpk_status reason = failed(error, "sealing a ring");
        close(file);
        return reason;
    }
    return ring_of(file, TCPK_RING_IN_MEMORY, &geometry, out, error);
}

/* The geometry of a memfd, read once, and held against what the kernel says of the file. */
static enum tcpk_status read_geometry(int file, const struct stat *about, struct tcpk_ring_geometry *geometry,
                                      struct tcpk_error *error)
{
    const int seals = fcntl(file, F_GET_SEALS);
    if (seals < 0 || !(seals & F_SEAL_SHRINK))
        return tcpk_fail(error, TCPK_ERROR_LAYOUT, 0, "the file is no memfd sealed against shrinking");
    const ssize_t length = pread(file, geometry, sizeof *geometry, 0);
    if (length < 0)
        return failed(error, "reading a ring's header");
    if ((size_t)length < sizeof *geometry)
        return tcpk_fail(error, TCPK_ERROR_LAYOUT, 0, "the file has %zd bytes, too few for a ring", length);
    const enum tcpk_status status = check_geometry(geometry, error);
    if (status != TCPK_OK)
        return status;
    if (geometry->bytes != (uint64_t)about->st_size || geometry->page_bytes != page_of(file))
        return tcpk_fail(error, TCPK_ERROR_LAYOUT, 0,
                         "bytes is %" PRIu64 " in pages of %" PRIu32 "; the file has %" PRIu64 " in pages of %" PRIu64,
                         geometry->bytes, geometry->page_bytes, (uint64_t)about->st_size, page_of(file));
    return TCPK_OK;
}

/* Takes the file over, also where it fails. */
static enum tcpk_status open_own(int file, struct tcpk_ring **out, struct tcpk_error *error)
{
    struct stat about;
    struct tcpk_ring_info info;
    enum tcpk_ring_kind kind = TCPK_RING_IN_MEMORY;
    enum tcpk_status status = TCPK_OK;
    if (fstat(file, &about) != 0) {
        status = failed(error, "a ring's file");
    } else if (S_ISCHR(about.st_mode)) {
        kind = TCPK_RING_IN_DEVICE;
        if (ioctl(file, TCPK_RING_INFO, &info) != 0)
            status = tcpk_fail(error, TCPK_ERROR_LAYOUT, 0, "the device is no ring: %s", strerror(errno));
        else
            status = check_geometry(&info.geometry, error);
    } else {
        status = read_geometry(file, &about, &info.geometry, error);
    }
    if (status != TCPK_OK) {
        close(file);
        return status;
    }
    return ring_of(file, kind, &info.geometry, out, error);
}

enum tcpk_status tcpk_ring_open(const char *path, struct tcpk_ring **out, struct tcpk_error *error)
{
    *out = NULL;
    const int file = open(path, O_RDWR | O_CLOEXEC | O_NONBLOCK | O_NOCTTY);
    return file < 0 ? failed(error, path) : open_own(file, out, error);
}

enum tcpk_status tcpk_ring_open_file(int file, struct tcpk_ring **out, struct tcpk_error *error)
{
    *out = NULL;
    const int own = fcntl(file, F_DUPFD_CLOEXEC, 0);
    return own < 0 ? failed(error, "a ring's file") : open_own(own, out, error);
}

void tcpk_ring_close(struct tcpk_ring *ring)
{
    if (!ring)
        return;
    tcpk_ring_detach(ring);
    close(ring->file);
    free(ring);
}

int tcpk_ring_file(const struct tcpk_ring *ring)
{
    return ring->file;
}

void tcpk_ring_describe(const struct tcpk_ring *ring, struct tcpk_ring_about *about)
{
    *about = (struct tcpk_ring_about){.kind = ring->kind,
                                      .role = ring->role,
                                      .reader = ring->reader,
                                      .page_bytes = ring->geometry.page_bytes,
                                      .slots = ring->geometry.slots,
                                      .bytes = ring->geometry.bytes,
                                      .position = ring->position};
    if (ring->role == TCPK_RING_NO_ROLE)
        return;
    for (uint32_t i = 0; i < TCPK_RING_READERS; i++)
        if (tcpk_ring_load_flag(&ring->readers->reader[i].attached))
            about->attached |= 1u << i;
}
