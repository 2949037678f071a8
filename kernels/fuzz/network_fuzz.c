/* Consensus, the quarantine set and adaptation against arrays of truth values. */
#include "input.h"

enum { MOST_AGENTS = 500, MOST_IDS = 200, STEPS = 12 };

static bool passes(uint64_t votes, uint64_t n, enum tcpk_rule rule)
{
    return rule == TCPK_MAJORITY ? 2 * votes > n : votes >= 2 * n / 3 + 1;
}

static void check_consensus(struct input *input)
{
    const size_t n = input_below(input, 4200);
    const enum tcpk_rule rule = (enum tcpk_rule)(input_value(input, 1) % 3);
    struct array votes = array_of(input, n, input_value(input, 1) & 1);
    bool passed = false;
    uint64_t count = 0;
    for (size_t i = 0; i < n; i++)
        count += ((const uint8_t *)votes.data)[i] != 0;
    const bool allowed = n >= 1 && n <= TCPK_MAX_VOTERS && rule <= TCPK_BYZANTINE;
    REQUIRE(tcpk_consensus(votes.data, n, rule, &passed) == (allowed ? TCPK_OK : TCPK_ERROR_ARGUMENT));
    REQUIRE(!allowed || passed == passes(count, n, rule));
    free(votes.memory);
}

struct sets {
    struct tcpk_quarantine *set;
    uint32_t agents;
    bool inside[MOST_AGENTS];
};

static void change(struct sets *it, struct input *input, bool add)
{
    uint32_t ids[MOST_IDS];
    const size_t n = input_below(input, MOST_IDS);
    bool good = true;
    uint64_t wanted = 0, changed = 0;
    for (size_t i = 0; i < n; i++) {
        ids[i] = (uint32_t)input_value(input, 2) % (it->agents + (input->at && i % 64 == 63));
        good = good && ids[i] < it->agents;
    }
    for (size_t i = 0; good && i < n; i++) {
        wanted += it->inside[ids[i]] != add;
        it->inside[ids[i]] = add;
    }
    const enum tcpk_status status =
        add ? tcpk_quarantine_add(it->set, ids, n, &changed) : tcpk_quarantine_remove(it->set, ids, n, &changed);
    REQUIRE(status == (good ? TCPK_OK : TCPK_ERROR_RANGE));
    REQUIRE(changed == wanted);
}

static void adapt(struct sets *it, struct input *input)
{
    const size_t m = input_below(input, 20), n = 1 + input_below(input, 70);
    const enum tcpk_rule rule = (enum tcpk_rule)(input_value(input, 1) % 2);
    uint32_t suspects[20];
    struct array votes = array_of(input, m * n, true);
    uint64_t wanted = 0, newly = 0;
    for (size_t i = 0; i < m; i++) {
        uint64_t count = 0;
        suspects[i] = (uint32_t)input_value(input, 2) % it->agents;
        for (size_t j = 0; j < n; j++)
            count += ((const uint8_t *)votes.data)[i * n + j] != 0;
        if (!passes(count, n, rule))
            continue;
        wanted += !it->inside[suspects[i]];
        it->inside[suspects[i]] = true;
    }
    REQUIRE(tcpk_adapt(votes.data, m, n, suspects, it->set, rule, &newly) == TCPK_OK);
    REQUIRE(newly == wanted);
    free(votes.memory);
}

static void compare(const struct sets *it)
{
    uint8_t bits[(MOST_AGENTS + 7) / 8];
    uint64_t count = 0;
    tcpk_quarantine_snapshot(it->set, bits);
    for (uint32_t i = 0; i < it->agents; i++) {
        bool inside = false;
        REQUIRE(tcpk_quarantine_contains(it->set, i, &inside) == TCPK_OK && inside == it->inside[i]);
        REQUIRE((bits[i / 8] >> (7 - i % 8) & 1) == inside);
        count += inside;
    }
    REQUIRE(tcpk_quarantine_count(it->set) == count);
}

int LLVMFuzzerTestOneInput(const uint8_t *bytes, size_t length)
{
    for (const char *const *variant = tcpk_variants(); *variant; variant++) {
        struct input input = {bytes, length};
        REQUIRE(tcpk_variant_select(*variant, NULL) == TCPK_OK);
        check_consensus(&input);
        struct sets it = {.agents = 1 + (uint32_t)input_below(&input, MOST_AGENTS)};
        REQUIRE(tcpk_quarantine_create(it.agents, &it.set) == TCPK_OK);
        for (int step = 0; step < STEPS && input.left; step++) {
            const unsigned what = input_value(&input, 1) % 3;
            if (what == 2)
                adapt(&it, &input);
            else
                change(&it, &input, what);
        }
        compare(&it);
        tcpk_quarantine_free(it.set);
    }
    return 0;
}
