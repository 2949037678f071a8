"""Objects of the C library that Python owns."""

from __future__ import annotations

import ctypes
import weakref
from typing import Any, Callable


class Owned:
    """An object of the C library, freed with its Python object, at the latest when the interpreter ends."""

    _handle: int

    def _own(self, handle: ctypes.c_void_p, free: Callable[[int], Any]) -> None:
        assert handle.value is not None
        self._handle = handle.value
        weakref.finalize(self, free, handle.value)
