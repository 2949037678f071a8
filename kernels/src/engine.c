/* The engine: agents in shards, a shard a thread; events of one agent meet one thread only, in their order.
 *
 * An agent's state: the votes known against it and the window of bits, on whole cache lines so that two agents never
 * share one. At window 1000 and up to 64 voters that is 192 bytes. */
#include <inttypes.h>
#include <stdlib.h>
#include <string.h>

#include "engine_workers.h"
#include "internal.h"

#define LINE 64u
#define AHEAD 8 /* events whose table bucket and agent are prefetched ahead */

struct agent {
    uint32_t known; /* votes against it that have arrived, own one included */
    uint32_t unused;
    uint64_t votes[]; /* a bit a voter, then the stream */
};

struct shard {
    struct tcpk_memory memory;
    uint64_t agents; /* those with id mod threads = the shard's number */
};

struct tcpk_engine {
    struct tcpk_engine_options options;
    const struct tcpk_table *table;
    struct tcpk_quarantine *quarantine;
    struct tcpk_workers *workers; /* NULL for one unpinned thread: the caller's */
    struct shard *shards;
    size_t agent_bytes;
    size_t stream_offset;
    uint32_t needed;
    /* The call in progress. */
    const uint32_t *agents;
    const uint64_t *keys;
    const uint8_t *features;
    size_t n;
    uint8_t *decisions;
    uint8_t *quarantined;
};

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

static struct agent *agent_of(const struct tcpk_engine *engine, uint64_t id)
{
    const uint32_t threads = engine->options.threads;
    const struct shard *shard = &engine->shards[threads == 1 ? 0 : id % threads];
    return (struct agent *)((char *)shard->memory.address + (threads == 1 ? id : id / threads) * engine->agent_bytes);
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
    engine->needed = tcpk_votes_needed(options->voters, options->rule);
    engine->stream_offset = sizeof(struct agent) + ((size_t)options->voters + 63) / 64 * sizeof(uint64_t);
    const size_t bytes = engine->stream_offset + tcpk_stream_bytes(options->window);
    engine->agent_bytes = (bytes + LINE - 1) / LINE * LINE;
    engine->shards = calloc(options->threads, sizeof *engine->shards);
    if (!engine->shards || tcpk_quarantine_create(options->agents, &engine->quarantine) != TCPK_OK) {
        tcpk_engine_free(engine);
        return tcpk_fail(error, TCPK_ERROR_MEMORY, 0, "no memory for %" PRIu64 " agents", options->agents);
    }
    if (options->threads > 1 || options->cpus) {
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
                         (bytes + LINE - 1) / LINE * LINE);
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

static bool has_vote(const struct agent *agent, uint32_t voter)
{
    return agent->votes[voter / 64] >> (voter % 64) & 1;
}

static void vote(struct agent *agent, uint32_t voter)
{
    if (has_vote(agent, voter))
        return;
    agent->votes[voter / 64] |= 1ull << (voter % 64);
    agent->known++;
}

static void prefetch(const struct tcpk_engine *engine, size_t event)
{
    const struct agent *agent = agent_of(engine, engine->agents[event]);
    __builtin_prefetch(tcpk_table_address(engine->table, engine->keys[event]));
    __builtin_prefetch(agent, 1);
    __builtin_prefetch((const char *)agent + LINE, 1);
    __builtin_prefetch((const char *)agent + 2 * LINE, 1);
}

static void handle(struct tcpk_engine *engine, const struct tcpk_kernels *kernels, size_t event)
{
    const uint32_t id = engine->agents[event];
    struct agent *agent = agent_of(engine, id);
    uint8_t decision = tcpk_table_decide(engine->table, engine->keys[event]);
    uint16_t sum;
    kernels->sums_u8(engine->features + event * TCPK_FEATURES, 1, &sum);
    const uint32_t anomalous = tcpk_stream_append((char *)agent + engine->stream_offset, engine->options.window,
                                                  sum > engine->options.threshold);
    if (decision == TCPK_REJECT || anomalous >= engine->options.suspicion)
        vote(agent, engine->options.voter);
    if (agent->known >= engine->needed)
        (void)tcpk_quarantine_add(engine->quarantine, &id, 1, NULL); /* the id was checked */
    bool inside = false;
    (void)tcpk_quarantine_contains(engine->quarantine, id, &inside);
    engine->decisions[event] = inside ? TCPK_REJECT : decision;
    engine->quarantined[event] = inside;
}

/* One worker's part of a call: the events of its shard. */
static void process_shard(void *memory, uint32_t worker)
{
    struct tcpk_engine *engine = memory;
    const struct tcpk_kernels *kernels = tcpk_kernels();
    const uint32_t threads = engine->options.threads;
    if (threads == 1) {
        for (size_t event = 0; event < engine->n; event++) {
            if (event + AHEAD < engine->n)
                prefetch(engine, event + AHEAD);
            handle(engine, kernels, event);
        }
        return;
    }
    /* A short queue of this shard's events stands between finding one, which prefetches, and handling it. */
    size_t queue[AHEAD], found = 0;
    for (size_t event = 0; event < engine->n; event++) {
        if (engine->agents[event] % threads != worker)
            continue;
        if (found >= AHEAD)
            handle(engine, kernels, queue[found % AHEAD]);
        prefetch(engine, event);
        queue[found++ % AHEAD] = event;
    }
    for (size_t i = found < AHEAD ? 0 : found - AHEAD; i < found; i++)
        handle(engine, kernels, queue[i % AHEAD]);
}

static enum tcpk_status check_agents(const struct tcpk_engine *engine, const uint32_t *agents, size_t n,
                                     struct tcpk_error *error)
{
    for (size_t i = 0; i < n; i++)
        if (agents[i] >= engine->options.agents)
            return tcpk_fail(error, TCPK_ERROR_RANGE, i, "agent id %" PRIu32 " at %zu; allowed: below %" PRIu64,
                             agents[i], i, engine->options.agents);
    return TCPK_OK;
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
    if (engine->workers)
        tcpk_workers_run(engine->workers, process_shard, engine);
    else
        process_shard(engine, 0);
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
        struct agent *agent = agent_of(engine, agents[i]);
        vote(agent, voter);
        if (agent->known >= engine->needed)
            (void)tcpk_quarantine_add(engine->quarantine, &agents[i], 1, NULL);
    }
    return TCPK_OK;
}

size_t tcpk_engine_suspects(const struct tcpk_engine *engine, uint32_t *agents, size_t capacity)
{
    size_t found = 0;
    for (uint64_t id = 0; id < engine->options.agents; id++) {
        if (!has_vote(agent_of(engine, id), engine->options.voter))
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
    return tcpk_stream_count((const char *)agent_of(engine, agent) + engine->stream_offset);
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
