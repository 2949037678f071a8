"""Finding and loading libtcpk.so, and the prototypes of what is called in it."""

from __future__ import annotations

import ctypes
import os
import sysconfig
from ctypes import (
    POINTER,
    c_bool,
    c_char,
    c_char_p,
    c_double,
    c_float,
    c_int,
    c_int64,
    c_size_t,
    c_uint8,
    c_uint32,
    c_uint64,
    c_void_p,
)
from pathlib import Path
from typing import Dict, List, Tuple

from .._status import LIBRARY_VERSION, failure

_NAME = "libtcpk.so"
_ABI = 0


class Error(ctypes.Structure):
    """struct tcpk_error."""

    _fields_ = [("status", c_int), ("offset", c_uint64), ("message", c_char * 256)]


class ScanU8(ctypes.Structure):
    """struct tcpk_scan_u8."""

    _fields_ = [("count", c_uint64), ("index", c_int64), ("sum", c_uint32)]


class ScanF32(ctypes.Structure):
    """struct tcpk_scan_f32."""

    _fields_ = [("count", c_uint64), ("index", c_int64), ("sum", c_float)]


class EngineOptions(ctypes.Structure):
    """struct tcpk_engine_options."""

    _fields_ = [
        ("agents", c_uint64),
        ("window", c_uint32),
        ("threshold", c_uint32),
        ("suspicion", c_uint32),
        ("voters", c_uint32),
        ("voter", c_uint32),
        ("rule", c_int),
        ("threads", c_uint32),
        ("cpus", c_void_p),
    ]


_HANDLE = POINTER(c_void_p)
_ERROR = POINTER(Error)
_COUNT = POINTER(c_uint64)
_SIZE = POINTER(c_size_t)

# Arrays are passed as addresses. A status is a c_int.
_PROTOTYPES: Dict[str, Tuple[object, List[object]]] = {
    "tcpk_version": (c_char_p, []),
    "tcpk_variant": (c_char_p, []),
    "tcpk_variants": (POINTER(c_char_p), []),
    "tcpk_memory_in_use": (c_uint64, [c_int]),
    "tcpk_pages_name": (c_char_p, [c_int]),
    "tcpk_key": (c_uint64, [c_char_p, c_size_t]),
    "tcpk_registry_read": (c_int, [c_char_p, c_size_t, _HANDLE, _ERROR]),
    "tcpk_registry_free": (None, [c_void_p]),
    "tcpk_registry_count": (c_size_t, [c_void_p]),
    "tcpk_registry_version": (c_int, [c_void_p]),
    "tcpk_registry_time": (c_uint64, [c_void_p]),
    "tcpk_registry_descriptors": (c_void_p, [c_void_p]),
    "tcpk_registry_keys": (c_void_p, [c_void_p]),
    "tcpk_registry_name": (c_void_p, [c_void_p, c_size_t, POINTER(c_size_t)]),
    "tcpk_table_of_registry": (c_int, [c_void_p, _HANDLE, _ERROR]),
    "tcpk_table_free": (None, [c_void_p]),
    "tcpk_descriptor_complete": (None, [c_void_p, c_char_p]),
    "tcpk_table_find": (c_void_p, [c_void_p, c_uint64]),
    "tcpk_table_find_many": (None, [c_void_p, c_void_p, c_size_t, c_void_p, c_void_p]),
    "tcpk_table_decide_many": (None, [c_void_p, c_void_p, c_size_t, c_void_p]),
    "tcpk_table_find_constant_time": (c_uint8, [c_void_p, c_uint64, c_char_p]),
    "tcpk_window_scan_u8": (c_int, [c_void_p, c_size_t, c_uint32, POINTER(ScanU8)]),
    "tcpk_window_scan_f32": (c_int, [c_void_p, c_size_t, c_float, POINTER(ScanF32)]),
    "tcpk_window_u8_create": (c_int, [c_size_t, _HANDLE]),
    "tcpk_window_u8_free": (None, [c_void_p]),
    "tcpk_window_u8_append": (None, [c_void_p, c_void_p, c_size_t]),
    "tcpk_window_u8_query": (None, [c_void_p, c_uint32, POINTER(ScanU8)]),
    "tcpk_window_u8_count": (c_size_t, [c_void_p]),
    "tcpk_window_f32_create": (c_int, [c_size_t, _HANDLE]),
    "tcpk_window_f32_free": (None, [c_void_p]),
    "tcpk_window_f32_append": (None, [c_void_p, c_void_p, c_size_t]),
    "tcpk_window_f32_query": (None, [c_void_p, c_float, POINTER(ScanF32)]),
    "tcpk_window_f32_count": (c_size_t, [c_void_p]),
    "tcpk_baseline_score": (c_int, [c_void_p, c_size_t, c_void_p, POINTER(c_float)]),
    "tcpk_baseline_score_many": (c_int, [c_void_p, c_size_t, c_size_t, c_void_p, c_void_p]),
    "tcpk_model_fit": (c_int, [c_void_p, c_size_t, c_double, _HANDLE]),
    "tcpk_model_free": (None, [c_void_p]),
    "tcpk_model_mean": (c_void_p, [c_void_p]),
    "tcpk_model_covariance": (c_void_p, [c_void_p]),
    "tcpk_model_distances": (c_int, [c_void_p, c_void_p, c_size_t, c_void_p]),
    "tcpk_consensus": (c_int, [c_void_p, c_size_t, c_int, POINTER(c_bool)]),
    "tcpk_quarantine_create": (c_int, [c_uint64, _HANDLE]),
    "tcpk_quarantine_free": (None, [c_void_p]),
    "tcpk_quarantine_count": (c_uint64, [c_void_p]),
    "tcpk_quarantine_add": (c_int, [c_void_p, c_void_p, c_size_t, _COUNT]),
    "tcpk_quarantine_remove": (c_int, [c_void_p, c_void_p, c_size_t, _COUNT]),
    "tcpk_quarantine_contains": (c_int, [c_void_p, c_uint32, POINTER(c_bool)]),
    "tcpk_quarantine_snapshot": (None, [c_void_p, c_void_p]),
    "tcpk_adapt": (c_int, [c_void_p, c_size_t, c_size_t, c_void_p, c_void_p, c_int, _COUNT]),
    "tcpk_engine_create": (c_int, [POINTER(EngineOptions), c_void_p, _HANDLE, _ERROR]),
    "tcpk_engine_free": (None, [c_void_p]),
    "tcpk_engine_process": (
        c_int,
        [c_void_p, c_void_p, c_void_p, c_void_p, c_size_t, c_void_p, c_void_p, _ERROR],
    ),
    "tcpk_engine_receive_votes": (c_int, [c_void_p, c_uint32, c_void_p, c_size_t, _ERROR]),
    "tcpk_engine_suspects": (c_size_t, [c_void_p, c_void_p, c_size_t]),
    "tcpk_engine_anomalous_rows": (c_uint32, [c_void_p, c_uint64]),
    "tcpk_engine_quarantine": (c_void_p, [c_void_p]),
    "tcpk_ring_create": (c_int, [c_uint64, _HANDLE, _ERROR]),
    "tcpk_ring_open": (c_int, [c_char_p, _HANDLE, _ERROR]),
    "tcpk_ring_open_file": (c_int, [c_int, _HANDLE, _ERROR]),
    "tcpk_ring_close": (None, [c_void_p]),
    "tcpk_ring_file": (c_int, [c_void_p]),
    "tcpk_ring_describe": (None, [c_void_p, c_void_p]),
    "tcpk_ring_attach_writer": (c_int, [c_void_p, _ERROR]),
    "tcpk_ring_attach_reader": (c_int, [c_void_p, _ERROR]),
    "tcpk_ring_write": (c_int, [c_void_p, c_void_p, c_void_p, c_void_p, c_void_p, c_size_t, _SIZE]),
    "tcpk_ring_read": (c_int, [c_void_p, c_void_p, c_void_p, c_void_p, c_void_p, c_size_t, _SIZE]),
    "tcpk_ring_process": (
        c_int,
        [c_void_p, c_void_p, c_size_t, c_void_p, c_void_p, c_void_p, _SIZE, _ERROR],
    ),
    "tcpk_ring_skip": (c_int, [c_void_p, c_size_t, _SIZE]),
    "tcpk_ring_expel": (c_int, [c_void_p, c_uint32]),
    "tcpk_ring_wait": (c_int, [c_void_p, c_int64]),
}


