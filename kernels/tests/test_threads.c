/* What many threads may do at once: read one table, change one set, run engines of their own. For the thread sanitizer,
 * which finds what a lucky run does not. */
#include <pthread.h>
#include <stdlib.h>
#include <string.h>

#include "support.h"

enum { THREADS = 4, COMMANDS = 200, AGENTS = 300, ROUNDS = 50 };

struct shared {
    struct tcpk_registry *registry;
    struct tcpk_table *table;
    struct tcpk_quarantine *set;
};

struct part {
    pthread_t thread;
    const struct shared *shared;
    uint32_t number;
    size_t wrong;
};

static void look_up_all(struct part *part)
{
    static const uint64_t NONE = 1;
    uint8_t descriptors[COMMANDS * TCPK_DESCRIPTOR_SIZE], found[COMMANDS];
    const uint64_t *keys = tcpk_registry_keys(part->shared->registry);
    tcpk_table_find_many(part->shared->table, keys, COMMANDS, descriptors, found);
    part->wrong += memcmp(descriptors, tcpk_registry_descriptors(part->shared->registry), sizeof descriptors) != 0;
    part->wrong += tcpk_table_find(part->shared->table, NONE) != NULL;
    for (size_t i = 0; i < COMMANDS; i++)
        part->wrong += !found[i] || tcpk_table_find_constant_time(part->shared->table, keys[i], descriptors) != 1;
}

/* Each thread adds agents of its own, among which those of the others lie in the same words. */
static void change_set(struct part *part, bool add)
{
    uint32_t own[AGENTS / THREADS];
    uint64_t changed = 0;
    for (uint32_t i = 0; i < AGENTS / THREADS; i++)
        own[i] = i * THREADS + part->number;
    part->wrong += (add ? tcpk_quarantine_add(part->shared->set, own, AGENTS / THREADS, &changed)
                        : tcpk_quarantine_remove(part->shared->set, own, AGENTS / THREADS, &changed)) != TCPK_OK;
    part->wrong += changed != AGENTS / THREADS;
}

static void run_engine(struct part *part)
{
    const struct tcpk_engine_options options = {.agents = AGENTS,
                                                .window = 20,
                                                .threshold = 4590,
                                                .suspicion = 3,
                                                .voters = 1,
                                                .threads = 1 + part->number % 2};
    struct tcpk_engine *engine = NULL;
    uint32_t agents[COMMANDS];
    uint8_t features[COMMANDS * TCPK_FEATURES], decisions[COMMANDS], quarantined[COMMANDS];
    memset(features, 255, sizeof features);
    for (uint32_t i = 0; i < COMMANDS; i++)
        agents[i] = i % 7;
    part->wrong += tcpk_engine_create(&options, part->shared->table, &engine, NULL) != TCPK_OK;
    part->wrong += tcpk_engine_process(engine, agents, tcpk_registry_keys(part->shared->registry), features, COMMANDS,
                                       decisions, quarantined, NULL) != TCPK_OK;
    part->wrong += !quarantined[COMMANDS - 1] || decisions[COMMANDS - 1] != TCPK_REJECT;
    tcpk_engine_free(engine);
}

static void *work(void *memory)
{
    struct part *part = memory;
    uint8_t bits[(AGENTS + 7) / 8];
    for (int round = 0; round < ROUNDS; round++) {
        change_set(part, true);
        if (round % 10 == 0)
            look_up_all(part);
        tcpk_quarantine_snapshot(part->shared->set, bits);
        change_set(part, false);
    }
    run_engine(part);
    return NULL;
}

static void threads_share_a_table_and_a_set(void **state)
{
    (void)state;
    struct shared shared = {0};
    struct part parts[THREADS];
    assert_int_equal(tcpk_registry_generate(COMMANDS, 3, &shared.registry, NULL), TCPK_OK);
    assert_int_equal(tcpk_table_of_registry(shared.registry, &shared.table, NULL), TCPK_OK);
    assert_int_equal(tcpk_quarantine_create(AGENTS, &shared.set), TCPK_OK);
    for (uint32_t i = 0; i < THREADS; i++) {
        parts[i] = (struct part){.shared = &shared, .number = i};
        assert_int_equal(pthread_create(&parts[i].thread, NULL, work, &parts[i]), 0);
    }
    for (uint32_t i = 0; i < THREADS; i++) {
        assert_int_equal(pthread_join(parts[i].thread, NULL), 0);
        assert_int_equal(parts[i].wrong, 0);
    }
    assert_int_equal(tcpk_quarantine_count(shared.set), 0);
    tcpk_quarantine_free(shared.set);
    tcpk_table_free(shared.table);
    tcpk_registry_free(shared.registry);
}

int main(void)
{
    const struct CMUnitTest tests[] = {cmocka_unit_test(threads_share_a_table_and_a_set)};
    return cmocka_run_group_tests(tests, NULL, NULL);
}
