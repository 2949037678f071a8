/* bench: every operation with its target and its floor from the same run, as a table or as JSON. */
#define _GNU_SOURCE
#include "bench.h"
#include "place.h"

#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#define BINS 120

static int ascending(const void *left, const void *right)
{
    const double a = *(const double *)left, b = *(const double *)right;
    return (a > b) - (a < b);
}

/* Of sorted samples, nearest rank. */
static double percentile(const double *sorted, size_t count, double share)
{
    size_t rank = (size_t)ceil(share * (double)count);
    return sorted[rank ? rank - 1 : 0];
}

struct figures {
    double median, p99, p999, floor, target, ratio;
    bool holds;
};

static struct figures figures_of(struct row *row)
{
    qsort(row->samples, row->sample_count, sizeof *row->samples, ascending);
    qsort(row->floors, row->floor_count, sizeof *row->floors, ascending);
    struct figures it = {
        .median = percentile(row->samples, row->sample_count, 0.5),
        .p99 = percentile(row->samples, row->sample_count, 0.99),
        .p999 = percentile(row->samples, row->sample_count, 0.999),
        .floor = percentile(row->floors, row->floor_count, 0.5),
    };
    it.target = row->target_ratio > 0 ? row->target_ratio * it.floor : row->target;
    it.ratio = it.median / it.floor;
    it.holds = it.target <= 0 || (row->target_is_p999 ? it.p999 : it.median) < it.target;
    return it;
}

/* A string inside JSON quotes. */
static void print_json_text(const char *text)
{
    putchar('"');
    for (; *text; text++) {
        if (*text == '"' || *text == '\\')
            putchar('\\');
        if ((unsigned char)*text >= 0x20)
            putchar(*text);
    }
    putchar('"');
}

/* Samples by value in bins of equal ratio: [[ns, count], ...], empty ones left out. */
static void print_histogram(const struct row *row)
{
    const double low = row->samples[0] > 0.1 ? row->samples[0] : 0.1, high = row->samples[row->sample_count - 1];
    const double step = pow(high > low ? high / low : 1.01, 1.0 / BINS);
    double edge = low * step;
    size_t count = 0;
    bool first = true;
    putchar('[');
    for (size_t i = 0; i < row->sample_count; i++) {
        while (row->samples[i] > edge && i + 1 < row->sample_count) {
            if (count)
                printf("%s[%.3f, %zu]", first ? "" : ", ", edge / sqrt(step), count);
            first = first && !count;
            count = 0;
            edge *= step;
        }
        count++;
    }
    printf("%s[%.3f, %zu]]", first ? "" : ", ", edge / sqrt(step), count);
}

static void print_json_row(const struct row *row, const struct figures *it, bool last)
{
    printf("    {\"operation\": ");
    print_json_text(row->name);
    printf(", \"variant\": \"%s\", \"unit\": \"ns\", \"median\": %.3f, \"p99\": %.3f, \"p999\": %.3f,\n",
           tcpk_variant(), it->median, it->p99, it->p999);
    if (it->target > 0)
        printf("     \"target\": %.3f, \"target_statistic\": \"%s\", ", it->target,
               row->target_is_p999 ? "p999" : "median");
    else
        printf("     \"target\": null, ");
    printf("\"floor\": %.3f, \"floor_kind\": ", it->floor);
    print_json_text(row->floor_kind);
    printf(", \"ratio_to_floor\": %.3f, \"peers\": [], \"repetitions\": %zu,\n", it->ratio, row->sample_count);
    printf("     \"spread\": {\"min\": %.3f, \"p10\": %.3f, \"p25\": %.3f, \"p75\": %.3f, \"p90\": %.3f},\n",
           row->samples[0], percentile(row->samples, row->sample_count, 0.10),
           percentile(row->samples, row->sample_count, 0.25), percentile(row->samples, row->sample_count, 0.75),
           percentile(row->samples, row->sample_count, 0.90));
    printf("     \"histogram\": ");
    print_histogram(row);
    printf("}%s\n", last ? "" : ",");
}

static void print_json_machine(const struct arguments *arguments, const char *cpu, const char *cpus,
                               const char *scheduling, const char *pages, const char *source, size_t commands)
{
    printf("  ],\n \"machine\": {\"cpu\": ");
    print_json_text(cpu);
    printf(", \"compiler\": \"%s\", \"flags\": \"%s\", \"version\": \"%s\", \"rounds\": %ld,\n", TCPK_COMPILER,
           TCPK_FLAGS, tcpk_version(), arguments->rounds);
    printf("  \"allowed_cpus\": \"%s\", \"scheduling\": \"%s\", \"pages\": \"%s\", \"registry\": ", cpus, scheduling,
           pages);
    print_json_text(source);
    printf(", \"commands\": %zu}}\n", commands);
}

static void read_cpu_name(char *name, size_t size)
{
    char line[256];
    snprintf(name, size, "unknown");
    FILE *file = fopen("/proc/cpuinfo", "r");
    while (file && fgets(line, sizeof line, file)) {
        const char *colon = strchr(line, ':');
        if (strncmp(line, "model name", 10) == 0 && colon) {
            snprintf(name, size, "%s", colon + 2);
            name[strcspn(name, "\n")] = '\0';
            break;
        }
    }
    if (file)
        fclose(file);
}

static void print_table_row(const struct row *row, const struct figures *it)
{
    char target[16] = "-";
    if (it->target > 0)
        snprintf(target, sizeof target, "%.1f", it->target);
    printf("%-46s %8.1f %9.1f %9s  %-6s %9.1f %6.2f  %s\n", row->name, it->median,
           row->target_is_p999 ? it->p999 : it->p99, target, row->target_is_p999 ? "p99.9" : "median", it->floor,
           it->ratio,
           it->target <= 0 ? "-"
           : it->holds     ? "holds"
                           : "MISSED");
}

