/* validate: a registry, every lookup in it, and every variant against the generic one on random and edge cases. */
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "command.h"

enum { MOST_ROWS = 2100, CASES = 60, MOST_VOTES = 4096 };

static int failures;

static void check(bool holds, const char *what)
{
    if (holds)
        return;
    failures++;
    printf("FAILED  %s\n", what);
}

static void check_registry(const struct tcpk_registry *registry, const struct tcpk_table *table)
{
    const size_t count = tcpk_registry_count(registry);
    const uint8_t *descriptors = tcpk_registry_descriptors(registry);
    const uint64_t *keys = tcpk_registry_keys(registry);
    for (size_t i = 0; i < count; i++) {
        const uint8_t *wanted = descriptors + i * TCPK_DESCRIPTOR_SIZE;
        uint8_t found[TCPK_DESCRIPTOR_SIZE];
        size_t length = 0;
        const char *name = tcpk_registry_name(registry, i, &length);
        const uint8_t *body = tcpk_table_find(table, tcpk_key(name, length));
        if (body)
            tcpk_descriptor_complete(body, found);
        check(tcpk_descriptor_is_valid(wanted), "every descriptor is valid");
        check(body && memcmp(found, wanted, TCPK_DESCRIPTOR_SIZE) == 0, "every name is found with its descriptor");
        if (i % 16 == 0) /* constant time reads the whole table */
            check(tcpk_table_find_constant_time(table, keys[i], found) == 1 &&
                      tcpk_descriptor_equal_constant_time(found, wanted),
                  "constant-time lookup agrees");
    }
    uint64_t state = 7;
    for (int i = 0; i < 10000; i++) {
        const uint64_t key = next_random(&state);
        const uint8_t *found = tcpk_table_find(table, key);
        check(!found, "an unknown key is not found");
    }
}

struct cases {
    uint8_t bytes[MOST_ROWS * TCPK_FEATURES];
    float floats[MOST_ROWS * TCPK_FEATURES];
    uint8_t votes[MOST_VOTES];
    size_t rows;
    uint32_t threshold;
};

static void make_case(struct cases *it, int number, uint64_t *state)
{
    static const size_t EDGES[] = {0, 1, 2, 15, 16, 17, 31, 1000, 1023, 1024, 1025, 2048, 2099};
    const size_t edges = sizeof EDGES / sizeof *EDGES;
    it->rows = (size_t)number < edges ? EDGES[number] : next_random(state) % MOST_ROWS;
    it->threshold = number % 5 == 0 ? 0 : (uint32_t)(next_random(state) % 6200);
    for (size_t i = 0; i < sizeof it->bytes; i++)
        it->bytes[i] = number % 7 == 1 ? 255 : number % 7 == 2 ? 0 : (uint8_t)next_random(state);
    for (size_t i = 0; i < MOST_ROWS * TCPK_FEATURES; i++)
        it->floats[i] = (float)((double)(next_random(state) >> 40) / (1 << 24));
    if (number % 11 == 3)
        it->floats[next_random(state) % (MOST_ROWS * TCPK_FEATURES)] = number % 2 ? NAN : INFINITY;
    for (size_t i = 0; i < MOST_VOTES; i++)
        it->votes[i] = next_random(state) & 1;
}

struct answers {
    struct tcpk_scan_u8 bytes;
    struct tcpk_scan_f32 floats;
    float scores[3];
    bool consensus;
};

static void answer(const struct cases *it, struct answers *out)
{
    memset(out, 0, sizeof *out);
    const float *baseline = it->floats + 50 * TCPK_FEATURES;
    check(tcpk_window_scan_u8(it->bytes, it->rows, it->threshold, &out->bytes) == TCPK_OK, "scan of uint8");
    check(tcpk_window_scan_f32(it->floats, it->rows, (float)it->threshold / 255.0f, &out->floats) == TCPK_OK,
          "scan of float32");
    check(tcpk_baseline_score(it->floats, 10, baseline, &out->scores[0]) == TCPK_OK, "baseline score");
    check(tcpk_baseline_score(it->floats, it->rows % 100, baseline, &out->scores[1]) == TCPK_OK, "baseline score");
    check(tcpk_baseline_score(it->floats, 1, baseline, &out->scores[2]) == TCPK_OK, "baseline score");
    check(tcpk_consensus(it->votes, it->rows % MOST_VOTES + 1, TCPK_MAJORITY, &out->consensus) == TCPK_OK, "consensus");
}

static bool same_float(float left, float right)
{
    return memcmp(&left, &right, sizeof left) == 0 || (isnan(left) && isnan(right));
}

static void check_variants(void)
{
    struct cases *it = malloc(sizeof *it);
    if (!it) {
        check(false, "memory for the cases");
        return;
    }
    const char *const former = tcpk_variant();
    uint64_t state = 42;
    for (int number = 0; number < CASES; number++) {
        struct answers generic, other;
        make_case(it, number, &state);
        check(tcpk_variant_select("generic", NULL) == TCPK_OK, "generic can be chosen");
        answer(it, &generic);
        for (const char *const *name = tcpk_variants() + 1; *name; name++) {
            check(tcpk_variant_select(*name, NULL) == TCPK_OK, "a variant of the list can be chosen");
            answer(it, &other);
            check(generic.bytes.count == other.bytes.count && generic.bytes.index == other.bytes.index &&
                      generic.bytes.sum == other.bytes.sum,
                  "variants agree on the scan of uint8");
            check(generic.floats.count == other.floats.count && generic.floats.index == other.floats.index &&
                      same_float(generic.floats.sum, other.floats.sum),
                  "variants agree on the scan of float32");
            for (int i = 0; i < 3; i++)
                check(same_float(generic.scores[i], other.scores[i]), "variants agree on the baseline score");
            check(generic.consensus == other.consensus, "variants agree on consensus");
        }
    }
    check(tcpk_variant_select(former, NULL) == TCPK_OK, "the former variant can be chosen again");
    free(it);
}

int command_validate(const struct arguments *arguments)
{
    struct tcpk_registry *registry = open_registry(arguments->registry, 1567);
    if (!registry)
        return EXIT_USAGE;
    struct tcpk_error error = {0};
    struct tcpk_table *table = NULL;
    if (tcpk_table_of_registry(registry, &table, &error) != TCPK_OK) {
        tcpk_registry_free(registry);
        return complain("%s", error.message);
    }
    check_registry(registry, table);
    check_variants();
    printf("%zu descriptors of %s, version %d; variants", tcpk_registry_count(registry),
           arguments->registry ? arguments->registry : "a generated registry", tcpk_registry_version(registry));
    for (const char *const *name = tcpk_variants(); *name; name++)
        printf(" %s%s", *name, strcmp(*name, tcpk_variant()) == 0 ? " (in use)" : "");
    printf(": %s\n", failures ? "FAILED" : "ok");
    tcpk_table_free(table);
    tcpk_registry_free(registry);
    return failures ? EXIT_FAILED : EXIT_OK;
}
