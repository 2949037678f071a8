/* Every allocation of every function that makes one fails in turn: the function says so, keeps nothing, and works the
 * next time. Allocation is interposed here, before libc's; not beside a sanitizer, which does the same. */
#define _GNU_SOURCE
#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/syscall.h>
#include <unistd.h>

#include "support.h"

void *__libc_malloc(size_t);
void *__libc_calloc(size_t, size_t);
void *__libc_realloc(void *, size_t);
void __libc_free(void *);

/* Before libc's, for the library too. */
#define INSTEAD __attribute__((visibility("default")))

static bool armed;
static long until_failure; /* allocations that still succeed; negative: all */
static long live;          /* blocks of this thread that are not freed, while armed */

static bool fails(void)
{
    return armed && until_failure >= 0 && until_failure-- == 0;
}

INSTEAD void *malloc(size_t size)
{
    if (fails())
        return NULL;
    live += armed;
    return __libc_malloc(size);
}

INSTEAD void *calloc(size_t count, size_t size)
{
    if (fails())
        return NULL;
    live += armed;
    return __libc_calloc(count, size);
}

INSTEAD void *realloc(void *memory, size_t size)
{
    if (fails())
        return NULL;
    live += armed && !memory;
    return __libc_realloc(memory, size);
}

INSTEAD void free(void *memory)
{
    live -= armed && memory;
    __libc_free(memory);
}

INSTEAD void *mmap(void *address, size_t size, int protection, int flags, int file, off_t offset)
{
    if (fails()) {
        errno = ENOMEM;
        return MAP_FAILED;
    }
    return (void *)syscall(SYS_mmap, address, size, protection, flags, file, offset);
}

enum { COMMANDS = 40, ROWS = 70, MOST_FAILURES = 200 };

static struct tcpk_registry *registry;
static struct tcpk_table *table;
static uint8_t *file_bytes;
static size_t file_length;
static double history[ROWS * TCPK_FEATURES], distances[ROWS];
static float rows[ROWS * TCPK_FEATURES];
static struct tcpk_model *model;

/* Each makes what it is named after and frees it; what it returns is the library's answer. */
static enum tcpk_status generate(void)
{
    struct tcpk_registry *made = NULL;
    const enum tcpk_status status = tcpk_registry_generate(COMMANDS, 7, &made, NULL);
    assert_true((status == TCPK_OK) == (made != NULL));
    tcpk_registry_free(made);
    return status;
}

static enum tcpk_status read_registry(void)
{
    struct tcpk_registry *made = NULL;
    struct tcpk_error error = {0};
    const enum tcpk_status status = tcpk_registry_read(file_bytes, file_length, &made, &error);
    assert_true((status == TCPK_OK) == (made != NULL) && (status == TCPK_OK || error.message[0]));
    tcpk_registry_free(made);
    return status;
}

static enum tcpk_status make_table(void)
{
    struct tcpk_table *made = NULL;
    struct tcpk_error error = {0};
    const enum tcpk_status status = tcpk_table_of_registry(registry, &made, &error);
    assert_true((status == TCPK_OK) == (made != NULL) && (status == TCPK_OK || error.message[0]));
    tcpk_table_free(made);
    return status;
}

static enum tcpk_status make_window_u8(void)
{
    struct tcpk_window_u8 *made = NULL;
    const enum tcpk_status status = tcpk_window_u8_create(ROWS, &made);
    assert_true((status == TCPK_OK) == (made != NULL));
    tcpk_window_u8_free(made);
    return status;
}

static enum tcpk_status make_window_f32(void)
{
    struct tcpk_window_f32 *made = NULL;
    const enum tcpk_status status = tcpk_window_f32_create(ROWS, &made);
    assert_true((status == TCPK_OK) == (made != NULL));
    tcpk_window_f32_free(made);
    return status;
}

static enum tcpk_status make_set(void)
{
    struct tcpk_quarantine *made = NULL;
    const enum tcpk_status status = tcpk_quarantine_create(1000, &made);
    assert_true((status == TCPK_OK) == (made != NULL));
    tcpk_quarantine_free(made);
    return status;
}

static enum tcpk_status make_engine(void)
{
    const struct tcpk_engine_options options = {
        .agents = 100, .window = 20, .threshold = 1, .suspicion = 1, .voters = 1, .threads = 1};
    struct tcpk_engine *made = NULL;
    struct tcpk_error error = {0};
    const enum tcpk_status status = tcpk_engine_create(&options, table, &made, &error);
    assert_true((status == TCPK_OK) == (made != NULL) && (status == TCPK_OK || error.message[0]));
    tcpk_engine_free(made);
    return status;
}

static int lowest_free_file(void)
{
    const int file = dup(STDIN_FILENO);
    close(file);
    return file;
}

