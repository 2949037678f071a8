/* Each fault that registry.h lists, forged into a small valid file: its verdict and its offset. */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "support.h"

#define LARGEST 512

struct file {
    uint8_t bytes[LARGEST];
    size_t length;
};

static void put(struct file *file, uint64_t value, unsigned size)
{
    for (unsigned i = 0; i < size; i++)
        file->bytes[file->length++] = (uint8_t)(value >> (8 * (size - 1 - i)));
}

static void put_bytes(struct file *file, const char *bytes, size_t length)
{
    memcpy(file->bytes + file->length, bytes, length);
    file->length += length;
}

static void put_record(struct file *file, const char *name, size_t length)
{
    put(file, length, 2);
    put_bytes(file, name, length);
    const struct tcpk_descriptor fields = {.command_hash = (uint32_t)(tcpk_key(name, length) >> 32),
                                           .security_flags = TCPK_RISK_LOW};
    tcpk_descriptor_encode(&fields, file->bytes + file->length);
    file->length += TCPK_DESCRIPTOR_SIZE;
}

static void put_entry(struct file *file, const char *name, uint64_t offset)
{
    put(file, strlen(name), 2);
    put_bytes(file, name, strlen(name));
    put(file, offset, 8);
}

/* Records "b" at 22 and "ab" at 49, the end at 77; index entries "ab" at 77, "b" at 89, the end at 100. */
enum { B = 22, AB = 49, INDEX = 77, SECOND_ENTRY = 89, END = 100 };

static struct file version_2(void)
{
    struct file file = {.length = 0};
    put_bytes(&file, "TCPDB\2", 6);
    put(&file, 2, 4);
    put(&file, 1700000000, 8);
    put(&file, END - INDEX, 4);
    put_record(&file, "b", 1);
    put_record(&file, "ab", 2);
    put_entry(&file, "ab", AB);
    put_entry(&file, "b", B);
    assert_int_equal(file.length, END);
    return file;
}

static struct file version_1(void)
{
    struct file file = {.length = 0};
    put_bytes(&file, "TCPDB\1", 6);
    put(&file, 2, 4);
    put_record(&file, "b", 1);
    put_record(&file, "ab", 2);
    return file;
}

/* Read a copy of exactly the file's length, so that a sanitizer sees the first byte beyond it. */
static enum tcpk_status read_exactly(const struct file *file, struct tcpk_registry **registry, struct tcpk_error *error)
{
    uint8_t *bytes = malloc(file->length ? file->length : 1);
    assert_non_null(bytes);
    memcpy(bytes, file->bytes, file->length);
    const enum tcpk_status status = tcpk_registry_read(bytes, file->length, registry, error);
    free(bytes);
    return status;
}

static void expect(const struct file *file, enum tcpk_status status, uint64_t offset)
{
    struct tcpk_registry *registry = NULL;
    struct tcpk_error error = {0};
    const enum tcpk_status got = read_exactly(file, &registry, &error);
    if (got != status || (got != TCPK_OK && error.offset != offset))
        print_message("%s at %llu wanted, got %s\n", tcpk_status_name(status), (unsigned long long)offset,
                      got == TCPK_OK ? "ok" : error.message);
    assert_int_equal(got, status);
    if (status == TCPK_OK) {
        assert_non_null(registry);
        tcpk_registry_free(registry);
        return;
    }
    assert_null(registry);
    assert_int_equal(error.status, status);
    assert_int_equal(error.offset, offset);
    char place[40];
    snprintf(place, sizeof place, "at offset %llu", (unsigned long long)offset);
    assert_non_null(strstr(error.message, place));
}

static void valid_files_are_read(void **state)
{
    (void)state;
    const struct file files[] = {version_1(), version_2()};
    for (int version = 1; version <= 2; version++) {
        struct tcpk_registry *registry = NULL;
        assert_int_equal(read_exactly(&files[version - 1], &registry, NULL), TCPK_OK);
        assert_int_equal(tcpk_registry_version(registry), version);
        assert_int_equal(tcpk_registry_count(registry), 2);
        assert_int_equal(tcpk_registry_time(registry), version == 2 ? 1700000000 : 0);
        size_t length = 0;
        const char *name = tcpk_registry_name(registry, 1, &length);
        assert_int_equal(length, 2);
        assert_memory_equal(name, "ab", 2);
        assert_int_equal(tcpk_registry_keys(registry)[1], tcpk_key("ab", 2));
        assert_memory_equal(tcpk_registry_descriptors(registry), files[version - 1].bytes + (version == 2 ? 25 : 13),
                            24);
        assert_null(tcpk_registry_name(registry, 2, &length));
        tcpk_registry_free(registry);
    }
}

