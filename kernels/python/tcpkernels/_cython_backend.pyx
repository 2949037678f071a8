# cython: language_level=3, boundscheck=False, wraparound=False, initializedcheck=False, embedsignature=False
"""The kernels of the C library, compiled against its headers.

Arrays come as typed memoryviews, so NumPy is needed by the callers and not by the compiler. Everything that may take
long lets other threads run. Compiles with Cython 0.29.28 and 3.
"""

import os

import numpy as np

from ._memory_map import library_of
from ._status import LIBRARY_VERSION, TIMEOUT, failure
from ._types import RING_WRITER, RingAbout

include "_tcpk.pxi"

NAME = "cython"
cdef int KINDS_OF_PAGES = 4
cdef int DESCRIPTOR_SIZE = 24
cdef int FEATURES = 24

if not tcpk_version().decode().startswith(LIBRARY_VERSION + "."):
    raise ImportError("libtcpk.so is version %s; allowed: %s.x" % (tcpk_version().decode(), LIBRARY_VERSION))


cdef int check(int status) except -1:
    """Raise the exception of a status that is not 0."""
    if status != 0:
        raise failure(status)
    return 0


cdef int check_error(int status, const tcpk_error *error) except -1:
    """As check, with what the library says of it."""
    if status != 0:
        raise failure(status, (<bytes> error.message).decode("utf-8", "replace"), error.offset)
    return 0


cdef tcpk_error no_error():
    """An empty error, for functions that fill one."""
    cdef tcpk_error error
    error.status, error.offset, error.message[0] = 0, 0, 0
    return error


def library():
    """Path of the C library."""
    return library_of(<size_t> &tcpk_version)


def variant():
    """The variant in use; empty when the one asked for cannot be had."""
    cdef const char *name = tcpk_variant()
    return name.decode() if name != NULL else ""


def variants():
    """The variants that can be asked for here."""
    cdef const char **listed = <const char **> tcpk_variants()
    names = []
    while listed[len(names)] != NULL:
        names.append(listed[len(names)].decode())
    return tuple(names)


def threads():
    """CPUs that this process may run on."""
    return len(os.sched_getaffinity(0))


def huge_pages():
    """Bytes of the library's memory by kind of huge page, those that are not 0."""
    # Kind 0 is the ordinary page.
    used = {tcpk_pages_name(kind).decode(): tcpk_memory_in_use(kind) for kind in range(1, KINDS_OF_PAGES)}
    return {name: size for name, size in used.items() if size}


def key(bytes name):
    """The 64-bit lookup key of a name."""
    return tcpk_key(name, len(name))


cdef class Registry:
    """The content of a registry file; raises RegistryError for any fault in it."""

    cdef tcpk_registry *handle
    cdef size_t size

    def __cinit__(self, bytes data):
        cdef tcpk_error error = no_error()
        cdef const uint8_t *start = data
        cdef size_t length = len(data)
        cdef int status
        with nogil:
            status = tcpk_registry_read(start, length, &self.handle, &error)
        check_error(status, &error)
        self.size = tcpk_registry_count(self.handle)

    def __dealloc__(self):
        tcpk_registry_free(self.handle)

    @property
    def version(self):
        return tcpk_registry_version(self.handle)

    @property
    def time(self):
        return tcpk_registry_time(self.handle)

    def names(self):
        """The names in the file's order."""
        cdef size_t i, length
        cdef const char *name
        found = []
        for i in range(self.size):
            name = tcpk_registry_name(self.handle, i, &length)
            found.append(name[:length].decode())
        return found

    def descriptors(self):
        """uint8[n, 24] in the file's order."""
        flat = np.empty(self.size * DESCRIPTOR_SIZE, np.uint8)
        if self.size:
            flat[:] = <uint8_t[:self.size * DESCRIPTOR_SIZE]> <uint8_t *> tcpk_registry_descriptors(self.handle)
        return flat.reshape(-1, DESCRIPTOR_SIZE)

    def keys(self):
        """uint64[n] in the file's order."""
        flat = np.empty(self.size, np.uint64)
        if self.size:
            flat[:] = <uint64_t[:self.size]> <uint64_t *> tcpk_registry_keys(self.handle)
        return flat


cdef class Table:
    """A lookup table; two names with an equal key are an error that names both."""

    cdef tcpk_table *handle

    def __cinit__(self, Registry registry not None):
        cdef tcpk_error error = no_error()
        check_error(tcpk_table_of_registry(registry.handle, &self.handle, &error), &error)

    def __dealloc__(self):
        tcpk_table_free(self.handle)

    def find(self, uint64_t key):
        """The descriptor of key."""
        cdef uint8_t descriptor[24]
        cdef const uint8_t *body = tcpk_table_find(self.handle, key)
        if body == NULL:
            return None
        tcpk_descriptor_complete(body, descriptor)
        return (<const char *> descriptor)[:DESCRIPTOR_SIZE]

    def find_constant_time(self, uint64_t key):
        """As find; no branch and no address in the library depends on the key."""
        cdef uint8_t descriptor[24]
        cdef uint8_t found = tcpk_table_find_constant_time(self.handle, key, descriptor)
        return (<const char *> descriptor)[:DESCRIPTOR_SIZE] if found else None

    def find_many(self, const uint64_t[::1] keys, uint8_t[:, ::1] descriptors, found):
        """Descriptors of many keys; zeros where there is none."""
        cdef uint8_t[::1] flags = found.view(np.uint8)
        with nogil:
            tcpk_table_find_many(self.handle, &keys[0], keys.shape[0], &descriptors[0, 0], &flags[0])

    def decide_many(self, const uint64_t[::1] keys, uint8_t[::1] decisions):
        """Decisions of many keys; an unknown one asks for approval."""
        with nogil:
            tcpk_table_decide_many(self.handle, &keys[0], keys.shape[0], &decisions[0])