/* Whether all is there that the rows need. */
static bool prepare(struct row *rows, size_t count, size_t rounds, const struct tcpk_registry *registry)
{
    for (size_t i = 0; i < count; i++) {
        const size_t most = rows[i].most_samples ? rows[i].most_samples : rounds;
        rows[i].samples = malloc(most * sizeof(double));
        rows[i].floors = malloc(rounds * sizeof(double));
        rows[i].state = rows[i].operation->prepare(registry);
        if (!rows[i].samples || !rows[i].floors || !rows[i].state)
            return false;
    }
    return true;
}

/* The rounds from `first` to `end`, after some that do not count. */
static bool turn(struct row *row, size_t first, size_t end, size_t rounds)
{
    const size_t samples = row->sample_count, floors = row->floor_count;
    bool good = true;
    for (size_t i = 0; good && i < BENCH_UNTIMED; i++) {
        good = row->operation->measure(row->state, row, first, rounds);
        row->sample_count = samples;
        row->floor_count = floors;
    }
    for (size_t round = first; good && round < end; round++)
        good = row->operation->measure(row->state, row, round, rounds);
    return good;
}

/* A turn of each row, again and again; where people watch, how far it is. */
static bool measure(struct row *rows, size_t count, size_t rounds)
{
    const bool watched = isatty(STDERR_FILENO);
    bool good = true;
    for (size_t first = 0; good && first < rounds; first += BENCH_TURN) {
        const size_t end = rounds - first > BENCH_TURN ? first + BENCH_TURN : rounds;
        for (size_t i = 0; good && i < count; i++)
            good = turn(&rows[i], first, end, rounds);
        if (watched)
            fprintf(stderr, "\rround %zu of %zu", end, rounds);
    }
    if (watched)
        fprintf(stderr, "\r%*s\r", 40, "");
    return good;
}

static void release(struct row *rows, size_t count)
{
    for (size_t i = 0; i < count; i++) {
        rows[i].operation->release(rows[i].state);
        free(rows[i].samples);
        free(rows[i].floors);
    }
}

int command_bench(const struct arguments *arguments)
{
    struct row rows[] = {
        {.operation = &bench_lookup_single,
         .name = "descriptor lookup",
         .target = 10,
         .floor_kind = "dependent load, same footprint"},
        {.operation = &bench_lookup_batch,
         .name = "descriptor lookup, batch of 1,000,000 entries",
         .target = 10,
         .floor_kind = "one prefetched line a lookup, same footprint"},
        {.operation = &bench_window,
         .name = "behavioral analysis, window",
         .target = 100,
         .floor_kind = "load-only pass over the bytes touched"},
        {.operation = &bench_baseline,
         .name = "behavioral analysis, baseline score",
         .target = 100,
         .floor_kind = "load-only pass over rows and baseline"},
        {.operation = &bench_scan,
         .name = "raw window scan",
         .target_ratio = 1.5,
         .floor_kind = "load-only pass over the matrix"},
        {.operation = &bench_scan_again,
         .name = "raw window scan, same matrix again",
         .target_ratio = 1.5,
         .floor_kind = "load-only pass over the matrix, first-level cache"},
        {.operation = &bench_adapt,
         .name = "network adaptation",
         .target = 1000,
         .floor_kind = "load-only pass over votes and set words"},
        {.operation = &bench_engine,
         .name = "engine event, 1,000,000 agents",
         .target = 1000,
         .target_is_p999 = true,
         .most_samples = BENCH_EVENTS,
         .floor_kind = "one dependent read of an agent's state"},
    };
    const size_t count = sizeof rows / sizeof *rows;
    struct tcpk_registry *registry = open_registry(arguments->registry, 1567);
    if (!registry)
        return EXIT_USAGE;
    char cpu[128], cpus[5 * 1024], scheduling[32], pages[128]; /* each of 1,024 CPUs may stand by itself */
    read_cpu_name(cpu, sizeof cpu);
    place_cpus(cpus, sizeof cpus);
    place_scheduling(scheduling, sizeof scheduling);
    const char *source = arguments->registry ? arguments->registry : "generated";
    if (arguments->json) {
        printf("{\"rows\": [\n");
    } else {
        printf("%s, %s %s, variant %s, medians of %ld rounds, registry: %s (%zu commands)\n", cpu, TCPK_COMPILER,
               TCPK_FLAGS, tcpk_variant(), arguments->rounds, source, tcpk_registry_count(registry));
        printf("CPUs %s, %s\n", cpus, scheduling);
        printf("%-46s %8s %9s %9s  %-6s %9s %6s\n", "operation (ns)", "median", "p99(.9)", "target", "of", "floor",
               "ratio");
    }
    const size_t rounds = (size_t)arguments->rounds;
    const bool good = prepare(rows, count, rounds, registry) && measure(rows, count, rounds);
    bool all_hold = true;
    for (size_t i = 0; good && i < count; i++) {
        const struct figures it = figures_of(&rows[i]);
        all_hold = all_hold && it.holds;
        if (arguments->json)
            print_json_row(&rows[i], &it, i + 1 == count);
        else
            print_table_row(&rows[i], &it);
    }
    place_pages(pages, sizeof pages);
    if (arguments->json && good)
        print_json_machine(arguments, cpu, cpus, scheduling, pages, source, tcpk_registry_count(registry));
    else if (good)
        printf("memory at its most: %s\n", pages);
    release(rows, count);
    tcpk_registry_free(registry);
    if (!good)
        return complain("not enough memory, or an empty registry");
    return all_hold ? EXIT_OK : EXIT_FAILED;
}
