/* Batches of more than 4 GiB: a piece of memory is mapped again and again, so that they take address space and little
 * else; what is different stands in a last piece, beyond what 32 bits can count. */
#define _GNU_SOURCE
#include <string.h>
#include <sys/mman.h>
#include <unistd.h>

#include "support.h"

#define F TCPK_FEATURES
#define K 10u
/* Whole pages, and whole rows of every kind: 24 bytes, 24 floats, ten such rows. */
#define PIECE ((size_t)61440 * 512)
#define PIECES ((((size_t)1 << 32) / PIECE) + 2)

struct huge {
    uint8_t *begin; /* `pieces` times the same, and once more one of its own */
    uint8_t *last;
    size_t pieces;
};

static int piece_file(void)
{
    const int file = memfd_create("piece", 0);
    assert_true(file >= 0);
    assert_int_equal(ftruncate(file, PIECE), 0);
    return file;
}

static struct huge map_huge(size_t pieces)
{
    const size_t size = (pieces + 1) * PIECE;
    uint8_t *begin = mmap(NULL, size, PROT_NONE, MAP_PRIVATE | MAP_ANONYMOUS | MAP_NORESERVE, -1, 0);
    assert_ptr_not_equal(begin, MAP_FAILED);
    const int same = piece_file(), last = piece_file();
    for (size_t i = 0; i <= pieces; i++) {
        void *piece =
            mmap(begin + i * PIECE, PIECE, PROT_READ | PROT_WRITE, MAP_SHARED | MAP_FIXED, i < pieces ? same : last, 0);
        assert_ptr_not_equal(piece, MAP_FAILED);
    }
    close(same);
    close(last);
    return (struct huge){begin, begin + pieces * PIECE, pieces};
}

static void unmap_huge(const struct huge *huge)
{
    munmap(huge->begin, (huge->pieces + 1) * PIECE);
}

static void check_scan_u8(const char *variant)
{
    (void)variant;
    enum { ROWS = PIECE / F, THRESHOLD = 4590, TAIL = 12345 };
    struct random random = {1};
    const struct huge matrix = map_huge(PIECES);
    for (size_t i = 0; i < PIECE; i += 8) {
        const uint64_t value = random_next(&random) | 0x8080808080808080u; /* sums around the threshold */
        memcpy(matrix.begin + i, &value, 8);
    }
    memset(matrix.last, 255, F * TAIL);
    memset(matrix.last, 0, F * (TAIL - 1));
    struct tcpk_scan_u8 piece, all;
    tcpk_window_scan_u8(matrix.begin, ROWS, THRESHOLD, &piece);
    assert_in_range(piece.count, 1, ROWS - 1);
    tcpk_window_scan_u8(matrix.begin, PIECES * ROWS + TAIL, THRESHOLD, &all);
    assert_int_equal(all.count, PIECES * piece.count + 1);
    assert_int_equal(all.index, PIECES * ROWS + TAIL - 1);
    assert_int_equal(all.sum, 255 * F);
    unmap_huge(&matrix);
}

static void check_scan_f32(const char *variant)
{
    (void)variant;
    enum { ROWS = PIECE / (F * sizeof(float)), TAIL = 4321 };
    struct random random = {2};
    const struct huge matrix = map_huge(PIECES);
    float *row = (float *)(void *)matrix.begin, *last = (float *)(void *)matrix.last;
    for (size_t i = 0; i < (size_t)ROWS * F; i++)
        row[i] = (float)random_below(&random, 1000) / 1000.0f;
    for (size_t i = 0; i < F; i++)
        last[(TAIL - 1) * F + i] = 2.0f;
    struct tcpk_scan_f32 piece, all;
    tcpk_window_scan_f32(row, ROWS, 12.0f, &piece);
    assert_in_range(piece.count, 1, ROWS - 1);
    tcpk_window_scan_f32(row, PIECES * ROWS + TAIL, 12.0f, &all);
    assert_int_equal(all.count, PIECES * piece.count + 1);
    assert_int_equal(all.index, PIECES * ROWS + TAIL - 1);
    assert_true(all.sum == 2.0f * F);
    unmap_huge(&matrix);
}

