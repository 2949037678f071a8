/* A stream's memory, and appending to it inline: the engine does nothing more often. */
#ifndef TCPK_STREAM_STATE_H
#define TCPK_STREAM_STATE_H

#include "internal.h"

struct stream {
    uint32_t cursor; /* the bit that the next row overwrites */
    uint32_t anomalous;
    uint64_t bits[];
};

/* As tcpk_stream_append. */
static inline uint32_t tcpk_append(struct stream *stream, uint32_t window, bool anomalous)
{
    const uint32_t cursor = stream->cursor;
    uint64_t *word = &stream->bits[cursor / 64];
    const uint64_t place = cursor % 64;
    const uint64_t old = *word >> place & 1;
    *word = (*word & ~(1ull << place)) | (uint64_t)anomalous << place;
    stream->anomalous += (uint32_t)anomalous - (uint32_t)old;
    stream->cursor = cursor + 1 == window ? 0 : cursor + 1;
    return stream->anomalous;
}

#endif
