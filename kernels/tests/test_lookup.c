#include <stdlib.h>
#include <string.h>

#include "support.h"

static struct tcpk_table *table_of(size_t count, struct tcpk_registry **registry)
{
    struct tcpk_table *table = NULL;
    assert_int_equal(tcpk_registry_generate(count, 7, registry, NULL), TCPK_OK);
    assert_int_equal(tcpk_table_of_registry(*registry, &table, NULL), TCPK_OK);
    assert_int_equal(tcpk_table_count(table), count);
    return table;
}

static void check_every_key(const struct tcpk_table *table, const struct tcpk_registry *registry)
{
    const size_t count = tcpk_registry_count(registry);
    const uint64_t *keys = tcpk_registry_keys(registry);
    const uint8_t *descriptors = tcpk_registry_descriptors(registry);
    for (size_t i = 0; i < count; i++) {
        uint8_t found[TCPK_DESCRIPTOR_SIZE];
        assert_true(support_find(table, keys[i], found));
        assert_memory_equal(found, descriptors + i * TCPK_DESCRIPTOR_SIZE, TCPK_DESCRIPTOR_SIZE);
        /* Half a key is not the key: the other command of an equal hash must not answer. */
        assert_null(tcpk_table_find(table, keys[i] ^ 1));
        assert_null(tcpk_table_find(table, keys[i] ^ 1ull << 63));
    }
}

static void every_key_has_its_descriptor(void **state)
{
    (void)state;
    const size_t counts[] = {0, 1, 2, 3, 63, 1000, 100003};
    for (size_t i = 0; i < sizeof counts / sizeof *counts; i++) {
        struct tcpk_registry *registry = NULL;
        struct tcpk_table *table = table_of(counts[i], &registry);
        check_every_key(table, registry);
        assert_null(tcpk_table_find(table, 0));
        assert_null(tcpk_table_find(table, UINT64_MAX));
        for (uint64_t key = 0; counts[i] == 0 && key < 1000; key++) {
            uint8_t descriptor[TCPK_DESCRIPTOR_SIZE];
            assert_null(tcpk_table_find(table, key << 56 | key));
            assert_int_equal(tcpk_table_find_constant_time(table, key << 56 | key, descriptor), 0);
        }
        tcpk_table_free(table);
        tcpk_registry_free(registry);
    }
}

static void every_name_of_the_real_registry_is_found(void **state)
{
    (void)state;
    struct tcpk_registry *registry = NULL;
    struct tcpk_table *table = NULL;
    assert_int_equal(tcpk_registry_load(support_real_registry(), &registry, NULL), TCPK_OK);
    assert_int_equal(tcpk_registry_count(registry), 1567);
    assert_int_equal(tcpk_table_of_registry(registry, &table, NULL), TCPK_OK);
    check_every_key(table, registry);
    tcpk_table_free(table);
    tcpk_registry_free(registry);
}

static void describe(uint64_t key, uint32_t time, uint8_t *descriptor)
{
    const struct tcpk_descriptor fields = {
        .command_hash = (uint32_t)(key >> 32), .execution_time_ms = time, .security_flags = TCPK_RISK_SAFE};
    tcpk_descriptor_encode(&fields, descriptor);
}

/* Keys 0, 1, 2, ... and the highest ones all choose the same few buckets, and must go on to the next, and around. */
static void crowded_buckets_keep_their_keys(void **state)
{
    (void)state;
    enum { COUNT = 200 };
    uint64_t keys[COUNT];
    uint8_t descriptors[COUNT * TCPK_DESCRIPTOR_SIZE];
    for (unsigned i = 0; i < COUNT; i++) {
        keys[i] = i < COUNT / 2 ? i : UINT64_MAX - i;
        describe(keys[i], i, descriptors + i * TCPK_DESCRIPTOR_SIZE);
    }
    struct tcpk_table *table = NULL;
    assert_int_equal(tcpk_table_create(keys, descriptors, COUNT, &table, NULL), TCPK_OK);
    for (unsigned i = 0; i < COUNT; i++) {
        uint8_t found[TCPK_DESCRIPTOR_SIZE];
        assert_true(support_find(table, keys[i], found));
        assert_memory_equal(found, descriptors + i * TCPK_DESCRIPTOR_SIZE, TCPK_DESCRIPTOR_SIZE);
    }
    assert_null(tcpk_table_find(table, COUNT));
    assert_null(tcpk_table_find(table, UINT64_MAX));
    tcpk_table_free(table);
}

/* Keys of few bits, of which the lowest are equal in many: no seed but one that mixes them finds them a place. */
static void keys_of_few_bits_find_a_place(void **state)
{
    (void)state;
    enum { MOST = 300, TABLES = 1000 };
    struct random random = {11};
    uint64_t keys[MOST];
    uint8_t descriptors[MOST * TCPK_DESCRIPTOR_SIZE];
    for (unsigned round = 0; round < TABLES; round++) {
        uint64_t mask = random_next(&random) & random_next(&random);
        mask &= round % 2 ? random_next(&random) : mask;
        mask &= round % 3 ? UINT64_MAX : ~0xffffull;
        size_t count = 0;
        for (size_t wanted = random_below(&random, MOST + 1); wanted > 0; wanted--) {
            const uint64_t key = random_next(&random) & mask;
            size_t i = 0;
            while (i < count && keys[i] != key)
                i++;
            keys[i] = key;
            describe(key, 0, descriptors + i * TCPK_DESCRIPTOR_SIZE);
            count += i == count;
        }
        struct tcpk_table *table = NULL;
        struct tcpk_error error = {0};
        if (tcpk_table_create(keys, descriptors, count, &table, &error) != TCPK_OK)
            fail_msg("round %u, %zu keys with the bits 0x%016llx: %s", round, count, (unsigned long long)mask,
                     error.message);
        for (size_t i = 0; i < count; i++)
            assert_non_null(tcpk_table_find(table, keys[i]));
        tcpk_table_free(table);
    }
}

