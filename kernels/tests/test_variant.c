#define _POSIX_C_SOURCE 200809L
#include <stdlib.h>
#include <string.h>

#include "support.h"

static void an_unknown_variant_is_an_error(void **state)
{
    (void)state;
    struct tcpk_error error = {0};
    const char *before = tcpk_variant();
    assert_int_equal(tcpk_variant_select("avx9", &error), TCPK_ERROR_VARIANT);
    assert_int_equal(error.status, TCPK_ERROR_VARIANT);
    assert_non_null(strstr(error.message, "'avx9'"));
    assert_non_null(strstr(error.message, "generic"));
    assert_string_equal(tcpk_variant(), before);
}

static void the_environment_chooses(void **state)
{
    (void)state;
    setenv("TCPK_VARIANT", "generic", 1);
    assert_int_equal(tcpk_variant_select(NULL, NULL), TCPK_OK);
    assert_string_equal(tcpk_variant(), "generic");
    setenv("TCPK_VARIANT", "quantum", 1);
    assert_int_equal(tcpk_variant_select(NULL, NULL), TCPK_ERROR_VARIANT);
    unsetenv("TCPK_VARIANT");
    assert_int_equal(tcpk_variant_select(NULL, NULL), TCPK_OK);
}

static void the_best_is_the_last_and_the_default(void **state)
{
    (void)state;
    const char *const *names = tcpk_variants();
    assert_string_equal(names[0], "generic");
    size_t last = 0;
    while (names[last + 1])
        last++;
    assert_int_equal(tcpk_variant_select(NULL, NULL), TCPK_OK);
    assert_string_equal(tcpk_variant(), names[last]);
#if defined(__x86_64__)
    const bool avx512 = __builtin_cpu_supports("avx512f") && __builtin_cpu_supports("avx512bw") &&
                        __builtin_cpu_supports("avx512dq") && __builtin_cpu_supports("avx512vl");
    assert_string_equal(names[last], avx512 ? "avx512" : __builtin_cpu_supports("avx2") ? "avx2" : "generic");
#elif defined(__aarch64__)
    assert_string_equal(names[last], "neon");
#endif
}

static void memory_is_zeroed_counted_and_given_back(void **state)
{
    (void)state;
    const size_t sizes[] = {1, 4096, 100000, (size_t)5 << 20};
    for (size_t i = 0; i < sizeof sizes / sizeof *sizes; i++) {
        struct tcpk_memory memory;
        assert_int_equal(tcpk_memory_map(sizes[i], -1, false, &memory), TCPK_OK);
        assert_true(memory.size >= sizes[i]);
        assert_true(tcpk_memory_in_use(memory.pages) >= memory.size);
        const uint8_t *bytes = memory.address;
        for (size_t at = 0; at < sizes[i]; at++)
            assert_int_equal(bytes[at], 0);
        const enum tcpk_pages kind = memory.pages;
        tcpk_memory_unmap(&memory);
        assert_null(memory.address);
        assert_true(tcpk_memory_peak(kind) >= sizes[i]);
    }
    for (enum tcpk_pages pages = TCPK_PAGES_SMALL; pages < TCPK_PAGES_KINDS; pages++)
        assert_int_equal(tcpk_memory_in_use(pages), 0);
}

static void memory_that_cannot_be_had_is_an_error(void **state)
{
    (void)state;
    struct tcpk_memory memory;
    assert_int_equal(tcpk_memory_map(0, -1, false, &memory), TCPK_ERROR_ARGUMENT);
    assert_int_equal(tcpk_memory_map((size_t)1 << 62, -1, false, &memory), TCPK_ERROR_MEMORY);
    assert_int_equal(tcpk_memory_map(SIZE_MAX, -1, false, &memory), TCPK_ERROR_MEMORY);
    assert_null(memory.address);
    assert_int_equal(tcpk_memory_map(4096, 1000000, false, &memory), TCPK_OK);
    assert_false(memory.on_node);
    tcpk_memory_unmap(&memory);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(an_unknown_variant_is_an_error),
        cmocka_unit_test(the_environment_chooses),
        cmocka_unit_test(the_best_is_the_last_and_the_default),
        cmocka_unit_test(memory_is_zeroed_counted_and_given_back),
        cmocka_unit_test(memory_that_cannot_be_had_is_an_error),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