def candidates() -> List[Path]:
    """Where the library may lie: beside the package, in an installation's lib, in the checkout's build folders."""
    package = Path(__file__).resolve().parent.parent
    folders = [package, Path(sysconfig.get_config_var("prefix") or "/usr") / "lib"]
    # Installed, the package is <prefix>/lib/python3/tcpkernels; in a checkout, kernels/python/tcpkernels.
    folders.insert(1, package.parent.parent)
    folders += [package.parent.parent / "build" / preset for preset in ("release", "make", "native")]
    return [folder / name for folder in folders for name in (_NAME, f"{_NAME}.{_ABI}")]


def find() -> Path:
    """The library's path; what TCPK_LIBRARY names, when set, and nothing else."""
    named = os.environ.get("TCPK_LIBRARY", "")
    if named:
        if not Path(named).is_file():
            raise ImportError(f"TCPK_LIBRARY is {named!r}; allowed: the path of {_NAME}")
        return Path(named).resolve()
    for path in candidates():
        if path.is_file():
            return path.resolve()
    folders = ", ".join(dict.fromkeys(str(path.parent) for path in candidates()))
    raise ImportError(f"{_NAME} is in none of {folders}; TCPK_LIBRARY may name it")


def load(path: Path) -> ctypes.CDLL:
    """Load the library and declare its functions; ImportError with the reason when it is not the one wanted."""
    try:
        library = ctypes.CDLL(str(path))
    except OSError as error:
        raise ImportError(f"{path} does not load: {error}") from error
    for name, (result, arguments) in _PROTOTYPES.items():
        if not hasattr(library, name):
            raise ImportError(f"{path} has no {name}: it is not the version wanted")
        function = getattr(library, name)
        function.restype = result
        function.argtypes = arguments
    version = library.tcpk_version().decode()
    if not version.startswith(f"{LIBRARY_VERSION}."):
        raise ImportError(f"{path} is version {version}; allowed: {LIBRARY_VERSION}.x")
    return library


PATH = find()
LIB = load(PATH)


def check(status: int, error: Error | None = None) -> None:
    """Raise the exception of a status that is not 0."""
    if status:
        if error is None:
            raise failure(status)
        raise failure(status, error.message.decode(errors="replace"), error.offset)