static void every_truncation_is_found_where_it_is(void **state)
{
    (void)state;
    const struct file whole = version_2();
    /* From each of these lengths on, up to the next, the first fault is this one. */
    const struct {
        size_t length;
        enum tcpk_status status;
        uint64_t offset;
    } faults[] = {{0, TCPK_ERROR_TRUNCATED, 0},        {5, TCPK_ERROR_TRUNCATED, 5},       {6, TCPK_ERROR_TRUNCATED, 6},
                  {10, TCPK_ERROR_TRUNCATED, 10},      {18, TCPK_ERROR_TRUNCATED, 18},     {22, TCPK_ERROR_COUNT, 6},
                  {22 + 52, TCPK_ERROR_TRUNCATED, 53}, {INDEX, TCPK_ERROR_INDEX_SIZE, 18}, {END, TCPK_OK, 0}};
    size_t fault = 0;
    for (size_t length = 0; length <= END; length++) {
        if (length == faults[fault + 1].length)
            fault++;
        struct file cut = whole;
        cut.length = length;
        expect(&cut, faults[fault].status, faults[fault].offset);
        if (length == END)
            break;
    }
}

/* A file, a byte changed in it, and the fault that follows. */
static void a_changed_byte_is_found_where_it_is(void **state)
{
    (void)state;
    const struct {
        size_t at;
        uint8_t value;
        enum tcpk_status status;
        uint64_t offset;
    } faults[] = {
        {0, 't', TCPK_ERROR_MAGIC, 0},
        {4, 'b', TCPK_ERROR_MAGIC, 0},
        {5, 0, TCPK_ERROR_VERSION, 5},
        {5, 3, TCPK_ERROR_VERSION, 5},
        {6, 0xff, TCPK_ERROR_COUNT, 6},
        {9, 4, TCPK_ERROR_COUNT, 6},
        {9, 1, TCPK_ERROR_INDEX_SIZE, 18},
        {17, 7, TCPK_OK, 0}, /* the time */
        {18, 0xff, TCPK_ERROR_INDEX_SIZE, 18},
        {21, END - INDEX + 1, TCPK_ERROR_INDEX_SIZE, 18},
        {B, 0xff, TCPK_ERROR_TRUNCATED, B + 2},
        {B + 2, 0xff, TCPK_ERROR_UTF8, B + 2},
        {B + 2, 'c', TCPK_ERROR_DESCRIPTOR, B + 3 + 6}, /* the command hash is not that of "c" */
        {B + 3, 'x', TCPK_ERROR_DESCRIPTOR, B + 3},
        {B + 3 + 5, 3, TCPK_ERROR_DESCRIPTOR, B + 3 + 4},
        {B + 3 + 13, 1, TCPK_ERROR_DESCRIPTOR, B + 3 + 22},
        {B + 3 + 23, 0, TCPK_ERROR_DESCRIPTOR, B + 3 + 22},
        {INDEX, 0xff, TCPK_ERROR_INDEX, INDEX},
        {INDEX + 1, 3, TCPK_ERROR_INDEX, INDEX},
        {INDEX + 2, 'b', TCPK_ERROR_INDEX, INDEX},
        {INDEX + 11, AB + 1, TCPK_ERROR_INDEX, INDEX + 4},
        {SECOND_ENTRY + 1, 2, TCPK_ERROR_INDEX, SECOND_ENTRY},
        {SECOND_ENTRY + 10, AB, TCPK_ERROR_INDEX, SECOND_ENTRY + 3},
        {SECOND_ENTRY + 3, 1, TCPK_ERROR_INDEX, SECOND_ENTRY + 3},
    };
    for (size_t i = 0; i < sizeof faults / sizeof *faults; i++) {
        struct file file = version_2();
        assert_int_not_equal(file.bytes[faults[i].at], faults[i].value);
        file.bytes[faults[i].at] = faults[i].value;
        expect(&file, faults[i].status, faults[i].offset);
    }
}

static void bytes_left_over_are_found(void **state)
{
    (void)state;
    struct file first = version_1();
    put(&first, 0, 1);
    expect(&first, TCPK_ERROR_COUNT, first.length - 1);

    struct file second = version_2();
    put(&second, 0, 1);
    expect(&second, TCPK_ERROR_INDEX_SIZE, 18);
    second.bytes[21]++;
    expect(&second, TCPK_ERROR_INDEX, END);

    struct file fewer = version_1();
    fewer.bytes[9] = 1;
    expect(&fewer, TCPK_ERROR_COUNT, 10 + 27);
}

