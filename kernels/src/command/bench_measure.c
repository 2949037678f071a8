/* What the measurements share. Each round times a block of calls, so that the clock's own cost (about 25 ns) is spread
 * thin, and its floor right after, so that both see the same machine. */
#define _GNU_SOURCE
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include "bench.h"

double bench_now(void)
{
    struct timespec time;
    clock_gettime(CLOCK_MONOTONIC, &time);
    return 1e9 * (double)time.tv_sec + (double)time.tv_nsec;
}

#if defined(__x86_64__)
__attribute__((target("avx2"))) static void load_wide(const uint8_t *at, size_t size)
{
    size_t i = 0;
    for (; i + 128 <= size; i += 128) {
        /* Loads alone: nothing is done with what they bring. */
        __asm__ volatile("vmovdqu (%0), %%ymm0\n\tvmovdqu 32(%0), %%ymm1\n\t"
                         "vmovdqu 64(%0), %%ymm2\n\tvmovdqu 96(%0), %%ymm3"
                         :
                         : "r"(at + i)
                         : "memory", "xmm0", "xmm1", "xmm2", "xmm3");
    }
    for (; i + 32 <= size; i += 32)
        __asm__ volatile("vmovdqu (%0), %%ymm0" : : "r"(at + i) : "memory", "xmm0");
    for (; i < size; i++)
        bench_use(at[i]);
    __asm__ volatile("vzeroupper" ::: "xmm0");
}
#endif

static void load_words(const uint8_t *at, size_t size)
{
    size_t i = 0;
    for (; i + 8 <= size; i += 8) {
        uint64_t word;
        memcpy(&word, at + i, 8);
        bench_use(word);
    }
    for (; i < size; i++)
        bench_use(at[i]);
}

void bench_load(const void *memory, size_t size)
{
#if defined(__x86_64__)
    if (strcmp(tcpk_variant(), "generic") != 0) {
        load_wide(memory, size);
        return;
    }
#endif
    load_words(memory, size);
}

void bench_fill(uint8_t *bytes, size_t size, uint64_t seed)
{
    for (size_t i = 0; i < size; i++)
        bytes[i] = (uint8_t)next_random(&seed);
}

void bench_shuffle(uint32_t *order, uint32_t count, uint64_t seed)
{
    for (uint32_t i = 0; i < count; i++)
        order[i] = i;
    for (uint32_t i = count - 1; i > 0; i--) {
        const uint32_t j = (uint32_t)(next_random(&seed) % (i + 1));
        const uint32_t kept = order[i];
        order[i] = order[j];
        order[j] = kept;
    }
}
