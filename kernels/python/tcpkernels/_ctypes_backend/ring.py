"""The ring of events of the C library."""

from __future__ import annotations

import ctypes
import weakref
from typing import TYPE_CHECKING, Optional

from .._status import TIMEOUT
from .._types import RING_WRITER, RingAbout
from .library import LIB, Error, check

if TYPE_CHECKING:
    from .._types import U8, U32, U64, Bool
    from .network import Engine


class _About(ctypes.Structure):
    """struct tcpk_ring_about."""

    _fields_ = [
        ("kind", ctypes.c_int),
        ("role", ctypes.c_int),
        ("reader", ctypes.c_uint32),
        ("page_bytes", ctypes.c_uint32),
        ("slots", ctypes.c_uint64),
        ("bytes", ctypes.c_uint64),
        ("position", ctypes.c_uint64),
        ("attached", ctypes.c_uint32),
    ]


def _counted(status: int, count: ctypes.c_size_t, error: Optional[Error] = None) -> int:
    """How many were handled; what stopped the call is an error only where none was."""
    check(0 if count.value else status, error)
    return count.value


class Ring:
    """One open ring: of ``slots`` where that is not 0, else of a path where that is not empty, else of a file."""

    def __init__(self, slots: int, path: bytes, file: int) -> None:
        handle, error = ctypes.c_void_p(), Error()
        out = (ctypes.byref(handle), ctypes.byref(error))
        if slots:
            status = LIB.tcpk_ring_create(slots, *out)
        elif path:
            status = LIB.tcpk_ring_open(path, *out)
        else:
            status = LIB.tcpk_ring_open_file(file, *out)
        check(status, error)
        self._handle = handle
        self._close = weakref.finalize(self, LIB.tcpk_ring_close, handle)

    def close(self) -> None:
        """Give the role up and the memory back."""
        self._close()

    def file(self) -> int:
        """The open file that names the ring."""
        return int(LIB.tcpk_ring_file(self._handle))

    def describe(self) -> RingAbout:
        """What is known of the ring."""
        about = _About()
        LIB.tcpk_ring_describe(self._handle, ctypes.byref(about))
        return RingAbout(*(getattr(about, name) for name in RingAbout._fields))

    def attach(self, role: int) -> None:
        """Take a role."""
        error = Error()
        attach = LIB.tcpk_ring_attach_writer if role == RING_WRITER else LIB.tcpk_ring_attach_reader
        check(attach(self._handle, ctypes.byref(error)), error)

    def write(self, agents: U32, keys: U64, features: U8, descriptors: Optional[U8]) -> int:
        """Publish as many events as there is room for."""
        written = ctypes.c_size_t()
        status = LIB.tcpk_ring_write(
            self._handle,
            agents.ctypes.data,
            keys.ctypes.data,
            features.ctypes.data,
            None if descriptors is None else descriptors.ctypes.data,
            agents.size,
            ctypes.byref(written),
        )
        return _counted(status, written)

    def read(self, agents: U32, keys: U64, features: U8, descriptors: U8) -> int:
        """Copy events out and release them."""
        got = ctypes.c_size_t()
        arrays = [array.ctypes.data for array in (agents, keys, features, descriptors)]
        return _counted(LIB.tcpk_ring_read(self._handle, *arrays, agents.size, ctypes.byref(got)), got)

    def process(self, engine: Engine, agents: U32, decisions: U8, quarantined: Bool) -> int:
        """Let the engine answer events."""
        done, error = ctypes.c_size_t(), Error()
        status = LIB.tcpk_ring_process(
            self._handle,
            engine._state._handle,
            agents.size,
            agents.ctypes.data,
            decisions.ctypes.data,
            quarantined.ctypes.data,
            ctypes.byref(done),
            ctypes.byref(error),
        )
        return _counted(status, done, error)

    def skip(self, n: int) -> int:
        """Release events unseen."""
        skipped = ctypes.c_size_t()
        return _counted(LIB.tcpk_ring_skip(self._handle, n, ctypes.byref(skipped)), skipped)

    def expel(self, reader: int) -> None:
        """Wait for a reader no more."""
        check(LIB.tcpk_ring_expel(self._handle, reader))

    def wait(self, nanoseconds: int) -> bool:
        """Whether there is something to do before the time is over."""
        status = LIB.tcpk_ring_wait(self._handle, nanoseconds)
        if status != TIMEOUT:
            check(status)
        return bool(status != TIMEOUT)
