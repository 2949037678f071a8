/* Reading a registry file, which may be hostile: see registry.h for the order of the checks. */
#define _GNU_SOURCE
#include <inttypes.h>
#include <stdlib.h>
#include <string.h>

#include "internal.h"
#include "registry_file.h"

struct reader {
    const uint8_t *bytes;
    size_t length;
    struct tcpk_error *error;
};

/* Whether `size` bytes from `at` are in the file; reports TRUNCATED when not. */
static bool has(const struct reader *reader, size_t at, size_t size, const char *what)
{
    const size_t left = reader->length > at ? reader->length - at : 0;
    if (left >= size)
        return true;
    tcpk_fail(reader->error, TCPK_ERROR_TRUNCATED, at, "truncated: %s takes %zu bytes, %zu are left, at offset %zu",
              what, size, left, at);
    return false;
}

static bool is_utf8(const uint8_t *text, size_t length)
{
    size_t i = 0;
    while (i < length) {
        const uint8_t lead = text[i];
        if (lead < 0x80) {
            i++;
            continue;
        }
        const size_t more = lead >= 0xf0 ? 3 : lead >= 0xe0 ? 2 : 1;
        if (lead < 0xc2 || lead > 0xf4 || length - i <= more)
            return false;
        /* The second byte's range excludes overlong forms, surrogates and what is beyond U+10FFFF. */
        const uint8_t low = lead == 0xe0 ? 0xa0 : lead == 0xf0 ? 0x90 : 0x80;
        const uint8_t high = lead == 0xed ? 0x9f : lead == 0xf4 ? 0x8f : 0xbf;
        if (text[i + 1] < low || text[i + 1] > high)
            return false;
        for (size_t j = 2; j <= more; j++)
            if ((text[i + j] & 0xc0) != 0x80)
                return false;
        i += more + 1;
    }
    return true;
}

struct header {
    int version;
    uint32_t count;
    uint64_t time;
    uint32_t index_size;
    size_t size;
};

static enum tcpk_status read_header(const struct reader *reader, struct header *header)
{
    const uint8_t *bytes = reader->bytes;
    const size_t seen = reader->length < 5 ? reader->length : 5;
    if (seen && memcmp(bytes, "TCPDB", seen) != 0)
        return tcpk_fail(reader->error, TCPK_ERROR_MAGIC, 0, "magic differs; allowed: \"TCPDB\", at offset 0");
    if (!has(reader, 0, 5, "the magic") || !has(reader, 5, 1, "the version"))
        return TCPK_ERROR_TRUNCATED;
    header->version = bytes[5];
    if (header->version != 1 && header->version != 2)
        return tcpk_fail(reader->error, TCPK_ERROR_VERSION, 5, "version is %d; allowed: 1 or 2, at offset 5",
                         header->version);
    if (!has(reader, 6, 4, "the count"))
        return TCPK_ERROR_TRUNCATED;
    header->count = tcpk_load_big32(bytes + 6);
    header->size = TCPK_FILE_HEADER_1;
    if (header->version == 2) {
        if (!has(reader, 10, 8, "the time") || !has(reader, 18, 4, "the index size"))
            return TCPK_ERROR_TRUNCATED;
        header->time = tcpk_load_big64(bytes + 10);
        header->index_size = tcpk_load_big32(bytes + 18);
        header->size = TCPK_FILE_HEADER_2;
    }
    const size_t most = (reader->length - header->size) / (2 + TCPK_DESCRIPTOR_SIZE);
    if (header->count > most)
        return tcpk_fail(reader->error, TCPK_ERROR_COUNT, 6,
                         "count is %" PRIu32 "; allowed: at most %zu in a file of %zu bytes, at offset 6",
                         header->count, most, reader->length);
    return TCPK_OK;
}

