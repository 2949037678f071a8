/* A window of one bit a row. */
#include "internal.h"

struct stream {
    uint32_t cursor; /* the bit that the next row overwrites */
    uint32_t anomalous;
    uint64_t bits[];
};

size_t tcpk_stream_bytes(uint32_t window)
{
    return sizeof(struct stream) + ((size_t)window + 63) / 64 * sizeof(uint64_t);
}

uint32_t tcpk_stream_append(void *memory, uint32_t window, bool anomalous)
{
    struct stream *stream = memory;
    const uint32_t cursor = stream->cursor;
    uint64_t *word = &stream->bits[cursor / 64];
    const uint64_t place = cursor % 64;
    const uint64_t old = *word >> place & 1;
    *word = (*word & ~(1ull << place)) | (uint64_t)anomalous << place;
    stream->anomalous += (uint32_t)anomalous - (uint32_t)old;
    stream->cursor = cursor + 1 == window ? 0 : cursor + 1;
    return stream->anomalous;
}

uint32_t tcpk_stream_count(const void *memory)
{
    return ((const struct stream *)memory)->anomalous;
}
