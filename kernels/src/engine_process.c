/* Events through the engine. What an event reads, an agent's state, lies in memory: it is asked for while the events
 * before it are handled, into the second-level cache, which waits for more lines at once than the first-level one.
 *
 * It is asked for in loops of their own, a group of events at a time. A processor retires a prefetch only when it knows
 * the address's page, and among millions of agents that takes a walk through page tables that lie in memory themselves.
 * In a loop that does nothing else many walks go on at once; between events handled, one after the other. */
#include <string.h>

#include "complete.h"
#include "engine_state.h"
#include "lookup_table.h"
#include "stream_state.h"

#define GROUP 16u         /* events */
#define RING (4u * GROUP) /* of agents found and not yet handled; a power of two */
#define TURN 4096u        /* events that are sorted out by shard at once */

static inline size_t least(size_t a, size_t b)
{
    return a < b ? a : b;
}

struct turn {
    const struct tcpk_engine *engine;
    const _Atomic uint64_t *quarantined; /* a bit an agent */
    size_t first;                        /* event */
    const uint16_t *events;              /* those of the worker's shard, counted from the first */
    size_t count;
};

static inline struct stream *stream_of(const struct tcpk_engine *engine, struct agent *agent)
{
    return (struct stream *)((char *)agent + engine->stream_offset);
}

/* Agents of the turn's events from `first` to `end`, in a ring; their first lines are asked for. */
static inline void find_agents(const struct turn *turn, size_t first, size_t end, struct agent **ring)
{
    const struct tcpk_engine *engine = turn->engine;
    for (size_t i = first; i < end; i++) {
        ring[i % RING] = tcpk_engine_agent(engine, engine->agents[turn->first + turn->events[i]]);
        __builtin_prefetch(ring[i % RING], 1, 2);
    }
}

/* Their first lines are there, and say which other one the window's next bit is on. */
static inline void ask_for_bits(const struct turn *turn, size_t first, size_t end, struct agent *const *ring)
{
    for (size_t i = first; i < end; i++) {
        const struct stream *stream = stream_of(turn->engine, ring[i % RING]);
        __builtin_prefetch(&stream->bits[stream->cursor / 64], 1, 2);
    }
}

/* The lines after an agent's first one, all at once: for agents whose first one nobody has asked for before. */
static inline void ask_for_rest(const struct tcpk_engine *engine, const struct agent *agent)
{
    const size_t most = least(engine->agent_bytes, 4 * TCPK_LINE);
    for (size_t at = TCPK_LINE; at < most; at += TCPK_LINE)
        __builtin_prefetch((const char *)agent + at, 1, 2);
}

/* What else an event reads: its descriptor, and whether its agent is in quarantine. */
static inline void ask_for_others(const struct turn *turn, size_t first, size_t end)
{
    const struct tcpk_engine *engine = turn->engine;
    for (size_t i = first; i < end; i++) {
        const size_t event = turn->first + turn->events[i];
        __builtin_prefetch(tcpk_index_entry(&engine->table->index, engine->keys[event]), 0, 3);
        __builtin_prefetch((const void *)&turn->quarantined[engine->agents[event] / 64], 0, 3);
    }
}

static inline uint32_t row_sum(const uint8_t *features)
{
    uint64_t last;
    memcpy(&last, features + 16, 8);
    const uint64_t pairs = (last & 0x00ff00ff00ff00ffu) + (last >> 8 & 0x00ff00ff00ff00ffu);
    return tcpk_sum_of_body(features) + (uint32_t)(pairs * 0x0001000100010001u >> 48);
}

_Static_assert(TCPK_FEATURES == 24 && TCPK_BODY_SIZE == 16, "a row is 16 bytes, summed as a body's, and 8 more");

static inline void handle(const struct tcpk_engine *engine, const _Atomic uint64_t *quarantined, size_t event,
                          struct agent *agent)
{
    const uint32_t id = engine->agents[event];
    const uint8_t decision = tcpk_decide(tcpk_index_find(&engine->table->index, engine->keys[event]));
    const bool hot = row_sum(engine->features + event * TCPK_FEATURES) > engine->options.threshold;
    const uint32_t anomalous = tcpk_append(stream_of(engine, agent), engine->options.window, hot);
    if (decision == TCPK_REJECT || anomalous >= engine->options.suspicion)
        tcpk_vote(agent, engine->options.voter);
    if (agent->known >= engine->needed)
        (void)tcpk_quarantine_add(engine->quarantine, &id, 1, NULL); /* the id was checked */
    const bool inside = tcpk_is_in_words(quarantined, id);
    engine->decisions[event] = inside ? TCPK_REJECT : decision;
    engine->quarantined[event] = inside;
}

/* While a group is handled, the next one's lines arrive, and the first lines of the one after it. */
static inline void process_turn(struct turn turn)
{
    const size_t count = turn.count;
    struct agent *ring[RING];
    find_agents(&turn, 0, least(2 * GROUP, count), ring);
    for (size_t i = 0; i < least(GROUP, count); i++)
        ask_for_rest(turn.engine, ring[i]);
    for (size_t first = 0; first < count; first += GROUP) {
        const size_t second = least(first + GROUP, count), third = least(first + 2 * GROUP, count),
                     end = least(first + 3 * GROUP, count);
        find_agents(&turn, third, end, ring);
        ask_for_others(&turn, second, third);
        ask_for_bits(&turn, second, third, ring);
        for (size_t i = first; i < second; i++)
            handle(turn.engine, turn.quarantined, turn.first + turn.events[i], ring[i % RING]);
    }
}

/* The events of shard `only`, or of every shard: at no place can it be guessed which shard is next. Every worker goes
 * through all of them, so that what is done for each counts: a mask is enough for most numbers of threads. */
static inline size_t sort_out(const struct tcpk_engine *engine, size_t first, size_t n, const uint32_t *only,
                              uint16_t *events)
{
    const uint32_t threads = engine->options.threads;
    const bool power_of_two = (threads & (threads - 1)) == 0;
    size_t count = 0;
    for (size_t i = 0; i < n; i++) {
        const uint32_t id = engine->agents[first + i];
        events[count] = (uint16_t)i; /* one of another shard is written over */
        count += !only || (power_of_two ? id & (threads - 1) : tcpk_engine_place(engine, id).shard) == *only;
    }
    return count;
}

static inline void process(const struct tcpk_engine *engine, const uint32_t *only)
{
    uint16_t events[TURN];
    for (size_t first = 0; first < engine->n; first += TURN) {
        const size_t count = sort_out(engine, first, least(engine->n - first, TURN), only, events);
        process_turn((struct turn){engine, tcpk_quarantine_words(engine->quarantine), first, events, count});
    }
}

void tcpk_engine_process_shard(void *memory, uint32_t worker)
{
    /* A copy: outputs are bytes, which could alias the engine's own. */
    const struct tcpk_engine engine = *(const struct tcpk_engine *)memory;
    process(&engine, &worker);
}

void tcpk_engine_process_all(const struct tcpk_engine *shared)
{
    if (shared->n == 1) {
        struct agent *agent = tcpk_engine_agent(shared, shared->agents[0]);
        ask_for_rest(shared, agent);
        handle(shared, tcpk_quarantine_words(shared->quarantine), 0, agent);
        return;
    }
    const struct tcpk_engine engine = *shared; /* a copy, as above */
    process(&engine, NULL);
}