def window_scan_u8(const uint8_t[:, ::1] matrix, uint32_t threshold):
    """Rows whose sum is above the threshold, index and sum of the largest."""
    cdef tcpk_scan_u8 answer
    cdef int status
    with nogil:
        status = tcpk_window_scan_u8(&matrix[0, 0], matrix.shape[0], threshold, &answer)
    check(status)
    return answer.count, answer.index, answer.sum


def window_scan_f32(const float[:, ::1] matrix, float threshold):
    """As window_scan_u8, for float32."""
    cdef tcpk_scan_f32 answer
    cdef int status
    with nogil:
        status = tcpk_window_scan_f32(&matrix[0, 0], matrix.shape[0], threshold, &answer)
    check(status)
    return answer.count, answer.index, answer.sum


cdef class WindowU8:
    """A ring of uint8 rows."""

    cdef tcpk_window_u8 *handle

    def __cinit__(self, size_t rows):
        check(tcpk_window_u8_create(rows, &self.handle))

    def __dealloc__(self):
        tcpk_window_u8_free(self.handle)

    def append(self, const uint8_t[:, ::1] rows):
        """Append rows, each over the oldest."""
        tcpk_window_u8_append(self.handle, &rows[0, 0], rows.shape[0])

    def query(self, uint32_t threshold):
        """The answer that a scan of the rows held gives, in the order they came."""
        cdef tcpk_scan_u8 answer
        tcpk_window_u8_query(self.handle, threshold, &answer)
        return answer.count, answer.index, answer.sum

    def count(self):
        """How many rows are held."""
        return tcpk_window_u8_count(self.handle)


cdef class WindowF32:
    """A ring of float32 rows."""

    cdef tcpk_window_f32 *handle

    def __cinit__(self, size_t rows):
        check(tcpk_window_f32_create(rows, &self.handle))

    def __dealloc__(self):
        tcpk_window_f32_free(self.handle)

    def append(self, const float[:, ::1] rows):
        """Append rows, each over the oldest."""
        tcpk_window_f32_append(self.handle, &rows[0, 0], rows.shape[0])

    def query(self, float threshold):
        """The answer that a scan of the rows held gives, in the order they came."""
        cdef tcpk_scan_f32 answer
        tcpk_window_f32_query(self.handle, threshold, &answer)
        return answer.count, answer.index, answer.sum

    def count(self):
        """How many rows are held."""
        return tcpk_window_f32_count(self.handle)


def Window(rows, dtype):
    """A ring of rows, all uint8 or all float32."""
    return WindowF32(rows) if dtype == "float32" else WindowU8(rows)


def baseline_score(const float[:, ::1] rows, const float[::1] baseline):
    """Score of [k, 24] rows against one baseline."""
    cdef float score
    cdef int status
    with nogil:
        status = tcpk_baseline_score(&rows[0, 0], rows.shape[0], &baseline[0], &score)
    check(status)
    return score


def baseline_score_many(const float[:, :, ::1] rows, const float[:, ::1] baselines, float[::1] out):
    """Scores of [a, k, 24] rows against [a, 24] baselines."""
    cdef int status
    with nogil:
        status = tcpk_baseline_score_many(&rows[0, 0, 0], rows.shape[0], rows.shape[1], &baselines[0, 0], &out[0])
    check(status)


cdef class Model:
    """A learned baseline."""

    cdef tcpk_model *handle

    def __cinit__(self, const double[:, ::1] history, double ridge):
        cdef int status
        with nogil:
            status = tcpk_model_fit(&history[0, 0], history.shape[0], ridge, &self.handle)
        check(status)

    def __dealloc__(self):
        tcpk_model_free(self.handle)

    @property
    def mean(self):
        return np.array(<double[:FEATURES]> <double *> tcpk_model_mean(self.handle))

    @property
    def covariance(self):
        return np.array(<double[:FEATURES, :FEATURES]> <double *> tcpk_model_covariance(self.handle))

    def distances(self, const double[:, ::1] rows, double[::1] out):
        """Mahalanobis distances; infinity for a row that is not finite."""
        cdef int status
        with nogil:
            status = tcpk_model_distances(self.handle, &rows[0, 0], rows.shape[0], &out[0])
        check(status)


def consensus(votes, int rule):
    """Whether the votes pass the rule."""
    cdef const uint8_t[::1] flags = votes.view(np.uint8)
    cdef c_bool passed = False
    check(tcpk_consensus(&flags[0], flags.shape[0], <tcpk_rule> rule, &passed))
    return bool(passed)


