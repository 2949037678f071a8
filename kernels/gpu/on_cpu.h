/* The part of a GPU runtime that portable.h needs, on the CPU: for tests. "Device" memory is memory of its own from the
 * heap, so that a sanitizer sees every access beyond it; threads run one after another, those of a warp as one. */
#ifndef TCPK_GPU_ON_CPU_H
#define TCPK_GPU_ON_CPU_H

#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#ifndef GPU_ON_CPU_WARP
#define GPU_ON_CPU_WARP 32 /* or 64 */
#endif

#define GPU_BLOCK 256u
#define GPU_DEVICE static inline
#define GPU_KERNEL static void

typedef int onCpuError_t;
typedef int onCpuStream_t;
typedef struct timespec *onCpuEvent_t;
enum { onCpuSuccess = 0, onCpuErrorMemoryAllocation = 2, onCpuStreamNonBlocking = 1 };
enum onCpuMemcpyKind { onCpuMemcpyHostToDevice, onCpuMemcpyDeviceToHost, onCpuMemcpyDeviceToDevice };

struct onCpuProperties {
    char name[256];
    int warpSize;
    size_t totalGlobalMem;
};

/* The running thread's number; the warp's number in a kernel of warps. */
static uint64_t on_cpu_place;

static inline uint64_t gpu_thread(void)
{
    return on_cpu_place;
}

static inline uint64_t gpu_warp(void)
{
    return on_cpu_place;
}

static inline unsigned gpu_warp_width(void)
{
    return GPU_ON_CPU_WARP;
}

static inline bool gpu_leads_warp(void)
{
    return true;
}

template <class Predicate> static inline uint64_t gpu_ballot(Predicate predicate)
{
    uint64_t bits = 0;
    for (unsigned lane = 0; lane < GPU_ON_CPU_WARP; lane++)
        bits |= (uint64_t)predicate(lane) << lane;
    return bits;
}

static inline unsigned gpu_count_bits(uint64_t bits)
{
    return (unsigned)__builtin_popcountll(bits);
}

/* Whole blocks, as on a device. */
#define ON_CPU_LOOP(count, together, kernel, ...)                                                                      \
    do {                                                                                                               \
        const uint64_t most = ((count) + (together)-1) / (together) * (together);                                      \
        for (on_cpu_place = 0; on_cpu_place < most; on_cpu_place++)                                                    \
            kernel(__VA_ARGS__);                                                                                       \
    } while (0)
#define GPU_LAUNCH(kernel, items, stream, ...) ON_CPU_LOOP(items, GPU_BLOCK, kernel, __VA_ARGS__)
#define GPU_LAUNCH_WARPS(kernel, warps, width, stream, ...) ON_CPU_LOOP(warps, GPU_BLOCK / (width), kernel, __VA_ARGS__)

static inline onCpuError_t onCpuGetDeviceCount(int *count)
{
    *count = 1;
    return onCpuSuccess;
}

static inline onCpuError_t onCpuSetDevice(int)
{
    return onCpuSuccess;
}

static inline onCpuError_t onCpuGetDeviceProperties(onCpuProperties *properties, int)
{
    snprintf(properties->name, sizeof properties->name, "the CPU, in warps of %d", GPU_ON_CPU_WARP);
    properties->warpSize = GPU_ON_CPU_WARP;
    properties->totalGlobalMem = (size_t)64 << 20;
    return onCpuSuccess;
}

static inline onCpuError_t onCpuDriverGetVersion(int *version)
{
    *version = 0;
    return onCpuSuccess;
}

static inline onCpuError_t onCpuMemGetInfo(size_t *left, size_t *total)
{
    *left = *total = (size_t)64 << 20;
    return onCpuSuccess;
}

static inline onCpuError_t onCpuMalloc(void **address, size_t size)
{
    *address = size <= (size_t)64 << 20 ? malloc(size) : NULL;
    return *address ? onCpuSuccess : onCpuErrorMemoryAllocation;
}

static inline onCpuError_t onCpuFree(void *address)
{
    free(address);
    return onCpuSuccess;
}

static inline onCpuError_t onCpuMallocHost(void **address, size_t size)
{
    *address = malloc(size);
    return *address ? onCpuSuccess : onCpuErrorMemoryAllocation;
}

static inline onCpuError_t onCpuFreeHost(void *address)
{
    free(address);
    return onCpuSuccess;
}

static inline onCpuError_t onCpuMemcpyAsync(void *to, const void *from, size_t size, onCpuMemcpyKind, onCpuStream_t)
{
    memcpy(to, from, size);
    return onCpuSuccess;
}

static inline onCpuError_t onCpuStreamCreateWithFlags(onCpuStream_t *stream, int)
{
    *stream = 1;
    return onCpuSuccess;
}

static inline onCpuError_t onCpuStreamDestroy(onCpuStream_t)
{
    return onCpuSuccess;
}

static inline onCpuError_t onCpuStreamSynchronize(onCpuStream_t)
{
    return onCpuSuccess;
}

static inline onCpuError_t onCpuEventCreate(onCpuEvent_t *event)
{
    *event = (onCpuEvent_t)malloc(sizeof **event);
    return *event ? onCpuSuccess : onCpuErrorMemoryAllocation;
}

static inline onCpuError_t onCpuEventDestroy(onCpuEvent_t event)
{
    free(event);
    return onCpuSuccess;
}

static inline onCpuError_t onCpuEventRecord(onCpuEvent_t event, onCpuStream_t)
{
    return clock_gettime(CLOCK_MONOTONIC, event);
}

static inline onCpuError_t onCpuEventElapsedTime(float *milliseconds, onCpuEvent_t begin, onCpuEvent_t end)
{
    *milliseconds =
        (float)((double)(end->tv_sec - begin->tv_sec) * 1e3 + (double)(end->tv_nsec - begin->tv_nsec) * 1e-6);
    return onCpuSuccess;
}

static inline onCpuError_t onCpuGetLastError(void)
{
    return onCpuSuccess;
}

static inline const char *onCpuGetErrorString(onCpuError_t error)
{
    return error == onCpuErrorMemoryAllocation ? "out of memory" : "no error";
}

#endif
