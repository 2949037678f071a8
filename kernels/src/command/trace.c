#define _GNU_SOURCE
#include "trace.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

#define DIGITS (2 * TCPK_FEATURES)
#define MOST_SHOWN 60

static bool grow(struct trace *trace)
{
    if (trace->count < trace->capacity)
        return true;
    const size_t capacity = trace->capacity ? 2 * trace->capacity : 1024;
    uint32_t *agents = realloc(trace->agents, capacity * sizeof *agents);
    if (agents)
        trace->agents = agents;
    uint64_t *keys = realloc(trace->keys, capacity * sizeof *keys);
    if (keys)
        trace->keys = keys;
    uint8_t *features = realloc(trace->features, capacity * TCPK_FEATURES);
    if (features)
        trace->features = features;
    if (!agents || !keys || !features)
        return false;
    trace->capacity = capacity;
    return true;
}

static int digit(char character)
{
    if (character >= '0' && character <= '9')
        return character - '0';
    if (character >= 'a' && character <= 'f')
        return character - 'a' + 10;
    return -1;
}

static bool read_features(const char *text, size_t length, uint8_t *features)
{
    if (length != DIGITS)
        return false;
    for (size_t i = 0; i < TCPK_FEATURES; i++) {
        const int high = digit(text[2 * i]), low = digit(text[2 * i + 1]);
        if (high < 0 || low < 0)
            return false;
        features[i] = (uint8_t)(high << 4 | low);
    }
    return true;
}

/* An agent id of decimal digits alone, up to `end`. */
static bool read_agent(const char *text, const char *end, uint32_t *agent)
{
    uint64_t value = 0;
    for (const char *at = text; at < end; at++) {
        if (*at < '0' || *at > '9')
            return false;
        value = 10 * value + (uint64_t)(*at - '0');
        if (value > UINT32_MAX - 1)
            return false;
    }
    *agent = (uint32_t)value;
    return end > text;
}

/* One line of `length` bytes without its newline; false when it is no event. There is room for one. */
static bool read_event(struct trace *trace, const char *line, size_t length)
{
    const char *const end = line + length, *tab = memchr(line, '\t', length);
    uint32_t agent;
    if (!tab || tab + 1 == end || !read_agent(line, tab, &agent))
        return false;
    const char *const name = tab + 1, *const second = memchr(name, '\t', (size_t)(end - name));
    uint8_t *features = trace->features + trace->count * TCPK_FEATURES;
    if (!second)
        memset(features, 0, TCPK_FEATURES);
    else if (second == name || !read_features(second + 1, (size_t)(end - second - 1), features))
        return false;
    trace->agents[trace->count] = agent;
    trace->keys[trace->count++] = tcpk_key(name, (size_t)((second ? second : end) - name));
    trace->most = agent > trace->most ? agent : trace->most;
    return true;
}

static bool fail(struct tcpk_error *error, enum tcpk_status status, size_t number, const char *line, size_t length)
{
    error->status = status;
    error->offset = number;
    if (status == TCPK_ERROR_ARGUMENT)
        snprintf(error->message, sizeof error->message,
                 "line %zu: '%.*s'; allowed: agent id (0 to %u) <TAB> command name, and if there are features <TAB> "
                 "%u hexadecimal digits",
                 number, (int)(length < MOST_SHOWN ? length : MOST_SHOWN), line, UINT32_MAX - 1, DIGITS);
    else
        snprintf(error->message, sizeof error->message, "line %zu: %s", number,
                 status == TCPK_ERROR_IO ? strerror(errno) : "no memory");
    return false;
}

bool trace_read(FILE *file, struct trace *trace, struct tcpk_error *error)
{
    char *line = NULL;
    size_t size = 0, number = 1;
    bool good = true;
    for (ssize_t got; good; number++) {
        errno = 0;
        got = getline(&line, &size, file);
        if (got < 0) {
            if (!feof(file))
                good = fail(error, errno == ENOMEM ? TCPK_ERROR_MEMORY : TCPK_ERROR_IO, number, NULL, 0);
            break;
        }
        const size_t length = got && line[got - 1] == '\n' ? (size_t)got - 1 : (size_t)got;
        if (!length)
            continue;
        if (!grow(trace))
            good = fail(error, TCPK_ERROR_MEMORY, number, NULL, 0);
        else if (!read_event(trace, line, length))
            good = fail(error, TCPK_ERROR_ARGUMENT, number, line, length);
    }
    free(line);
    return good;
}

void trace_free(struct trace *trace)
{
    free(trace->agents);
    free(trace->keys);
    free(trace->features);
    *trace = (struct trace){0};
}
