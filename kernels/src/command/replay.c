/* replay: a trace through the engine: decisions, anomalies, quarantine, and the time of every event. In a trace without
 * features every row is zeros and none is anomalous. */
#define _GNU_SOURCE
#include <errno.h>
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include "command.h"
#include "histogram.h"
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

/* ns */
static double now(void)
{
    struct timespec time;
    clock_gettime(CLOCK_MONOTONIC, &time);
    return 1e9 * (double)time.tv_sec + (double)time.tv_nsec;
}

enum { WINDOW = 1000, THRESHOLD = 4590, SUSPICION = 3 };

static uint64_t anomalies_of(const struct trace *trace)
{
    uint64_t anomalies = 0;
    for (size_t i = 0; i < trace->count; i++) {
        uint32_t sum = 0;
        for (size_t j = 0; j < TCPK_FEATURES; j++)
            sum += trace->features[i * TCPK_FEATURES + j];
        anomalies += sum > THRESHOLD;
    }
    return anomalies;
}

/* Each event by itself, its time in the histogram; the clock's own is in it. */
static bool process(struct tcpk_engine *engine, const struct trace *trace, size_t decisions[4], uint64_t *rejected,
                    struct histogram *times, struct tcpk_error *error)
{
    for (size_t i = 0; i < trace->count; i++) {
        uint8_t decision = 0, quarantined = 0;
        const double begin = now();
        const enum tcpk_status status =
            tcpk_engine_process(engine, &trace->agents[i], &trace->keys[i], trace->features + i * TCPK_FEATURES, 1,
                                &decision, &quarantined, error);
        histogram_record(times, (uint64_t)(now() - begin));
        if (status != TCPK_OK)
            return false;
        decisions[decision & 3]++;
        *rejected += quarantined;
    }
    return true;
}

struct outcome {
    const size_t *decisions; /* of each kind */
    uint64_t anomalous, quarantined, rejected;
    const struct histogram *times;
};

static void print_lines(const struct trace *trace, const struct outcome *outcome)
{
    printf("%zu events of %" PRIu64 " agents\n", trace->count, trace->most + UINT64_C(1));
    for (int i = 0; i < 4; i++)
        printf("%-16s  %zu\n", tcpk_decision_name((enum tcpk_decision)i), outcome->decisions[i]);
    printf("%-16s  %" PRIu64 "\n", "anomalous", outcome->anomalous);
    printf("%-16s  %" PRIu64 "\n", "quarantined", outcome->quarantined);
    printf("%-16s  %" PRIu64 "\n", "events of such", outcome->rejected);
    printf("an event takes at most, by share of events\n");
    histogram_print(outcome->times, stdout);
}

static void print_json(const struct trace *trace, const struct outcome *outcome)
{
    printf("{\"events\": %zu, \"agents\": %" PRIu64 ", \"decisions\": {", trace->count, trace->most + UINT64_C(1));
    for (int i = 0; i < 4; i++)
        printf("%s\"%s\": %zu", i ? ", " : "", tcpk_decision_name((enum tcpk_decision)i), outcome->decisions[i]);
    printf("}, \"anomalous\": %" PRIu64 ", \"quarantined\": %" PRIu64 ", \"rejected\": %" PRIu64 ", \"percentiles\": ",
           outcome->anomalous, outcome->quarantined, outcome->rejected);
    histogram_print_json(outcome->times, stdout);
    printf("}\n");
}

static int replay(const struct trace *trace, const struct tcpk_table *table, bool json)
{
    const struct tcpk_engine_options options = {
        .agents = trace->most + 1,
        .window = WINDOW,
        .threshold = THRESHOLD,
        .suspicion = SUSPICION,
        .voters = 1,
        .threads = 1,
    };
    struct tcpk_error error = {0};
    struct tcpk_engine *engine = NULL;
    struct histogram *times = calloc(1, sizeof *times);
    size_t decisions[4] = {0};
    uint64_t rejected = 0;
    if (!times)
        return complain("no memory for a histogram");
    int code = EXIT_OK;
    if (tcpk_engine_create(&options, table, &engine, &error) != TCPK_OK ||
        !process(engine, trace, decisions, &rejected, times, &error)) {
        code = complain("%s", error.message);
    } else {
        const struct outcome outcome = {.decisions = decisions,
                                        .anomalous = anomalies_of(trace),
                                        .quarantined = tcpk_quarantine_count(tcpk_engine_quarantine(engine)),
                                        .rejected = rejected,
                                        .times = times};
        (json ? print_json : print_lines)(trace, &outcome);
    }
    tcpk_engine_free(engine);
    free(times);
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
        code = replay(&trace, table, arguments->json);
    trace_free(&trace);
    tcpk_table_free(table);
    tcpk_registry_free(registry);
    return code;
}
