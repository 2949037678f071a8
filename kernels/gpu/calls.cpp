/* The public calls, each a batch: its arrays, and the kernel that a part is given to. */
#include "device.h"
#include "kernels.h"
#include "tcpk/network.h"

static enum tcpk_status need_table(const struct tcpk_gpu *gpu, struct tcpk_error *error)
{
    return gpu->loaded ? TCPK_OK
                       : gpu_fail(error, TCPK_ERROR_ARGUMENT, "no table is loaded; allowed: after loading one");
}

static void launch_find(const void *arguments, const struct gpu_part *part)
{
    const struct tcpk_table_view table = *(const struct tcpk_table_view *)arguments;
    GPU_LAUNCH(gpu_find, part->count, part->stream, table, (const uint64_t *)part->in[0], part->count,
               (uint64_t *)part->out[0], part->out[1]);
}

enum tcpk_status tcpk_gpu_find_many(struct tcpk_gpu *gpu, const uint64_t *keys, size_t n, uint8_t *descriptors,
                                    uint8_t *found, struct tcpk_error *error)
{
    const enum tcpk_status status = need_table(gpu, error);
    if (status != TCPK_OK)
        return status;
    struct gpu_batch batch = {};
    batch.items = n;
    batch.in[0] = {keys, 64};
    batch.out[0] = {descriptors, 8 * TCPK_DESCRIPTOR_SIZE};
    batch.out[1] = {found, 8};
    return gpu_run(gpu, &batch, launch_find, &gpu->table, error);
}

static void launch_decide(const void *arguments, const struct gpu_part *part)
{
    const struct tcpk_table_view table = *(const struct tcpk_table_view *)arguments;
    GPU_LAUNCH(gpu_decide, part->count, part->stream, table, (const uint64_t *)part->in[0], part->count, part->out[0]);
}

enum tcpk_status tcpk_gpu_decide_many(struct tcpk_gpu *gpu, const uint64_t *keys, size_t n, uint8_t *decisions,
                                      struct tcpk_error *error)
{
    const enum tcpk_status status = need_table(gpu, error);
    if (status != TCPK_OK)
        return status;
    struct gpu_batch batch = {};
    batch.items = n;
    batch.in[0] = {keys, 64};
    batch.out[0] = {decisions, 8};
    return gpu_run(gpu, &batch, launch_decide, &gpu->table, error);
}

static void launch_score(const void *arguments, const struct gpu_part *part)
{
    GPU_LAUNCH(gpu_score, part->count, part->stream, (const float *)part->in[0], (const float *)part->in[1],
               part->count, *(const uint64_t *)arguments, (float *)part->out[0]);
}

enum tcpk_status tcpk_gpu_baseline_score_many(struct tcpk_gpu *gpu, const float *rows, size_t agents, size_t k,
                                              const float *baselines, float *scores, struct tcpk_error *error)
{
    const uint64_t row = 8 * sizeof(float) * TCPK_FEATURES, each = k;
    if (k > UINT64_MAX / 2 / row)
        return gpu_fail(error, TCPK_ERROR_ARGUMENT, "k is %zu; allowed: what memory holds", k);
    struct gpu_batch batch = {};
    batch.items = agents;
    batch.in[0] = {rows, each * row};
    batch.in[1] = {baselines, row};
    batch.out[0] = {scores, 8 * sizeof(float)};
    return gpu_run(gpu, &batch, launch_score, &each, error);
}

struct vote_arguments {
    unsigned n, needed, warp;
};

static void launch_votes(const void *arguments, const struct gpu_part *part)
{
    const struct vote_arguments *asked = (const struct vote_arguments *)arguments;
    const uint64_t warps = (part->count + asked->warp - 1) / asked->warp;
    GPU_LAUNCH_WARPS(gpu_votes, warps, asked->warp, part->stream, part->in[0], part->count, asked->n, asked->needed,
                     (uint32_t *)part->out[0]);
}

enum tcpk_status tcpk_gpu_votes(struct tcpk_gpu *gpu, const uint8_t *votes, size_t m, size_t n, uint32_t needed,
                                uint8_t *passed, struct tcpk_error *error)
{
    if (n == 0 || n > TCPK_MAX_VOTERS)
        return gpu_fail(error, TCPK_ERROR_ARGUMENT, "n is %zu; allowed: 1 to %u", n, TCPK_MAX_VOTERS);
    if (needed == 0 || needed > n)
        return gpu_fail(error, TCPK_ERROR_ARGUMENT, "needed is %u; allowed: 1 to %zu", needed, n);
    const struct vote_arguments asked = {(unsigned)n, needed, gpu->about.warp};
    struct gpu_batch batch = {};
    batch.items = m;
    batch.in[0] = {votes, 8 * (uint64_t)n};
    batch.out[0] = {passed, 1};
    return gpu_run(gpu, &batch, launch_votes, &asked, error);
}
