"""A ring's memory as words and slots, without the C library."""

from __future__ import annotations

import mmap
from typing import TYPE_CHECKING, List, Literal

import numpy as np

from .._types import RING_READERS
from . import ring_file

if TYPE_CHECKING:
    from .._types import Array

_HEAD_AT, _SLEEPS_AT = 128, 256
_TAIL_AT, _ATTACHED_AT, _PLACE = 128, 136, 128
_EVERYTHING = mmap.PROT_READ | mmap.PROT_WRITE


class Memory:
    """The mapping of a role's file; with ``apart`` all but the readers' page is read-only.

    Each word is a view of one item: its load and its store are one instruction.
    """

    def __init__(self, file: int, geometry: ring_file.Geometry, apart: bool) -> None:
        self._views: List[memoryview] = []
        whole = mmap.mmap(file, geometry.bytes, mmap.MAP_SHARED, mmap.PROT_READ if apart else _EVERYTHING)
        self._maps = [whole]
        places, start = whole, ring_file.READERS_AT
        if apart:
            places, start = mmap.mmap(file, start, mmap.MAP_SHARED, _EVERYTHING, offset=start), 0
            self._maps.append(places)
        self.head = self._word(whole, _HEAD_AT, "Q")
        self.writer_sleeps = self._word(whole, _SLEEPS_AT, "I")
        self.sleepers = self._word(places, start, "I")
        at = [start + _PLACE * i for i in range(RING_READERS)]
        self.tails = [self._word(places, place + _TAIL_AT, "Q") for place in at]
        self.attached = [self._word(places, place + _ATTACHED_AT, "I") for place in at]
        self._slots: List[Array] = [np.frombuffer(whole, ring_file.SLOT, geometry.slots, ring_file.SLOTS_AT)]

    def _word(self, mapping: mmap.mmap, at: int, kind: Literal["I", "Q"]) -> memoryview:
        outer = memoryview(mapping)
        inner = outer[at : at + {"I": 4, "Q": 8}[kind]]
        word = inner.cast(kind)
        self._views += [outer, inner, word]
        return word

    def slots(self, first: int, count: int) -> Array:
        """Slots where they lie. The view must not outlive the call that asked for it."""
        return self._slots[0][first : first + count]

    def close(self) -> None:
        """Give the mapping back."""
        self._slots.clear()
        for view in reversed(self._views):
            view.release()
        for mapping in self._maps:
            mapping.close()
