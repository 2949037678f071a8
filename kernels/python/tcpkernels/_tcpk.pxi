# The C library's interface as _cython_backend.pyx needs it. Statuses and rules are plain ints here.
from libc.stddef cimport size_t
from libc.stdint cimport int64_t, uint8_t, uint32_t, uint64_t

cdef extern from "tcpk/tcpk.h" nogil:
    ctypedef bint c_bool "bool"

    struct tcpk_error:
        int status
        uint64_t offset
        char message[256]

    const char *tcpk_version()
    const char *tcpk_variant()
    const char *const *tcpk_variants()
    uint64_t tcpk_memory_in_use(int pages)
    const char *tcpk_pages_name(int pages)

    struct tcpk_registry:
        pass
    uint64_t tcpk_key(const char *name, size_t length)
    int tcpk_registry_read(const uint8_t *data, size_t length, tcpk_registry **out, tcpk_error *error)
    void tcpk_registry_free(tcpk_registry *registry)
    size_t tcpk_registry_count(const tcpk_registry *registry)
    int tcpk_registry_version(const tcpk_registry *registry)
    uint64_t tcpk_registry_time(const tcpk_registry *registry)
    const uint8_t *tcpk_registry_descriptors(const tcpk_registry *registry)
    const uint64_t *tcpk_registry_keys(const tcpk_registry *registry)
    const char *tcpk_registry_name(const tcpk_registry *registry, size_t index, size_t *length)

    struct tcpk_table:
        pass
    int tcpk_table_of_registry(const tcpk_registry *registry, tcpk_table **out, tcpk_error *error)
    void tcpk_table_free(tcpk_table *table)
    void tcpk_descriptor_complete(const uint8_t *body, uint8_t *descriptor)
    const uint8_t *tcpk_table_find(const tcpk_table *table, uint64_t key)
    void tcpk_table_find_many(const tcpk_table *table, const uint64_t *keys, size_t n, uint8_t *descriptors,
                              uint8_t *found)
    void tcpk_table_decide_many(const tcpk_table *table, const uint64_t *keys, size_t n, uint8_t *decisions)
    uint8_t tcpk_table_find_constant_time(const tcpk_table *table, uint64_t key, uint8_t *descriptor)

    struct tcpk_scan_u8:
        uint64_t count
        int64_t index
        uint32_t sum
    struct tcpk_scan_f32:
        uint64_t count
        int64_t index
        float sum
    int tcpk_window_scan_u8(const uint8_t *matrix, size_t n, uint32_t threshold, tcpk_scan_u8 *answer)
    int tcpk_window_scan_f32(const float *matrix, size_t n, float threshold, tcpk_scan_f32 *answer)

    struct tcpk_window_u8:
        pass
    int tcpk_window_u8_create(size_t rows, tcpk_window_u8 **out)
    void tcpk_window_u8_free(tcpk_window_u8 *window)
    void tcpk_window_u8_append(tcpk_window_u8 *window, const uint8_t *matrix, size_t n)
    void tcpk_window_u8_query(const tcpk_window_u8 *window, uint32_t threshold, tcpk_scan_u8 *answer)
    size_t tcpk_window_u8_count(const tcpk_window_u8 *window)

    struct tcpk_window_f32:
        pass
    int tcpk_window_f32_create(size_t rows, tcpk_window_f32 **out)
    void tcpk_window_f32_free(tcpk_window_f32 *window)
    void tcpk_window_f32_append(tcpk_window_f32 *window, const float *matrix, size_t n)
    void tcpk_window_f32_query(const tcpk_window_f32 *window, float threshold, tcpk_scan_f32 *answer)
    size_t tcpk_window_f32_count(const tcpk_window_f32 *window)

    int tcpk_baseline_score(const float *rows, size_t k, const float *baseline, float *score)
    int tcpk_baseline_score_many(const float *rows, size_t agents, size_t k, const float *baselines, float *scores)

    struct tcpk_model:
        pass
    int tcpk_model_fit(const double *history, size_t m, double ridge, tcpk_model **out)
    void tcpk_model_free(tcpk_model *model)
    const double *tcpk_model_mean(const tcpk_model *model)
    const double *tcpk_model_covariance(const tcpk_model *model)
    int tcpk_model_distances(const tcpk_model *model, const double *rows, size_t n, double *distances)

    enum tcpk_rule:
        pass
    int tcpk_consensus(const uint8_t *votes, size_t n, tcpk_rule rule, c_bool *passed)

    struct tcpk_quarantine:
        pass
    int tcpk_quarantine_create(uint64_t agents, tcpk_quarantine **out)
    void tcpk_quarantine_free(tcpk_quarantine *quarantine)
    uint64_t tcpk_quarantine_count(const tcpk_quarantine *quarantine)
    int tcpk_quarantine_add(tcpk_quarantine *quarantine, const uint32_t *ids, size_t n, uint64_t *changed)
    int tcpk_quarantine_remove(tcpk_quarantine *quarantine, const uint32_t *ids, size_t n, uint64_t *changed)
    int tcpk_quarantine_contains(const tcpk_quarantine *quarantine, uint32_t id, c_bool *inside)
    void tcpk_quarantine_snapshot(const tcpk_quarantine *quarantine, uint8_t *bits)
    int tcpk_adapt(const uint8_t *votes, size_t m, size_t n, const uint32_t *suspects, tcpk_quarantine *quarantine,
                   tcpk_rule rule, uint64_t *newly)

    struct tcpk_engine:
        pass
    struct tcpk_engine_options:
        uint64_t agents
        uint32_t window
        uint32_t threshold
        uint32_t suspicion
        uint32_t voters
        uint32_t voter
        tcpk_rule rule
        uint32_t threads
        const uint32_t *cpus
    int tcpk_engine_create(const tcpk_engine_options *options, const tcpk_table *table, tcpk_engine **out,
                           tcpk_error *error)
    void tcpk_engine_free(tcpk_engine *engine)
    int tcpk_engine_process(tcpk_engine *engine, const uint32_t *agents, const uint64_t *keys, const uint8_t *features,
                            size_t n, uint8_t *decisions, uint8_t *quarantined, tcpk_error *error)
    int tcpk_engine_receive_votes(tcpk_engine *engine, uint32_t voter, const uint32_t *agents, size_t n,
                                  tcpk_error *error)
    size_t tcpk_engine_suspects(const tcpk_engine *engine, uint32_t *agents, size_t capacity)
    uint32_t tcpk_engine_anomalous_rows(const tcpk_engine *engine, uint64_t agent)
    tcpk_quarantine *tcpk_engine_quarantine(tcpk_engine *engine)

    struct tcpk_ring:
        pass
    struct tcpk_ring_about:
        int kind
        int role
        uint32_t reader
        uint32_t page_bytes
        uint64_t slots
        uint64_t bytes
        uint64_t position
        uint32_t attached
    int tcpk_ring_create(uint64_t slots, tcpk_ring **out, tcpk_error *error)
    int tcpk_ring_open(const char *path, tcpk_ring **out, tcpk_error *error)
    int tcpk_ring_open_file(int file, tcpk_ring **out, tcpk_error *error)
    void tcpk_ring_close(tcpk_ring *ring)
    int tcpk_ring_file(const tcpk_ring *ring)
    void tcpk_ring_describe(const tcpk_ring *ring, tcpk_ring_about *about)
    int tcpk_ring_attach_writer(tcpk_ring *ring, tcpk_error *error)
    int tcpk_ring_attach_reader(tcpk_ring *ring, tcpk_error *error)
    int tcpk_ring_write(tcpk_ring *ring, const uint32_t *agents, const uint64_t *keys, const uint8_t *features,
                        const uint8_t *descriptors, size_t n, size_t *written)
    int tcpk_ring_read(tcpk_ring *ring, uint32_t *agents, uint64_t *keys, uint8_t *features, uint8_t *descriptors,
                       size_t n, size_t *got)
    int tcpk_ring_process(tcpk_ring *ring, tcpk_engine *engine, size_t n, uint32_t *agents, uint8_t *decisions,
                          uint8_t *quarantined, size_t *done, tcpk_error *error)
    int tcpk_ring_skip(tcpk_ring *ring, size_t n, size_t *skipped)
    int tcpk_ring_expel(tcpk_ring *ring, uint32_t reader)
    int tcpk_ring_wait(tcpk_ring *ring, int64_t timeout)
