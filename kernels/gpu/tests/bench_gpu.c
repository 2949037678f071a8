/* What the kernels of a build take, by the device's own events, next to the time in which its memory moves as many
 * bytes. bench_gpu AGENTS: one JSON object. Copies between host and device are in neither figure; "whole_ns" has them.
 */
#include <stdio.h>
#include <stdlib.h>
#include <time.h>

#include "random.h"
#include "tcpk/gpu.h"
#include "tcpk/tcpk.h"

#define ROUNDS 9
#define VOTERS 100
#define HISTORY 10
#define COMMANDS 1000000

struct data {
    struct tcpk_gpu *gpu;
    size_t agents;
    uint64_t *keys;
    float *rows, *baselines, *scores;
    uint8_t *votes, *bytes, *descriptors, *passed;
};

struct operation {
    const char *name;
    uint64_t bytes; /* an item: read and written */
    enum tcpk_status (*run)(struct data *data, struct tcpk_error *error);
};

static enum tcpk_status find(struct data *data, struct tcpk_error *error)
{
    return tcpk_gpu_find_many(data->gpu, data->keys, data->agents, data->descriptors, data->bytes, error);
}

static enum tcpk_status decide(struct data *data, struct tcpk_error *error)
{
    return tcpk_gpu_decide_many(data->gpu, data->keys, data->agents, data->bytes, error);
}

static enum tcpk_status score(struct data *data, struct tcpk_error *error)
{
    return tcpk_gpu_baseline_score_many(data->gpu, data->rows, data->agents, HISTORY, data->baselines, data->scores,
                                        error);
}

static enum tcpk_status votes(struct data *data, struct tcpk_error *error)
{
    return tcpk_gpu_votes(data->gpu, data->votes, data->agents, VOTERS, VOTERS / 2 + 1, data->passed, error);
}

/* The least that a lookup moves: its key, the entry, the pilot, the answer. */
static const struct operation OPERATIONS[] = {
    {"lookup", 8 + 20 + 2 + 24 + 1, find},
    {"decision", 8 + 20 + 2 + 1, decide},
    {"baseline score of 10 rows", HISTORY * 96 + 96 + 4, score},
    {"100 votes", VOTERS, votes},
};

static double now(void)
{
    struct timespec time;
    clock_gettime(CLOCK_MONOTONIC, &time);
    return (double)time.tv_sec * 1e9 + (double)time.tv_nsec;
}

static int by_size(const void *a, const void *b)
{
    const double first = *(const double *)a, second = *(const double *)b;
    return (first > second) - (first < second);
}

static enum tcpk_status measure(struct data *data, const struct operation *operation, const char *end,
                                struct tcpk_error *error)
{
    double kernel[ROUNDS], whole[ROUNDS], floor = 0;
    enum tcpk_status status = operation->run(data, error); /* once before, so that code and tables are there */
    for (int i = 0; i < ROUNDS && status == TCPK_OK; i++) {
        const double begin = now();
        status = operation->run(data, error);
        whole[i] = now() - begin;
        kernel[i] = tcpk_gpu_kernel_time(data->gpu);
    }
    if (status == TCPK_OK)
        status = tcpk_gpu_copy_time(data->gpu, operation->bytes * data->agents, ROUNDS, &floor, error);
    if (status != TCPK_OK)
        return status;
    qsort(kernel, ROUNDS, sizeof *kernel, by_size);
    qsort(whole, ROUNDS, sizeof *whole, by_size);
    printf("    {\"operation\": \"%s\", \"kernel_ns\": %.4f, \"least\": %.4f, \"most\": %.4f, \"copy_floor_ns\": %.4f, "
           "\"ratio_to_floor\": %.2f, \"whole_ns\": %.3f}%s\n",
           operation->name, kernel[ROUNDS / 2] / (double)data->agents, kernel[0] / (double)data->agents,
           kernel[ROUNDS - 1] / (double)data->agents, floor / (double)data->agents, kernel[ROUNDS / 2] / floor,
           whole[ROUNDS / 2] / (double)data->agents, end);
    return TCPK_OK;
}

static void *pinned(size_t size, enum tcpk_status *status, struct tcpk_error *error)
{
    void *memory = NULL;
    if (*status == TCPK_OK)
        *status = tcpk_gpu_pinned_new(size, &memory, error);
    return memory;
}

static enum tcpk_status prepare(struct data *data, struct tcpk_error *error)
{
    const size_t n = data->agents;
    struct tcpk_registry *registry = NULL;
    struct random random = {1};
    enum tcpk_status status = tcpk_gpu_open(0, 0, &data->gpu, error);
    data->keys = pinned(8 * n, &status, error);
    data->rows = pinned(4 * 24 * HISTORY * n, &status, error);
    data->baselines = pinned(4 * 24 * n, &status, error);
    data->scores = pinned(4 * n, &status, error);
    data->votes = pinned(VOTERS * n, &status, error);
    data->bytes = pinned(n, &status, error);
    data->descriptors = pinned(24 * n, &status, error);
    data->passed = pinned((n + 7) / 8, &status, error);
    const size_t commands = n < COMMANDS ? n : COMMANDS;
    if (status == TCPK_OK)
        status = tcpk_registry_generate(commands, 7, &registry, error);
    if (status != TCPK_OK)
        return status;
    const uint64_t *known = tcpk_registry_keys(registry);
    for (size_t i = 0; i < n; i++)
        data->keys[i] = known[random_below(&random, commands)];
    for (size_t i = 0; i < 24 * HISTORY * n; i++)
        data->rows[i] = random_float(&random);
    for (size_t i = 0; i < 24 * n; i++)
        data->baselines[i] = random_float(&random);
    for (size_t i = 0; i < VOTERS * n; i++)
        data->votes[i] = (uint8_t)random_below(&random, 2);
    status = tcpk_gpu_load(data->gpu, known, tcpk_registry_descriptors(registry), commands, error);
    tcpk_registry_free(registry);
    return status;
}

static void tidy(struct data *data)
{
    void *const taken[] = {data->keys,  data->rows,  data->baselines,   data->scores,
                           data->votes, data->bytes, data->descriptors, data->passed};
    for (size_t i = 0; i < sizeof taken / sizeof *taken; i++)
        tcpk_gpu_pinned_delete(taken[i]);
    tcpk_gpu_close(data->gpu);
}

int main(int count, char **arguments)
{
    struct data data = {.agents = count == 2 ? strtoul(arguments[1], NULL, 10) : 0};
    if (data.agents == 0 || data.agents > UINT32_MAX) {
        fprintf(stderr, "usage: bench_gpu AGENTS (1 to %u)\n", UINT32_MAX);
        return 2;
    }
    struct tcpk_error error = {0};
    enum tcpk_status status = prepare(&data, &error);
    const size_t most = sizeof OPERATIONS / sizeof *OPERATIONS;
    if (status == TCPK_OK) {
        struct tcpk_gpu_about about;
        tcpk_gpu_describe(data.gpu, &about);
        printf("{\"variant\": \"%s\", \"device\": \"%s\", \"driver\": %d, \"agents\": %zu, \"unit\": \"ns an item\", "
               "\"rounds\": %d, \"rows\": [\n",
               tcpk_gpu_variant(), about.name, about.driver, data.agents, ROUNDS);
    }
    for (size_t i = 0; i < most && status == TCPK_OK; i++)
        status = measure(&data, &OPERATIONS[i], i + 1 < most ? "," : "\n]}", &error);
    tidy(&data);
    if (status != TCPK_OK)
        fprintf(stderr, "%s\n", error.message);
    return status == TCPK_OK ? 0 : 1;
}
