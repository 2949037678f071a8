#include "internal.h"

#if defined(__x86_64__)
#include <cpuid.h>

/* What the operating system saves on a context switch; without it wide registers are lost whatever the CPU has. */
static uint64_t extended_state(void)
{
    uint32_t low, high;
    __asm__ volatile("xgetbv" : "=a"(low), "=d"(high) : "c"(0));
    return (uint64_t)high << 32 | low;
}

bool tcpk_cpu_has_avx2(void)
{
    unsigned a, b, c, d;
    const uint64_t sse_and_avx_state = 6;
    if (!__get_cpuid(1, &a, &b, &c, &d) || !(c & bit_OSXSAVE) || !(c & bit_AVX) || !(c & bit_POPCNT))
        return false;
    if ((extended_state() & sse_and_avx_state) != sse_and_avx_state)
        return false;
    return __get_cpuid_count(7, 0, &a, &b, &c, &d) && (b & bit_AVX2) && (b & bit_BMI);
}

bool tcpk_cpu_has_avx512(void)
{
    unsigned a, b, c, d;
    const uint64_t mask_and_upper_state = 0xe0;
    const unsigned wanted = bit_AVX512F | bit_AVX512BW | bit_AVX512DQ | bit_AVX512VL;
    if (!tcpk_cpu_has_avx2() || (extended_state() & mask_and_upper_state) != mask_and_upper_state)
        return false;
    return __get_cpuid_count(7, 0, &a, &b, &c, &d) && (b & wanted) == wanted;
}

bool tcpk_cpu_has_vnni(void)
{
    unsigned a, b, c, d;
    return tcpk_cpu_has_avx512() && __get_cpuid_count(7, 0, &a, &b, &c, &d) && (c & bit_AVX512VNNI);
}
#else
bool tcpk_cpu_has_avx2(void)
{
    return false;
}

bool tcpk_cpu_has_avx512(void)
{
    return false;
}

bool tcpk_cpu_has_vnni(void)
{
    return false;
}
#endif
