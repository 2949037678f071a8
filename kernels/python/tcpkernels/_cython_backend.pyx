# cython: language_level=3, embedsignature=False, auto_pickle=False
"""The kernels of the C library, compiled against its headers.

Arrays come from the wrapper, which has checked them, and give their address through the buffer protocol: the compiler
needs no NumPy, and has half of what typed memoryviews would give it to compile. Everything that may take long lets
other threads run. Compiles with Cython 0.29.28 and 3.
"""

from cpython.buffer cimport (
    PyBUF_C_CONTIGUOUS, PyBUF_FORMAT, PyBUF_WRITABLE, PyBuffer_Release, PyObject_GetBuffer
)
from libc.string cimport memcpy

import os

import numpy as np

from ._fits import KINDS as _KINDS
from ._memory_map import library_of
from ._status import LIBRARY_VERSION, TIMEOUT, failure
from ._types import RING_WRITER, RingAbout

include "_tcpk.pxi"

NAME = "cython"
cdef int KINDS_OF_PAGES = 4
cdef int DESCRIPTOR_SIZE = 24
cdef int FEATURES = 24
cdef object ARRAY = np.ndarray
cdef dict KINDS = {dtype: kind.encode() for dtype, kind in _KINDS.items()}

if not tcpk_version().decode().startswith(LIBRARY_VERSION + "."):
    raise ImportError("libtcpk.so is version %s; allowed: %s.x" % (tcpk_version().decode(), LIBRARY_VERSION))


cdef void *address(array, int flags) except NULL:
    """Where the elements of an array in C order lie, for as long as somebody holds the array."""
    cdef Py_buffer view
    PyObject_GetBuffer(array, &view, PyBUF_C_CONTIGUOUS | flags)
    cdef void *start = view.buf
    PyBuffer_Release(&view)
    return start


cdef const void *given(array) except NULL:
    """The address of an array that is read."""
    return address(array, 0)


cdef void *filled(array) except NULL:
    """The address of an array that is written."""
    return address(array, PyBUF_WRITABLE)


cdef bint has_shape(const Py_buffer *view, tuple shape) except -1:
    """Whether its extents are those; a string stands for any."""
    cdef int i
    if len(shape) != view.ndim:
        return False
    for i in range(view.ndim):
        want = shape[i]
        if type(want) is not str and <Py_ssize_t> want != view.shape[i]:
            return False
    return True


