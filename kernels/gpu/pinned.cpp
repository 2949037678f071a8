/* Pinned memory that callers hold: which addresses are, so that batches copy from and to them directly. */
#include <map>
#include <mutex>
#include <new>

#include "device.h"

static std::mutex turn;
static std::map<uintptr_t, uint64_t> ranges; /* begin, size */

enum tcpk_status tcpk_gpu_pinned_new(size_t size, void **address, struct tcpk_error *error)
{
    *address = NULL;
    void *memory = NULL;
    const enum tcpk_status status = gpu_check(gpu_pinned_new(&memory, size ? size : 1), "pinning memory", error);
    if (status != TCPK_OK)
        return status;
    try {
        const std::lock_guard<std::mutex> held(turn);
        ranges[(uintptr_t)memory] = size;
    } catch (const std::bad_alloc &) {
        (void)gpu_pinned_delete(memory);
        return gpu_fail(error, TCPK_ERROR_MEMORY, "no memory to note %zu pinned bytes", size);
    }
    *address = memory;
    return TCPK_OK;
}

void tcpk_gpu_pinned_delete(void *address)
{
    if (!address)
        return;
    {
        const std::lock_guard<std::mutex> held(turn);
        ranges.erase((uintptr_t)address);
    }
    (void)gpu_pinned_delete(address);
}

bool gpu_is_pinned(const void *address, uint64_t size)
{
    const uintptr_t begin = (uintptr_t)address;
    const std::lock_guard<std::mutex> held(turn);
    auto after = ranges.upper_bound(begin);
    if (after == ranges.begin())
        return false;
    const auto range = --after;
    return begin - range->first <= range->second && size <= range->second - (begin - range->first);
}
