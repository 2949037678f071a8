/* The engine: one monitoring node of the network, and one of its voters. */
#ifndef TCPK_ENGINE_H
#define TCPK_ENGINE_H

#include "lookup.h"
#include "network.h"

#ifdef __cplusplus
extern "C" {
#endif

struct tcpk_engine;

struct tcpk_engine_options {
    uint64_t agents;    /* 1 .. 2^32 */
    uint32_t window;    /* rows; 1 .. 2^20 */
    uint32_t threshold; /* a row is anomalous when its sum is above it */
    uint32_t suspicion; /* anomalous rows in the window that make this node vote; 1 .. window */
    uint32_t voters;    /* 1 .. 4096 */
    uint32_t voter;     /* this node, below voters */
    enum tcpk_rule rule;
    uint32_t threads;     /* 1 .. 1024; agent id mod threads is its shard */
    const uint32_t *cpus; /* CPU of each thread, `threads` of them, or NULL: not pinned, the caller is one. Copied. */
};

/* The table must outlive the engine. Options out of range: TCPK_ERROR_ARGUMENT, *error names the value. State lies on
 * the NUMA node of the thread that owns it, in huge pages where there are any (see memory.h). The caller frees *out. */
TCPK_API enum tcpk_status tcpk_engine_create(const struct tcpk_engine_options *options, const struct tcpk_table *table,
                                             struct tcpk_engine **out, struct tcpk_error *error);
TCPK_API void tcpk_engine_free(struct tcpk_engine *engine);

/* Handle n events: agent ids, command keys, n x 24 features. Answers: decisions (enum tcpk_decision) and whether the
 * agent is quarantined (0 or 1). Ids are all checked first: TCPK_ERROR_RANGE, *error names the first one that is
 * not below `agents`, and nothing changed. Events of one agent are handled in the order given, and the answers are
 * the same for any number of threads. One call at a time; the outputs may not overlap the inputs. */
TCPK_API enum tcpk_status tcpk_engine_process(struct tcpk_engine *engine, const uint32_t *agents, const uint64_t *keys,
                                              const uint8_t *features, size_t n, uint8_t *decisions,
                                              uint8_t *quarantined, struct tcpk_error *error);

/* Take another node's votes against n agents; the same vote twice changes nothing. Agents whose votes pass are
 * quarantined at once. Not while process runs. TCPK_ERROR_ARGUMENT for voter >= voters or this node's own number,
 * TCPK_ERROR_RANGE for an agent; then nothing changed. */
TCPK_API enum tcpk_status tcpk_engine_receive_votes(struct tcpk_engine *engine, uint32_t voter, const uint32_t *agents,
                                                    size_t n, struct tcpk_error *error);

/* Agents that this node voted against, ascending: at most `capacity` of them into `agents`; returns how many there
 * are. */
TCPK_API size_t tcpk_engine_suspects(const struct tcpk_engine *engine, uint32_t *agents, size_t capacity);

/* Anomalous rows in an agent's window; 0 for an agent that is out of range. */
TCPK_API uint32_t tcpk_engine_anomalous_rows(const struct tcpk_engine *engine, uint64_t agent);

/* The set of quarantined agents, owned by the engine. Removing an agent lasts until its next event when the votes
 * known against it still pass. */
TCPK_API struct tcpk_quarantine *tcpk_engine_quarantine(struct tcpk_engine *engine);

TCPK_API uint32_t tcpk_engine_threads(const struct tcpk_engine *engine);
TCPK_API size_t tcpk_engine_bytes_per_agent(const struct tcpk_engine *engine);

#ifdef __cplusplus
}
#endif

#endif
