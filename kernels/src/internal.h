/* What the library's own files share; not installed. */
#ifndef TCPK_INTERNAL_H
#define TCPK_INTERNAL_H

#include <stdatomic.h>

#include "tcpk/tcpk.h"

/* Fill *error, unless NULL, and return status. */
enum tcpk_status tcpk_fail(struct tcpk_error *error, enum tcpk_status status, uint64_t offset, const char *format, ...)
    __attribute__((format(printf, 4, 5)));

/* One variant: a row of the dispatch table. Arguments were checked by the caller; n = 0 is allowed. */
struct tcpk_kernels {
    const char *name;
    void (*scan_u8)(const uint8_t *matrix, size_t n, uint32_t threshold, struct tcpk_scan_u8 *answer);
    void (*scan_f32)(const float *matrix, size_t n, float threshold, struct tcpk_scan_f32 *answer);
    void (*sums_u8)(const uint8_t *matrix, size_t n, uint16_t *sums);
    void (*sums_f32)(const float *matrix, size_t n, float *sums);
    /* How many of n sums are above the threshold or NaN. */
    size_t (*count_above_f32)(const float *sums, size_t n, float threshold);
    /* Squared distances of k rows to a baseline; false when any input is NaN or infinite. */
    bool (*distances)(const float *rows, size_t k, const float *baseline, double *distances);
    /* Nonzero bytes among n. */
    size_t (*count_votes)(const uint8_t *votes, size_t n);
};

extern const struct tcpk_kernels tcpk_kernels_generic;
#if defined(__x86_64__)
extern const struct tcpk_kernels tcpk_kernels_avx2;
extern const struct tcpk_kernels tcpk_kernels_avx512;
extern const struct tcpk_kernels tcpk_kernels_avx512_vnni; /* the same variant, with the path of a CPU that has VNNI */
#elif defined(__aarch64__)
extern const struct tcpk_kernels tcpk_kernels_neon;
#endif

/* The variant in use, or NULL when TCPK_VARIANT cannot be had. */
const struct tcpk_kernels *tcpk_kernels(void);

/* What the CPU and the operating system support. */
bool tcpk_cpu_has_avx2(void);
bool tcpk_cpu_has_avx512(void); /* F, BW, DQ, VL, and AVX2 */
bool tcpk_cpu_has_vnni(void);   /* in addition */

/* The set's memory: bit a % 64 of word a / 64 is agent a's. */
const _Atomic uint64_t *tcpk_quarantine_words(const struct tcpk_quarantine *set);

static inline bool tcpk_is_in_words(const _Atomic uint64_t *words, uint32_t id)
{
    return atomic_load_explicit(&words[id / 64], memory_order_acquire) >> (id % 64) & 1;
}

static inline uint32_t tcpk_load_big32(const uint8_t *bytes)
{
    return (uint32_t)bytes[0] << 24 | (uint32_t)bytes[1] << 16 | (uint32_t)bytes[2] << 8 | bytes[3];
}

static inline uint16_t tcpk_load_big16(const uint8_t *bytes)
{
    return (uint16_t)(bytes[0] << 8 | bytes[1]);
}

static inline uint64_t tcpk_load_big64(const uint8_t *bytes)
{
    return (uint64_t)tcpk_load_big32(bytes) << 32 | tcpk_load_big32(bytes + 4);
}

static inline void tcpk_store_big(uint8_t *bytes, uint64_t value, unsigned size)
{
    for (unsigned i = 0; i < size; i++)
        bytes[i] = (uint8_t)(value >> (8 * (size - 1 - i)));
}

/* Nanoseconds of the monotonic clock. */
int64_t tcpk_now(void);

#endif
