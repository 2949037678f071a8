#define _GNU_SOURCE
#include <time.h>

#include "internal.h"

int64_t tcpk_now(void)
{
    struct timespec time;
    clock_gettime(CLOCK_MONOTONIC, &time);
    return (int64_t)time.tv_sec * 1000000000 + time.tv_nsec;
}
