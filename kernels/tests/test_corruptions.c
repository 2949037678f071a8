/* Ten thousand corruptions of a registry: each has a verdict, an offset inside the file, and no half-loaded registry.
 */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "corruption.h"
#include "support.h"

static void check_one(const uint8_t *bytes, size_t length, const struct corruption_source *source)
{
    struct tcpk_registry *registry = NULL;
    struct tcpk_error error = {0};
    const enum tcpk_status status = tcpk_registry_read(bytes, length, &registry, &error);
    if (status == TCPK_OK) {
        assert_non_null(registry);
        assert_int_equal(tcpk_registry_count(registry), source->count);
        tcpk_registry_free(registry);
        return;
    }
    assert_null(registry);
    assert_in_range(status, TCPK_ERROR_MAGIC, TCPK_ERROR_INDEX);
    assert_int_equal(error.status, status);
    assert_in_range(error.offset, 0, length);
    char place[40];
    snprintf(place, sizeof place, "at offset %llu", (unsigned long long)error.offset);
    assert_non_null(strstr(error.message, place));
}

static void check_all(const uint8_t *bytes, size_t length, uint64_t count)
{
    struct corruption_source source;
    assert_true(corruption_source_open(bytes, length, &source));
    const uint64_t seed = 20240229;
    for (uint64_t i = 0; i < count; i++) {
        size_t corrupted = 0;
        uint8_t *file = corruption_make(&source, seed, i, &corrupted);
        assert_non_null(file);
        check_one(file, corrupted, &source);
        free(file);
    }
    corruption_source_close(&source);
}

static void corruptions_of_a_generated_registry(void **state)
{
    (void)state;
    size_t length = 0;
    uint8_t *bytes = support_generated_file(20, &length);
    check_all(bytes, length, 10000);
    free(bytes);
}

static void corruptions_of_the_real_registry(void **state)
{
    (void)state;
    size_t length = 0;
    uint8_t *bytes = support_read_file(support_real_registry(), &length);
    check_all(bytes, length, 10000);
    free(bytes);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(corruptions_of_a_generated_registry),
        cmocka_unit_test(corruptions_of_the_real_registry),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
