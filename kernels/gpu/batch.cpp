/* Batches through the buffers. Each lane in turn takes a part: copy in, kernel, copy out, all on its stream; what the
 * lane did before is fetched when its turn comes again, while the other lane computes. */
#include <string.h>

#include "device.h"

#define ALIGNMENT 256u /* of arrays in a buffer: the widest that a device asks for */

static uint64_t bytes_of(uint64_t items, uint64_t bits)
{
    return (items * bits + 7) / 8;
}

static uint64_t aligned(uint64_t size)
{
    return (size + ALIGNMENT - 1) / ALIGNMENT * ALIGNMENT;
}

/* Room for an array of `count` items; bits are written in whole words of 64 suspects. */
static uint64_t room(uint64_t count, uint64_t bits)
{
    return aligned(bytes_of((count + GPU_TOGETHER - 1) / GPU_TOGETHER * GPU_TOGETHER, bits));
}

/* The most items that fit into a lane, 0 when not even the least part does. */
static uint64_t part_size(const struct tcpk_gpu *gpu, const struct gpu_batch *batch)
{
    const uint64_t lost = 2 * GPU_ARRAYS * ALIGNMENT;
    uint64_t bits = 0;
    for (unsigned i = 0; i < GPU_ARRAYS; i++)
        bits += batch->in[i].bits + batch->out[i].bits;
    if (gpu->lane_size <= lost || bits == 0)
        return 0;
    return (gpu->lane_size - lost) * 8 / bits / GPU_TOGETHER * GPU_TOGETHER;
}

/* Where arrays begin in a lane's memory, by the number of items. */
struct places {
    uint64_t in[GPU_ARRAYS], out[GPU_ARRAYS];
};

static struct places place(const struct gpu_batch *batch, uint64_t count)
{
    struct places places;
    uint64_t at = 0;
    for (unsigned i = 0; i < GPU_ARRAYS; i++) {
        places.in[i] = at;
        at += room(count, batch->in[i].bits);
    }
    for (unsigned i = 0; i < GPU_ARRAYS; i++) {
        places.out[i] = at;
        at += room(count, batch->out[i].bits);
    }
    return places;
}

static enum tcpk_status send(struct gpu_lane *lane, const struct gpu_input *input, uint64_t at,
                             struct tcpk_error *error)
{
    const uint64_t size = bytes_of(lane->count, input->bits);
    if (size == 0)
        return TCPK_OK;
    const uint8_t *from = (const uint8_t *)input->data + bytes_of(lane->first, input->bits);
    if (!gpu_is_pinned(from, size))
        from = (const uint8_t *)memcpy(lane->pinned + at, from, size);
    return gpu_check(GPU(MemcpyAsync)(lane->device + at, from, size, GPU(MemcpyHostToDevice), lane->stream),
                     "copying to the device", error);
}

static enum tcpk_status fetch(struct gpu_lane *lane, const struct gpu_output *output, uint64_t at,
                              struct tcpk_error *error)
{
    const uint64_t size = bytes_of(lane->count, output->bits);
    if (size == 0)
        return TCPK_OK;
    uint8_t *to = (uint8_t *)output->data + bytes_of(lane->first, output->bits);
    if (!gpu_is_pinned(to, size))
        to = lane->pinned + at;
    return gpu_check(GPU(MemcpyAsync)(to, lane->device + at, size, GPU(MemcpyDeviceToHost), lane->stream),
                     "copying from the device", error);
}

static enum tcpk_status begin(struct gpu_lane *lane, const struct gpu_batch *batch, gpu_launch *launch,
                              const void *arguments, struct tcpk_error *error)
{
    const struct places places = place(batch, lane->count);
    struct gpu_part part = {};
    part.count = lane->count;
    part.stream = lane->stream;
    enum tcpk_status status = TCPK_OK;
    for (unsigned i = 0; i < GPU_ARRAYS && status == TCPK_OK; i++) {
        part.in[i] = lane->device + places.in[i];
        part.out[i] = lane->device + places.out[i];
        status = send(lane, &batch->in[i], places.in[i], error);
    }
    if (status == TCPK_OK)
        status = gpu_check(GPU(EventRecord)(lane->begin, lane->stream), "timing a kernel", error);
    if (status == TCPK_OK) {
        launch(arguments, &part);
        status = gpu_check(GPU(GetLastError)(), "starting a kernel", error);
    }
    if (status == TCPK_OK)
        status = gpu_check(GPU(EventRecord)(lane->end, lane->stream), "timing a kernel", error);
    for (unsigned i = 0; i < GPU_ARRAYS && status == TCPK_OK; i++)
        status = fetch(lane, &batch->out[i], places.out[i], error);
    return status;
}

/* Wait for the lane, and hand over what it computed. */
static enum tcpk_status finish(struct tcpk_gpu *gpu, struct gpu_lane *lane, const struct gpu_batch *batch,
                               struct tcpk_error *error)
{
    float milliseconds = 0.0f;
    lane->busy = false;
    enum tcpk_status status = gpu_check(GPU(StreamSynchronize)(lane->stream), "running a kernel", error);
    if (status == TCPK_OK)
        status = gpu_check(GPU(EventElapsedTime)(&milliseconds, lane->begin, lane->end), "timing a kernel", error);
    if (status != TCPK_OK)
        return status;
    gpu->kernel_time += (double)milliseconds * 1e6;
    const struct places places = place(batch, lane->count);
    for (unsigned i = 0; i < GPU_ARRAYS; i++) {
        const uint64_t size = bytes_of(lane->count, batch->out[i].bits);
        if (size == 0)
            continue;
        uint8_t *to = (uint8_t *)batch->out[i].data + bytes_of(lane->first, batch->out[i].bits);
        if (!gpu_is_pinned(to, size))
            memcpy(to, lane->pinned + places.out[i], size);
    }
    return TCPK_OK;
}

/* Nothing may still run when the caller's arrays go. */
static void abandon(struct tcpk_gpu *gpu)
{
    for (struct gpu_lane &lane : gpu->lanes) {
        (void)GPU(StreamSynchronize)(lane.stream);
        lane.busy = false;
    }
}

enum tcpk_status gpu_run(struct tcpk_gpu *gpu, const struct gpu_batch *batch, gpu_launch *launch, const void *arguments,
                         struct tcpk_error *error)
{
    gpu->kernel_time = 0.0;
    if (batch->items == 0)
        return TCPK_OK;
    const uint64_t most = part_size(gpu, batch);
    if (most == 0)
        return gpu_fail(error, TCPK_ERROR_MEMORY, "%u items do not fit into %llu bytes; allowed: larger buffers",
                        GPU_TOGETHER, (unsigned long long)gpu->lane_size);
    enum tcpk_status status = gpu_check(GPU(SetDevice)(gpu->number), "choosing the device", error);
    unsigned turn = 0;
    for (uint64_t first = 0; first < batch->items && status == TCPK_OK; first += most, turn++) {
        struct gpu_lane *lane = &gpu->lanes[turn % GPU_LANES];
        if (lane->busy)
            status = finish(gpu, lane, batch, error);
        if (status != TCPK_OK)
            break;
        lane->first = first;
        lane->count = batch->items - first < most ? batch->items - first : most;
        lane->busy = true;
        status = begin(lane, batch, launch, arguments, error);
    }
    for (unsigned i = 0; i < GPU_LANES && status == TCPK_OK; i++, turn++)
        if (gpu->lanes[turn % GPU_LANES].busy)
            status = finish(gpu, &gpu->lanes[turn % GPU_LANES], batch, error);
    if (status != TCPK_OK)
        abandon(gpu);
    return status;
}
