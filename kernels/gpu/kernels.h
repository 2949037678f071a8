/* The kernels: lookup and decision of keys, baseline scores, votes. What each computes is defined by the library's
 * generic variants; integers agree exactly, and so do scores, bit by bit: the order of additions is that of behavior.h,
 * and no multiply and add become one (--fmad=false, -ffp-contract=off). */
#ifndef TCPK_GPU_KERNELS_H
#define TCPK_GPU_KERNELS_H

#include <math.h>

#include "portable.h"
#include "table_view.h"
#include "tcpk/behavior.h"
#include "tcpk/descriptor.h"

/* Of an entry: its first eight bytes, which say whose it is, and the body, as little-endian words. */
struct gpu_entry {
    uint64_t stored, low, high;
};

/* All as in tcpk/lookup_inline.h. */
GPU_DEVICE uint64_t gpu_mixed(const struct tcpk_table_view &table, uint64_t key)
{
    const uint64_t product = (key ^ key >> 32) * table.seed;
    return table.mixes ? product ^ product >> 32 : key;
}

GPU_DEVICE uint32_t gpu_swapped(uint32_t word)
{
    return word >> 24 | (word >> 8 & 0xff00u) | (word << 8 & 0xff0000u) | word << 24;
}

GPU_DEVICE uint64_t gpu_stored(uint64_t key)
{
    return (uint64_t)gpu_swapped((uint32_t)(key >> 32)) << 32 | gpu_swapped((uint32_t)key);
}

GPU_DEVICE struct gpu_entry gpu_entry_of(const struct tcpk_table_view &table, uint64_t key)
{
    const uint64_t mixed = gpu_mixed(table, key);
    const uint64_t home = (uint32_t)(mixed >> table.home_shift) * table.homes >> 32, column = (mixed & 0xff) * 3 >> 8;
    const uint64_t pilot = ((const uint16_t *)table.pilots)[mixed >> table.group_shift];
    const uint32_t *words = (const uint32_t *)table.lines + 16 * home + 2 * pilot + 5 * column;
    const uint64_t hash = words[1];
    return gpu_entry{words[0] | hash << 32, hash | (uint64_t)words[2] << 32, words[3] | (uint64_t)words[4] << 32};
}

GPU_DEVICE uint64_t gpu_sum_of_bytes(uint64_t word)
{
    uint64_t sum = 0;
    for (unsigned shift = 0; shift < 64; shift += 8)
        sum += word >> shift & 0xff;
    return sum;
}

/* As tcpk_complete in complete.h, in words: the head's six bytes, the body's sixteen, and the sum of all of them. */
GPU_DEVICE void gpu_complete(uint64_t low, uint64_t high, uint64_t *descriptor)
{
    const uint64_t head = 0x020002504354u; /* "TCP", 2, 0, 2 */
    const uint64_t sum = gpu_sum_of_bytes(head) + gpu_sum_of_bytes(low) + gpu_sum_of_bytes(high);
    descriptor[0] = head | low << 48;
    descriptor[1] = low >> 16 | high << 48;
    descriptor[2] = high >> 16 | (sum >> 8 & 0xff) << 48 | (sum & 0xff) << 56;
}

GPU_KERNEL gpu_find(struct tcpk_table_view table, const uint64_t *keys, uint64_t n, uint64_t *descriptors,
                    uint8_t *found)
{
    const uint64_t i = gpu_thread();
    if (i >= n)
        return;
    const struct gpu_entry entry = gpu_entry_of(table, keys[i]);
    uint64_t *descriptor = descriptors + 3 * i;
    found[i] = entry.stored == gpu_stored(keys[i]);
    if (found[i])
        gpu_complete(entry.low, entry.high, descriptor);
    else
        descriptor[0] = descriptor[1] = descriptor[2] = 0;
}

/* The highest risk bit decides; none, or an unknown key, is for a person. */
GPU_DEVICE uint8_t gpu_decision(uint64_t low)
{
    const unsigned risk = (unsigned)(low >> 56); /* byte 7: the flags' last, they are big-endian */
    if (risk & TCPK_RISK_CRITICAL)
        return TCPK_REJECT;
    if (risk & TCPK_RISK_HIGH)
        return TCPK_REQUIRE_APPROVAL;
    if (risk & TCPK_RISK_MEDIUM)
        return TCPK_CAUTION;
    return risk & (TCPK_RISK_LOW | TCPK_RISK_SAFE) ? TCPK_APPROVE : TCPK_REQUIRE_APPROVAL;
}