static void the_first_repeated_name_is_the_fault(void **state)
{
    (void)state;
    const char *const names[] = {"b", "a", "a", "b", "a"};
    struct file file = {.length = 0};
    put_bytes(&file, "TCPDB\1", 6);
    put(&file, 5, 4);
    for (size_t i = 0; i < 5; i++)
        put_record(&file, names[i], 1);
    expect(&file, TCPK_ERROR_DUPLICATE, 10 + 2 * 27);
}

static void names_are_strict_utf8(void **state)
{
    (void)state;
    const struct {
        const char *name;
        size_t length;
        bool allowed;
    } names[] = {
        {"", 0, true},
        {"a\0b", 3, true},
        {"gr\xc3\xb6\xc3\x9f"
         "e",
         7, true},
        {"\xe5\x91\xbd", 3, true},
        {"\xf0\x9f\x98\x80", 4, true},
        {"\xed\x9f\xbf", 3, true},
        {"\xf4\x8f\xbf\xbf", 4, true},
        {"\x80", 1, false},
        {"\xc3", 1, false},
        {"\xc0\x80", 2, false},         /* overlong NUL */
        {"\xc1\xbf", 2, false},         /* overlong */
        {"\xe0\x9f\xbf", 3, false},     /* overlong */
        {"\xf0\x8f\xbf\xbf", 4, false}, /* overlong */
        {"\xed\xa0\x80", 3, false},     /* surrogate */
        {"\xf4\x90\x80\x80", 4, false}, /* beyond U+10FFFF */
        {"\xf5\x80\x80\x80", 4, false},
        {"\xe5\x91", 2, false},
        {"\xe5\x91z", 3, false},
        {"\xf0\x9f\x98", 3, false},
    };
    for (size_t i = 0; i < sizeof names / sizeof *names; i++) {
        struct file file = {.length = 0};
        put_bytes(&file, "TCPDB\1", 6);
        put(&file, 1, 4);
        put_record(&file, names[i].name, names[i].length);
        expect(&file, names[i].allowed ? TCPK_OK : TCPK_ERROR_UTF8, 12);
    }
}

static void an_empty_registry_is_valid(void **state)
{
    (void)state;
    struct file first = {.length = 0};
    put_bytes(&first, "TCPDB\1\0\0\0\0", 10);
    expect(&first, TCPK_OK, 0);
    size_t length = 0;
    uint8_t *second = support_generated_file(0, &length);
    assert_int_equal(length, 22);
    free(second);
}

static void what_was_saved_is_what_was_read(void **state)
{
    (void)state;
    size_t length = 0, again = 0;
    uint8_t *bytes = support_read_file(support_real_registry(), &length);
    char path[64];
    support_temporary_path(path);
    struct tcpk_registry *registry = NULL;
    assert_int_equal(tcpk_registry_read(bytes, length, &registry, NULL), TCPK_OK);
    assert_int_equal(tcpk_registry_save(registry, path, NULL), TCPK_OK);
    uint8_t *saved = support_read_file(path, &again);
    assert_int_equal(length, again);
    assert_memory_equal(bytes, saved, length);
    tcpk_registry_free(registry);
    unlink(path);
    free(saved);
    free(bytes);
}

static void a_missing_file_is_named(void **state)
{
    (void)state;
    struct tcpk_registry *registry = NULL;
    struct tcpk_error error = {0};
    assert_int_equal(tcpk_registry_load("/nowhere/at.tcpdb", &registry, &error), TCPK_ERROR_IO);
    assert_null(registry);
    assert_non_null(strstr(error.message, "/nowhere/at.tcpdb"));
    assert_int_equal(tcpk_registry_load("/", &registry, &error), TCPK_ERROR_IO);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(valid_files_are_read),
        cmocka_unit_test(every_truncation_is_found_where_it_is),
        cmocka_unit_test(a_changed_byte_is_found_where_it_is),
        cmocka_unit_test(bytes_left_over_are_found),
        cmocka_unit_test(the_first_repeated_name_is_the_fault),
        cmocka_unit_test(names_are_strict_utf8),
        cmocka_unit_test(an_empty_registry_is_valid),
        cmocka_unit_test(what_was_saved_is_what_was_read),
        cmocka_unit_test(a_missing_file_is_named),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
