"""The ring of events between processes."""

from __future__ import annotations

import os
import threading
import time
from typing import TYPE_CHECKING, List, Optional, Tuple, TypedDict, Union

import numpy as np

from . import _checks
from ._backend import backend
from ._closing import Closing
from ._network import Engine
from ._types import DESCRIPTOR_SIZE, FEATURES, RING_READER, RING_READERS, RING_WRITER

if TYPE_CHECKING:
    from ._public_api import RawRing
    from ._types import U8, U32, U64, Bool

_SMALLEST, _LARGEST = 64, 1 << 24
_AT_ONCE = 4096
# A signal is handled between two waits.
_SLICE = 0.1


class RingInfo(TypedDict):
    """``readers`` are the numbers of those attached, known to who has a role."""

    kind: str
    slots: int
    bytes: int
    page_bytes: int
    position: int
    readers: List[int]


class _Open(Closing):
    """An open ring of a backend, one caller at a time."""

    def __init__(self, raw: RawRing) -> None:
        self._opened: Optional[RawRing] = raw
        self._turn = threading.RLock()

    @property
    def _raw(self) -> RawRing:
        if self._opened is None:
            raise ValueError("the ring is closed; allowed: calls before close()")
        return self._opened

    def close(self) -> None:
        """Give up the role and the memory; a second time does nothing."""
        with self._turn:
            if self._opened is not None:
                self._opened.close()
                self._opened = None

    def info(self) -> RingInfo:
        """Kind ("memory" or "device"), slots, bytes, page size; with a role the position and who reads."""
        with self._turn:
            about = self._raw.describe()
        return RingInfo(
            kind=("memory", "device")[about.kind],
            slots=about.slots,
            bytes=about.bytes,
            page_bytes=about.page_bytes,
            position=about.position,
            readers=[i for i in range(RING_READERS) if about.attached >> i & 1],
        )

    def wait(self, timeout: Optional[float] = None) -> bool:
        """Sleep until there is an event to read, or room to write one; False after ``timeout`` seconds without.

        None waits for ever, 0 only looks. The writer of a ring in memory finds dead readers here.
        """
        end = None if timeout is None else time.monotonic() + _checks.real("timeout", timeout)
        while True:
            left = _SLICE if end is None else min(_SLICE, max(0.0, end - time.monotonic()))
            with self._turn:
                if self._raw.wait(int(left * 1e9)):
                    return True
            if end is not None and time.monotonic() >= end:
                return False


class RingWriter(_Open):
    """The writer of a ring; ``Ring.writer`` makes it."""

    def publish(
        self,
        agent_ids: U32,
        keys: U64,
        features: U8,
        descriptors: Optional[U8] = None,
        timeout: Optional[float] = None,
    ) -> int:
        """Write events: agents uint32[n], command keys uint64[n], features uint8[n, 24], descriptors uint8[n, 24].

        Sleeps while there is no room, ``timeout`` seconds at most (None: as long as it takes), and gives how many were
        written. They are copied once, into the ring. Descriptors that are left out are zeros. RingError "corrupt" when
        a reader's index makes no sense: ``expel`` it.
        """
        ids = _checks.whole("agent_ids", agent_ids, np.uint32, ("n",))
        n = ids.size
        commands = _checks.whole("keys", keys, np.uint64, (n,))
        rows = _checks.whole("features", features, np.uint8, (n, FEATURES))
        described = (
            None
            if descriptors is None
            else _checks.whole("descriptors", descriptors, np.uint8, (n, DESCRIPTOR_SIZE))
        )
        end = None if timeout is None else time.monotonic() + _checks.real("timeout", timeout)
        written = 0
        while written < n:
            rest = slice(written, None)
            with self._turn:
                written += self._raw.write(
                    ids[rest], commands[rest], rows[rest], None if described is None else described[rest]
                )
            left = None if end is None else end - time.monotonic()
            if written < n and not self.wait(None if left is None else max(0.0, left)):
                break
        return written

    def expel(self, reader: int) -> None:
        """Wait no more for reader number ``reader``, one that is stuck; it gets RingError "overrun"."""
        number = _checks.integer("reader", reader, 0, RING_READERS - 1)
        with self._turn:
            self._raw.expel(number)


