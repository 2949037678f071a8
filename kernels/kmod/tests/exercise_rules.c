// SPDX-License-Identifier: GPL-2.0
/* What the device refuses: roles that are taken, mappings of another kind, commands that are none. */
#include "exercise.h"

#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/uio.h>
#include <unistd.h>

#define PAGE 4096
#define GARBAGE 20000

/* The call fails, and with this error. */
#define REFUSED(call, error)                                                                                           \
    do {                                                                                                               \
        errno = 0;                                                                                                     \
        const long done = (long)(call);                                                                                \
        REQUIRE(done == -1 && errno == (error), "%s gave %ld, not " #error, #call, done);                              \
    } while (0)

static int with_role(unsigned long command)
{
    uint32_t number;
    const int handle = open_device(O_RDWR);
    REQUIRE(ioctl(handle, command, &number) == 0, "attach");
    return handle;
}

void exercise_roles(void)
{
    uint32_t number;
    const int none = open_device(O_RDWR), looking = open_device(O_RDONLY);
    REFUSED(ioctl(none, TCPK_RING_DETACH), EINVAL);
    REFUSED(ioctl(none, TCPK_RING_WAKE), EINVAL);
    REFUSED(ioctl(looking, TCPK_RING_ATTACH_WRITER), EACCES);
    REFUSED(ioctl(looking, TCPK_RING_ATTACH_READER, &number), EACCES);
    REQUIRE(wait_ready(none, POLLERR, 0), "a file without a role is ready for something");

    const int writer = with_role(TCPK_RING_ATTACH_WRITER);
    REFUSED(ioctl(none, TCPK_RING_ATTACH_WRITER), EBUSY);
    REFUSED(ioctl(writer, TCPK_RING_ATTACH_WRITER), EEXIST);
    REFUSED(ioctl(writer, TCPK_RING_ATTACH_READER, &number), EEXIST);

    int readers[TCPK_RING_READERS];
    for (uint32_t i = 0; i < TCPK_RING_READERS; i++) {
        readers[i] = open_device(O_RDWR);
        REQUIRE(ioctl(readers[i], TCPK_RING_ATTACH_READER, &number) == 0 && number == i, "reader %u is %u", i, number);
    }
    REFUSED(ioctl(none, TCPK_RING_ATTACH_READER, &number), EBUSY);
    REFUSED(ioctl(readers[3], TCPK_RING_ATTACH_READER, &number), EEXIST);
    REQUIRE(ioctl(readers[7], TCPK_RING_DETACH) == 0, "detach");
    REQUIRE(ioctl(none, TCPK_RING_ATTACH_READER, &number) == 0 && number == 7, "the free place is 7, not %u", number);

    /* A copy of the handle keeps the role. */
    const int copy = dup(writer);
    close(writer);
    REFUSED(ioctl(readers[7], TCPK_RING_ATTACH_WRITER), EBUSY);
    close(copy);
    REQUIRE(ioctl(readers[7], TCPK_RING_ATTACH_WRITER) == 0, "the role is not free after the last close");
    for (uint32_t i = 0; i < TCPK_RING_READERS; i++) {
        close(readers[i]);
    }
    close(none);
    close(looking);
}

static unsigned char *touched;
static void write_there(void)
{
    const struct sigaction by_default = {.sa_handler = SIG_DFL};
    sigaction(SIGSEGV, &by_default, NULL);
    *(volatile unsigned char *)touched = 1;
}

static void require_no_writing(unsigned char *place, const char *what)
{
    touched = place;
    REQUIRE(outcome(start(write_there)) == 128 + SIGSEGV, "%s can be written", what);
    /* Not by the kernel's hand either, which overrides a process's own protection where a page is private. */
    const int memory = open("/proc/self/mem", O_RDWR | O_CLOEXEC);
    REQUIRE(memory >= 0, "/proc/self/mem");
    const ssize_t written = pwrite(memory, "x", 1, (off_t)(uintptr_t)place);
    REQUIRE(written == -1, "%s can be written through /proc/self/mem", what);
    close(memory);
}

static void shapes(int handle, uint64_t bytes, int granted)
{
    const int shared = MAP_SHARED, rw = PROT_READ | PROT_WRITE;
    REFUSED(mmap(NULL, bytes - PAGE, PROT_READ, shared, handle, 0), EINVAL);
    REFUSED(mmap(NULL, bytes + PAGE, PROT_READ, shared, handle, 0), EINVAL);
    REFUSED(mmap(NULL, PAGE, PROT_READ, shared, handle, 0), EINVAL);
    REFUSED(mmap(NULL, bytes, PROT_READ, shared, handle, PAGE), EINVAL);
    REFUSED(mmap(NULL, bytes - PAGE, PROT_READ, shared, handle, PAGE), EINVAL);
    REFUSED(mmap(NULL, 2 * PAGE, rw, shared, handle, PAGE), EINVAL);
    REFUSED(mmap(NULL, PAGE, rw, shared, handle, 2 * PAGE), EINVAL);
    REFUSED(mmap(NULL, PAGE, PROT_READ, shared, handle, PAGE), EINVAL);
    REFUSED(mmap(NULL, PAGE, rw, shared, handle, (off_t)bytes), EINVAL);
    REFUSED(mmap(NULL, PAGE, rw, shared, handle, (off_t)1 << 44), EINVAL);
    REFUSED(mmap(NULL, bytes, PROT_READ, MAP_PRIVATE, handle, 0), EINVAL);
    REFUSED(mmap(NULL, bytes, rw, MAP_PRIVATE, handle, 0), EINVAL);
    REFUSED(mmap(NULL, PAGE, rw, MAP_PRIVATE, handle, PAGE), EINVAL);
    REFUSED(mmap(NULL, bytes, PROT_NONE, shared, handle, 0), EINVAL);
    REFUSED(mmap(NULL, bytes, PROT_WRITE, shared, handle, 0), EINVAL);
    REFUSED(mmap(NULL, bytes, PROT_READ | PROT_EXEC, shared, handle, 0), EINVAL);
    if (granted != TCPK_RING_SLOTS_OFFSET) {
        REFUSED(mmap(NULL, PAGE, rw, shared, handle, PAGE), EACCES);
    }
    if (granted != 0) {
        REFUSED(mmap(NULL, bytes, rw, shared, handle, 0), EACCES);
    }
}

/* Cannot be grown, copied, handed to a pipe or to a child. */
static void require_bound(unsigned char *memory, uint64_t bytes)
{
    REQUIRE(mremap(memory, bytes, bytes + PAGE, MREMAP_MAYMOVE) == MAP_FAILED, "the mapping grew");
    REQUIRE(mremap(memory, 0, bytes, MREMAP_MAYMOVE) == MAP_FAILED, "the mapping was doubled");
    int pipes[2];
    REQUIRE(pipe(pipes) == 0, "pipe");
    const struct iovec piece = {memory, PAGE};
    REFUSED(vmsplice(pipes[1], &piece, 1, 0), EFAULT);
    close(pipes[0]);
    close(pipes[1]);
}

void exercise_mappings(void)
{
    struct tcpk_ring_info info;
    const int none = open_device(O_RDWR), looking = open_device(O_RDONLY);
    REQUIRE(ioctl(none, TCPK_RING_INFO, &info) == 0, "info");
    const uint64_t bytes = info.geometry.bytes;
    REQUIRE(bytes % info.geometry.page_bytes == 0 &&
                bytes >= TCPK_RING_SLOTS_OFFSET + info.geometry.slots * TCPK_RING_SLOT_BYTES &&
                info.geometry.magic == TCPK_RING_MAGIC && info.geometry.version == TCPK_RING_VERSION,
            "the geometry is wrong");
    shapes(none, bytes, -1);
    REFUSED(mmap(NULL, bytes, PROT_READ | PROT_WRITE, MAP_SHARED, looking, 0), EACCES);

    unsigned char *const seen = mmap(NULL, bytes, PROT_READ, MAP_SHARED, looking, 0);
    REQUIRE(seen != MAP_FAILED, "a file open for reading cannot be mapped for reading");
    REFUSED(mprotect(seen, bytes, PROT_READ | PROT_WRITE), EACCES);
    munmap(seen, bytes);

    unsigned char *const before = mmap(NULL, bytes, PROT_READ, MAP_SHARED, none, 0);
    REQUIRE(before != MAP_FAILED, "no mapping for a file without a role");
    REFUSED(mprotect(before, bytes, PROT_READ | PROT_EXEC), EACCES);
    REQUIRE(ioctl(none, TCPK_RING_ATTACH_WRITER) == 0, "attach");
    /* Made before the role: stays as it is. */
    REFUSED(mprotect(before, PAGE, PROT_READ | PROT_WRITE), EACCES);
    require_no_writing(before, "a mapping from before the role");
    require_bound(before, bytes);
    shapes(none, bytes, 0);
    unsigned char *const written = mmap(NULL, bytes, PROT_READ | PROT_WRITE, MAP_SHARED, none, 0);
    REQUIRE(written != MAP_FAILED, "the writer's mapping");
    written[bytes - 1] = 0x5a;
    REQUIRE(before[bytes - 1] == 0x5a, "two mappings, two memories");
    require_bound(written, bytes);
    touched = written; /* in the child there is no such mapping */
    REQUIRE(outcome(start(write_there)) == 128 + SIGSEGV, "a child has the writer's mapping");
    munmap(written, bytes);
    munmap(before, bytes);
    REQUIRE(ioctl(none, TCPK_RING_DETACH) == 0, "detach");
    REFUSED(mmap(NULL, bytes, PROT_READ | PROT_WRITE, MAP_SHARED, none, 0), EACCES);

    struct ring reader = open_reader();
    shapes(reader.handle, bytes, TCPK_RING_SLOTS_OFFSET);
    require_no_writing(reader.memory, "the header, by a reader,");
    require_no_writing(reader.memory + TCPK_RING_SLOTS_OFFSET, "a slot, by a reader,");
    REFUSED(mprotect(reader.memory, PAGE, PROT_READ | PROT_WRITE), EACCES);
    reader.readers->reader[reader.number].tail++;
    munmap(reader.memory + PAGE, PAGE); /* in pieces, as a process may */
    close_ring(&reader);
    close(none);
    close(looking);
}

void exercise_commands(void)
{
    static const unsigned long KNOWN[] = {TCPK_RING_INFO, TCPK_RING_ATTACH_WRITER, TCPK_RING_ATTACH_READER,
                                          TCPK_RING_DETACH, TCPK_RING_WAKE};
    const int handle = open_device(O_RDWR);
    unsigned char buffer[64];
    struct tcpk_ring_info info, again;
    REFUSED(ioctl(handle, TCPK_RING_INFO, NULL), EFAULT);
    REFUSED(ioctl(handle, TCPK_RING_INFO, -4096L), EFAULT);
    REFUSED(ioctl(handle, TCPK_RING_ATTACH_READER, 1L), EFAULT);
    REFUSED(ioctl(handle, TCPK_RING_DETACH), EINVAL); /* the role did not stay */
    REFUSED(ioctl(handle, _IOR(TCPK_RING_IOCTL, 1, char), buffer), ENOTTY);
    REFUSED(ioctl(handle, _IOW(TCPK_RING_IOCTL, 1, struct tcpk_ring_info), buffer), ENOTTY);
    REFUSED(ioctl(handle, _IO(TCPK_RING_IOCTL, 6)), ENOTTY);
    REFUSED(ioctl(handle, _IO(TCPK_RING_IOCTL, 0)), ENOTTY);
    REFUSED(read(handle, buffer, sizeof buffer), EINVAL);
    REFUSED(write(handle, buffer, sizeof buffer), EINVAL);
    REFUSED(lseek(handle, 4096, SEEK_SET), ESPIPE);
    REFUSED(ftruncate(handle, 4096), EINVAL);
    REQUIRE(ioctl(handle, TCPK_RING_INFO, &info) == 0, "info");
    for (int i = 0; i < GARBAGE; i++) {
        const unsigned long any = (random_number() & 0xffff00ff) | TCPK_RING_IOCTL << 8;
        ioctl(handle, i % 2 ? any : KNOWN[random_number() % (sizeof KNOWN / sizeof *KNOWN)], random_number());
    }
    ioctl(handle, TCPK_RING_DETACH); /* some of it may have been a command */
    REQUIRE(ioctl(handle, TCPK_RING_INFO, &again) == 0 && memcmp(&info, &again, sizeof info) == 0, "info changed");
    close(handle);
}
