/* What an engine is made of: agents in shards, a shard a thread; events of one agent meet one thread only, in order.
 *
 * An agent's state: the votes known against it and the window of bits, on whole cache lines so that two agents never
 * share one. At window 1000 and up to 64 voters that is 192 bytes. */
#ifndef TCPK_ENGINE_STATE_H
#define TCPK_ENGINE_STATE_H

#include "engine_workers.h"
#include "internal.h"

#define TCPK_LINE 64u

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
    size_t alone; /* as many events as this the calling thread handles by itself; 0 where threads are pinned */
    struct shard *shards;
    size_t agent_bytes;
    size_t stream_offset;
    uint64_t reciprocal; /* of the number of threads, see tcpk_engine_place */
    uint32_t needed;
    /* The call in progress. */
    const uint32_t *agents;
    const uint64_t *keys;
    const uint8_t *features;
    size_t n;
    uint8_t *decisions;
    uint8_t *quarantined;
};

struct place {
    uint32_t shard;
    uint64_t number; /* in the shard */
};

/* Quotient and remainder of a 32-bit id by two multiplications, exact (Lemire, Kaser, Kurz 2019): a division takes
 * longer than the rest of finding an agent. With one thread the reciprocal is 0, as 2^64 does not fit. */
static inline struct place tcpk_engine_place(const struct tcpk_engine *engine, uint32_t id)
{
    if (engine->reciprocal == 0)
        return (struct place){0, id};
    const unsigned __int128 whole = (unsigned __int128)engine->reciprocal * id;
    const uint64_t fraction = (uint64_t)whole;
    return (struct place){(uint32_t)((unsigned __int128)fraction * engine->options.threads >> 64),
                          (uint64_t)(whole >> 64)};
}

static inline struct agent *tcpk_engine_agent(const struct tcpk_engine *engine, uint32_t id)
{
    const struct place place = tcpk_engine_place(engine, id);
    return (struct agent *)((char *)engine->shards[place.shard].memory.address + place.number * engine->agent_bytes);
}

static inline bool tcpk_has_vote(const struct agent *agent, uint32_t voter)
{
    return agent->votes[voter / 64] >> (voter % 64) & 1;
}

static inline void tcpk_vote(struct agent *agent, uint32_t voter)
{
    if (tcpk_has_vote(agent, voter))
        return;
    agent->votes[voter / 64] |= 1ull << (voter % 64);
    agent->known++;
}

/* The call in progress: a worker's part of it, the events of its shard; or all of it. */
void tcpk_engine_process_shard(void *engine, uint32_t worker);
void tcpk_engine_process_all(const struct tcpk_engine *engine);

#endif
