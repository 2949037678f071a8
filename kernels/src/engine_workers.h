/* Threads that wait for work, each pinned to its CPU when CPUs are given. Without, the caller is one of them: it works
 * while it waits. */
#ifndef TCPK_ENGINE_WORKERS_H
#define TCPK_ENGINE_WORKERS_H

#include "tcpk/error.h"

struct tcpk_workers;

/* cpus: `count` CPU numbers, copied, or NULL. TCPK_ERROR_THREAD names the one that could not be had. */
enum tcpk_status tcpk_workers_create(uint32_t count, const uint32_t *cpus, struct tcpk_workers **out,
                                     struct tcpk_error *error);
void tcpk_workers_free(struct tcpk_workers *workers); /* NULL is allowed */

/* Call work(argument, i) in worker i, for each of `count`, and wait for all. One call at a time. */
void tcpk_workers_run(struct tcpk_workers *workers, void (*work)(void *argument, uint32_t worker), void *argument);

#endif
