"""One OpenMP runtime for the kernels and the BLAS."""

from __future__ import annotations

import contextlib
import ctypes
import os


def share() -> None:
    """Let MKL find GCC's OpenMP runtime where MKL_THREADING_LAYER=GNU asks for it.

    MKL's library for that runtime does not name it as one that it needs: without this, its first call in several
    threads would end the process, for Python keeps the symbols of what its modules load from each other.
    """
    if os.environ.get("MKL_THREADING_LAYER", "").upper() == "GNU":
        with contextlib.suppress(OSError):
            ctypes.CDLL("libgomp.so.1", mode=ctypes.RTLD_GLOBAL)
