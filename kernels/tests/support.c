#define _POSIX_C_SOURCE 200809L
#include "support.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

uint8_t *support_read_file(const char *path, size_t *length)
{
    FILE *file = fopen(path, "rb");
    assert_non_null(file);
    assert_int_equal(fseek(file, 0, SEEK_END), 0);
    const long size = ftell(file);
    assert_true(size >= 0);
    rewind(file);
    uint8_t *bytes = malloc((size_t)size + 1);
    assert_non_null(bytes);
    *length = fread(bytes, 1, (size_t)size, file);
    assert_int_equal(*length, size);
    fclose(file);
    return bytes;
}

const char *support_real_registry(void)
{
    const char *named = getenv("TCPK_REGISTRY");
    const char *path = named ? named : TCPK_REAL_REGISTRY;
    if (access(path, R_OK) != 0) {
        print_message("%s cannot be read: set TCPK_REGISTRY to a real registry\n", path);
        skip();
    }
    return path;
}

void support_temporary_path(char path[64])
{
    strcpy(path, "/tmp/tcpk-test-XXXXXX");
    const int file = mkstemp(path);
    assert_true(file >= 0);
    close(file);
}

uint8_t *support_generated_file(size_t count, size_t *length)
{
    char path[64];
    support_temporary_path(path);
    struct tcpk_registry *registry = NULL;
    assert_int_equal(tcpk_registry_generate(count, 1, &registry, NULL), TCPK_OK);
    assert_int_equal(tcpk_registry_save(registry, path, NULL), TCPK_OK);
    tcpk_registry_free(registry);
    uint8_t *bytes = support_read_file(path, length);
    unlink(path);
    return bytes;
}

bool support_find(const struct tcpk_table *table, uint64_t key, uint8_t descriptor[TCPK_DESCRIPTOR_SIZE])
{
    const uint8_t *body = tcpk_table_find(table, key);
    if (body)
        tcpk_descriptor_complete(body, descriptor);
    return body != NULL;
}

enum tcpk_decision support_decide(const struct tcpk_table *table, uint64_t key)
{
    uint8_t descriptor[TCPK_DESCRIPTOR_SIZE];
    return tcpk_descriptor_decide(support_find(table, key, descriptor) ? descriptor : NULL);
}

void support_each_variant(void (*check)(const char *variant))
{
    for (const char *const *variant = tcpk_variants(); *variant; variant++) {
        assert_int_equal(tcpk_variant_select(*variant, NULL), TCPK_OK);
        assert_string_equal(tcpk_variant(), *variant);
        print_message("variant %s\n", *variant); /* whose fault a failure is */
        check(*variant);
    }
    assert_int_equal(tcpk_variant_select(NULL, NULL), TCPK_OK);
}
