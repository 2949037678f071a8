/* Opening and closing a device, its table, and the floor of its memory. */
#include "device.h"

#include <algorithm>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define MOST_BUFFERS ((uint64_t)128 << 20) /* unless told: more hides nothing, a part takes milliseconds */

const char *tcpk_gpu_variant(void)
{
    return GPU_VARIANT;
}

const char *tcpk_gpu_version(void)
{
    return TCPK_VERSION;
}

enum tcpk_status gpu_fail(struct tcpk_error *error, enum tcpk_status status, const char *format, ...)
{
    if (error) {
        error->status = status;
        error->offset = 0;
        va_list arguments;
        va_start(arguments, format);
        vsnprintf(error->message, sizeof error->message, format, arguments);
        va_end(arguments);
    }
    return status;
}

enum tcpk_status gpu_check(gpu_error code, const char *doing, struct tcpk_error *error)
{
    if (code == GPU(Success))
        return TCPK_OK;
    (void)GPU(GetLastError)(); /* else the next call would report it again */
    const enum tcpk_status status = code == GPU(ErrorMemoryAllocation) ? TCPK_ERROR_MEMORY : TCPK_ERROR_VARIANT;
    return gpu_fail(error, status, "%s: %s failed: %s", GPU_VARIANT, doing, GPU(GetErrorString)(code));
}

enum tcpk_status tcpk_gpu_count(int *count, struct tcpk_error *error)
{
    *count = 0;
    const enum tcpk_status status = gpu_check(GPU(GetDeviceCount)(count), "looking for devices", error);
    if (status != TCPK_OK)
        return TCPK_ERROR_VARIANT;
    return *count ? TCPK_OK : gpu_fail(error, TCPK_ERROR_VARIANT, "%s: there is no device", GPU_VARIANT);
}

static enum tcpk_status ask(int device, gpu_properties *properties, struct tcpk_error *error)
{
    int count = 0;
    const enum tcpk_status status = tcpk_gpu_count(&count, error);
    if (status != TCPK_OK)
        return status;
    if (device < 0 || device >= count)
        return gpu_fail(error, TCPK_ERROR_RANGE, "device is %d; allowed: 0 to %d", device, count - 1);
    return gpu_check(GPU(GetDeviceProperties)(properties, device), "describing the device", error);
}

enum tcpk_status tcpk_gpu_name(int device, char name[128], struct tcpk_error *error)
{
    gpu_properties properties;
    const enum tcpk_status status = ask(device, &properties, error);
    snprintf(name, 128, "%.127s", status == TCPK_OK ? properties.name : "");
    return status;
}

static enum tcpk_status describe(struct tcpk_gpu *gpu, uint64_t buffers, struct tcpk_error *error)
{
    gpu_properties properties;
    size_t left = 0, total = 0;
    enum tcpk_status status = ask(gpu->number, &properties, error);
    if (status == TCPK_OK)
        status = gpu_check(GPU(SetDevice)(gpu->number), "choosing the device", error);
    if (status == TCPK_OK)
        status = gpu_check(GPU(DriverGetVersion)(&gpu->about.driver), "asking for the driver", error);
    if (status == TCPK_OK)
        status = gpu_check(GPU(MemGetInfo)(&left, &total), "asking for memory", error);
    if (status != TCPK_OK)
        return status;
    snprintf(gpu->about.name, sizeof gpu->about.name, "%.127s", properties.name);
    gpu->about.warp = (unsigned)properties.warpSize;
    gpu->about.memory = total;
    gpu->about.buffers = buffers ? buffers : std::min(MOST_BUFFERS, (uint64_t)left / 4);
    gpu->lane_size = gpu->about.buffers / GPU_LANES / 4096 * 4096;
    if (gpu->about.warp != 32 && gpu->about.warp != 64)
        return gpu_fail(error, TCPK_ERROR_VARIANT, "%s has warps of %u; allowed: 32 or 64", gpu->about.name,
                        gpu->about.warp);
    if (gpu->lane_size == 0)
        return gpu_fail(error, TCPK_ERROR_ARGUMENT, "buffers are %llu bytes; allowed: from %u",
                        (unsigned long long)gpu->about.buffers, 4096 * GPU_LANES);
    return TCPK_OK;
}

