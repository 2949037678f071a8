"""Finding and loading libtcpk_cuda.so and libtcpk_hip.so, which are there where somebody has built them.

Each stands alone: none needs the backend that is in use. TCPK_GPU_LIBRARY is the path of one that takes their place.
"""

from __future__ import annotations

import ctypes
import os
import sysconfig
from ctypes import (
    POINTER,
    c_char,
    c_char_p,
    c_double,
    c_int,
    c_size_t,
    c_uint,
    c_uint32,
    c_uint64,
    c_void_p,
)
from functools import lru_cache
from pathlib import Path
from typing import Dict, List, Tuple

from ._errors import BackendError
from ._status import LIBRARY_VERSION, failure

VARIANTS = ("cuda", "hip")


class Error(ctypes.Structure):
    """struct tcpk_error."""

    _fields_ = [("status", c_int), ("offset", c_uint64), ("message", c_char * 256)]


class About(ctypes.Structure):
    """struct tcpk_gpu_about."""

    _fields_ = [
        ("name", c_char * 128),
        ("warp", c_uint),
        ("driver", c_int),
        ("memory", c_uint64),
        ("buffers", c_uint64),
    ]


_ERROR = POINTER(Error)

# Arrays are passed as addresses. A status is a c_int.
_PROTOTYPES: Dict[str, Tuple[object, List[object]]] = {
    "tcpk_gpu_variant": (c_char_p, []),
    "tcpk_gpu_version": (c_char_p, []),
    "tcpk_gpu_count": (c_int, [POINTER(c_int), _ERROR]),
    "tcpk_gpu_name": (c_int, [c_int, c_char_p, _ERROR]),
    "tcpk_gpu_open": (c_int, [c_int, c_uint64, POINTER(c_void_p), _ERROR]),
    "tcpk_gpu_close": (None, [c_void_p]),
    "tcpk_gpu_describe": (None, [c_void_p, POINTER(About)]),
    "tcpk_gpu_pinned_new": (c_int, [c_size_t, POINTER(c_void_p), _ERROR]),
    "tcpk_gpu_pinned_delete": (None, [c_void_p]),
    "tcpk_gpu_load": (c_int, [c_void_p, c_void_p, c_void_p, c_size_t, _ERROR]),
    "tcpk_gpu_find_many": (c_int, [c_void_p, c_void_p, c_size_t, c_void_p, c_void_p, _ERROR]),
    "tcpk_gpu_decide_many": (c_int, [c_void_p, c_void_p, c_size_t, c_void_p, _ERROR]),
    "tcpk_gpu_baseline_score_many": (
        c_int,
        [c_void_p, c_void_p, c_size_t, c_size_t, c_void_p, c_void_p, _ERROR],
    ),
    "tcpk_gpu_votes": (c_int, [c_void_p, c_void_p, c_size_t, c_size_t, c_uint32, c_void_p, _ERROR]),
    "tcpk_gpu_kernel_time": (c_double, [c_void_p]),
    "tcpk_gpu_copy_time": (c_int, [c_void_p, c_uint64, c_uint, POINTER(c_double), _ERROR]),
}


def _candidates(name: str) -> List[Path]:
    """Beside the package, in an installation's lib, in the checkout's build folders."""
    package = Path(__file__).resolve().parent
    above = package.parent.parent  # <prefix>/lib, or kernels in a checkout
    folders = [package, above, Path(sysconfig.get_config_var("prefix") or "/usr") / "lib"]
    folders += [above / "build" / preset / "gpu" for preset in ("release", "make", "native")]
    return [folder / name for folder in folders]


def variants() -> Tuple[str, ...]:
    """The names to ask for; "named" alone where TCPK_GPU_LIBRARY is set."""
    return ("named",) if os.environ.get("TCPK_GPU_LIBRARY") else VARIANTS


def find(variant: str) -> Path:
    """The path of a variant's library; BackendError when there is none."""
    named = os.environ.get("TCPK_GPU_LIBRARY", "")
    if named:
        if not Path(named).is_file():
            raise BackendError(f"TCPK_GPU_LIBRARY is {named!r}; allowed: the path of a libtcpk_cuda.so")
        return Path(named).resolve()
    places = _candidates(f"libtcpk_{variant}.so")
    for path in places:
        if path.is_file():
            return path.resolve()
    folders = ", ".join(dict.fromkeys(str(path.parent) for path in places))
    raise BackendError(f"libtcpk_{variant}.so is in none of {folders}")


@lru_cache(maxsize=None)
def _loaded(path: Path) -> ctypes.CDLL:
    try:
        library = ctypes.CDLL(str(path))
    except OSError as error:
        raise BackendError(f"{path} does not load: {error}") from error
    for name, (result, arguments) in _PROTOTYPES.items():
        if not hasattr(library, name):
            raise BackendError(f"{path} has no {name}: it is not the version wanted")
        function = getattr(library, name)
        function.restype = result
        function.argtypes = arguments
    version = library.tcpk_gpu_version().decode()
    if not version.startswith(f"{LIBRARY_VERSION}."):
        raise BackendError(f"{path} is version {version}; allowed: {LIBRARY_VERSION}.x")
    return library


def load(variant: str) -> ctypes.CDLL:
    """Load a variant's library; BackendError with the reason when it cannot be had."""
    return _loaded(find(variant))


def check(status: int, error: Error) -> None:
    """Raise the exception of a status that is not 0."""
    if status:
        raise failure(status, error.message.decode(errors="replace"), error.offset)


def devices(library: ctypes.CDLL) -> List[str]:
    """The names of a library's devices; BackendError with the reason when there is none."""
    error, count = Error(), c_int()
    check(library.tcpk_gpu_count(ctypes.byref(count), ctypes.byref(error)), error)
    names = []
    for device in range(count.value):
        name = ctypes.create_string_buffer(128)
        check(library.tcpk_gpu_name(device, name, ctypes.byref(error)), error)
        names.append(name.value.decode(errors="replace"))
    return names