cdef bint is_below(const Py_buffer *view, uint64_t top):
    """Whether no uint32 in it is above that."""
    cdef const uint32_t *values = <const uint32_t *> view.buf
    cdef uint32_t largest = 0
    cdef Py_ssize_t i
    for i in range(view.len // 4):
        largest = values[i] if values[i] > largest else largest
    return largest <= top


def fits(value, dtype, tuple shapes, top=None):
    """As ``fits`` in _fits.py, several times faster."""
    cdef Py_buffer view
    cdef const char *kind
    if type(value) is not ARRAY:
        return False
    try:
        PyObject_GetBuffer(value, &view, PyBUF_C_CONTIGUOUS | PyBUF_FORMAT)
    except Exception:
        return False  # not contiguous, or of a dtype that no buffer can have
    try:
        kind = <bytes> KINDS[dtype]
        # Another byte order has a character of its own in front.
        if view.format[0] != kind[0] or view.format[1] != 0 or <size_t> view.buf % <size_t> view.itemsize != 0:
            return False
        for shape in shapes:
            if has_shape(&view, <tuple> shape):
                return top is None or is_below(&view, top)
        return False
    finally:
        PyBuffer_Release(&view)


cdef copied(const void *source, shape, dtype):
    """An array of its own, of what the library holds in C order."""
    copy = np.empty(shape, dtype)
    cdef size_t size = copy.nbytes
    if size:
        memcpy(filled(copy), source, size)
    return copy


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
        return copied(tcpk_registry_descriptors(self.handle), (self.size, DESCRIPTOR_SIZE), np.uint8)

    def keys(self):
        """uint64[n] in the file's order."""
        return copied(tcpk_registry_keys(self.handle), self.size, np.uint64)


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

    def find_many(self, keys, descriptors, found):
        """Descriptors of many keys; zeros where there is none."""
        cdef const uint64_t *sought = <const uint64_t *> given(keys)
        cdef uint8_t *bodies = <uint8_t *> filled(descriptors)
        cdef uint8_t *flags = <uint8_t *> filled(found)
        cdef size_t n = len(keys)
        with nogil:
            tcpk_table_find_many(self.handle, sought, n, bodies, flags)

    def decide_many(self, keys, decisions):
        """Decisions of many keys; an unknown one asks for approval."""
        cdef const uint64_t *sought = <const uint64_t *> given(keys)
        cdef uint8_t *answers = <uint8_t *> filled(decisions)
        cdef size_t n = len(keys)
        with nogil:
            tcpk_table_decide_many(self.handle, sought, n, answers)


def window_scan_u8(matrix, uint32_t threshold):
    """Rows whose sum is above the threshold, index and sum of the largest."""
    cdef tcpk_scan_u8 answer
    cdef const uint8_t *rows = <const uint8_t *> given(matrix)
    cdef size_t n = len(matrix)
    cdef int status
    with nogil:
        status = tcpk_window_scan_u8(rows, n, threshold, &answer)
    check(status)
    return answer.count, answer.index, answer.sum


def window_scan_f32(matrix, float threshold):
    """As window_scan_u8, for float32."""
    cdef tcpk_scan_f32 answer
    cdef const float *rows = <const float *> given(matrix)
    cdef size_t n = len(matrix)
    cdef int status
    with nogil:
        status = tcpk_window_scan_f32(rows, n, threshold, &answer)
    check(status)
    return answer.count, answer.index, answer.sum


cdef class WindowU8:
    """A ring of uint8 rows."""

    cdef tcpk_window_u8 *handle

    def __cinit__(self, size_t rows):
        check(tcpk_window_u8_create(rows, &self.handle))

    def __dealloc__(self):
        tcpk_window_u8_free(self.handle)

    def append(self, rows):
        """Append rows, each over the oldest."""
        tcpk_window_u8_append(self.handle, <const uint8_t *> given(rows), len(rows))

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

    def append(self, rows):
        """Append rows, each over the oldest."""
        tcpk_window_f32_append(self.handle, <const float *> given(rows), len(rows))

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


def baseline_score(rows, baseline):
    """Score of [k, 24] rows against one baseline."""
    cdef const float *values = <const float *> given(rows)
    cdef const float *expected = <const float *> given(baseline)
    cdef size_t k = len(rows)
    cdef float score
    cdef int status
    with nogil:
        status = tcpk_baseline_score(values, k, expected, &score)
    check(status)
    return score


def baseline_score_many(rows, baselines, out):
    """Scores of [a, k, 24] rows against [a, 24] baselines."""
    cdef const float *values = <const float *> given(rows)
    cdef const float *expected = <const float *> given(baselines)
    cdef float *scores = <float *> filled(out)
    cdef size_t agents = len(rows)
    cdef size_t k = rows.shape[1]
    cdef int status
    with nogil:
        status = tcpk_baseline_score_many(values, agents, k, expected, scores)
    check(status)


cdef class Model:
    """A learned baseline."""

    cdef tcpk_model *handle

    def __cinit__(self, history, double ridge):
        cdef const double *rows = <const double *> given(history)
        cdef size_t n = len(history)
        cdef int status
        with nogil:
            status = tcpk_model_fit(rows, n, ridge, &self.handle)
        check(status)

    def __dealloc__(self):
        tcpk_model_free(self.handle)

    @property
    def mean(self):
        return copied(tcpk_model_mean(self.handle), FEATURES, np.float64)

    @property
    def covariance(self):
        return copied(tcpk_model_covariance(self.handle), (FEATURES, FEATURES), np.float64)

    def distances(self, rows, out):
        """Mahalanobis distances; infinity for a row that is not finite."""
        cdef const double *values = <const double *> given(rows)
        cdef double *found = <double *> filled(out)
        cdef size_t n = len(rows)
        cdef int status
        with nogil:
            status = tcpk_model_distances(self.handle, values, n, found)
        check(status)


def consensus(votes, int rule):
    """Whether the votes pass the rule."""
    cdef c_bool passed = False
    check(tcpk_consensus(<const uint8_t *> given(votes), len(votes), <tcpk_rule> rule, &passed))
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

    def add(self, ids):
        """Add ids; gives how many were not in the set."""
        cdef const uint32_t *agents = <const uint32_t *> given(ids)
        cdef size_t n = len(ids)
        cdef uint64_t changed = 0
        cdef int status
        with nogil:
            status = tcpk_quarantine_add(self.handle, agents, n, &changed)
        check(status)
        return changed

    def remove(self, ids):
        """Remove ids; gives how many were in the set."""
        cdef const uint32_t *agents = <const uint32_t *> given(ids)
        cdef size_t n = len(ids)
        cdef uint64_t changed = 0
        cdef int status
        with nogil:
            status = tcpk_quarantine_remove(self.handle, agents, n, &changed)
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

    def snapshot(self, out):
        """One bit per agent, in the order of numpy.packbits."""
        cdef uint8_t *bits = <uint8_t *> filled(out)
        with nogil:
            tcpk_quarantine_snapshot(self.handle, bits)


def adapt(votes, suspects, QuarantineSet quarantine not None, int rule):
    """Quarantine the suspects whose votes pass; gives how many are newly quarantined."""
    cdef const uint8_t *flags = <const uint8_t *> given(votes)
    cdef const uint32_t *agents = <const uint32_t *> given(suspects)
    cdef size_t n = len(votes)
    cdef size_t voters = votes.shape[1]
    cdef uint64_t newly = 0
    cdef int status
    with nogil:
        status = tcpk_adapt(flags, n, voters, agents, quarantine.handle, <tcpk_rule> rule, &newly)
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
        cdef int status
        options.agents, options.window, options.threshold = agents, window, threshold
        options.suspicion, options.voters, options.voter = suspicion, voters, voter
        options.rule, options.threads, options.cpus = <tcpk_rule> rule, threads, NULL
        if cpus is not None:
            options.cpus = <const uint32_t *> given(cpus)
        self.state = EngineState()
        self.state.table = table
        with nogil:
            status = tcpk_engine_create(&options, table.handle, &self.state.handle, &error)
        check_error(status, &error)
        self.quarantine = QuarantineSet(None)
        self.quarantine.owner = self.state
        self.quarantine.handle = tcpk_engine_quarantine(self.state.handle)

    def process(self, agents, keys, features, decisions, quarantined):
        """Answer events."""
        cdef tcpk_error error = no_error()
        cdef const uint32_t *who = <const uint32_t *> given(agents)
        cdef const uint64_t *what = <const uint64_t *> given(keys)
        cdef const uint8_t *rows = <const uint8_t *> given(features)
        cdef uint8_t *answers = <uint8_t *> filled(decisions)
        cdef uint8_t *flags = <uint8_t *> filled(quarantined)
        cdef tcpk_engine *engine = self.state.handle
        cdef size_t n = len(agents)
        cdef int status
        with nogil:
            status = tcpk_engine_process(engine, who, what, rows, n, answers, flags, &error)
        check_error(status, &error)

    def receive_votes(self, uint32_t voter, agents):
        """Take another node's votes."""
        cdef tcpk_error error = no_error()
        cdef const uint32_t *against = <const uint32_t *> given(agents)
        cdef tcpk_engine *engine = self.state.handle
        cdef size_t n = len(agents)
        cdef int status
        with nogil:
            status = tcpk_engine_receive_votes(engine, voter, against, n, &error)
        check_error(status, &error)

    def suspects(self):
        """The agents that this node voted against, ascending."""
        found = np.empty(tcpk_engine_suspects(self.state.handle, NULL, 0), np.uint32)
        tcpk_engine_suspects(self.state.handle, <uint32_t *> filled(found), len(found))
        return found

    def anomalous_rows(self, uint64_t agent):
        """How many rows of the agent's window are anomalous."""
        return tcpk_engine_anomalous_rows(self.state.handle, agent)


include "_ring.pxi"
