/* A device, its buffers, and batches that go through them. */
#ifndef TCPK_GPU_DEVICE_H
#define TCPK_GPU_DEVICE_H

#include "portable.h"
#include "table_view.h"
#include "tcpk/gpu.h"

#define GPU_LANES 2     /* buffers with a stream each: one computes while the other is filled */
#define GPU_TOGETHER 64 /* items: parts of a batch are multiples of it, so that bits fill whole words */

/* Half of the buffers: a piece of device memory, pinned memory of the same size, and the stream that uses them. */
struct gpu_lane {
    gpu_stream stream;
    gpu_event begin, end;
    uint8_t *device, *pinned;
    bool busy;
    uint64_t first, count; /* the items under way */
};

struct tcpk_gpu {
    int number;
    struct tcpk_gpu_about about;
    struct gpu_lane lanes[GPU_LANES];
    uint64_t lane_size;
    bool loaded;
    struct tcpk_table_view table; /* in device memory */
    double kernel_time;
};

/* One array of a batch: `bits` of it belong to each item. NULL ends a list. */
struct gpu_input {
    const void *data;
    uint64_t bits;
};
struct gpu_output {
    void *data;
    uint64_t bits;
};

#define GPU_ARRAYS 2

/* A batch: `items` in all, and its arrays. */
struct gpu_batch {
    uint64_t items;
    struct gpu_input in[GPU_ARRAYS];
    struct gpu_output out[GPU_ARRAYS];
};

/* What a kernel works on: `count` items, the arrays' places on the device. */
struct gpu_part {
    uint64_t count;
    const uint8_t *in[GPU_ARRAYS];
    uint8_t *out[GPU_ARRAYS];
    gpu_stream stream;
};

typedef void gpu_launch(const void *arguments, const struct gpu_part *part);

/* Run a batch of any size; the outputs are complete when this returns. */
enum tcpk_status gpu_run(struct tcpk_gpu *gpu, const struct gpu_batch *batch, gpu_launch *launch, const void *arguments,
                         struct tcpk_error *error);

/* Fill *error, unless NULL, and return status. */
enum tcpk_status gpu_fail(struct tcpk_error *error, enum tcpk_status status, const char *format, ...)
    __attribute__((format(printf, 3, 4)));

/* What a runtime's error means: TCPK_OK for success, else filled in with what was being done. */
enum tcpk_status gpu_check(gpu_error code, const char *doing, struct tcpk_error *error);

/* Whether all of it lies in memory of tcpk_gpu_pinned_new. */
bool gpu_is_pinned(const void *address, uint64_t size);

#endif
