/* Traces: a line an event, `agent id <TAB> command name`, and where there are features, a <TAB> and 48 hexadecimal
 * digits: 24 features of two digits. */
#ifndef TCPK_TRACE_H
#define TCPK_TRACE_H

#include <stdio.h>

#include "tcpk/tcpk.h"

struct trace {
    uint32_t *agents;
    uint64_t *keys;
    uint8_t *features; /* 24 an event; zeros where the trace has none */
    size_t count, capacity;
    uint64_t most; /* largest agent id */
};

/* Read a file to its end, empty lines left out. On failure *error names the line (its number is the offset) and what
 * is allowed; the caller frees the trace in any case. */
bool trace_read(FILE *file, struct trace *trace, struct tcpk_error *error);
void trace_free(struct trace *trace);

#endif
