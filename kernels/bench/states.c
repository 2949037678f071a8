#define _GNU_SOURCE
#include "states.h"

#include <pthread.h>
#include <stdlib.h>

#include "tcpk/tcpk.h"

enum { LINE = 64, AHEAD = 64 };

struct part {
    pthread_t thread;
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

bool states_change(struct states *states)
{
    uint32_t started = 1;
    while (started < states->threads &&
           pthread_create(&states->parts[started].thread, NULL, change, &states->parts[started]) == 0)
        started++;
    change(&states->parts[0]);
    for (uint32_t i = 1; i < started; i++)
        pthread_join(states->parts[i].thread, NULL);
    return started == states->threads;
}
