"""The kernels in NumPy: what every other backend is tested against, and the fallback without a library."""

from __future__ import annotations

from typing import Dict, Tuple

from .. import _tcpdb
from .._fits import fits
from .behavior import (
    Model,
    Window,
    baseline_score,
    baseline_score_many,
    window_scan_f32,
    window_scan_u8,
)
from .engine import Engine
from .lookup import Table
from .network import QuarantineSet, adapt, consensus
from .registry import Registry
from .ring import Ring

NAME = "numpy"

__all__ = [
    "NAME",
    "Engine",
    "Model",
    "QuarantineSet",
    "Registry",
    "Ring",
    "Table",
    "Window",
    "adapt",
    "baseline_score",
    "baseline_score_many",
    "consensus",
    "fits",
    "huge_pages",
    "key",
    "library",
    "threads",
    "variant",
    "variants",
    "window_scan_f32",
    "window_scan_u8",
]


def key(name: bytes) -> int:
    """The 64-bit lookup key of a name."""
    return _tcpdb.name_key(name)


def library() -> str:
    """Path of the C library: none is used here."""
    return ""


def variant() -> str:
    """The variant in use."""
    return "numpy"


def variants() -> Tuple[str, ...]:
    """The variants that can be asked for here."""
    return ("numpy",)


def threads() -> int:
    """Threads that one call may use."""
    return 1


def huge_pages() -> Dict[str, int]:
    """Bytes of the kernels' memory by kind of huge page: NumPy asks for none."""
    return {}
