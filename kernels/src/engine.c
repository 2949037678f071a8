/* The engine: making it, and what is asked of it between events. */
#include <inttypes.h>
#include <stdlib.h>
#include <string.h>

#include "engine_state.h"

/* So many events take less time than waking a thread for its part of them. */
#define FEW 64

static enum tcpk_status check(const struct tcpk_engine_options *options, struct tcpk_error *error)
{
    const struct {
        const char *name;
        uint64_t value, low, high;
    } ranges[] = {
        {"agents", options->agents, 1, (uint64_t)1 << 32},
        {"window", options->window, 1, 1u << 20},
        {"suspicion", options->suspicion, 1, options->window},
        {"voters", options->voters, 1, TCPK_MAX_VOTERS},
        {"voter", options->voter, 0, options->voters - 1},
        {"rule", options->rule, TCPK_MAJORITY, TCPK_BYZANTINE},
        {"threads", options->threads, 1, 1024},
    };
    for (size_t i = 0; i < sizeof ranges / sizeof *ranges; i++)
        if (ranges[i].value < ranges[i].low || ranges[i].value > ranges[i].high)
            return tcpk_fail(error, TCPK_ERROR_ARGUMENT, 0, "%s is %" PRIu64 "; allowed: %" PRIu64 " to %" PRIu64,
                             ranges[i].name, ranges[i].value, ranges[i].low, ranges[i].high);
    return TCPK_OK;
}

/* Map a shard and touch its pages from the thread that will use it, so that they lie on its node. */
static bool make_shard(struct tcpk_engine *engine, uint32_t number)
{
    struct shard *shard = &engine->shards[number];
    const uint32_t threads = engine->options.threads;
    shard->agents = engine->options.agents / threads + (number < engine->options.agents % threads);
    if (!shard->agents)
        return true;
    if (shard->agents > SIZE_MAX / engine->agent_bytes ||
        tcpk_memory_map(shard->agents * engine->agent_bytes, -1, false, &shard->memory) != TCPK_OK)
        return false;
    for (size_t at = 0; at < shard->memory.size; at += 4096)
        ((volatile char *)shard->memory.address)[at] = 0;
    return true;
}

static void make_shards(void *engine, uint32_t worker)
{
    make_shard(engine, worker);
}

static bool shards_are_made(const struct tcpk_engine *engine)
{
    for (uint32_t i = 0; i < engine->options.threads; i++)
        if (engine->shards[i].agents && !engine->shards[i].memory.address)
            return false;
    return true;
}

enum tcpk_status tcpk_engine_create(const struct tcpk_engine_options *options, const struct tcpk_table *table,
                                    struct tcpk_engine **out, struct tcpk_error *error)
{
    *out = NULL;
    const enum tcpk_status status = check(options, error);
    if (status != TCPK_OK)
        return status;
    if (!tcpk_kernels())
        return tcpk_fail(error, TCPK_ERROR_VARIANT, 0, "TCPK_VARIANT names a variant that this machine lacks");
    struct tcpk_engine *engine = calloc(1, sizeof *engine);
    if (!engine)
        return tcpk_fail(error, TCPK_ERROR_MEMORY, 0, "no memory for an engine");
    engine->options = *options;
    engine->table = table;
    engine->reciprocal = options->threads > 1 ? UINT64_MAX / options->threads + 1 : 0;
    engine->needed = tcpk_votes_needed(options->voters, options->rule);
    engine->stream_offset = sizeof(struct agent) + ((size_t)options->voters + 63) / 64 * sizeof(uint64_t);
    const size_t bytes = engine->stream_offset + tcpk_stream_bytes(options->window);
    engine->agent_bytes = (bytes + TCPK_LINE - 1) / TCPK_LINE * TCPK_LINE;
    engine->shards = calloc(options->threads, sizeof *engine->shards);
    if (!engine->shards || tcpk_quarantine_create(options->agents, &engine->quarantine) != TCPK_OK) {
        tcpk_engine_free(engine);
        return tcpk_fail(error, TCPK_ERROR_MEMORY, 0, "no memory for %" PRIu64 " agents", options->agents);
    }
    engine->alone = options->cpus ? 0 : options->threads > 1 ? FEW : SIZE_MAX;
    if (engine->alone < SIZE_MAX) {
        const enum tcpk_status started = tcpk_workers_create(options->threads, options->cpus, &engine->workers, error);
        if (started != TCPK_OK) {
            tcpk_engine_free(engine);
            return started;
        }
        tcpk_workers_run(engine->workers, make_shards, engine);
    } else {
        make_shard(engine, 0);
    }
    engine->options.cpus = NULL; /* the workers have their copy */
    if (!shards_are_made(engine)) {
        tcpk_engine_free(engine);
        return tcpk_fail(error, TCPK_ERROR_MEMORY, 0, "no memory for %" PRIu64 " agents of %zu bytes", options->agents,
                         (bytes + TCPK_LINE - 1) / TCPK_LINE * TCPK_LINE);
    }
    *out = engine;
    return TCPK_OK;
}

