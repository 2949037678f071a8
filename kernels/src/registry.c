#define _GNU_SOURCE
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "internal.h"
#include "registry_file.h"

void tcpk_registry_free(struct tcpk_registry *registry)
{
    if (!registry)
        return;
    free(registry->names);
    free(registry->starts);
    free(registry->descriptors);
    free(registry->keys);
    free(registry);
}

struct tcpk_registry *tcpk_registry_allocate(size_t count, size_t name_bytes)
{
    struct tcpk_registry *registry = calloc(1, sizeof *registry);
    if (!registry)
        return NULL;
    /* One more than needed: no array is empty, so that NULL means "no memory" only. */
    registry->names = malloc(name_bytes + 1);
    registry->starts = calloc(count + 1, sizeof *registry->starts);
    registry->descriptors = malloc((count + 1) * TCPK_DESCRIPTOR_SIZE);
    registry->keys = malloc((count + 1) * sizeof *registry->keys);
    if (!registry->names || !registry->starts || !registry->descriptors || !registry->keys) {
        tcpk_registry_free(registry);
        return NULL;
    }
    registry->count = count;
    return registry;
}

size_t tcpk_registry_count(const struct tcpk_registry *registry)
{
    return registry->count;
}

int tcpk_registry_version(const struct tcpk_registry *registry)
{
    return registry->version;
}

uint64_t tcpk_registry_time(const struct tcpk_registry *registry)
{
    return registry->time;
}

const uint8_t *tcpk_registry_descriptors(const struct tcpk_registry *registry)
{
    return registry->descriptors;
}

const uint64_t *tcpk_registry_keys(const struct tcpk_registry *registry)
{
    return registry->keys;
}

const char *tcpk_registry_name(const struct tcpk_registry *registry, size_t index, size_t *length)
{
    if (index >= registry->count)
        return NULL;
    *length = registry->starts[index + 1] - registry->starts[index];
    return registry->names + registry->starts[index];
}

/* A whole file into memory. */
static enum tcpk_status read_file(const char *path, uint8_t **bytes, size_t *length, struct tcpk_error *error)
{
    const int file = open(path, O_RDONLY | O_CLOEXEC);
    if (file < 0)
        return tcpk_fail(error, TCPK_ERROR_IO, 0, "%s: %s", path, strerror(errno));
    struct stat about;
    if (fstat(file, &about) != 0 || !S_ISREG(about.st_mode)) {
        close(file);
        return tcpk_fail(error, TCPK_ERROR_IO, 0, "%s: not a regular file", path);
    }
    const size_t size = (size_t)about.st_size;
    uint8_t *buffer = malloc(size + 1);
    if (!buffer) {
        close(file);
        return tcpk_fail(error, TCPK_ERROR_MEMORY, 0, "%s: no memory for its %zu bytes", path, size);
    }
    size_t have = 0;
    while (have < size) {
        const ssize_t got = read(file, buffer + have, size - have);
        if (got < 0 && errno == EINTR)
            continue;
        if (got < 0) {
            const int reason = errno;
            close(file);
            free(buffer);
            return tcpk_fail(error, TCPK_ERROR_IO, have, "%s: %s", path, strerror(reason));
        }
        if (got == 0)
            break;
        have += (size_t)got;
    }
    close(file);
    *bytes = buffer;
    *length = have;
    return TCPK_OK;
}

enum tcpk_status tcpk_registry_load(const char *path, struct tcpk_registry **out, struct tcpk_error *error)
{
    *out = NULL;
    uint8_t *bytes = NULL;
    size_t length = 0;
    enum tcpk_status status = read_file(path, &bytes, &length, error);
    if (status == TCPK_OK)
        status = tcpk_registry_read(bytes, length, out, error);
    free(bytes);
    return status;
}