static enum tcpk_status prepare(struct gpu_lane *lane, uint64_t size, struct tcpk_error *error)
{
    enum tcpk_status status =
        gpu_check(GPU(StreamCreateWithFlags)(&lane->stream, GPU(StreamNonBlocking)), "making a stream", error);
    if (status == TCPK_OK)
        status = gpu_check(GPU(EventCreate)(&lane->begin), "making an event", error);
    if (status == TCPK_OK)
        status = gpu_check(GPU(EventCreate)(&lane->end), "making an event", error);
    if (status == TCPK_OK)
        status = gpu_check(GPU(Malloc)((void **)&lane->device, size), "taking device memory", error);
    if (status == TCPK_OK)
        status = gpu_check(gpu_pinned_new((void **)&lane->pinned, size), "pinning memory", error);
    return status;
}

/* One suspect with two votes of three: whether the device runs what was compiled for it. */
static enum tcpk_status try_out(struct tcpk_gpu *gpu, struct tcpk_error *error)
{
    const uint8_t votes[6] = {1, 0, 1, 0, 1, 0};
    uint8_t passed = 0;
    const enum tcpk_status status = tcpk_gpu_votes(gpu, votes, 2, 3, 2, &passed, error);
    if (status == TCPK_OK && passed != 1)
        return gpu_fail(error, TCPK_ERROR_VARIANT, "%s counts votes wrongly", gpu->about.name);
    return status;
}

enum tcpk_status tcpk_gpu_open(int device, uint64_t buffers, struct tcpk_gpu **out, struct tcpk_error *error)
{
    *out = NULL;
    struct tcpk_gpu *gpu = (struct tcpk_gpu *)calloc(1, sizeof *gpu);
    if (!gpu)
        return gpu_fail(error, TCPK_ERROR_MEMORY, "no memory for a device");
    gpu->number = device;
    enum tcpk_status status = describe(gpu, buffers, error);
    for (unsigned i = 0; i < GPU_LANES && status == TCPK_OK; i++)
        status = prepare(&gpu->lanes[i], gpu->lane_size, error);
    if (status == TCPK_OK)
        status = try_out(gpu, error);
    if (status == TCPK_OK)
        *out = gpu;
    else
        tcpk_gpu_close(gpu);
    return status;
}

void tcpk_gpu_close(struct tcpk_gpu *gpu)
{
    if (!gpu)
        return;
    if (gpu->about.memory) /* else the device was never reached */
        (void)GPU(SetDevice)(gpu->number);
    for (struct gpu_lane &lane : gpu->lanes) {
        if (lane.pinned)
            (void)gpu_pinned_delete(lane.pinned);
        if (lane.device)
            (void)GPU(Free)(lane.device);
        if (lane.end)
            (void)GPU(EventDestroy)(lane.end);
        if (lane.begin)
            (void)GPU(EventDestroy)(lane.begin);
        if (lane.stream)
            (void)GPU(StreamDestroy)(lane.stream);
    }
    if (gpu->loaded)
        (void)GPU(Free)(const_cast<void *>(gpu->table.lines));
    (void)GPU(GetLastError)();
    free(gpu);
}

void tcpk_gpu_describe(const struct tcpk_gpu *gpu, struct tcpk_gpu_about *about)
{
    *about = gpu->about;
}

double tcpk_gpu_kernel_time(const struct tcpk_gpu *gpu)
{
    return gpu->kernel_time;
}