static void every_way_of_looking_up_agrees(void **state)
{
    (void)state;
    enum { COUNT = 500, ASKED = 777 };
    struct tcpk_registry *registry = NULL;
    struct tcpk_table *table = table_of(COUNT, &registry);
    struct random random = {5};
    uint64_t keys[ASKED];
    uint8_t descriptors[ASKED * TCPK_DESCRIPTOR_SIZE], found[ASKED], decisions[ASKED];
    for (size_t i = 0; i < ASKED; i++)
        keys[i] = random_below(&random, 3) ? tcpk_registry_keys(registry)[random_below(&random, COUNT)]
                                           : random_next(&random);
    for (size_t n = 0; n <= ASKED; n += n < 40 ? 1 : 737) {
        memset(descriptors, 0xee, sizeof descriptors);
        memset(found, 0xee, sizeof found);
        tcpk_table_find_many(table, keys, n, descriptors, found);
        tcpk_table_decide_many(table, keys, n, decisions);
        for (size_t i = 0; i < n; i++) {
            uint8_t single[TCPK_DESCRIPTOR_SIZE] = {0}, constant[TCPK_DESCRIPTOR_SIZE];
            const bool known = support_find(table, keys[i], single);
            assert_ptr_equal(tcpk_index_find(tcpk_table_index(table), keys[i]), tcpk_table_find(table, keys[i]));
            assert_int_equal(found[i], known);
            assert_memory_equal(descriptors + i * TCPK_DESCRIPTOR_SIZE, single, TCPK_DESCRIPTOR_SIZE);
            assert_int_equal(decisions[i], support_decide(table, keys[i]));
            assert_int_equal(tcpk_table_find_constant_time(table, keys[i], constant), known);
            assert_memory_equal(constant, single, TCPK_DESCRIPTOR_SIZE);
        }
        if (n < ASKED)
            assert_int_equal(found[n], 0xee);
    }
    tcpk_table_free(table);
    tcpk_registry_free(registry);
}

static void equal_keys_are_refused(void **state)
{
    (void)state;
    const uint64_t keys[3] = {5, 6, 5};
    uint8_t descriptors[3 * TCPK_DESCRIPTOR_SIZE];
    for (size_t i = 0; i < 3; i++)
        describe(keys[i], 0, descriptors + i * TCPK_DESCRIPTOR_SIZE);
    struct tcpk_table *table = NULL;
    struct tcpk_error error = {0};
    assert_int_equal(tcpk_table_create(keys, descriptors, 3, &table, &error), TCPK_ERROR_COLLISION);
    assert_null(table);
    assert_non_null(strstr(error.message, "0x0000000000000005"));
}

/* More of them than a group may have, so that none is ever even. */
static void many_equal_keys_are_refused(void **state)
{
    (void)state;
    enum { COUNT = 1000, EQUAL = 300 };
    uint64_t keys[COUNT];
    uint8_t descriptors[COUNT * TCPK_DESCRIPTOR_SIZE];
    for (uint64_t i = 0; i < COUNT; i++) {
        keys[i] = i < COUNT - EQUAL ? i : 7777;
        describe(keys[i], 0, descriptors + i * TCPK_DESCRIPTOR_SIZE);
    }
    struct tcpk_table *table = NULL;
    struct tcpk_error error = {0};
    assert_int_equal(tcpk_table_create(keys, descriptors, COUNT, &table, &error), TCPK_ERROR_COLLISION);
    assert_int_equal(error.offset, COUNT - EQUAL + 1);
    assert_null(table);
}

static void invalid_descriptors_are_refused(void **state)
{
    (void)state;
    const uint64_t key = 5;
    const uint8_t descriptor[TCPK_DESCRIPTOR_SIZE] = {0x54, 0x43, 0x50, 0x02};
    struct tcpk_table *table = NULL;
    assert_int_equal(tcpk_table_create(&key, descriptor, 1, &table, NULL), TCPK_ERROR_ARGUMENT);
    assert_null(table);
}

static void another_command_s_descriptor_is_refused(void **state)
{
    (void)state;
    const uint64_t keys[2] = {0x0123456789abcdef, 0x0123456889abcdef};
    uint8_t descriptors[2 * TCPK_DESCRIPTOR_SIZE];
    struct tcpk_table *table = NULL;
    struct tcpk_error error = {0};
    describe(keys[0], 0, descriptors);
    describe(keys[0], 0, descriptors + TCPK_DESCRIPTOR_SIZE);
    assert_int_equal(tcpk_table_create(keys, descriptors, 2, &table, &error), TCPK_ERROR_ARGUMENT);
    assert_int_equal(error.offset, 1);
    assert_string_equal(error.message,
                        "command hash of descriptor 1 is 01234567; allowed: 01234568, the high half of its key");
    assert_null(table);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(every_key_has_its_descriptor),
        cmocka_unit_test(every_name_of_the_real_registry_is_found),
        cmocka_unit_test(crowded_buckets_keep_their_keys),
        cmocka_unit_test(keys_of_few_bits_find_a_place),
        cmocka_unit_test(every_way_of_looking_up_agrees),
        cmocka_unit_test(equal_keys_are_refused),
        cmocka_unit_test(many_equal_keys_are_refused),
        cmocka_unit_test(invalid_descriptors_are_refused),
        cmocka_unit_test(another_command_s_descriptor_is_refused),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
