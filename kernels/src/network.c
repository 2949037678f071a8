#include <stdlib.h>

#include "internal.h"

#define WORD 64u

struct tcpk_quarantine {
    uint64_t agents;
    _Atomic uint64_t count;
    _Atomic uint64_t *words;
    struct tcpk_memory memory;
};

uint32_t tcpk_votes_needed(size_t n, enum tcpk_rule rule)
{
    if (n == 0 || n > TCPK_MAX_VOTERS)
        return 0;
    switch (rule) {
    case TCPK_MAJORITY: return (uint32_t)(n / 2 + 1);
    case TCPK_BYZANTINE: return (uint32_t)(2 * n / 3 + 1);
    }
    return 0;
}

enum tcpk_status tcpk_consensus(const uint8_t *votes, size_t n, enum tcpk_rule rule, bool *passed)
{
    const uint32_t needed = tcpk_votes_needed(n, rule);
    if (!needed)
        return TCPK_ERROR_ARGUMENT;
    const struct tcpk_kernels *kernels = tcpk_kernels();
    if (!kernels)
        return TCPK_ERROR_VARIANT;
    *passed = kernels->count_votes(votes, n) >= needed;
    return TCPK_OK;
}

enum tcpk_status tcpk_quarantine_create(uint64_t agents, struct tcpk_quarantine **out)
{
    *out = NULL;
    if (agents == 0 || agents > (uint64_t)1 << 32)
        return TCPK_ERROR_ARGUMENT;
    struct tcpk_quarantine *set = calloc(1, sizeof *set);
    if (!set || tcpk_memory_map((agents + WORD - 1) / WORD * 8, -1, false, &set->memory) != TCPK_OK) {
        free(set);
        return TCPK_ERROR_MEMORY;
    }
    set->agents = agents;
    set->words = set->memory.address;
    *out = set;
    return TCPK_OK;
}

void tcpk_quarantine_free(struct tcpk_quarantine *set)
{
    if (!set)
        return;
    tcpk_memory_unmap(&set->memory);
    free(set);
}

uint64_t tcpk_quarantine_agents(const struct tcpk_quarantine *set)
{
    return set->agents;
}

uint64_t tcpk_quarantine_count(const struct tcpk_quarantine *set)
{
    return atomic_load(&set->count);
}

static bool all_known(const struct tcpk_quarantine *set, const uint32_t *ids, size_t n)
{
    for (size_t i = 0; i < n; i++)
        if (ids[i] >= set->agents)
            return false;
    return true;
}

/* Whether the id was not in the set. Looks first: a locked write is paid for a change only. */
static bool add_one(struct tcpk_quarantine *set, uint32_t id)
{
    _Atomic uint64_t *word = &set->words[id / WORD];
    const uint64_t bit = 1ull << (id % WORD);
    if (atomic_load_explicit(word, memory_order_relaxed) & bit)
        return false;
    if (atomic_fetch_or(word, bit) & bit)
        return false;
    atomic_fetch_add(&set->count, 1);
    return true;
}

static bool remove_one(struct tcpk_quarantine *set, uint32_t id)
{
    const uint64_t bit = 1ull << (id % WORD);
    if (!(atomic_fetch_and(&set->words[id / WORD], ~bit) & bit))
        return false;
    atomic_fetch_sub(&set->count, 1);
    return true;
}

enum tcpk_status tcpk_quarantine_add(struct tcpk_quarantine *set, const uint32_t *ids, size_t n, uint64_t *changed)
{
    if (!all_known(set, ids, n))
        return TCPK_ERROR_RANGE;
    uint64_t count = 0;
    for (size_t i = 0; i < n; i++)
        count += add_one(set, ids[i]);
    if (changed)
        *changed = count;
    return TCPK_OK;
}

enum tcpk_status tcpk_quarantine_remove(struct tcpk_quarantine *set, const uint32_t *ids, size_t n, uint64_t *changed)
{
    if (!all_known(set, ids, n))
        return TCPK_ERROR_RANGE;
    uint64_t count = 0;
    for (size_t i = 0; i < n; i++)
        count += remove_one(set, ids[i]);
    if (changed)
        *changed = count;
    return TCPK_OK;
}

enum tcpk_status tcpk_quarantine_contains(const struct tcpk_quarantine *set, uint32_t id, bool *inside)
{
    if (id >= set->agents)
        return TCPK_ERROR_RANGE;
    *inside = tcpk_is_in_words(set->words, id);
    return TCPK_OK;
}

const _Atomic uint64_t *tcpk_quarantine_words(const struct tcpk_quarantine *set)
{
    return set->words;
}

static uint8_t reversed(uint8_t byte)
{
    byte = (uint8_t)(byte >> 4 | byte << 4);
    byte = (uint8_t)((byte & 0xcc) >> 2 | (byte & 0x33) << 2);
    return (uint8_t)((byte & 0xaa) >> 1 | (byte & 0x55) << 1);
}

void tcpk_quarantine_snapshot(const struct tcpk_quarantine *set, uint8_t *bits)
{
    const uint64_t bytes = (set->agents + 7) / 8;
    for (uint64_t i = 0; i < bytes; i += 8) {
        const uint64_t word = atomic_load(&set->words[i / 8]);
        for (uint64_t j = i; j < i + 8 && j < bytes; j++)
            bits[j] = reversed((uint8_t)(word >> (8 * (j - i))));
    }
}

enum tcpk_status tcpk_adapt(const uint8_t *votes, size_t m, size_t n, const uint32_t *suspects,
                            struct tcpk_quarantine *set, enum tcpk_rule rule, uint64_t *newly)
{
    const uint32_t needed = tcpk_votes_needed(n, rule);
    if (!needed)
        return TCPK_ERROR_ARGUMENT;
    const struct tcpk_kernels *kernels = tcpk_kernels();
    if (!kernels)
        return TCPK_ERROR_VARIANT;
    if (!all_known(set, suspects, m))
        return TCPK_ERROR_RANGE;
    uint64_t count = 0;
    for (size_t i = 0; i < m; i++)
        if (kernels->count_votes(votes + i * n, n) >= needed)
            count += add_one(set, suspects[i]);
    *newly = count;
    return TCPK_OK;
}