static enum tcpk_status check_descriptor(const struct reader *reader, size_t at, uint32_t command)
{
    const uint8_t *descriptor = reader->bytes + at;
    uint32_t sum = 0;
    for (unsigned i = 0; i < 22; i++)
        sum += descriptor[i];
    sum &= 0xffff;
    const uint32_t magic = tcpk_load_big32(descriptor), version = tcpk_load_big16(descriptor + 4);
    const uint32_t checksum = tcpk_load_big16(descriptor + 22), hash = tcpk_load_big32(descriptor + 6);
    if (magic != 0x54435002u)
        return tcpk_fail(reader->error, TCPK_ERROR_DESCRIPTOR, at,
                         "descriptor magic is %08" PRIx32 "; allowed: 54435002, at offset %zu", magic, at);
    if (version != 2)
        return tcpk_fail(reader->error, TCPK_ERROR_DESCRIPTOR, at + 4,
                         "descriptor version is %" PRIu32 "; allowed: 2, at offset %zu", version, at + 4);
    if (checksum != sum)
        return tcpk_fail(reader->error, TCPK_ERROR_DESCRIPTOR, at + 22,
                         "descriptor checksum is %" PRIu32 "; allowed: %" PRIu32 ", at offset %zu", checksum, sum,
                         at + 22);
    if (hash != command)
        return tcpk_fail(reader->error, TCPK_ERROR_DESCRIPTOR, at + 6,
                         "command hash is %08" PRIx32 "; allowed: %08" PRIx32 ", that of the name, at offset %zu", hash,
                         command, at + 6);
    return TCPK_OK;
}

/* Read all records into `registry`, their file offsets into `places`; *at becomes the offset behind them. */
static enum tcpk_status read_records(const struct reader *reader, struct tcpk_registry *registry, uint64_t *places,
                                     size_t *at)
{
    size_t names = 0;
    for (size_t i = 0; i < registry->count; i++) {
        const size_t record = *at, name = record + 2;
        if (!has(reader, record, 2, "a name length"))
            return TCPK_ERROR_TRUNCATED;
        const size_t length = tcpk_load_big16(reader->bytes + record);
        if (!has(reader, name, length, "a name"))
            return TCPK_ERROR_TRUNCATED;
        if (!is_utf8(reader->bytes + name, length))
            return tcpk_fail(reader->error, TCPK_ERROR_UTF8, name,
                             "name of %zu bytes is not UTF-8; allowed: UTF-8, at offset %zu", length, name);
        const size_t descriptor = name + length;
        if (!has(reader, descriptor, TCPK_DESCRIPTOR_SIZE, "a descriptor"))
            return TCPK_ERROR_TRUNCATED;
        const uint64_t key = tcpk_key((const char *)reader->bytes + name, length);
        const enum tcpk_status status = check_descriptor(reader, descriptor, (uint32_t)(key >> 32));
        if (status != TCPK_OK)
            return status;
        memcpy(registry->names + names, reader->bytes + name, length);
        memcpy(registry->descriptors + i * TCPK_DESCRIPTOR_SIZE, reader->bytes + descriptor, TCPK_DESCRIPTOR_SIZE);
        registry->starts[i] = names;
        registry->keys[i] = key;
        places[i] = record;
        names += length;
        registry->starts[i + 1] = names;
        *at = descriptor + TCPK_DESCRIPTOR_SIZE;
    }
    return TCPK_OK;
}

static int compare_names(const struct tcpk_registry *registry, uint32_t left, uint32_t right)
{
    size_t left_length = 0, right_length = 0;
    const char *left_name = tcpk_registry_name(registry, left, &left_length);
    const char *right_name = tcpk_registry_name(registry, right, &right_length);
    const size_t shared = left_length < right_length ? left_length : right_length;
    const int order = shared ? memcmp(left_name, right_name, shared) : 0;
    return order ? order : (left_length > right_length) - (left_length < right_length);
}

static int compare_records(const void *left, const void *right, void *registry)
{
    const uint32_t a = *(const uint32_t *)left, b = *(const uint32_t *)right;
    const int order = compare_names(registry, a, b);
    return order ? order : (a > b) - (a < b);
}

uint32_t *tcpk_registry_sort(const struct tcpk_registry *registry)
{
    uint32_t *order = malloc((registry->count + 1) * sizeof *order);
    if (!order)
        return NULL;
    for (size_t i = 0; i < registry->count; i++)
        order[i] = (uint32_t)i;
    qsort_r(order, registry->count, sizeof *order, compare_records, (void *)(uintptr_t)registry);
    return order;
}

static enum tcpk_status check_duplicates(const struct reader *reader, const struct tcpk_registry *registry,
                                         const uint64_t *places, const uint32_t *order)
{
    /* In a run of equal names the first is the original; the lowest of all others, over all runs, is the fault. */
    size_t worst = SIZE_MAX, original = 0, run = 0;
    for (size_t i = 1; i < registry->count; i++) {
        if (compare_names(registry, order[i - 1], order[i]) != 0) {
            run = i;
        } else if (order[i] < worst) {
            worst = order[i];
            original = order[run];
        }
    }
    if (worst == SIZE_MAX)
        return TCPK_OK;
    size_t length = 0;
    const char *name = tcpk_registry_name(registry, worst, &length);
    return tcpk_fail(reader->error, TCPK_ERROR_DUPLICATE, places[worst],
                     "duplicate name '%.*s', first at %" PRIu64 "; allowed: each name once, at offset %" PRIu64,
                     (int)(length < 80 ? length : 80), name, places[original], places[worst]);
}

