/* tcp-msr-read CPU REGISTER: print one model-specific register, if the allowlist names it.
 *
 * The kernel lets nobody open /dev/cpu/N/msr without CAP_SYS_RAWIO, and with that capability a process could also
 * write registers, which is as good as being root. So the capability is on this file alone: it opens the device for
 * reading, at a register that root has allowed, and does nothing else. The environment has no say in it.
 *
 * exit 0 printed, 1 refused or failed, 2 usage
 */
#define _GNU_SOURCE
#include <errno.h>
#include <fcntl.h>
#include <inttypes.h>
#include <stdbool.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#ifndef SOURCE_SHA256
#define SOURCE_SHA256 "unknown"
#endif

static const char ALLOWLIST[] = "/etc/tcp-performance/msr-allowlist";
static const uint64_t MOST_CPUS = 8192; /* CONFIG_MAXSMP */

/* Digits only, decimal or after 0x: no sign, no space, nothing behind them. */
static bool read_number(const char *text, uint64_t most, uint64_t *number) {
    const bool hexadecimal = text[0] == '0' && (text[1] == 'x' || text[1] == 'X');
    const char *const digits = hexadecimal ? text + 2 : text;
    const size_t length = strspn(digits, hexadecimal ? "0123456789abcdefABCDEF" : "0123456789");
    if (length == 0 || length > 16 || digits[length] != '\0') {
        return false;
    }
    errno = 0;
    *number = strtoull(digits, NULL, hexadecimal ? 16 : 10);
    return errno == 0 && *number <= most;
}

/* The list counts only when nobody but root can have written it. */
static bool is_allowed(uint64_t wanted) {
    FILE *const list = fopen(ALLOWLIST, "re");
    if (list == NULL) {
        fprintf(stderr, "tcp-msr-read: %s: %s\n", ALLOWLIST, strerror(errno));
        return false;
    }
    struct stat status;
    bool found = false;
    if (fstat(fileno(list), &status) != 0 || !S_ISREG(status.st_mode) || status.st_uid != 0 ||
        (status.st_mode & (S_IWGRP | S_IWOTH)) != 0) {
        fprintf(stderr, "tcp-msr-read: %s must be a file that only root can write\n", ALLOWLIST);
    } else {
        char line[256];
        uint64_t number;
        while (!found && fgets(line, sizeof line, list) != NULL) {
            line[strcspn(line, "\r\n")] = '\0';
            found = read_number(line, UINT32_MAX, &number) && number == wanted;
        }
        if (!found) {
            fprintf(stderr, "tcp-msr-read: register 0x%" PRIx64 " is not in %s\n", wanted, ALLOWLIST);
        }
    }
    fclose(list);
    return found;
}

int main(int count, char **words) {
    if (count == 2 && strcmp(words[1], "--source") == 0) {
        puts(SOURCE_SHA256);
        return 0;
    }
    uint64_t cpu, number;
    if (count != 3 || !read_number(words[1], MOST_CPUS, &cpu) || !read_number(words[2], UINT32_MAX, &number)) {
        fputs("usage: tcp-msr-read CPU REGISTER    (numbers, decimal or with 0x)\n", stderr);
        return 2;
    }
    if (!is_allowed(number)) {
        return 1;
    }
    char device[64];
    snprintf(device, sizeof device, "/dev/cpu/%" PRIu64 "/msr", cpu);
    const int handle = open(device, O_RDONLY | O_CLOEXEC | O_NOFOLLOW);
    if (handle < 0) {
        fprintf(stderr, "tcp-msr-read: %s: %s\n", device, strerror(errno));
        return 1;
    }
    uint64_t value = 0;
    const ssize_t got = pread(handle, &value, sizeof value, (off_t)number);
    if (got != (ssize_t)sizeof value) {
        /* EIO: the CPU has no such register. */
        fprintf(stderr, "tcp-msr-read: register 0x%" PRIx64 " of CPU %" PRIu64 ": %s\n", number, cpu,
                got < 0 ? strerror(errno) : "short read");
        close(handle);
        return 1;
    }
    close(handle);
    return printf("0x%016" PRIx64 "\n", value) > 0 && fflush(stdout) == 0 ? 0 : 1;
}
