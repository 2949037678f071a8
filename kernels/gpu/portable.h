/* What the kernels and their host code ask of a GPU runtime, in one spelling: CUDA under nvcc, HIP under hipcc, and
 * plain C++ (on_cpu.h), where a loop over the threads runs the same source under a sanitizer and a debugger. */
#ifndef TCPK_GPU_PORTABLE_H
#define TCPK_GPU_PORTABLE_H

#include <stddef.h>
#include <stdint.h>

#if defined(__CUDACC__)
#include <cuda_runtime.h>
#define GPU(name) cuda##name
#define GPU_VARIANT "cuda"
typedef cudaDeviceProp gpu_properties;
#elif defined(__HIPCC__)
#include <hip/hip_runtime.h>
#define GPU(name) hip##name
#define GPU_VARIANT "hip"
typedef hipDeviceProp_t gpu_properties;
#else
#include "on_cpu.h"
#define GPU(name) onCpu##name
#define GPU_VARIANT "on-cpu"
typedef onCpuProperties gpu_properties;
#endif

typedef GPU(Error_t) gpu_error;
typedef GPU(Stream_t) gpu_stream;
typedef GPU(Event_t) gpu_event;

#if defined(__CUDACC__) || defined(__HIPCC__)
#define GPU_BLOCK 256u /* threads: a multiple of every warp */
#define GPU_DEVICE __device__ static inline
#define GPU_KERNEL __global__ static void

GPU_DEVICE uint64_t gpu_thread(void)
{
    return (uint64_t)blockIdx.x * blockDim.x + threadIdx.x;
}

/* 32 on NVIDIA and on AMD's RDNA, 64 on AMD's CDNA. */
GPU_DEVICE unsigned gpu_warp_width(void)
{
    return (unsigned)warpSize;
}

GPU_DEVICE uint64_t gpu_warp(void)
{
    return gpu_thread() / gpu_warp_width();
}

GPU_DEVICE bool gpu_leads_warp(void)
{
    return threadIdx.x % gpu_warp_width() == 0;
}

/* Bit i: what the predicate says of lane i. All lanes of the warp call it together. */
template <class Predicate> GPU_DEVICE uint64_t gpu_ballot(Predicate predicate)
{
    const bool mine = predicate(threadIdx.x % gpu_warp_width());
#if defined(__CUDACC__)
    return __ballot_sync(0xffffffffu, mine);
#else
    return __ballot(mine);
#endif
}

GPU_DEVICE unsigned gpu_count_bits(uint64_t bits)
{
    return (unsigned)__popcll(bits);
}

#define GPU_BLOCKS(threads) (unsigned)(((threads) + GPU_BLOCK - 1) / GPU_BLOCK)
/* One thread an item; kernels refuse what the last block has too many. Warps: so many groups of `width` threads. */
#define GPU_LAUNCH(kernel, items, stream, ...) kernel<<<GPU_BLOCKS(items), GPU_BLOCK, 0, stream>>>(__VA_ARGS__)
#define GPU_LAUNCH_WARPS(kernel, warps, width, stream, ...)                                                            \
    kernel<<<GPU_BLOCKS((warps) * (width)), GPU_BLOCK, 0, stream>>>(__VA_ARGS__)
#endif

/* Memory that a device copies from and to without the driver's own staging. */
static inline gpu_error gpu_pinned_new(void **address, size_t size)
{
#if defined(__HIPCC__)
    return hipHostMalloc(address, size, 0);
#else
    return GPU(MallocHost)(address, size);
#endif
}

static inline gpu_error gpu_pinned_delete(void *address)
{
#if defined(__HIPCC__)
    return hipHostFree(address);
#else
    return GPU(FreeHost)(address);
#endif
}

#endif
