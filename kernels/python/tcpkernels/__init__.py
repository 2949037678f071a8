"""Kernels of the Tool Capability Protocol: safety decisions, behavioral analysis and network adaptation.

Every function checks its arguments and raises TypeError or ValueError with the offending value and what is allowed.
Arrays that are C-contiguous and of the stated dtype are used where they lie; others are copied once. Results may be
written to ``out=``, an array of exactly the result's dtype and shape. ``info()`` says which backend computes.

Environment: TCPK_BACKEND=cython|ctypes|numpy and TCPK_VARIANT=generic|avx2|avx512|neon force a choice and make it an
error when that cannot be had; TCPK_LIBRARY is the path of libtcpk.so for the ctypes backend, TCPK_GPU_LIBRARY that of a
GPU library, which then is the only one.
"""

from __future__ import annotations

from . import _openmp
from ._backend import selection
from ._behavior import BaselineModel, Window, baseline_score, baseline_score_many, window_scan
from ._errors import BackendError, OutOfRangeError, RegistryError, RingError
from ._gpu import Gpu
from ._info import info
from ._network import Engine, QuarantineSet, adapt, consensus
from ._registry import LookupTable, Registry, key
from ._ring import Ring, RingReader, RingWriter
from ._types import DESCRIPTOR_SIZE, FEATURES, MAX_VOTERS, Decision, Risk

__all__ = [
    "DESCRIPTOR_SIZE",
    "FEATURES",
    "MAX_VOTERS",
    "BackendError",
    "BaselineModel",
    "Decision",
    "Engine",
    "Gpu",
    "LookupTable",
    "OutOfRangeError",
    "QuarantineSet",
    "Registry",
    "RegistryError",
    "Ring",
    "RingError",
    "RingReader",
    "RingWriter",
    "Risk",
    "Window",
    "adapt",
    "baseline_score",
    "baseline_score_many",
    "consensus",
    "info",
    "key",
    "window_scan",
]

for _public in __all__:
    _object = globals()[_public]
    if hasattr(_object, "__module__"):
        _object.__module__ = __name__
del _object, _public

_openmp.share()
# A choice that was forced and cannot be had is an error at import, not at the first call.
selection()
