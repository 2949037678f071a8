#define _GNU_SOURCE
#include "engine_workers.h"

#include <inttypes.h>
#include <pthread.h>
#include <sched.h>
#include <stdbool.h>
#include <stdlib.h>
#include <string.h>

#include "internal.h"

struct worker {
    struct tcpk_workers *pool;
    uint32_t number;
    pthread_t thread;
};

struct tcpk_workers {
    pthread_mutex_t mutex;
    pthread_cond_t begin, done;
    uint64_t round; /* rises with each run */
    uint32_t busy;
    bool stopping;
    void (*work)(void *, uint32_t);
    void *argument;
    uint32_t count;
    struct worker workers[];
};

static void *wait_for_work(void *memory)
{
    const struct worker *worker = memory;
    struct tcpk_workers *pool = worker->pool;
    uint64_t seen = 0;
    pthread_mutex_lock(&pool->mutex);
    for (;;) {
        while (pool->round == seen && !pool->stopping)
            pthread_cond_wait(&pool->begin, &pool->mutex);
        if (pool->stopping)
            break;
        seen = pool->round;
        pthread_mutex_unlock(&pool->mutex);
        pool->work(pool->argument, worker->number);
        pthread_mutex_lock(&pool->mutex);
        if (--pool->busy == 0)
            pthread_cond_signal(&pool->done);
    }
    pthread_mutex_unlock(&pool->mutex);
    return NULL;
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
    pthread_mutex_init(&pool->mutex, NULL);
    pthread_cond_init(&pool->begin, NULL);
    pthread_cond_init(&pool->done, NULL);
    for (uint32_t i = 0; i < count; i++) {
        pool->workers[i] = (struct worker){.pool = pool, .number = i};
        const int failed = start(&pool->workers[i], cpus);
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
    pthread_mutex_lock(&pool->mutex);
    pool->stopping = true;
    pthread_cond_broadcast(&pool->begin);
    pthread_mutex_unlock(&pool->mutex);
    for (uint32_t i = 0; i < pool->count; i++)
        pthread_join(pool->workers[i].thread, NULL);
    pthread_cond_destroy(&pool->begin);
    pthread_cond_destroy(&pool->done);
    pthread_mutex_destroy(&pool->mutex);
    free(pool);
}

void tcpk_workers_run(struct tcpk_workers *pool, void (*work)(void *, uint32_t), void *argument)
{
    pthread_mutex_lock(&pool->mutex);
    pool->work = work;
    pool->argument = argument;
    pool->busy = pool->count;
    pool->round++;
    pthread_cond_broadcast(&pool->begin);
    while (pool->busy)
        pthread_cond_wait(&pool->done, &pool->mutex);
    pthread_mutex_unlock(&pool->mutex);
}
