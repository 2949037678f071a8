#define _GNU_SOURCE
#include "place.h"

#include <inttypes.h>
#include <sched.h>
#include <stdio.h>
#include <string.h>

#include "tcpk/tcpk.h"

static void append(char *text, size_t size, const char *words)
{
    const size_t length = strlen(text);
    snprintf(text + length, size - length, "%s", words);
}

void place_cpus(char *text, size_t size)
{
    snprintf(text, size, "unknown");
    cpu_set_t set; /* 1,024 CPUs; on a larger machine the kernel refuses, and the answer stays unknown */
    if (sched_getaffinity(0, sizeof set, &set) != 0)
        return;
    text[0] = '\0';
    for (int first = 0; first < CPU_SETSIZE; first++) {
        if (!CPU_ISSET(first, &set))
            continue;
        int last = first;
        while (last + 1 < CPU_SETSIZE && CPU_ISSET(last + 1, &set))
            last++;
        char part[32];
        snprintf(part, sizeof part, first == last ? "%s%d" : "%s%d-%d", *text ? "," : "", first, last);
        append(text, size, part);
        first = last;
    }
}

void place_scheduling(char *text, size_t size)
{
    static const struct {
        int policy;
        const char *name;
    } CLASSES[] = {{SCHED_OTHER, "SCHED_OTHER"},
                   {SCHED_FIFO, "SCHED_FIFO"},
                   {SCHED_RR, "SCHED_RR"},
                   {SCHED_BATCH, "SCHED_BATCH"},
                   {SCHED_IDLE, "SCHED_IDLE"}};
    struct sched_param parameters = {0};
    const int policy = sched_getscheduler(0);
    const char *name = "unknown";
    for (size_t i = 0; i < sizeof CLASSES / sizeof *CLASSES; i++)
        name = CLASSES[i].policy == policy ? CLASSES[i].name : name;
    if (sched_getparam(0, &parameters) == 0 && parameters.sched_priority > 0)
        snprintf(text, size, "%s %d", name, parameters.sched_priority);
    else
        snprintf(text, size, "%s", name);
}

void place_pages(char *text, size_t size)
{
    text[0] = '\0';
    for (int kind = TCPK_PAGES_KINDS - 1; kind >= 0; kind--) {
        const uint64_t bytes = tcpk_memory_peak((enum tcpk_pages)kind);
        char part[64];
        snprintf(part, sizeof part, "%s%" PRIu64 " KiB of %s", *text ? ", " : "", bytes >> 10,
                 tcpk_pages_name((enum tcpk_pages)kind));
        if (bytes)
            append(text, size, part);
    }
    if (!*text)
        snprintf(text, size, "none");
}
