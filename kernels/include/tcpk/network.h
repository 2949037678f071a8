/* Network adaptation: consensus, the quarantine set, adaptation. */
#ifndef TCPK_NETWORK_H
#define TCPK_NETWORK_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "error.h"

#ifdef __cplusplus
extern "C" {
#endif

#define TCPK_MAX_VOTERS 4096u

enum tcpk_rule {
    TCPK_MAJORITY = 0, /* votes > n/2 */
    TCPK_BYZANTINE = 1 /* votes >= floor(2n/3) + 1 */
};

/* The fewest votes of n that pass; 0 when n is not in 1..4096 or the rule is unknown. */
TCPK_API uint32_t tcpk_votes_needed(size_t n, enum tcpk_rule rule);

/* Whether n votes (a byte each, nonzero = for quarantine) pass. TCPK_ERROR_ARGUMENT for n or rule. */
TCPK_API enum tcpk_status tcpk_consensus(const uint8_t *votes, size_t n, enum tcpk_rule rule, bool *passed);

/* A set of agent ids below N, safe under concurrent use without locks: one atomic word for 64 agents. */
struct tcpk_quarantine;

/* 1 <= agents <= 2^32; the caller frees *out. */
TCPK_API enum tcpk_status tcpk_quarantine_create(uint64_t agents, struct tcpk_quarantine **out);
TCPK_API void tcpk_quarantine_free(struct tcpk_quarantine *set);
TCPK_API uint64_t tcpk_quarantine_agents(const struct tcpk_quarantine *set);
TCPK_API uint64_t tcpk_quarantine_count(const struct tcpk_quarantine *set);

/* Add or remove n ids; *changed (may be NULL) counts those that were not, or were, in the set.
 * TCPK_ERROR_RANGE for any id >= N, and then nothing is changed. */
TCPK_API enum tcpk_status tcpk_quarantine_add(struct tcpk_quarantine *set, const uint32_t *ids, size_t n,
                                              uint64_t *changed);
TCPK_API enum tcpk_status tcpk_quarantine_remove(struct tcpk_quarantine *set, const uint32_t *ids, size_t n,
                                                 uint64_t *changed);
/* TCPK_ERROR_RANGE for an id >= N. */
TCPK_API enum tcpk_status tcpk_quarantine_contains(const struct tcpk_quarantine *set, uint32_t id, bool *inside);

/* One bit an agent, agent 0 the highest bit of byte 0 (NumPy's packbits order), (N + 7) / 8 bytes. Each word is
 * read atomically; changes during the call may or may not be in it. */
TCPK_API void tcpk_quarantine_snapshot(const struct tcpk_quarantine *set, uint8_t *bits);

/* For m suspects with n votes each (votes m x n bytes): quarantine those that pass; *newly counts those that were
 * not in the set. A suspect may stand in the list twice. Everything is checked before anything changes. */
TCPK_API enum tcpk_status tcpk_adapt(const uint8_t *votes, size_t m, size_t n, const uint32_t *suspects,
                                     struct tcpk_quarantine *set, enum tcpk_rule rule, uint64_t *newly);

#ifdef __cplusplus
}
#endif

#endif