/* The version 2 file of a registry. */
static uint8_t *make_file(const struct tcpk_registry *registry, size_t *length)
{
    const size_t count = registry->count;
    const size_t names = registry->starts[count];
    const size_t index_size = names + count * (2 + 8);
    *length = TCPK_FILE_HEADER_2 + names + count * (2 + TCPK_DESCRIPTOR_SIZE) + index_size;
    uint8_t *file = malloc(*length);
    uint32_t *order = tcpk_registry_sort(registry);
    uint64_t *places = malloc((count + 1) * sizeof *places);
    if (!file || !order || !places) {
        free(file);
        free(order);
        free(places);
        return NULL;
    }
    memcpy(file, "TCPDB\2", 6);
    tcpk_store_big(file + 6, count, 4);
    tcpk_store_big(file + 10, registry->time, 8);
    tcpk_store_big(file + 18, index_size, 4);
    uint8_t *at = file + TCPK_FILE_HEADER_2;
    for (size_t i = 0; i < count; i++) {
        size_t size = 0;
        const char *name = tcpk_registry_name(registry, i, &size);
        places[i] = (uint64_t)(at - file);
        tcpk_store_big(at, size, 2);
        memcpy(at + 2, name, size);
        memcpy(at + 2 + size, registry->descriptors + i * TCPK_DESCRIPTOR_SIZE, TCPK_DESCRIPTOR_SIZE);
        at += 2 + size + TCPK_DESCRIPTOR_SIZE;
    }
    for (size_t i = 0; i < count; i++) {
        size_t size = 0;
        const char *name = tcpk_registry_name(registry, order[i], &size);
        tcpk_store_big(at, size, 2);
        memcpy(at + 2, name, size);
        tcpk_store_big(at + 2 + size, places[order[i]], 8);
        at += 2 + size + 8;
    }
    free(order);
    free(places);
    return file;
}

enum tcpk_status tcpk_registry_save(const struct tcpk_registry *registry, const char *path, struct tcpk_error *error)
{
    size_t length = 0;
    uint8_t *file = make_file(registry, &length);
    char *temporary = NULL;
    if (!file || asprintf(&temporary, "%s.XXXXXX", path) < 0) {
        free(file);
        return tcpk_fail(error, TCPK_ERROR_MEMORY, 0, "%s: no memory to write it", path);
    }
    enum tcpk_status status = TCPK_OK;
    const int handle = mkstemp(temporary);
    size_t done = 0;
    while (handle >= 0 && done < length) {
        const ssize_t put = write(handle, file + done, length - done);
        if (put < 0 && errno != EINTR)
            break;
        if (put > 0)
            done += (size_t)put;
    }
    if (handle < 0 || done < length || fchmod(handle, 0644) != 0 || fsync(handle) != 0 ||
        rename(temporary, path) != 0) {
        status = tcpk_fail(error, TCPK_ERROR_IO, 0, "%s: %s", path, strerror(errno));
        if (handle >= 0)
            unlink(temporary);
    }
    if (handle >= 0)
        close(handle);
    free(temporary);
    free(file);
    return status;
}

enum tcpk_status tcpk_registry_generate(size_t count, uint64_t seed, struct tcpk_registry **out,
                                        struct tcpk_error *error)
{
    enum { NAME = 24 };
    *out = NULL;
    if (count > UINT32_MAX)
        return tcpk_fail(error, TCPK_ERROR_ARGUMENT, 0, "count is %zu; allowed: at most 2^32 - 1", count);
    struct tcpk_registry *registry = tcpk_registry_allocate(count, count * NAME);
    if (!registry)
        return tcpk_fail(error, TCPK_ERROR_MEMORY, 0, "no memory for %zu commands", count);
    registry->version = 2;
    size_t at = 0;
    for (size_t i = 0; i < count; i++) {
        char name[NAME + 1];
        const int size = snprintf(name, sizeof name, "c%zx-%llx", i, (unsigned long long)(seed & 0xffffff));
        memcpy(registry->names + at, name, (size_t)size);
        registry->starts[i] = at;
        at += (size_t)size;
        const uint64_t key = tcpk_key(name, (size_t)size);
        registry->keys[i] = key;
        const struct tcpk_descriptor fields = {
            .command_hash = (uint32_t)(key >> 32),
            .security_flags = 1u << (i % 5),
            .execution_time_ms = (uint32_t)(key & 0xfff),
            .memory_mb = (uint16_t)(key >> 12 & 0xff),
            .output_kb = (uint16_t)(key >> 20 & 0xff),
        };
        tcpk_descriptor_encode(&fields, registry->descriptors + i * TCPK_DESCRIPTOR_SIZE);
    }
    registry->starts[count] = at;
    *out = registry;
    return TCPK_OK;
}