static void check_scores(const char *variant)
{
    (void)variant;
    enum { AGENTS = PIECE / (F * K * sizeof(float)), TAIL = 3 };
    struct random random = {3};
    const size_t agents = PIECES * AGENTS + TAIL;
    const struct huge rows = map_huge(PIECES), baselines = map_huge(PIECES / K + 1), scores = map_huge(1);
    float *row = (float *)(void *)rows.begin, *last = (float *)(void *)rows.last;
    for (size_t i = 0; i < PIECE / sizeof *row; i++)
        row[i] = (float)random_below(&random, 1000);
    for (size_t i = 0; i < (size_t)TAIL * F * K; i++)
        last[i] = (float)random_below(&random, 1000);
    float *score = (float *)(void *)scores.begin, alone = 0.0f;
    const float *baseline = (const float *)(const void *)baselines.begin; /* zeros */
    assert_int_equal(tcpk_baseline_score_many(row, agents, K, baseline, score), TCPK_OK);
    for (size_t i = 0; i < TAIL; i++) {
        tcpk_baseline_score(last + i * F * K, K, baseline, &alone);
        assert_true(score[PIECES * AGENTS + i] == alone);
        tcpk_baseline_score(row + i * F * K, K, baseline, &alone);
        assert_true(score[(PIECES - 1) * AGENTS + i] == alone);
    }
    unmap_huge(&rows);
    unmap_huge(&baselines);
    unmap_huge(&scores);
}

/* A registry's table, keys of it in every piece, and one in the last piece that is in no registry. */
struct lookups {
    struct tcpk_registry *registry;
    struct tcpk_table *table;
    struct huge keys;
    uint64_t *last;
};

static struct lookups prepare_lookups(size_t pieces)
{
    struct lookups it = {.keys = map_huge(pieces)};
    struct random random = {4};
    assert_int_equal(tcpk_registry_generate(1567, 9, &it.registry, NULL), TCPK_OK);
    assert_int_equal(tcpk_table_of_registry(it.registry, &it.table, NULL), TCPK_OK);
    uint64_t *key = (uint64_t *)(void *)it.keys.begin;
    it.last = (uint64_t *)(void *)it.keys.last;
    for (size_t i = 0; i < PIECE / sizeof *key; i++)
        key[i] = tcpk_registry_keys(it.registry)[random_below(&random, 1567)];
    it.last[0] = key[0];
    it.last[1] = ~key[0];
    it.last[2] = key[2];
    return it;
}

static void free_lookups(struct lookups *it)
{
    tcpk_table_free(it->table);
    tcpk_registry_free(it->registry);
    unmap_huge(&it->keys);
}

static void test_decisions(void **state)
{
    (void)state;
    struct lookups it = prepare_lookups(PIECES);
    const size_t n = PIECES * (PIECE / 8);
    const struct huge out = map_huge(PIECES / 8 + 1);
    assert_true(n + 3 < (out.pieces + 1) * PIECE);
    /* The last three beyond all others: what is before repeats itself. */
    uint8_t *last = out.begin + n;
    tcpk_table_decide_many(it.table, (const uint64_t *)(const void *)it.keys.begin, n + 3, out.begin);
    assert_int_equal(last[0], support_decide(it.table, it.last[0]));
    assert_int_equal(last[1], TCPK_REQUIRE_APPROVAL);
    assert_int_equal(last[2], support_decide(it.table, it.last[2]));
    unmap_huge(&out);
    free_lookups(&it);
}

static void test_descriptors(void **state)
{
    (void)state;
    const size_t pieces = PIECES / 3 + 1, n = pieces * (PIECE / 8);
    struct lookups it = prepare_lookups(pieces);
    const struct huge out = map_huge(3 * pieces), found = map_huge(pieces / 8 + 1);
    assert_true(n * TCPK_DESCRIPTOR_SIZE > UINT32_MAX);
    tcpk_table_find_many(it.table, (const uint64_t *)(const void *)it.keys.begin, n + 3, out.begin, found.begin);
    uint8_t wanted[TCPK_DESCRIPTOR_SIZE];
    for (size_t i = 0; i < 3; i++) {
        memset(wanted, 0, sizeof wanted);
        assert_int_equal(found.begin[n + i], support_find(it.table, it.last[i], wanted));
        assert_memory_equal(out.last + i * sizeof wanted, wanted, sizeof wanted);
    }
    assert_int_equal(found.begin[n + 1], 0);
    unmap_huge(&out);
    unmap_huge(&found);
    free_lookups(&it);
}

static void test_scan_u8(void **state)
{
    (void)state;
    support_each_variant(check_scan_u8);
}

static void test_scan_f32(void **state)
{
    (void)state;
    support_each_variant(check_scan_f32);
}

static void test_scores(void **state)
{
    (void)state;
    support_each_variant(check_scores);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_scan_u8),   cmocka_unit_test(test_scan_f32),    cmocka_unit_test(test_scores),
        cmocka_unit_test(test_decisions), cmocka_unit_test(test_descriptors),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
