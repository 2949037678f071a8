/* replay: a trace through the engine. A trace has no features, so every row is zeros and none is anomalous: what shows
 * is decisions, votes and quarantine that follow from the commands. */
#define _GNU_SOURCE
#include <errno.h>
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include "command.h"

struct trace {
    uint32_t *agents;
    uint64_t *keys;
    size_t count, capacity;
    uint64_t most; /* largest agent id */
};

static bool grow(struct trace *trace)
{
    if (trace->count < trace->capacity)
        return true;
    trace->capacity = trace->capacity ? 2 * trace->capacity : 1024;
    uint32_t *agents = realloc(trace->agents, trace->capacity * sizeof *agents);
    if (agents)
        trace->agents = agents;
    uint64_t *keys = realloc(trace->keys, trace->capacity * sizeof *keys);
    if (keys)
        trace->keys = keys;
    return agents && keys;
}

/* Read one line of `length` bytes without its newline; complains and returns false when it is no event. */
static bool read_line(struct trace *trace, const char *path, size_t number, const char *line, size_t length)
{
    const char *tab = memchr(line, '\t', length);
    char *end = NULL;
    errno = 0;
    const unsigned long long id = tab && *line >= '0' && *line <= '9' ? strtoull(line, &end, 10) : 0;
    if (!tab || end != tab || errno || id > UINT32_MAX - 1 || (size_t)(tab + 1 - line) == length) {
        complain("%s, line %zu: '%.*s'; allowed: agent id (0 to %u) <TAB> command name", path, number,
                 (int)(length < 60 ? length : 60), line, UINT32_MAX - 1);
        return false;
    }
    if (!grow(trace)) {
        complain("%s, line %zu: no memory", path, number);
        return false;
    }
    trace->agents[trace->count] = (uint32_t)id;
    trace->keys[trace->count++] = tcpk_key(tab + 1, length - (size_t)(tab + 1 - line));
    trace->most = id > trace->most ? id : trace->most;
    return true;
}

static bool read_trace(const char *path, struct trace *trace)
{
    FILE *file = fopen(path, "r");
    if (!file) {
        complain("%s: %s", path, strerror(errno));
        return false;
    }
    char *line = NULL;
    size_t size = 0, number = 0;
    bool good = true;
    for (ssize_t got; good && (got = getline(&line, &size, file)) >= 0;) {
        const size_t length = got && line[got - 1] == '\n' ? (size_t)got - 1 : (size_t)got;
        number++;
        if (length)
            good = read_line(trace, path, number, line, length);
    }
    free(line);
    fclose(file);
    return good;
}

static double now(void)
{
    struct timespec time;
    clock_gettime(CLOCK_MONOTONIC, &time);
    return (double)time.tv_sec + 1e-9 * (double)time.tv_nsec;
}

static int replay(const struct trace *trace, const struct tcpk_table *table)
{
    const struct tcpk_engine_options options = {
        .agents = trace->most + 1,
        .window = 1000,
        .threshold = 4590,
        .suspicion = 3,
        .voters = 1,
        .threads = 1,
    };
    struct tcpk_error error = {0};
    struct tcpk_engine *engine = NULL;
    uint8_t *answers = malloc(2 * trace->count + 1);
    uint8_t *features = calloc(trace->count + 1, TCPK_FEATURES);
    int code = EXIT_OK;
    if (!answers || !features)
        code = complain("no memory for %zu events", trace->count);
    else if (tcpk_engine_create(&options, table, &engine, &error) != TCPK_OK)
        code = complain("%s", error.message);
    else {
        const double begin = now();
        const enum tcpk_status status = tcpk_engine_process(engine, trace->agents, trace->keys, features, trace->count,
                                                            answers, answers + trace->count, &error);
        const double seconds = now() - begin;
        size_t decisions[4] = {0};
        for (size_t i = 0; i < trace->count; i++)
            decisions[answers[i] & 3]++;
        if (status != TCPK_OK)
            code = complain("%s", error.message);
        printf("%zu events of %" PRIu64 " agents in %.6f s\n", trace->count, options.agents, seconds);
        for (int i = 0; i < 4; i++)
            printf("%-16s  %zu\n", tcpk_decision_name((enum tcpk_decision)i), decisions[i]);
        printf("%-16s  %" PRIu64 "\n", "quarantined", tcpk_quarantine_count(tcpk_engine_quarantine(engine)));
    }
    tcpk_engine_free(engine);
    free(answers);
    free(features);
    return code;
}

int command_replay(const struct arguments *arguments)
{
    if (!arguments->registry || !arguments->trace)
        return complain("replay needs --registry FILE and --trace FILE");
    struct tcpk_registry *registry = open_registry(arguments->registry, 0);
    if (!registry)
        return EXIT_USAGE;
    struct tcpk_error error = {0};
    struct tcpk_table *table = NULL;
    struct trace trace = {0};
    int code = EXIT_USAGE;
    if (tcpk_table_of_registry(registry, &table, &error) != TCPK_OK)
        complain("%s: %s", arguments->registry, error.message);
    else if (read_trace(arguments->trace, &trace))
        code = replay(&trace, table);
    free(trace.agents);
    free(trace.keys);
    tcpk_table_free(table);
    tcpk_registry_free(registry);
    return code;
}
