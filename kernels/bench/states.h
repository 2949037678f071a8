/* What the machine itself gains from more threads: as little as any engine must do to the memory of an event's agent.
 * The floor of engine_scale. */
#ifndef TCPK_BENCH_STATES_H
#define TCPK_BENCH_STATES_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

enum { STATES_MOST_THREADS = 64 };

/* Memory of `agents` states of `stride` bytes (128 or more), and the events' agents by thread: agent a belongs to
 * thread a mod threads, as in the engine. */
struct states;

/* NULL when memory is short. threads: 1 to STATES_MOST_THREADS. */
struct states *states_create(uint64_t agents, size_t stride, const uint32_t *events, size_t count, uint32_t threads);
void states_free(struct states *states);

/* For each event change a word in each of two cache lines of its agent's state (a count, and a bit of the window),
 * prefetched; every thread at once, each its own events in order, started and waited for. False when a thread could not
 * be started. */
bool states_change(struct states *states);

#endif
