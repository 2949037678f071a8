/* A window of one bit a row. */
#include "stream_state.h"

size_t tcpk_stream_bytes(uint32_t window)
{
    return sizeof(struct stream) + ((size_t)window + 63) / 64 * sizeof(uint64_t);
}

uint32_t tcpk_stream_append(void *memory, uint32_t window, bool anomalous)
{
    return tcpk_append(memory, window, anomalous);
}

uint32_t tcpk_stream_count(const void *memory)
{
    return ((const struct stream *)memory)->anomalous;
}
