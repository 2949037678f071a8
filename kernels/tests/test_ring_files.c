/* Files that only look like a ring are refused, and nobody can change one's size. */
#define _GNU_SOURCE
#include <errno.h>
#include <fcntl.h>
#include <string.h>
#include <sys/mman.h>
#include <unistd.h>

#include "ring_support.h"

/* A memfd with these first bytes, `size` long. */
static int file_of(const void *bytes, size_t length, uint64_t size, int seals)
{
    const int file = memfd_create("test", MFD_CLOEXEC | MFD_ALLOW_SEALING);
    assert_true(file >= 0);
    assert_int_equal(ftruncate(file, (off_t)size), 0);
    assert_int_equal(pwrite(file, bytes, length, 0), length);
    assert_int_equal(fcntl(file, F_ADD_SEALS, seals), 0);
    return file;
}

static void refused(int file, const char *said)
{
    struct tcpk_ring *ring = NULL;
    struct tcpk_error error = {0};
    assert_int_equal(tcpk_ring_open_file(file, &ring, &error), TCPK_ERROR_LAYOUT);
    assert_null(ring);
    if (!strstr(error.message, said))
        fail_msg("said: %s", error.message);
    close(file);
}

static void files_that_are_no_ring_are_refused(void **state)
{
    (void)state;
    struct tcpk_ring *ring = NULL;
    struct tcpk_error error = {0};
    assert_int_equal(tcpk_ring_open("/nowhere", &ring, &error), TCPK_ERROR_IO);
    assert_string_equal(error.message, "/nowhere: No such file or directory");
    assert_int_equal(tcpk_ring_open("/dev/null", &ring, &error), TCPK_ERROR_LAYOUT);
    assert_int_equal(tcpk_ring_open_file(-1, &ring, &error), TCPK_ERROR_IO);
    int ends[2];
    assert_int_equal(pipe(ends), 0);
    close(ends[1]);
    refused(ends[0], "no memfd sealed");
    char path[64];
    support_temporary_path(path);
    refused(open(path, O_RDWR), "no memfd sealed");
    unlink(path);

    const uint64_t page = (uint64_t)sysconf(_SC_PAGESIZE), size = page == 4096 ? 12288 : page;
    const struct tcpk_ring_geometry good = {TCPK_RING_MAGIC, 1, 64, RING_SLOTS, size, 16, (uint32_t)page};
    const int seals = F_SEAL_SHRINK;
    refused(file_of(&good, sizeof good, size, 0), "no memfd sealed");
    refused(file_of(&good, sizeof good, size, F_SEAL_GROW), "no memfd sealed");
    for (size_t length = 0; length < sizeof good; length++)
        refused(file_of(&good, length, length, seals), "too few for a ring");
    const uint64_t sizes[] = {sizeof good, 4096, 8192, size - 1, size + 1, 2 * size};
    for (size_t i = 0; i < sizeof sizes / sizeof *sizes; i++)
        if (sizes[i] != size)
            refused(file_of(&good, sizeof good, sizes[i], seals), "the file has");
    for (size_t at = 0; at < sizeof good; at += 4)
        for (size_t i = 0; i < RING_VALUE_COUNT; i++) {
            uint8_t bytes[sizeof good];
            memcpy(bytes, &good, sizeof good);
            memcpy(bytes + at, &RING_VALUES[i], at < 8 || (at >= 16 && at < 32) ? 8 - at % 8 : 4);
            if (memcmp(bytes, &good, sizeof good) != 0)
                refused(file_of(bytes, sizeof bytes, size, seals), "");
        }
    const int file = file_of(&good, sizeof good, size, seals);
    assert_int_equal(tcpk_ring_open_file(file, &ring, &error), TCPK_OK); /* else the others would be refused for more */
    assert_int_equal(tcpk_ring_attach_writer(ring, NULL), TCPK_OK);
    ring_write_events(ring, 0, 1000, 10);
    tcpk_ring_close(ring);
    close(file);
}

static void nobody_can_change_the_size(void **state)
{
    (void)state;
    struct tcpk_ring *ring = ring_make(RING_SLOTS);
    struct tcpk_ring_about about;
    tcpk_ring_describe(ring, &about);
    const int file = tcpk_ring_file(ring);
    assert_int_equal(ftruncate(file, (off_t)about.bytes - 1), -1);
    assert_int_equal(errno, EPERM);
    assert_int_equal(ftruncate(file, (off_t)about.bytes + 1), -1);
    assert_int_equal(fcntl(file, F_ADD_SEALS, F_SEAL_FUTURE_WRITE), -1); /* it would keep the others from attaching */
    tcpk_ring_close(ring);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(files_that_are_no_ring_are_refused),
        cmocka_unit_test(nobody_can_change_the_size),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