GPU_KERNEL gpu_decide(struct tcpk_table_view table, const uint64_t *keys, uint64_t n, uint8_t *decisions)
{
    const uint64_t i = gpu_thread();
    if (i >= n)
        return;
    const struct gpu_entry entry = gpu_entry_of(table, keys[i]);
    decisions[i] = entry.stored == gpu_stored(keys[i]) ? gpu_decision(entry.low) : (uint8_t)TCPK_REQUIRE_APPROVAL;
}

/* Squared distance of a row to the baseline; x - x is added to the residue, 0 for a finite x and NaN for the rest. */
GPU_DEVICE double gpu_distance(const float *row, const float *baseline, float *residue)
{
    double lanes[4] = {0.0, 0.0, 0.0, 0.0};
    for (unsigned i = 0; i < TCPK_FEATURES; i++) {
        const double difference = (double)row[i] - (double)baseline[i];
        lanes[i % 4] += difference * difference;
        *residue += row[i] - row[i];
    }
    return (lanes[0] + lanes[2]) + (lanes[1] + lanes[3]);
}

/* A thread an agent; the arithmetic is that of behavior.c. */
GPU_KERNEL gpu_score(const float *rows, const float *baselines, uint64_t agents, uint64_t k, float *scores)
{
    const uint64_t agent = gpu_thread();
    if (agent >= agents)
        return;
    float baseline[TCPK_FEATURES], residue = 0.0f;
    for (unsigned i = 0; i < TCPK_FEATURES; i++) {
        baseline[i] = baselines[agent * TCPK_FEATURES + i];
        residue += baseline[i] - baseline[i];
    }
    double first = 0.0, least = 0.0, most = 0.0;
    double sum[4] = {0.0, 0.0, 0.0, 0.0}, squares[4] = {0.0, 0.0, 0.0, 0.0};
    for (uint64_t i = 0; i < k; i += 4)
        for (unsigned chain = 0; chain < 4; chain++) /* unrolled: chains are registers */
            if (i + chain < k) {
                const float *row = rows + (agent * k + i + chain) * TCPK_FEATURES;
                const double distance = gpu_distance(row, baseline, &residue);
                first = i + chain ? first : distance;
                const double offset = distance - first;
                sum[chain] += offset;
                squares[chain] += offset * offset;
                least = offset < least ? offset : least;
                most = offset > most ? offset : most;
            }
    const double tiny = 1e-10, share = 1.0 / (double)k;
    const double mean = ((sum[0] + sum[2]) + (sum[1] + sum[3])) * share;
    const double variance = ((squares[0] + squares[2]) + (squares[1] + squares[3])) * share - mean * mean;
    const double deviation = sqrt(variance > 0.0 ? variance : 0.0);
    const double above = most - mean, below = mean - least;
    const float score =
        k < 2 || deviation < tiny ? 0.0f : (float)((above > below ? above : below) / (deviation + tiny));
    scores[agent] = residue == 0.0f ? score : INFINITY;
}

/* A warp takes as many suspects as it has lanes, one after another: all lanes read a suspect's votes, and a ballot
 * counts them. Bit i of `passed`, in words of 32, is suspect i's; the words are written whole. */
GPU_KERNEL gpu_votes(const uint8_t *votes, uint64_t m, unsigned n, unsigned needed, uint32_t *passed)
{
    const unsigned width = gpu_warp_width();
    const uint64_t first = gpu_warp() * width;
    if (first >= m)
        return;
    uint64_t bits = 0;
    for (unsigned i = 0; i < width && first + i < m; i++) {
        const uint8_t *own = votes + (first + i) * n;
        unsigned count = 0;
        for (unsigned begin = 0; begin < n; begin += width)
            count +=
                gpu_count_bits(gpu_ballot([=](unsigned lane) { return begin + lane < n && own[begin + lane] != 0; }));
        bits |= (uint64_t)(count >= needed) << i;
    }
    if (gpu_leads_warp()) {
        passed[first / 32] = (uint32_t)bits;
        if (width == 64)
            passed[first / 32 + 1] = (uint32_t)(bits >> 32);
    }
}

#endif
