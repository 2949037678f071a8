/* Where the command runs: what the host, or a container's limits, give it. */
#ifndef TCPK_PLACE_H
#define TCPK_PLACE_H

#include <stddef.h>

/* The CPUs that this process may run on, as the kernel writes lists ("0-1,4"); "unknown" where it does not tell. */
void place_cpus(char *text, size_t size);

/* "SCHED_OTHER", "SCHED_FIFO 50": the scheduling class, and the priority where the class has one. */
void place_scheduling(char *text, size_t size);

/* "65536 KiB of 2 MiB, 24 KiB of 4 KiB": the most memory that the library had at once, by kind of page. */
void place_pages(char *text, size_t size);

#endif
