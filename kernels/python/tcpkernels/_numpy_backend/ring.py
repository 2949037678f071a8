"""The ring of events on a plain mapping: the same memory, the same peers, without the C library.

What Python lacks is said here: it has neither fences nor futexes. It runs where the processor keeps the order of loads
and that of stores (x86-64), takes a lock where a full fence is due, sleeps by looking every millisecond, and wakes
nobody in a ring in memory: who sleeps there looks again every 50 ms. Rings that it makes have ordinary pages.
"""

from __future__ import annotations

import fcntl
import os
import platform
import threading
import time
from typing import TYPE_CHECKING, Optional

import numpy as np

from .._errors import BackendError, OutOfRangeError, RingError
from .._types import RING_READERS, RING_WRITER, RingAbout
from . import ring_file
from .ring_memory import Memory

if TYPE_CHECKING:
    from .._types import U8, U32, U64, Array, Bool
    from .engine import Engine

_WORD = 1 << 64
_LOOK_EVERY = 0.001
_FENCE = threading.Lock()


def _fence() -> None:
    """A full fence: taking a lock is an instruction with that prefix."""
    with _FENCE:
        pass


class Ring:
    """One open ring: of ``slots`` where that is not 0, else of a path where that is not empty, else of a file."""

    def __init__(self, slots: int, path: bytes, file: int) -> None:
        if platform.machine() not in ("x86_64", "AMD64"):
            raise BackendError(
                f"the ring of backend numpy needs a CPU that keeps stores in order, this is {platform.machine()}; "
                "allowed: x86_64, or the backends cython and ctypes"
            )
        self._file = -1
        if slots:
            self._file = ring_file.create(slots)
        elif path:
            self._file = os.open(path, os.O_RDWR | os.O_CLOEXEC | os.O_NONBLOCK | os.O_NOCTTY)
        else:
            self._file = fcntl.fcntl(file, fcntl.F_DUPFD_CLOEXEC, 0)
        self._role, self._role_file, self._reader, self._position = 0, -1, 0, 0
        self._memory: Optional[Memory] = None
        try:
            self._geometry = ring_file.geometry_of(self._file)
        except BaseException:
            self.close()
            raise
        self._device = ring_file.is_device(self._file)
        self._mask = self._geometry.slots - 1

    def __del__(self) -> None:
        if getattr(self, "_file", -1) >= 0:
            self.close()

    def close(self) -> None:
        """Give the role up and the memory back."""
        if self._memory is not None:
            if self._role != RING_WRITER:
                self._memory.attached[self._reader][0] = 0
            self._memory.close()
        for file in {self._role_file, self._file} - {-1}:
            os.close(file)
        self._memory, self._role, self._role_file, self._file = None, 0, -1, -1

    def file(self) -> int:
        """The open file that names the ring."""
        return self._file

    def describe(self) -> RingAbout:
        """What is known of the ring."""
        places = self._memory.attached if self._memory is not None else []
        attached = sum(1 << i for i, flag in enumerate(places) if flag[0])
        geometry = self._geometry
        return RingAbout(
            int(self._device),
            self._role,
            self._reader,
            geometry.page_bytes,
            geometry.slots,
            geometry.bytes,
            self._position,
            attached,
        )

    def attach(self, role: int) -> None:
        """Take a role."""
        self._role_file = os.open(f"/proc/self/fd/{self._file}", os.O_RDWR | os.O_CLOEXEC | os.O_NONBLOCK)
        number = ring_file.take_role(self._role_file, self._device, role)
        apart = role != RING_WRITER and (self._device or self._geometry.page_bytes == ring_file.READERS_AT)
        memory = Memory(self._role_file, self._geometry, apart)
        self._memory, self._role = memory, role
        if role == RING_WRITER:
            self._position = memory.head[0]
            memory.writer_sleeps[0] = 0
        else:
            self._reader = number
            memory.tails[number][0] = memory.head[0]
            memory.attached[number][0] = 1
            _fence()
            self._position = self._seen = memory.head[0]
            memory.tails[number][0] = self._position

    @property
    def _words(self) -> Memory:
        assert self._memory is not None
        return self._memory

    def _room(self) -> int:
        slots = self._geometry.slots
        room = slots
        for i in range(RING_READERS):
            if not self._words.attached[i][0]:
                continue
            behind = (self._position - self._words.tails[i][0]) % _WORD
            if behind >= _WORD // 2:
                raise RingError("corrupt", f"reader {i} says that it has read what was not written")
            room = min(room, max(0, slots - behind))
        return room

    def _check_place(self) -> None:
        if not self._words.attached[self._reader][0]:
            raise RingError("overrun", "the reader was expelled, and what it had not read may be overwritten")

    def _there(self) -> int:
        """How many events there are to read."""
        head = self._words.head[0]
        there = (head - self._position) % _WORD
        if there > self._geometry.slots or (head - self._seen) % _WORD >= _WORD // 2:
            self._check_place()
            raise RingError("corrupt", f"the head is {head}, this reader at {self._position}")
        self._seen = head
        return there

    def write(self, agents: U32, keys: U64, features: U8, descriptors: Optional[U8]) -> int:
        """Publish as many events as there is room for."""
        n, done = min(agents.size, self._room()), 0
        while done < n:
            first = self._position & self._mask
            count = min(n - done, self._geometry.slots - first)
            slots, part = self._words.slots(first, count), slice(done, done + count)
            slots["agent"], slots["key"], slots["features"] = agents[part], keys[part], features[part]
            slots["descriptor"] = 0 if descriptors is None else descriptors[part]
            slots["sequence"] = self._numbers(count)
            self._position = (self._position + count) % _WORD
            done += count
        if n:
            self._words.head[0] = self._position
            _fence()
            if self._device and self._words.sleepers[0]:
                self._words.sleepers[0] = 0
                fcntl.ioctl(self._role_file, ring_file.WAKE)
        return n

    def _numbers(self, count: int) -> U32:
        """The sequence numbers of the next slots."""
        numbers: U64 = np.arange(1, count + 1, dtype=np.uint64) + np.uint64(self._position % (1 << 32))
        return numbers.astype(np.uint32)

    def _peek(self, most: int) -> Array:
        """A copy of the next slots that lie in one piece; each byte is read once."""
        first = self._position & self._mask
        count = min(most, self._there(), self._geometry.slots - first)
        slots: Array = self._words.slots(first, count).copy()
        wrong = np.flatnonzero(slots["sequence"] != self._numbers(count))
        if wrong.size:
            slots = slots[: wrong[0]]
            if not slots.size:
                self._check_place()
                raise RingError("corrupt", f"event {self._position} has another sequence number")
        if slots.size:
            self._check_place()
        return slots

    def _release(self, n: int) -> None:
        self._position = (self._position + n) % _WORD
        self._words.tails[self._reader][0] = self._position
        _fence()
        if self._device and self._words.writer_sleeps[0]:
            fcntl.ioctl(self._role_file, ring_file.WAKE)

    def read(self, agents: U32, keys: U64, features: U8, descriptors: U8) -> int:
        """Copy events out and release them."""
        got = 0
        while got < agents.size:
            try:
                slots = self._peek(agents.size - got)
            except RingError:
                if got:
                    return got
                raise
            if not slots.size:
                break
            part = slice(got, got + slots.size)
            agents[part], keys[part] = slots["agent"], slots["key"]
            features[part], descriptors[part] = slots["features"], slots["descriptor"]
            self._release(slots.size)
            got += slots.size
        return got

    def process(self, engine: Engine, agents: U32, decisions: U8, quarantined: Bool) -> int:
        """Let the engine answer events."""
        slots = self._peek(agents.size)
        unknown = np.flatnonzero(slots["agent"] >= engine.agents)
        n = int(unknown[0]) if unknown.size else slots.size
        if unknown.size and n == 0:
            raise OutOfRangeError(f"agent id {slots['agent'][0]} at 0; allowed: below {engine.agents}")
        ids, keys, features = (np.ascontiguousarray(slots[name][:n]) for name in ("agent", "key", "features"))
        engine.process(ids, keys, features, decisions[:n], quarantined[:n])
        agents[:n] = ids
        self._release(n)
        return n

    def skip(self, n: int) -> int:
        """Release events unseen."""
        skipped = 0
        while skipped < n:
            count = self._peek(n - skipped).size
            if not count:
                break
            self._release(count)
            skipped += count
        return skipped

    def expel(self, reader: int) -> None:
        """Wait for a reader no more."""
        self._words.attached[reader][0] = 0

    def _bury_the_dead(self) -> None:
        """Detach the readers that leave no room and whose locks can be had."""
        for i in range(RING_READERS):
            behind = (self._position - self._words.tails[i][0]) % _WORD
            if (
                self._words.attached[i][0]
                and behind >= self._geometry.slots
                and ring_file.lock(self._role_file, i)
            ):
                self._words.attached[i][0] = 0
                ring_file.lock(self._role_file, i, fcntl.F_UNLCK)

    def _look(self) -> bool:
        if self._role == RING_WRITER:
            if not self._room() and not self._device:
                self._bury_the_dead()
            return self._room() > 0
        if self._there():
            return True
        self._check_place()
        return False

    def wait(self, nanoseconds: int) -> bool:
        """Whether there is something to do before the time is over."""
        end = time.monotonic() + nanoseconds / 1e9
        while not self._look():
            left = end - time.monotonic()
            if left <= 0:
                return False
            time.sleep(min(_LOOK_EVERY, left))
        return True
