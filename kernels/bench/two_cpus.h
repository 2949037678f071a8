/* Two CPUs for two processes, on two cores where that may be had. */
#ifndef TCPK_TWO_CPUS_H
#define TCPK_TWO_CPUS_H

#include <sched.h>
#include <stdio.h>

static inline int core_of(int cpu)
{
    char path[96];
    int core = -1;
    snprintf(path, sizeof path, "/sys/devices/system/cpu/cpu%d/topology/core_id", cpu);
    FILE *file = fopen(path, "r");
    if (file && fscanf(file, "%d", &core) != 1)
        core = -1;
    if (file)
        fclose(file);
    return core;
}

/* The first CPU that may be used, and the first on another core, else the second; -1 where there is none. */
static inline void two_cpus(int cpus[2])
{
    cpu_set_t allowed;
    cpus[0] = cpus[1] = -1;
    if (sched_getaffinity(0, sizeof allowed, &allowed) != 0)
        return;
    for (int cpu = 0; cpu < CPU_SETSIZE; cpu++) {
        if (!CPU_ISSET(cpu, &allowed))
            continue;
        if (cpus[0] < 0)
            cpus[0] = cpu;
        else if (cpus[1] < 0 || core_of(cpus[1]) == core_of(cpus[0]))
            cpus[1] = cpus[1] < 0 || core_of(cpu) != core_of(cpus[0]) ? cpu : cpus[1];
    }
}

static inline void pin(int cpu)
{
    cpu_set_t set;
    CPU_ZERO(&set);
    CPU_SET(cpu, &set);
    (void)sched_setaffinity(0, sizeof set, &set);
}

#endif
