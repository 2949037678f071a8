#include "support.h"

#include <string.h>

/* The MD5 of "ls" is 44ba5ca65651b4f36f1927576dd35436. */
static void key_is_the_start_of_md5(void **state)
{
    (void)state;
    assert_int_equal(tcpk_key("ls", 2), 0x44ba5ca65651b4f3u);
    assert_int_equal(tcpk_key(NULL, 0), 0xd41d8cd98f00b204u);
}

/* MD5 pads to 64 bytes with 9 of its own: names around 55 and 119 bytes take one block more. Values from
 * another implementation. */
static void key_of_names_around_a_block(void **state)
{
    (void)state;
    char name[130];
    memset(name, 'a', sizeof name);
    const struct {
        size_t length;
        uint64_t key;
    } cases[] = {
        {1, 0x0cc175b9c0f1b6a8u},   {55, 0xef1772b6dff9a122u},  {56, 0x3b0c8ac703f828b0u},
        {63, 0xb06521f39153d618u},  {64, 0x014842d480b57149u},  {65, 0xc743a45e0d2e6a95u},
        {119, 0x8a7bd0732ed6a28cu}, {120, 0x5f61c0ccad4cac44u}, {128, 0xe510683b3f5ffe40u},
    };
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++)
        assert_int_equal(tcpk_key(name, cases[i].length), cases[i].key);
}

static struct tcpk_descriptor example(uint32_t flags)
{
    return (struct tcpk_descriptor){.command_hash = 0x44ba5ca6,
                                    .security_flags = flags,
                                    .execution_time_ms = 0x01020304,
                                    .memory_mb = 0x0506,
                                    .output_kb = 0x0708};
}

static void fields_stand_where_the_format_says(void **state)
{
    (void)state;
    const uint8_t wanted[TCPK_DESCRIPTOR_SIZE] = {0x54, 0x43, 0x50, 0x02, 0, 2, 0x44, 0xba, 0x5c, 0xa6, 0xff, 0,
                                                  0,    1,    1,    2,    3, 4, 5,    6,    7,    8,    0x04, 0x0f};
    const struct tcpk_descriptor fields = example(0xff000001);
    uint8_t bytes[TCPK_DESCRIPTOR_SIZE];
    tcpk_descriptor_encode(&fields, bytes);
    assert_memory_equal(bytes, wanted, sizeof wanted);
    struct tcpk_descriptor back;
    tcpk_descriptor_decode(bytes, &back);
    assert_memory_equal(&back, &fields, sizeof back);
}

static void every_changed_byte_makes_it_invalid(void **state)
{
    (void)state;
    const struct tcpk_descriptor fields = example(TCPK_RISK_SAFE);
    uint8_t bytes[TCPK_DESCRIPTOR_SIZE];
    tcpk_descriptor_encode(&fields, bytes);
    assert_true(tcpk_descriptor_is_valid(bytes));
    for (unsigned i = 0; i < TCPK_DESCRIPTOR_SIZE; i++) {
        bytes[i] ^= 0x10;
        assert_false(tcpk_descriptor_is_valid(bytes));
        assert_int_equal(tcpk_descriptor_decide(bytes), TCPK_REQUIRE_APPROVAL);
        bytes[i] ^= 0x10;
    }
}

static void decision_is_that_of_the_highest_risk(void **state)
{
    (void)state;
    for (uint32_t risk = 0; risk < 32; risk++) {
        enum tcpk_decision wanted = TCPK_REQUIRE_APPROVAL;
        if (risk >= 16)
            wanted = TCPK_REJECT;
        else if (risk >= 8)
            wanted = TCPK_REQUIRE_APPROVAL;
        else if (risk >= 4)
            wanted = TCPK_CAUTION;
        else if (risk >= 1)
            wanted = TCPK_APPROVE;
        const struct tcpk_descriptor fields = example(0xabcdef00u << 1 | risk);
        uint8_t bytes[TCPK_DESCRIPTOR_SIZE];
        tcpk_descriptor_encode(&fields, bytes);
        assert_int_equal(tcpk_descriptor_decide(bytes), wanted);
    }
}

static void an_unknown_command_requires_approval(void **state)
{
    (void)state;
    assert_int_equal(tcpk_descriptor_decide(NULL), TCPK_REQUIRE_APPROVAL);
}

static void constant_time_comparison_sees_every_bit(void **state)
{
    (void)state;
    uint8_t left[TCPK_DESCRIPTOR_SIZE] = {1, 2, 3}, right[TCPK_DESCRIPTOR_SIZE] = {1, 2, 3};
    assert_true(tcpk_descriptor_equal_constant_time(left, right));
    for (unsigned bit = 0; bit < 8 * TCPK_DESCRIPTOR_SIZE; bit++) {
        right[bit / 8] ^= (uint8_t)(1u << bit % 8);
        assert_false(tcpk_descriptor_equal_constant_time(left, right));
        right[bit / 8] ^= (uint8_t)(1u << bit % 8);
    }
}

static void decisions_have_names(void **state)
{
    (void)state;
    assert_string_equal(tcpk_decision_name(TCPK_REJECT), "reject");
    assert_string_equal(tcpk_decision_name((enum tcpk_decision)9), "unknown");
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(key_is_the_start_of_md5),
        cmocka_unit_test(key_of_names_around_a_block),
        cmocka_unit_test(fields_stand_where_the_format_says),
        cmocka_unit_test(every_changed_byte_makes_it_invalid),
        cmocka_unit_test(decision_is_that_of_the_highest_risk),
        cmocka_unit_test(an_unknown_command_requires_approval),
        cmocka_unit_test(constant_time_comparison_sees_every_bit),
        cmocka_unit_test(decisions_have_names),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