static enum tcpk_status check_index(const struct reader *reader, const struct tcpk_registry *registry,
                                    const uint64_t *places, const uint32_t *order, size_t at)
{
    for (size_t i = 0; i < registry->count; i++) {
        size_t wanted = 0;
        const char *name = tcpk_registry_name(registry, order[i], &wanted);
        const int shown = (int)(wanted < 80 ? wanted : 80);
        const size_t left = reader->length - at;
        const size_t length = left < 2 ? 0 : tcpk_load_big16(reader->bytes + at);
        if (left < 2 + length + 8)
            return tcpk_fail(reader->error, TCPK_ERROR_INDEX, at,
                             "index ends inside an entry; allowed: an entry for '%.*s', at offset %zu", shown, name,
                             at);
        if (length != wanted || (length && memcmp(reader->bytes + at + 2, name, length) != 0))
            return tcpk_fail(reader->error, TCPK_ERROR_INDEX, at,
                             "index names another; allowed: '%.*s', the next record by name, at offset %zu", shown,
                             name, at);
        const uint64_t place = tcpk_load_big64(reader->bytes + at + 2 + length);
        if (place != places[order[i]])
            return tcpk_fail(reader->error, TCPK_ERROR_INDEX, at + 2 + length,
                             "index offset of '%.*s' is %" PRIu64 "; allowed: %" PRIu64 ", at offset %zu", shown, name,
                             place, places[order[i]], at + 2 + length);
        at += 2 + length + 8;
    }
    if (at != reader->length)
        return tcpk_fail(reader->error, TCPK_ERROR_INDEX, at,
                         "index has %zu bytes after its last entry; allowed: none, at offset %zu", reader->length - at,
                         at);
    return TCPK_OK;
}

static enum tcpk_status read_all(const struct reader *reader, const struct header *header,
                                 struct tcpk_registry *registry, uint64_t *places)
{
    size_t at = header->size;
    enum tcpk_status status = read_records(reader, registry, places, &at);
    if (status != TCPK_OK)
        return status;
    uint32_t *order = tcpk_registry_sort(registry);
    if (!order)
        return tcpk_fail(reader->error, TCPK_ERROR_MEMORY, 0, "no memory to sort %zu names", registry->count);
    const size_t left = reader->length - at;
    status = check_duplicates(reader, registry, places, order);
    if (status == TCPK_OK && header->version == 1 && left)
        status = tcpk_fail(reader->error, TCPK_ERROR_COUNT, at,
                           "%zu bytes after the last of %zu records; allowed: none, at offset %zu", left,
                           registry->count, at);
    if (status == TCPK_OK && header->version == 2 && left != header->index_size)
        status = tcpk_fail(reader->error, TCPK_ERROR_INDEX_SIZE, 18,
                           "index size is %" PRIu32 "; allowed: %zu, the bytes after the records, at offset 18",
                           header->index_size, left);
    if (status == TCPK_OK && header->version == 2)
        status = check_index(reader, registry, places, order, at);
    free(order);
    return status;
}

enum tcpk_status tcpk_registry_read(const uint8_t *bytes, size_t length, struct tcpk_registry **out,
                                    struct tcpk_error *error)
{
    *out = NULL;
    const struct reader reader = {bytes, length, error};
    struct header header = {0};
    enum tcpk_status status = read_header(&reader, &header);
    if (status != TCPK_OK)
        return status;
    /* No name can be longer than the file, and the count was held against its length. */
    struct tcpk_registry *registry = tcpk_registry_allocate(header.count, length);
    uint64_t *places = malloc(((size_t)header.count + 1) * sizeof *places);
    if (!registry || !places) {
        tcpk_registry_free(registry);
        free(places);
        return tcpk_fail(error, TCPK_ERROR_MEMORY, 0, "no memory for %" PRIu32 " records", header.count);
    }
    registry->version = header.version;
    registry->time = header.time;
    status = read_all(&reader, &header, registry, places);
    free(places);
    if (status == TCPK_OK)
        *out = registry;
    else
        tcpk_registry_free(registry);
    return status;
}