/* A ring of ordinary pages and a reader of it, which has two mappings. */
static enum tcpk_status make_ring(void)
{
    const int before = lowest_free_file();
    struct tcpk_ring *made = NULL;
    struct tcpk_error error = {0};
    enum tcpk_status status = tcpk_ring_create(64, &made, &error);
    assert_true((status == TCPK_OK) == (made != NULL));
    if (status == TCPK_OK)
        status = tcpk_ring_attach_reader(made, &error);
    tcpk_ring_close(made);
    assert_true(status == TCPK_OK || error.message[0]);
    assert_int_equal(lowest_free_file(), before);
    return status;
}

static enum tcpk_status score(void)
{
    float answer;
    return tcpk_baseline_score(rows, ROWS, rows, &answer); /* more rows than the stack is for */
}

static enum tcpk_status measure(void)
{
    return tcpk_model_distances(model, history, ROWS, distances);
}

static const struct {
    const char *name;
    enum tcpk_status (*make)(void);
} CASES[] = {{"registry_generate", generate},
             {"registry_read", read_registry},
             {"table_of_registry", make_table},
             {"window_u8_create", make_window_u8},
             {"window_f32_create", make_window_f32},
             {"quarantine_create", make_set},
             {"engine_create", make_engine},
             {"ring_create", make_ring},
             {"baseline_score", score},
             {"model_distances", measure}};

static void each_lost_allocation_is_an_error_and_no_leak(void **state)
{
    (void)state;
    for (size_t i = 0; i < sizeof CASES / sizeof *CASES; i++) {
        assert_int_equal(CASES[i].make(), TCPK_OK); /* what is made once in a process is made now */
        long failures = 0;
        for (enum tcpk_status status = TCPK_ERROR_MEMORY; status != TCPK_OK; failures++) {
            uint64_t mapped = 0, mapped_after = 0;
            for (unsigned pages = 0; pages < TCPK_PAGES_KINDS; pages++)
                mapped += tcpk_memory_in_use((enum tcpk_pages)pages);
            until_failure = failures;
            live = 0;
            armed = true;
            status = CASES[i].make();
            armed = false;
            for (unsigned pages = 0; pages < TCPK_PAGES_KINDS; pages++)
                mapped_after += tcpk_memory_in_use((enum tcpk_pages)pages);
            if (status != TCPK_OK && status != TCPK_ERROR_MEMORY)
                fail_msg("%s: allocation %ld lost: %s", CASES[i].name, failures, tcpk_status_name(status));
            if (live || mapped != mapped_after)
                fail_msg("%s: allocation %ld lost: %ld blocks kept, %lld bytes mapped", CASES[i].name, failures, live,
                         (long long)(mapped_after - mapped));
            assert_true(failures < MOST_FAILURES);
        }
        assert_true(failures > 1); /* at least one was lost */
        assert_int_equal(CASES[i].make(), TCPK_OK);
    }
}

/* Sizes that cannot be had, and whose bytes number more than a size_t holds. */
static void what_is_too_large_is_an_error(void **state)
{
    (void)state;
    struct tcpk_registry *made = NULL;
    struct tcpk_table *none = NULL;
    struct tcpk_memory memory;
    struct tcpk_window_u8 *window = NULL;
    float answer;
    const size_t huge[] = {SIZE_MAX, SIZE_MAX / 2, SIZE_MAX / 24 + 2, (size_t)1 << 60};
    for (size_t i = 0; i < sizeof huge / sizeof *huge; i++) {
        assert_int_not_equal(tcpk_registry_generate(huge[i], 1, &made, NULL), TCPK_OK);
        assert_int_equal(tcpk_table_create(NULL, NULL, huge[i], &none, NULL), TCPK_ERROR_ARGUMENT);
        assert_int_equal(tcpk_memory_map(huge[i], -1, false, &memory), TCPK_ERROR_MEMORY);
        assert_int_equal(tcpk_window_u8_create(huge[i], &window), TCPK_ERROR_ARGUMENT);
        assert_int_equal(tcpk_baseline_score(rows, huge[i], rows, &answer), TCPK_ERROR_MEMORY);
        assert_true(!made && !none && !window);
    }
}

static int set_up(void **state)
{
    (void)state;
    for (size_t i = 0; i < ROWS * TCPK_FEATURES; i++)
        history[i] = rows[i] = (float)(i * i % 31);
    file_bytes = support_generated_file(COMMANDS, &file_length);
    return tcpk_registry_generate(COMMANDS, 3, &registry, NULL) != TCPK_OK ||
           tcpk_table_of_registry(registry, &table, NULL) != TCPK_OK ||
           tcpk_model_fit(history, ROWS, 0.5, &model) != TCPK_OK;
}

static int tear_down(void **state)
{
    (void)state;
    free(file_bytes);
    tcpk_model_free(model);
    tcpk_table_free(table);
    tcpk_registry_free(registry);
    return 0;
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(each_lost_allocation_is_an_error_and_no_leak),
        cmocka_unit_test(what_is_too_large_is_an_error),
    };
    return cmocka_run_group_tests(tests, set_up, tear_down);
}
