/* The subcommands of tcp_behavioral_engine. Each takes its own arguments and returns the exit code: 0 ok, 1 a check
 * failed, 2 usage or bad input. */
#ifndef TCPK_COMMAND_H
#define TCPK_COMMAND_H

#include "tcpk/tcpk.h"

enum { EXIT_OK = 0, EXIT_FAILED = 1, EXIT_USAGE = 2 };

struct arguments {
    const char *registry; /* --registry, or the file of `registry` */
    const char *trace;
    bool json;
    long rounds;
};

int command_validate(const struct arguments *arguments);
int command_bench(const struct arguments *arguments);
int command_replay(const struct arguments *arguments);
int command_registry(const struct arguments *arguments);

/* One line on standard error; returns EXIT_USAGE. */
int complain(const char *format, ...) __attribute__((format(printf, 1, 2)));

/* The registry of a path, or a generated one for NULL; complains and returns NULL when it cannot be had. */
struct tcpk_registry *open_registry(const char *path, size_t generated);

/* A random number generator that repeats: splitmix64. */
static inline uint64_t next_random(uint64_t *state)
{
    uint64_t mixed = (*state += 0x9e3779b97f4a7c15u);
    mixed = (mixed ^ mixed >> 30) * 0xbf58476d1ce4e5b9u;
    mixed = (mixed ^ mixed >> 27) * 0x94d049bb133111ebu;
    return mixed ^ mixed >> 31;
}

#endif
