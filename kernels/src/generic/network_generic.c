#include "generic.h"

size_t tcpk_count_votes_generic(const uint8_t *votes, size_t n)
{
    size_t count = 0;
    for (size_t i = 0; i < n; i++)
        count += votes[i] != 0;
    return count;
}
