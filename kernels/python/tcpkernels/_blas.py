"""Which BLAS is really loaded: asked of the process's memory map, not of any configuration.

A process may hold two (NumPy brings its own); the one that counts is the one whose symbols the library calls.
"""

from __future__ import annotations

import ctypes
from pathlib import Path
from typing import Dict, List, Optional, TypedDict

from ._memory_map import MAPS, library_of, mappings

_SYMBOLS = ("dsyrk_", "dtrsm_", "dpotrf_")
_FAMILIES = (
    ("mkl_", "MKL"),
    ("openblas", "OpenBLAS"),
    ("libblis", "BLIS"),
    ("libatlas", "ATLAS"),
    ("liblapack", "reference"),
    ("libblas", "reference"),
)


class Blas(TypedDict):
    """A BLAS library of this process."""

    name: str
    version: str
    path: str
    threads: Optional[int]


def family(path: str) -> str:
    """The kind of BLAS that a library's resolved path stands for; empty for none.

    >>> family("/usr/lib/x86_64-linux-gnu/openblas-pthread/libblas.so.3")
    'OpenBLAS'
    >>> family("/usr/lib/x86_64-linux-gnu/blas/libblas.so.3.11.0")
    'reference'
    >>> family("/usr/lib/libm.so.6")
    ''
    """
    lowered = path.lower()
    name = lowered.rsplit("/", 1)[-1]
    for mark, kind in _FAMILIES:
        if mark in name or (
            kind == "OpenBLAS" and mark in lowered and name.startswith(("libblas", "liblapack"))
        ):
            return kind
    return ""


def loaded(maps: Path = MAPS) -> List[str]:
    """Paths of every BLAS in the process, in the order of the map."""
    return [path for path in dict.fromkeys(mapping.path for mapping in mappings(maps)) if family(path)]


def _called_by(library: str, maps: Path) -> str:
    """The path of the file that holds the BLAS symbols which the library calls."""
    handle = ctypes.CDLL(library)
    for symbol in _SYMBOLS:
        if hasattr(handle, symbol):
            return library_of(ctypes.cast(getattr(handle, symbol), ctypes.c_void_p).value or 0, maps)
    return ""


def _string(handle: ctypes.CDLL, symbols: List[str]) -> str:
    for symbol in symbols:
        if hasattr(handle, symbol):
            function = getattr(handle, symbol)
            function.restype = ctypes.c_char_p
            function.argtypes = []
            text = function()
            return text.decode(errors="replace").strip() if text else ""
    return ""


def _prefixed(name: str) -> List[str]:
    """A function of OpenBLAS as distributions and as NumPy's wheels call it."""
    return [name, f"{name}64_", f"scipy_{name}", f"scipy_{name}64_"]


def _mkl_version(handle: ctypes.CDLL) -> str:
    buffer = ctypes.create_string_buffer(256)
    handle.mkl_get_version_string(buffer, len(buffer))
    return buffer.value.decode(errors="replace").strip()


def describe(path: str) -> Blas:
    """Name, version and threads of a BLAS that is loaded; what cannot be had is empty or None."""
    blas = Blas(name=family(path), version="", path=path, threads=None)
    try:
        handle = ctypes.CDLL(path)
    except OSError:
        return blas
    if blas["name"] == "OpenBLAS":
        blas["version"] = _string(handle, _prefixed("openblas_get_config"))
        for symbol in _prefixed("openblas_get_num_threads"):
            if hasattr(handle, symbol):
                blas["threads"] = int(getattr(handle, symbol)())
                break
    elif blas["name"] == "MKL" and hasattr(handle, "mkl_get_version_string"):
        blas["version"] = _mkl_version(handle)
    elif blas["name"] == "BLIS":
        blas["version"] = _string(handle, ["bli_info_get_version_str"])
    elif blas["name"] == "reference":
        blas["threads"] = 1
    return blas


def in_use(library: str, maps: Path = MAPS) -> Dict[str, object]:
    """The BLAS that the kernels call and all that are loaded; ``library`` is the C library's path, empty without one.

    The NumPy backend calls NumPy's own, which is the first one loaded.
    """
    every = loaded(maps)
    path = _called_by(library, maps) if library else next(iter(every), "")
    used = describe(path) if path else Blas(name="none", version="", path="", threads=None)
    if path and not used["name"]:
        used["name"] = "unknown"
    return {**used, "loaded": every}