/* Entries, then pilots, in one allocation. */
static enum tcpk_status upload(struct tcpk_gpu *gpu, struct tcpk_table_view *view, struct tcpk_error *error)
{
    const gpu_stream stream = gpu->lanes[0].stream;
    uint8_t *memory = NULL;
    enum tcpk_status status = gpu_check(GPU(Malloc)((void **)&memory, view->lines_size + view->pilots_size),
                                        "taking device memory for the table", error);
    if (status != TCPK_OK)
        return status;
    status = gpu_check(GPU(MemcpyAsync)(memory, view->lines, view->lines_size, GPU(MemcpyHostToDevice), stream),
                       "copying the table", error);
    if (status == TCPK_OK)
        status = gpu_check(GPU(MemcpyAsync)(memory + view->lines_size, view->pilots, view->pilots_size,
                                            GPU(MemcpyHostToDevice), stream),
                           "copying the table", error);
    const gpu_error ended = GPU(StreamSynchronize)(stream);
    if (status == TCPK_OK)
        status = gpu_check(ended, "copying the table", error);
    if (status != TCPK_OK) {
        (void)GPU(Free)(memory);
        return status;
    }
    view->lines = memory;
    view->pilots = memory + view->lines_size;
    return TCPK_OK;
}

enum tcpk_status tcpk_gpu_load(struct tcpk_gpu *gpu, const uint64_t *keys, const uint8_t *descriptors, size_t count,
                               struct tcpk_error *error)
{
    struct tcpk_table *table = NULL;
    enum tcpk_status status = tcpk_table_create(keys, descriptors, count, &table, error);
    if (status != TCPK_OK)
        return status;
    struct tcpk_table_view view = tcpk_view_table(table);
    status = gpu_check(GPU(SetDevice)(gpu->number), "choosing the device", error);
    if (status == TCPK_OK)
        status = upload(gpu, &view, error);
    tcpk_table_free(table);
    if (status != TCPK_OK)
        return status;
    if (gpu->loaded)
        (void)GPU(Free)(const_cast<void *>(gpu->table.lines));
    gpu->table = view;
    gpu->loaded = true;
    return TCPK_OK;
}

/* One copy of half a lane within the device, by events. */
static enum tcpk_status time_copy(struct gpu_lane *lane, uint64_t half, float *milliseconds, struct tcpk_error *error)
{
    enum tcpk_status status = gpu_check(GPU(EventRecord)(lane->begin, lane->stream), "timing a copy", error);
    if (status == TCPK_OK)
        status = gpu_check(
            GPU(MemcpyAsync)(lane->device + half, lane->device, half, GPU(MemcpyDeviceToDevice), lane->stream),
            "copying within the device", error);
    if (status == TCPK_OK)
        status = gpu_check(GPU(EventRecord)(lane->end, lane->stream), "timing a copy", error);
    if (status == TCPK_OK)
        status = gpu_check(GPU(StreamSynchronize)(lane->stream), "copying within the device", error);
    if (status == TCPK_OK)
        status = gpu_check(GPU(EventElapsedTime)(milliseconds, lane->begin, lane->end), "timing a copy", error);
    return status;
}

enum tcpk_status tcpk_gpu_copy_time(struct tcpk_gpu *gpu, uint64_t bytes, unsigned rounds, double *nanoseconds,
                                    struct tcpk_error *error)
{
    enum { MOST_ROUNDS = 1000 };
    float times[MOST_ROUNDS];
    if (rounds == 0 || rounds > MOST_ROUNDS)
        return gpu_fail(error, TCPK_ERROR_ARGUMENT, "rounds is %u; allowed: 1 to %d", rounds, MOST_ROUNDS);
    const uint64_t half = gpu->lane_size / 2;
    enum tcpk_status status = gpu_check(GPU(SetDevice)(gpu->number), "choosing the device", error);
    for (unsigned i = 0; i < rounds && status == TCPK_OK; i++)
        status = time_copy(&gpu->lanes[0], half, &times[i], error);
    if (status != TCPK_OK)
        return status;
    std::sort(times, times + rounds);
    *nanoseconds = (double)times[rounds / 2] * 1e6 * ((double)bytes / (double)(2 * half));
    return TCPK_OK;
}
