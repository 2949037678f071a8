#define _GNU_SOURCE
#include "states.h"

#include <pthread.h>
#include <stdlib.h>

#include "tcpk/tcpk.h"

enum { LINE = 64, AHEAD = 64 };

struct part {
    const struct states *states;
    size_t *places; /* of the states, in bytes */
    size_t count;
};

struct states {
    struct tcpk_memory memory;
    uint32_t threads;
    struct part parts[STATES_MOST_THREADS];
};

struct states *states_create(uint64_t agents, size_t stride, const uint32_t *events, size_t count, uint32_t threads)
{
    struct states *it = calloc(1, sizeof *it);
    if (!it || tcpk_memory_map(agents * stride, -1, false, &it->memory) != TCPK_OK) {
        free(it);
        return NULL;
    }
    it->threads = threads;
    for (uint32_t thread = 0; thread < threads; thread++) {
        struct part *part = &it->parts[thread];
        part->states = it;
        part->places = malloc(count * sizeof *part->places);
        if (!part->places) {
            states_free(it);
            return NULL;
        }
        for (size_t i = 0; i < count; i++)
            if (events[i] % threads == thread)
                part->places[part->count++] = events[i] * stride;
    }
    return it;
}

void states_free(struct states *states)
{
    if (states) {
        for (uint32_t i = 0; i < states->threads; i++)
            free(states->parts[i].places);
        tcpk_memory_unmap(&states->memory);
    }
    free(states);
}

static void *change(void *memory)
{
    const struct part *part = memory;
    char *states = part->states->memory.address;
    for (size_t i = 0; i < part->count; i++) {
        if (i + AHEAD < part->count) {
            const char *later = states + part->places[i + AHEAD];
            __builtin_prefetch(later, 1, 2);
            __builtin_prefetch(later + LINE, 1, 2);
        }
        volatile uint64_t *state = (volatile uint64_t *)(states + part->places[i]);
        state[0] = state[0] + 1;
        state[LINE / 8] = state[LINE / 8] ^ 1;
    }
    return NULL;
}

/* work(parts[i]) for every part at once, the first one here. False when a thread could not be started. */
static bool run(void *(*work)(void *), pthread_t *threads, void *const *parts, uint32_t count)
{
    uint32_t started = 1;
    while (started < count && pthread_create(&threads[started], NULL, work, parts[started]) == 0)
        started++;
    work(parts[0]);
    for (uint32_t i = 1; i < started; i++)
        pthread_join(threads[i], NULL);
    return started == count;
}

bool states_change(struct states *states)
{
    pthread_t threads[STATES_MOST_THREADS];
    void *parts[STATES_MOST_THREADS] = {NULL};
    for (uint32_t i = 0; i < states->threads; i++)
        parts[i] = &states->parts[i];
    return run(change, threads, parts, states->threads);
}

/* Six chains, of which a core can go several steps a cycle. */
static void *calculate(void *memory)
{
    uint64_t a = 1, b = 2, c = 3, d = 4, e = 5, f = 6;
    for (uint64_t left = *(const uint64_t *)memory; left > 0; left--) {
        a = a * 3 + 1;
        b ^= b << 1;
        c += a >> 3;
        d = d * 5 + 7;
        e += b;
        f ^= d;
        __asm__ volatile("" ::"r"(a), "r"(b), "r"(c), "r"(d), "r"(e), "r"(f)); /* every step is taken */
    }
    return NULL;
}

bool arithmetic_run(uint64_t steps, uint32_t threads)
{
    pthread_t started[STATES_MOST_THREADS];
    uint64_t own = steps / threads;
    void *parts[STATES_MOST_THREADS] = {NULL};
    for (uint32_t i = 0; i < threads; i++)
        parts[i] = &own;
    return run(calculate, started, parts, threads);
}