void tcpk_engine_free(struct tcpk_engine *engine)
{
    if (!engine)
        return;
    tcpk_workers_free(engine->workers);
    if (engine->shards)
        for (uint32_t i = 0; i < engine->options.threads; i++)
            tcpk_memory_unmap(&engine->shards[i].memory);
    free(engine->shards);
    tcpk_quarantine_free(engine->quarantine);
    free(engine);
}

/* Without a way out of the loop, so that the compiler takes several ids at once. */
static bool are_below(const uint32_t *ids, size_t n, uint64_t limit)
{
    if (n == 1)
        return *ids < limit;
    if (limit > UINT32_MAX)
        return true;
    uint32_t above = 0;
    for (size_t i = 0; i < n; i++)
        above |= ids[i] >= (uint32_t)limit;
    return !above;
}

static enum tcpk_status check_agents(const struct tcpk_engine *engine, const uint32_t *agents, size_t n,
                                     struct tcpk_error *error)
{
    if (are_below(agents, n, engine->options.agents))
        return TCPK_OK;
    size_t i = 0;
    while (agents[i] < engine->options.agents)
        i++;
    return tcpk_fail(error, TCPK_ERROR_RANGE, i, "agent id %" PRIu32 " at %zu; allowed: below %" PRIu64, agents[i], i,
                     engine->options.agents);
}

enum tcpk_status tcpk_engine_process(struct tcpk_engine *engine, const uint32_t *agents, const uint64_t *keys,
                                     const uint8_t *features, size_t n, uint8_t *decisions, uint8_t *quarantined,
                                     struct tcpk_error *error)
{
    const enum tcpk_status status = check_agents(engine, agents, n, error);
    if (status != TCPK_OK)
        return status;
    engine->agents = agents;
    engine->keys = keys;
    engine->features = features;
    engine->n = n;
    engine->decisions = decisions;
    engine->quarantined = quarantined;
    if (n > engine->alone)
        tcpk_workers_run(engine->workers, tcpk_engine_process_shard, engine);
    else
        tcpk_engine_process_all(engine);
    return TCPK_OK;
}

enum tcpk_status tcpk_engine_receive_votes(struct tcpk_engine *engine, uint32_t voter, const uint32_t *agents, size_t n,
                                           struct tcpk_error *error)
{
    if (voter >= engine->options.voters || voter == engine->options.voter)
        return tcpk_fail(error, TCPK_ERROR_ARGUMENT, 0,
                         "voter is %" PRIu32 "; allowed: below %" PRIu32 " and not this node's own %" PRIu32, voter,
                         engine->options.voters, engine->options.voter);
    const enum tcpk_status status = check_agents(engine, agents, n, error);
    if (status != TCPK_OK)
        return status;
    for (size_t i = 0; i < n; i++) {
        struct agent *agent = tcpk_engine_agent(engine, agents[i]);
        tcpk_vote(agent, voter);
        if (agent->known >= engine->needed)
            (void)tcpk_quarantine_add(engine->quarantine, &agents[i], 1, NULL);
    }
    return TCPK_OK;
}

size_t tcpk_engine_suspects(const struct tcpk_engine *engine, uint32_t *agents, size_t capacity)
{
    size_t found = 0;
    for (uint64_t id = 0; id < engine->options.agents; id++) {
        if (!tcpk_has_vote(tcpk_engine_agent(engine, (uint32_t)id), engine->options.voter))
            continue;
        if (found < capacity)
            agents[found] = (uint32_t)id;
        found++;
    }
    return found;
}

uint32_t tcpk_engine_anomalous_rows(const struct tcpk_engine *engine, uint64_t agent)
{
    if (agent >= engine->options.agents)
        return 0;
    return tcpk_stream_count((const char *)tcpk_engine_agent(engine, (uint32_t)agent) + engine->stream_offset);
}

struct tcpk_quarantine *tcpk_engine_quarantine(struct tcpk_engine *engine)
{
    return engine->quarantine;
}

uint32_t tcpk_engine_threads(const struct tcpk_engine *engine)
{
    return engine->options.threads;
}

size_t tcpk_engine_bytes_per_agent(const struct tcpk_engine *engine)
{
    return engine->agent_bytes;
}
