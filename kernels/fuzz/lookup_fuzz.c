/* Tables of any keys: every way of looking up says what a scan of the keys says. */
#include "input.h"

enum { MOST = 300 };

/* What a scan finds; NULL where there is none. */
static const uint8_t *scan(const uint64_t *keys, const uint8_t *descriptors, size_t count, uint64_t key)
{
    for (size_t i = 0; i < count; i++)
        if (keys[i] == key)
            return descriptors + i * TCPK_DESCRIPTOR_SIZE;
    return NULL;
}

static void check_answers(const struct tcpk_table *table, const uint64_t *keys, const uint8_t *descriptors,
                          size_t count, const uint64_t *asked, size_t n)
{
    static const uint8_t ZEROS[TCPK_DESCRIPTOR_SIZE];
    uint8_t *answers = malloc(n * TCPK_DESCRIPTOR_SIZE), *found = malloc(n), *decisions = malloc(n);
    REQUIRE((answers && found && decisions) || !n);
    tcpk_table_find_many(table, asked, n, answers, found);
    tcpk_table_decide_many(table, asked, n, decisions);
    for (size_t i = 0; i < n; i++) {
        const uint8_t *wanted = scan(keys, descriptors, count, asked[i]);
        uint8_t slowly[TCPK_DESCRIPTOR_SIZE];
        REQUIRE(found[i] == (wanted != NULL));
        REQUIRE(memcmp(answers + i * TCPK_DESCRIPTOR_SIZE, wanted ? wanted : ZEROS, TCPK_DESCRIPTOR_SIZE) == 0);
        REQUIRE(decisions[i] == tcpk_descriptor_decide(wanted));
        REQUIRE((tcpk_table_find(table, asked[i]) != NULL) == (wanted != NULL));
        REQUIRE(tcpk_index_find(tcpk_table_index(table), asked[i]) == tcpk_table_find(table, asked[i]));
        REQUIRE(tcpk_table_find_constant_time(table, asked[i], slowly) == found[i]);
        REQUIRE(memcmp(slowly, answers + i * TCPK_DESCRIPTOR_SIZE, TCPK_DESCRIPTOR_SIZE) == 0);
    }
    free(answers);
    free(found);
    free(decisions);
}

int LLVMFuzzerTestOneInput(const uint8_t *bytes, size_t length)
{
    struct input input = {bytes, length};
    const size_t count = input_below(&input, MOST), n = input_below(&input, MOST);
    const uint64_t mask = input_value(&input, 8) | 0xff; /* keys that are alike, too */
    uint64_t *keys = malloc(count * sizeof *keys), *asked = malloc(n * sizeof *asked);
    uint8_t *descriptors = malloc(count * TCPK_DESCRIPTOR_SIZE);
    REQUIRE(((keys && descriptors) || !count) && (asked || !n));
    size_t kept = 0;
    for (size_t i = 0; i < count; i++) {
        const uint64_t key = input_value(&input, 8) & mask;
        const struct tcpk_descriptor fields = {(uint32_t)(key >> 32), (uint32_t)input_value(&input, 1), 7, 8, 9};
        if (scan(keys, descriptors, kept, key))
            continue;
        keys[kept] = key;
        tcpk_descriptor_encode(&fields, descriptors + kept++ * TCPK_DESCRIPTOR_SIZE);
    }
    for (size_t i = 0; i < n; i++)
        asked[i] = kept && i % 3 ? keys[i % kept] : input_value(&input, 8) & mask;
    struct tcpk_table *table = NULL;
    REQUIRE(tcpk_table_create(keys, descriptors, kept, &table, NULL) == TCPK_OK);
    check_answers(table, keys, descriptors, kept, asked, n);
    tcpk_table_free(table);
    free(keys);
    free(asked);
    free(descriptors);
    return 0;
}
