/* Second evidence beside memcheck, on the machine itself: Welch's t-test between the times of two classes of secrets,
 * as dudect does it (Reparaz, Balasch, Verbauwhede 2017). The classes come in random order; samples above the 90th
 * percentile are the machine's, not the secret's, and are left out. |t| above 4.5 says that the classes differ. */
#define _GNU_SOURCE
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <time.h>

#include "../tests/leaky.h"
#include "../tests/random.h"

enum { COMMANDS = 300, CALLS = 64 };
#define SIGNIFICANT 4.5
#define KEPT 0.9

struct subject {
    struct tcpk_registry *registry;
    struct tcpk_table *table;
    uint8_t secrets[2][TCPK_DESCRIPTOR_SIZE]; /* one equal to the public one, one that differs at once */
    uint8_t open[TCPK_DESCRIPTOR_SIZE];
    uint64_t keys[2]; /* of the first record, and of none */
    uint64_t answer;
};

static void compare(struct subject *it, unsigned class)
{
    it->answer += tcpk_descriptor_equal_constant_time(it->secrets[class], it->open);
}

static void compare_leaky(struct subject *it, unsigned class)
{
    it->answer += leaky_compare(it->secrets[class], it->open);
}

static void find_constant_time(struct subject *it, unsigned class)
{
    uint8_t descriptor[TCPK_DESCRIPTOR_SIZE];
    it->answer += tcpk_table_find_constant_time(it->table, it->keys[class], descriptor);
}

static void find_leaky(struct subject *it, unsigned class)
{
    uint8_t descriptor[TCPK_DESCRIPTOR_SIZE];
    it->answer += leaky_find(it->registry, it->keys[class], descriptor);
}

struct sample {
    double time;
    unsigned class;
};

static double now(void)
{
    struct timespec time;
    clock_gettime(CLOCK_MONOTONIC, &time);
    return 1e9 * (double)time.tv_sec + (double)time.tv_nsec;
}

static int ascending(const void *left, const void *right)
{
    const double a = ((const struct sample *)left)->time, b = ((const struct sample *)right)->time;
    return (a > b) - (a < b);
}

/* t of the two classes among the fastest samples. */
static double welch(struct sample *samples, size_t count)
{
    double n[2] = {0}, mean[2] = {0}, squares[2] = {0};
    qsort(samples, count, sizeof *samples, ascending);
    for (size_t i = 0; i < (size_t)(KEPT * (double)count); i++) {
        const unsigned class = samples[i].class;
        const double off = samples[i].time - mean[class];
        mean[class] += off / ++n[class];
        squares[class] += off * (samples[i].time - mean[class]);
    }
    if (n[0] < 2 || n[1] < 2)
        return INFINITY; /* one class is nowhere among the fastest */
    const double spread = squares[0] / (n[0] - 1) / n[0] + squares[1] / (n[1] - 1) / n[1];
    return spread > 0 ? (mean[0] - mean[1]) / sqrt(spread) : 0;
}

static double test(struct subject *it, void (*run)(struct subject *, unsigned), struct sample *samples, size_t count)
{
    struct random random = {5};
    for (size_t i = 0; i < count; i++) {
        const unsigned class = random_next(&random) & 1;
        const double begin = now();
        for (unsigned call = 0; call < CALLS; call++)
            run(it, class);
        samples[i] = (struct sample){now() - begin, class};
    }
    return welch(samples, count);
}

static bool prepare(struct subject *it)
{
    if (tcpk_registry_generate(COMMANDS, 1, &it->registry, NULL) != TCPK_OK ||
        tcpk_table_of_registry(it->registry, &it->table, NULL) != TCPK_OK)
        return false;
    memcpy(it->open, tcpk_registry_descriptors(it->registry), sizeof it->open);
    memcpy(it->secrets[0], it->open, sizeof it->open);
    it->secrets[1][0] = 1;
    it->keys[0] = tcpk_registry_keys(it->registry)[0];
    return true;
}

int main(int argc, char **argv)
{
    static const struct {
        const char *name;
        void (*run)(struct subject *, unsigned);
        bool leaks;
    } CASES[] = {{"compare", compare, false},
                 {"compare, leaky twin", compare_leaky, true},
                 {"find_constant_time", find_constant_time, false},
                 {"find, leaky twin", find_leaky, true}};
    const long count = argc == 2 ? strtol(argv[1], NULL, 10) : 20000;
    struct subject it = {0};
    struct sample *samples = count >= 100 && count <= 10000000 ? malloc((size_t)count * sizeof *samples) : NULL;
    if (!samples || !prepare(&it)) {
        fprintf(stderr, "usage: timing [SAMPLES]; allowed: 100 to 10000000\n");
        return 2;
    }
    bool as_expected = true;
    printf("Welch's t between two classes of secrets, %ld samples of %d calls; |t| > %.1f is a difference\n", count,
           CALLS, SIGNIFICANT);
    for (size_t i = 0; i < sizeof CASES / sizeof *CASES; i++) {
        const double t = test(&it, CASES[i].run, samples, (size_t)count);
        const bool differs = fabs(t) > SIGNIFICANT;
        printf("%-22s %10.1f  %-13s %s\n", CASES[i].name, t, differs ? "difference" : "no difference",
               differs == CASES[i].leaks ? "as expected" : "NOT EXPECTED");
        as_expected = as_expected && differs == CASES[i].leaks;
    }
    free(samples);
    tcpk_table_free(it.table);
    tcpk_registry_free(it.registry);
    return it.answer && as_expected ? 0 : 1;
}
