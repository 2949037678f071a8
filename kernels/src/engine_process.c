/* Events through the engine. What an event reads, an agent's state, lies in memory: it is asked for while the events
 * before it are handled, into the second-level cache, which waits for more lines at once than the first-level one. */
#include <string.h>

#include "complete.h"
#include "engine_state.h"
#include "stream_state.h"

/* Events ahead at which the first line of an agent is asked for, and at which that line is there and says which other
 * one the window's next bit is on. */
#define FAR 32u
#define NEAR 16u
#define TURN 4096u /* events that are sorted out by shard at once */

struct turn {
    struct tcpk_engine *engine;
    size_t first;           /* event */
    const uint16_t *events; /* those of the worker's shard, counted from the first */
    size_t count;
};

static struct stream *stream_of(const struct tcpk_engine *engine, struct agent *agent)
{
    return (struct stream *)((char *)agent + engine->stream_offset);
}

static inline void ask_for_agent(const struct turn *turn, size_t i)
{
    const struct tcpk_engine *engine = turn->engine;
    const size_t event = turn->first + turn->events[i];
    __builtin_prefetch(tcpk_engine_agent(engine, engine->agents[event]), 1, 2);
    __builtin_prefetch(tcpk_table_address(engine->table, engine->keys[event]), 0, 2);
}

static inline void ask_for_bit(const struct turn *turn, size_t i)
{
    const struct tcpk_engine *engine = turn->engine;
    const struct stream *stream =
        stream_of(engine, tcpk_engine_agent(engine, engine->agents[turn->first + turn->events[i]]));
    __builtin_prefetch(&stream->bits[stream->cursor / 64], 1, 2);
}

/* The whole of an agent's state: for the first events, whose first line nobody has asked for yet. */
static inline void ask_for_all(const struct turn *turn, size_t i)
{
    const struct tcpk_engine *engine = turn->engine;
    const char *agent = (const char *)tcpk_engine_agent(engine, engine->agents[turn->first + turn->events[i]]);
    const size_t most = engine->agent_bytes < 4 * TCPK_LINE ? engine->agent_bytes : 4 * TCPK_LINE;
    ask_for_agent(turn, i);
    for (size_t at = TCPK_LINE; at < most; at += TCPK_LINE)
        __builtin_prefetch(agent + at, 1, 2);
}

static inline uint32_t row_sum(const uint8_t *features)
{
    uint64_t last;
    memcpy(&last, features + 16, 8);
    const uint64_t pairs = (last & 0x00ff00ff00ff00ffu) + (last >> 8 & 0x00ff00ff00ff00ffu);
    return tcpk_sum_of_body(features) + (uint32_t)(pairs * 0x0001000100010001u >> 48);
}

_Static_assert(TCPK_FEATURES == 24 && TCPK_BODY_SIZE == 16, "a row is 16 bytes, summed as a body's, and 8 more");

static inline void handle(struct tcpk_engine *engine, size_t event)
{
    const uint32_t id = engine->agents[event];
    struct agent *agent = tcpk_engine_agent(engine, id);
    const uint8_t decision = tcpk_table_decide(engine->table, engine->keys[event]);
    const bool hot = row_sum(engine->features + event * TCPK_FEATURES) > engine->options.threshold;
    const uint32_t anomalous = tcpk_append(stream_of(engine, agent), engine->options.window, hot);
    if (decision == TCPK_REJECT || anomalous >= engine->options.suspicion)
        tcpk_vote(agent, engine->options.voter);
    if (agent->known >= engine->needed)
        (void)tcpk_quarantine_add(engine->quarantine, &id, 1, NULL); /* the id was checked */
    bool inside = false;
    (void)tcpk_quarantine_contains(engine->quarantine, id, &inside);
    engine->decisions[event] = inside ? TCPK_REJECT : decision;
    engine->quarantined[event] = inside;
}

static void process_turn(const struct turn *turn)
{
    const size_t count = turn->count;
    for (size_t i = 0; i < NEAR && i < count; i++)
        ask_for_all(turn, i);
    for (size_t i = NEAR; i < FAR && i < count; i++)
        ask_for_agent(turn, i);
    for (size_t i = 0; i < count; i++) {
        if (i + FAR < count)
            ask_for_agent(turn, i + FAR);
        if (i + NEAR < count)
            ask_for_bit(turn, i + NEAR);
        handle(turn->engine, turn->first + turn->events[i]);
    }
}

void tcpk_engine_process_shard(void *memory, uint32_t worker)
{
    struct tcpk_engine *engine = memory;
    uint16_t events[TURN];
    for (size_t first = 0; first < engine->n; first += TURN) {
        const size_t n = engine->n - first < TURN ? engine->n - first : TURN;
        struct turn turn = {engine, first, events, 0};
        /* Every place is written, and those of other shards are written over: which shard is next cannot be guessed. */
        for (size_t i = 0; i < n; i++) {
            events[turn.count] = (uint16_t)i;
            turn.count += tcpk_engine_place(engine, engine->agents[first + i]).shard == worker;
        }
        process_turn(&turn);
    }
}
