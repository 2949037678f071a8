/* What the machine itself gains from more threads: its memory, by as little as any engine must do to an event's agent
 * (the floor of engine_scale), and its CPUs, by arithmetic alone. */
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

/* `steps` steps of arithmetic in registers, shared out among the threads. CPUs that are two threads of one core, as
 * those of a virtual machine may be, gain less than their number here. False when a thread could not be started. */
bool arithmetic_run(uint64_t steps, uint32_t threads);

#endif
