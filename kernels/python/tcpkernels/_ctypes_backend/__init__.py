"""The kernels of the C library through ctypes: no compiler is needed, only libtcpk.so."""

from __future__ import annotations

import os
from typing import Dict, List, Tuple

from .._fits import fits
from .behavior import (
    Model,
    Window,
    baseline_score,
    baseline_score_many,
    window_scan_f32,
    window_scan_u8,
)
from .library import LIB, PATH
from .network import Engine, QuarantineSet, adapt, consensus
from .registry import Registry, Table
from .ring import Ring

NAME = "ctypes"
_KINDS_OF_PAGES = 4

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
    return int(LIB.tcpk_key(name, len(name)))


def library() -> str:
    """Path of the C library."""
    return str(PATH)


def variant() -> str:
    """The variant in use; empty when the one asked for cannot be had."""
    name = LIB.tcpk_variant()
    return name.decode() if name else ""


def variants() -> Tuple[str, ...]:
    """The variants that can be asked for here."""
    names: List[str] = []
    listed = LIB.tcpk_variants()
    while listed[len(names)]:
        names.append(listed[len(names)].decode())
    return tuple(names)


def threads() -> int:
    """CPUs that this process may run on."""
    return len(os.sched_getaffinity(0))


def huge_pages() -> Dict[str, int]:
    """Bytes of the library's memory by kind of huge page, those that are not 0."""
    # Kind 0 is the ordinary page.
    used = {
        LIB.tcpk_pages_name(kind).decode(): int(LIB.tcpk_memory_in_use(kind))
        for kind in range(1, _KINDS_OF_PAGES)
    }
    return {name: size for name, size in used.items() if size}
