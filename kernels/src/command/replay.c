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
#include "trace.h"

static bool read_trace(const char *path, struct trace *trace)
{
    FILE *file = fopen(path, "r");
    if (!file) {
        complain("%s: %s", path, strerror(errno));
        return false;
    }
    struct tcpk_error error = {0};
    const bool good = trace_read(file, trace, &error);
    if (!good)
        complain("%s, %s", path, error.message);
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
    trace_free(&trace);
    tcpk_table_free(table);
    tcpk_registry_free(registry);
    return code;
}