cdef class QuarantineSet:
    """A set of agent ids; one atomic word for 64 agents."""

    cdef tcpk_quarantine *handle
    # The engine that owns the set, or None when this object does.
    cdef object owner

    def __cinit__(self, agents):
        if agents is not None:
            check(tcpk_quarantine_create(agents, &self.handle))

    def __dealloc__(self):
        if self.owner is None:
            tcpk_quarantine_free(self.handle)

    def add(self, const uint32_t[::1] ids):
        """Add ids; gives how many were not in the set."""
        cdef uint64_t changed = 0
        cdef int status
        with nogil:
            status = tcpk_quarantine_add(self.handle, &ids[0], ids.shape[0], &changed)
        check(status)
        return changed

    def remove(self, const uint32_t[::1] ids):
        """Remove ids; gives how many were in the set."""
        cdef uint64_t changed = 0
        cdef int status
        with nogil:
            status = tcpk_quarantine_remove(self.handle, &ids[0], ids.shape[0], &changed)
        check(status)
        return changed

    def contains(self, uint32_t agent):
        """Whether the agent is in the set."""
        cdef c_bool inside = False
        check(tcpk_quarantine_contains(self.handle, agent, &inside))
        return bool(inside)

    def count(self):
        """How many agents are in the set."""
        return tcpk_quarantine_count(self.handle)

    def snapshot(self, uint8_t[::1] out):
        """One bit per agent, in the order of numpy.packbits."""
        with nogil:
            tcpk_quarantine_snapshot(self.handle, &out[0])


def adapt(votes, const uint32_t[::1] suspects, QuarantineSet quarantine not None, int rule):
    """Quarantine the suspects whose votes pass; gives how many are newly quarantined."""
    cdef const uint8_t[:, ::1] flags = votes.view(np.uint8)
    cdef uint64_t newly = 0
    cdef int status
    with nogil:
        status = tcpk_adapt(&flags[0, 0], flags.shape[0], flags.shape[1], &suspects[0], quarantine.handle,
                            <tcpk_rule> rule, &newly)
    check(status)
    return newly


cdef class EngineState:
    """The C engine, apart from its wrapper, so that its quarantine set may outlive that without a cycle."""

    cdef tcpk_engine *handle
    # The engine reads the table for as long as it lives.
    cdef Table table

    def __dealloc__(self):
        tcpk_engine_free(self.handle)


cdef class Engine:
    """One voter of the network."""

    cdef EngineState state
    cdef readonly QuarantineSet quarantine

    def __cinit__(self, uint64_t agents, Table table not None, uint32_t window, uint32_t threshold,
                  uint32_t suspicion, uint32_t voters, uint32_t voter, int rule, uint32_t threads, cpus):
        cdef tcpk_engine_options options
        cdef tcpk_error error = no_error()
        cdef const uint32_t[::1] pinned
        cdef int status
        options.agents, options.window, options.threshold = agents, window, threshold
        options.suspicion, options.voters, options.voter = suspicion, voters, voter
        options.rule, options.threads, options.cpus = <tcpk_rule> rule, threads, NULL
        if cpus is not None:
            pinned = cpus
            options.cpus = &pinned[0]
        self.state = EngineState()
        self.state.table = table
        with nogil:
            status = tcpk_engine_create(&options, table.handle, &self.state.handle, &error)
        check_error(status, &error)
        self.quarantine = QuarantineSet(None)
        self.quarantine.owner = self.state
        self.quarantine.handle = tcpk_engine_quarantine(self.state.handle)

    def process(self, const uint32_t[::1] agents, const uint64_t[::1] keys, const uint8_t[:, ::1] features,
                uint8_t[::1] decisions, quarantined):
        """Answer events."""
        cdef tcpk_error error = no_error()
        cdef uint8_t[::1] flags = quarantined.view(np.uint8)
        cdef tcpk_engine *engine = self.state.handle
        cdef int status
        with nogil:
            status = tcpk_engine_process(engine, &agents[0], &keys[0], &features[0, 0], agents.shape[0],
                                         &decisions[0], &flags[0], &error)
        check_error(status, &error)

    def receive_votes(self, uint32_t voter, const uint32_t[::1] agents):
        """Take another node's votes."""
        cdef tcpk_error error = no_error()
        cdef tcpk_engine *engine = self.state.handle
        cdef int status
        with nogil:
            status = tcpk_engine_receive_votes(engine, voter, &agents[0], agents.shape[0], &error)
        check_error(status, &error)

    def suspects(self):
        """The agents that this node voted against, ascending."""
        found = np.empty(tcpk_engine_suspects(self.state.handle, NULL, 0), np.uint32)
        cdef uint32_t[::1] view = found
        tcpk_engine_suspects(self.state.handle, &view[0], view.shape[0])
        return found

    def anomalous_rows(self, uint64_t agent):
        """How many rows of the agent's window are anomalous."""
        return tcpk_engine_anomalous_rows(self.state.handle, agent)


include "_ring.pxi"
