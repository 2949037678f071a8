# The ring of events, a part of _cython_backend.pyx.

cdef class Ring:
    """One open ring: of ``slots`` where that is not 0, else of a path where that is not empty, else of a file."""

    cdef tcpk_ring *handle

    def __cinit__(self, uint64_t slots, bytes path, int file):
        cdef tcpk_error error = no_error()
        cdef const char *name = path
        cdef int status
        with nogil:
            if slots:
                status = tcpk_ring_create(slots, &self.handle, &error)
            elif name[0]:
                status = tcpk_ring_open(name, &self.handle, &error)
            else:
                status = tcpk_ring_open_file(file, &self.handle, &error)
        check_error(status, &error)

    def __dealloc__(self):
        tcpk_ring_close(self.handle)

    def close(self):
        """Give the role up and the memory back."""
        tcpk_ring_close(self.handle)
        self.handle = NULL

    def file(self):
        """The open file that names the ring."""
        return tcpk_ring_file(self.handle)

    def describe(self):
        """RingAbout."""
        cdef tcpk_ring_about about
        tcpk_ring_describe(self.handle, &about)
        return RingAbout(about.kind, about.role, about.reader, about.page_bytes, about.slots, about.bytes,
                         about.position, about.attached)

    def attach(self, int role):
        """Take a role."""
        cdef tcpk_error error = no_error()
        cdef int status
        if role == RING_WRITER:
            status = tcpk_ring_attach_writer(self.handle, &error)
        else:
            status = tcpk_ring_attach_reader(self.handle, &error)
        check_error(status, &error)

    def write(self, agents, keys, features, descriptors):
        """Publish as many events as there is room for."""
        cdef const uint32_t *who = <const uint32_t *> given(agents)
        cdef const uint64_t *what = <const uint64_t *> given(keys)
        cdef const uint8_t *rows = <const uint8_t *> given(features)
        cdef const uint8_t *described = NULL
        cdef size_t n = len(agents)
        cdef size_t written = 0
        cdef int status
        if descriptors is not None:
            described = <const uint8_t *> given(descriptors)
        with nogil:
            status = tcpk_ring_write(self.handle, who, what, rows, described, n, &written)
        check(0 if written else status)
        return written

    def read(self, agents, keys, features, descriptors):
        """Copy events out and release them."""
        cdef uint32_t *who = <uint32_t *> filled(agents)
        cdef uint64_t *what = <uint64_t *> filled(keys)
        cdef uint8_t *rows = <uint8_t *> filled(features)
        cdef uint8_t *described = <uint8_t *> filled(descriptors)
        cdef size_t n = len(agents)
        cdef size_t got = 0
        cdef int status
        with nogil:
            status = tcpk_ring_read(self.handle, who, what, rows, described, n, &got)
        check(0 if got else status)
        return got

    def process(self, Engine engine not None, agents, decisions, quarantined):
        """Let the engine answer events."""
        cdef tcpk_error error = no_error()
        cdef uint32_t *who = <uint32_t *> filled(agents)
        cdef uint8_t *answers = <uint8_t *> filled(decisions)
        cdef uint8_t *flags = <uint8_t *> filled(quarantined)
        cdef tcpk_engine *state = engine.state.handle
        cdef size_t n = len(agents)
        cdef size_t done = 0
        cdef int status
        with nogil:
            status = tcpk_ring_process(self.handle, state, n, who, answers, flags, &done, &error)
        check_error(0 if done else status, &error)
        return done

    def skip(self, size_t n):
        """Release events unseen."""
        cdef size_t skipped = 0
        cdef int status = tcpk_ring_skip(self.handle, n, &skipped)
        check(0 if skipped else status)
        return skipped

    def expel(self, uint32_t reader):
        """Wait for a reader no more."""
        check(tcpk_ring_expel(self.handle, reader))

    def wait(self, int64_t nanoseconds):
        """Whether there is something to do before the time is over."""
        cdef int status
        with nogil:
            status = tcpk_ring_wait(self.handle, nanoseconds)
        if status == TIMEOUT:
            return False
        check(status)
        return True
