#define _GNU_SOURCE
#include "engine_workers.h"

#include <inttypes.h>
#include <pthread.h>
#include <sched.h>
#include <stdbool.h>
#include <stdlib.h>
#include <string.h>

#include "internal.h"

/* So long a thread looks for what it waits for before it sleeps. Waking one that sleeps takes some 10 us, as long as
 * hundreds of events. */
#define LOOKS_FOR 100000 /* ns */

struct worker {
    struct tcpk_workers *pool;
    uint32_t number;
    pthread_t thread;
};

struct tcpk_workers {
    pthread_mutex_t mutex; /* for sleeping and waking; what is waited for is atomic */
    pthread_cond_t begin, done;
    _Atomic uint64_t round; /* rises with each run */
    _Atomic uint32_t busy;
    _Atomic bool stopping;
    void (*work)(void *, uint32_t);
    void *argument;
    uint32_t first; /* number of the first thread: 1 where the caller is number 0 */
    uint32_t count; /* of threads */
    struct worker workers[];
};

static inline void pause_cpu(void)
{
#if defined(__x86_64__)
    __builtin_ia32_pause();
#elif defined(__aarch64__)
    __asm__ volatile("isb");
#endif
}

static bool has_begun(const struct tcpk_workers *pool, uint64_t seen)
{
    return pool->round != seen || pool->stopping;
}

static bool is_done(const struct tcpk_workers *pool, uint64_t unused)
{
    (void)unused;
    return pool->busy == 0;
}

/* Look for a while, then sleep, until `is` says so. */
static void wait_until(struct tcpk_workers *pool, bool (*is)(const struct tcpk_workers *, uint64_t), uint64_t value,
                       pthread_cond_t *changed)
{
    for (const int64_t end = tcpk_now() + LOOKS_FOR; tcpk_now() < end;)
        for (int i = 0; i < 16; i++, pause_cpu())
            if (is(pool, value))
                return;
    pthread_mutex_lock(&pool->mutex);
    while (!is(pool, value))
        pthread_cond_wait(changed, &pool->mutex);
    pthread_mutex_unlock(&pool->mutex);
}

static void wake(struct tcpk_workers *pool, pthread_cond_t *changed)
{
    pthread_mutex_lock(&pool->mutex);
    pthread_cond_broadcast(changed);
    pthread_mutex_unlock(&pool->mutex);
}

static void *wait_for_work(void *memory)
{
    const struct worker *worker = memory;
    struct tcpk_workers *pool = worker->pool;
    for (uint64_t seen = 0;; seen++) {
        wait_until(pool, has_begun, seen, &pool->begin);
        if (pool->stopping)
            return NULL;
        pool->work(pool->argument, worker->number);
        if (--pool->busy == 0)
            wake(pool, &pool->done);
    }
}

static int start(struct worker *worker, const uint32_t *cpus)
{
    pthread_attr_t attributes;
    int failed = pthread_attr_init(&attributes);
    if (failed)
        return failed;
    if (cpus) {
        /* Sized by the CPU's number: a fixed set ends at 1024. */
        const size_t bytes = CPU_ALLOC_SIZE(cpus[worker->number] + 1);
        cpu_set_t *set = CPU_ALLOC(cpus[worker->number] + 1);
        if (!set) {
            pthread_attr_destroy(&attributes);
            return -1;
        }
        CPU_ZERO_S(bytes, set);
        CPU_SET_S(cpus[worker->number], bytes, set);
        failed = pthread_attr_setaffinity_np(&attributes, bytes, set);
        CPU_FREE(set);
    }
    if (!failed)
        failed = pthread_create(&worker->thread, &attributes, wait_for_work, worker);
    pthread_attr_destroy(&attributes);
    return failed;
}

enum tcpk_status tcpk_workers_create(uint32_t count, const uint32_t *cpus, struct tcpk_workers **out,
                                     struct tcpk_error *error)
{
    *out = NULL;
    struct tcpk_workers *pool = calloc(1, sizeof *pool + count * sizeof(struct worker));
    if (!pool)
        return tcpk_fail(error, TCPK_ERROR_MEMORY, 0, "no memory for %" PRIu32 " threads", count);
    pool->first = cpus ? 0 : 1;
    pthread_mutex_init(&pool->mutex, NULL);
    pthread_cond_init(&pool->begin, NULL);
    pthread_cond_init(&pool->done, NULL);
    for (uint32_t i = pool->first; i < count; i++) {
        struct worker *worker = &pool->workers[pool->count];
        *worker = (struct worker){.pool = pool, .number = i};
        const int failed = start(worker, cpus);
        if (failed) {
            tcpk_workers_free(pool);
            if (cpus)
                return tcpk_fail(error, TCPK_ERROR_THREAD, 0, "thread %" PRIu32 " cannot run on CPU %" PRIu32 ": %s", i,
                                 cpus[i], failed > 0 ? strerror(failed) : "no memory");
            return tcpk_fail(error, TCPK_ERROR_THREAD, 0, "thread %" PRIu32 " cannot be started: %s", i,
                             failed > 0 ? strerror(failed) : "no memory");
        }
        pool->count++;
    }
    *out = pool;
    return TCPK_OK;
}

void tcpk_workers_free(struct tcpk_workers *pool)
{
    if (!pool)
        return;
    pool->stopping = true;
    wake(pool, &pool->begin);
    for (uint32_t i = 0; i < pool->count; i++)
        pthread_join(pool->workers[i].thread, NULL);
    pthread_cond_destroy(&pool->begin);
    pthread_cond_destroy(&pool->done);
    pthread_mutex_destroy(&pool->mutex);
    free(pool);
}

void tcpk_workers_run(struct tcpk_workers *pool, void (*work)(void *, uint32_t), void *argument)
{
    pool->work = work;
    pool->argument = argument;
    pool->busy = pool->count;
    pool->round++;
    wake(pool, &pool->begin);
    if (pool->first)
        work(argument, 0);
    wait_until(pool, is_done, 0, &pool->done);
}
