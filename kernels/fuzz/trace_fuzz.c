/* Any text is read as a trace; what is accepted has one event a line that is not empty. */
#define _GNU_SOURCE
#include "input.h"
#include "trace.h"

int LLVMFuzzerTestOneInput(const uint8_t *bytes, size_t length)
{
    if (!length)
        return 0;
    FILE *file = fmemopen((void *)(uintptr_t)bytes, length, "r"); /* only read */
    REQUIRE(file);
    struct trace trace = {0};
    struct tcpk_error error = {0};
    size_t lines = 0;
    for (size_t i = 0; i < length; i++)
        lines += bytes[i] != '\n' && (i == 0 || bytes[i - 1] == '\n');
    if (trace_read(file, &trace, &error))
        REQUIRE(trace.count == lines);
    else
        REQUIRE(error.status == TCPK_ERROR_ARGUMENT && error.offset >= 1 && error.message[0]);
    for (size_t i = 0; i < trace.count; i++)
        REQUIRE(trace.agents[i] <= trace.most);
    trace_free(&trace);
    fclose(file);
    return 0;
}