class RingReader(_Open):
    """A reader of a ring; ``Ring.reader`` makes it. It sees every event that is published after it was made."""

    def read(self, most: int = _AT_ONCE, timeout: Optional[float] = 0) -> Tuple[U32, U64, U8, U8]:
        """Read up to ``most`` events: agents uint32[n], keys uint64[n], features and descriptors uint8[n, 24].

        Waits up to ``timeout`` seconds for the first one (None: as long as it takes); n is 0 when none came. The arrays
        are copies, and the events are released: what lies in the ring may be overwritten, and a view of it would
        change under its owner's hands.
        """
        count = self._ready(most, timeout)
        ids, keys = np.empty(count, np.uint32), np.empty(count, np.uint64)
        features = np.empty((count, FEATURES), np.uint8)
        descriptors = np.empty((count, DESCRIPTOR_SIZE), np.uint8)
        with self._turn:
            got = self._raw.read(ids, keys, features, descriptors) if count else 0
        return ids[:got], keys[:got], features[:got], descriptors[:got]

    def feed(
        self, engine: Engine, most: int = _AT_ONCE, timeout: Optional[float] = 0
    ) -> Tuple[U32, U8, Bool]:
        """Let an engine answer up to ``most`` events: agents uint32[n], decisions uint8[n], quarantined bool[n].

        Events go from the ring to the engine a few hundred at a time, through no array of Python's. An agent id that
        the engine does not have raises OutOfRangeError when its turn has come, and stays; ``skip(1)`` leaves it out.
        """
        if not isinstance(engine, Engine):
            raise TypeError(f"engine is {type(engine).__name__}; allowed: Engine")
        count = self._ready(most, timeout)
        ids, decisions = np.empty(count, np.uint32), np.empty(count, np.uint8)
        quarantined = np.empty(count, np.bool_)
        with self._turn, engine._turn:
            done = self._raw.process(engine._raw, ids, decisions, quarantined) if count else 0
        return ids[:done], decisions[:done], quarantined[:done]

    def skip(self, n: int) -> int:
        """Release up to ``n`` events unread; gives how many."""
        number = _checks.integer("n", n, 0, _LARGEST)
        with self._turn:
            return self._raw.skip(number)

    def _ready(self, most: int, timeout: Optional[float]) -> int:
        """How many events to make room for: 0 when none came in time."""
        number = _checks.integer("most", most, 1, _LARGEST)
        return min(number, self.info()["slots"]) if self.wait(timeout) else 0


class Ring(_Open):
    """A ring of events between processes: one writer, up to 16 readers, each of which sees every event.

    >>> import numpy as np
    >>> with Ring.create(64) as ring, ring.writer() as writer, ring.reader() as reader:
    ...     writer.publish([7, 8], [1, 2], np.zeros((2, 24), np.uint8))
    ...     agents, keys, features, descriptors = reader.read()
    2
    >>> agents, keys
    (array([7, 8], dtype=uint32), array([1, 2], dtype=uint64))

    Another process opens it by ``Ring.open(fd)``, of ``fileno()`` as it got it from its parent or over a socket, or by
    the path of a device. Roles are taken by who asks for them, each with an open file of its own; they end with the
    role's ``close`` or the death of the process. A child made by fork keeps its parent's: take roles after forking.
    """

    @classmethod
    def create(cls, slots: int) -> Ring:
        """A ring in memory with a power of two of slots, 64 to 2**24; in huge pages where there are any."""
        number = _checks.integer("slots", slots, 0, (1 << 64) - 1)
        if not _SMALLEST <= number <= _LARGEST or number & (number - 1):
            raise ValueError(f"slots is {number}; allowed: a power of two, {_SMALLEST} to {_LARGEST}")
        return cls(backend().Ring(number, b"", -1))

    @classmethod
    def open(cls, source: Union[int, str, os.PathLike[str]]) -> Ring:
        """The ring of an open file (which stays the caller's), or of a path such as ``/dev/tcpk_ring``.

        OSError when it cannot be opened, RingError "layout" when it is no ring.
        """
        if isinstance(source, (str, os.PathLike)):
            path = os.fsencode(source)
            if not path or b"\0" in path:
                raise ValueError(f"path is {source!r}; allowed: the path of a ring")
            return cls(backend().Ring(0, path, -1))
        return cls(backend().Ring(0, b"", _checks.integer("source", source, 0, 0x7FFFFFFF)))

    def fileno(self) -> int:
        """The open file that names the ring, to be given to other processes. It closes with this object."""
        with self._turn:
            return self._raw.file()

    def writer(self) -> RingWriter:
        """Become the writer; RingError "busy" when there is one. It goes on where the last one stopped."""
        return RingWriter(self._attached(RING_WRITER))

    def reader(self) -> RingReader:
        """Become a reader; RingError "busy" when there are 16. It begins with the next event."""
        return RingReader(self._attached(RING_READER))

    def _attached(self, role: int) -> RawRing:
        with self._turn:
            raw = backend().Ring(0, b"", self._raw.file())
        try:
            raw.attach(role)
        except BaseException:
            raw.close()
            raise
        return raw
