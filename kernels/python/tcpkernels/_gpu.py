"""Batches on a GPU."""

from __future__ import annotations

import ctypes
import threading
import weakref
from ctypes import byref, c_double, c_void_p
from typing import TYPE_CHECKING, Any, Dict, List, Optional, Tuple, TypedDict

import numpy as np

from . import _checks, _gpu_library
from ._closing import Closing
from ._errors import BackendError
from ._network import QuarantineSet
from ._registry import Registry
from ._types import DESCRIPTOR_SIZE, FEATURES, MAX_VOTERS, RULES

if TYPE_CHECKING:
    from ._types import F32, U8, U32, U64, Array, Bool

_MOST_MIB = 1 << 20


class GpuInfo(TypedDict):
    """What ``info()["gpu"]`` says of a variant: its devices, or the reason why it is not available."""

    available: bool
    devices: List[str]
    library: str
    reason: str


def describe() -> Dict[str, GpuInfo]:
    """Each variant of the GPU kernels; nothing is an error."""
    found = {}
    for variant in _gpu_library.variants():
        told = GpuInfo(available=False, devices=[], library="", reason="")
        try:
            told["library"] = str(_gpu_library.find(variant))
            told["devices"] = _gpu_library.devices(_gpu_library.load(variant))
            told["available"] = True
        except (BackendError, MemoryError) as error:
            told["reason"] = str(error)
        found[variant] = told
    return found


def _choose(variant: Optional[str]) -> ctypes.CDLL:
    allowed = _gpu_library.variants()
    if variant is not None:
        if variant not in allowed:
            raise BackendError(f"variant is {variant!r}; allowed: {', '.join(allowed)}")
        return _gpu_library.load(variant)
    told = describe()
    for name, state in told.items():
        if state["available"]:
            return _gpu_library.load(name)
    raise BackendError("no GPU: " + "; ".join(f"{name}: {state['reason']}" for name, state in told.items()))


class Gpu(Closing):
    """A GPU with its buffers and its copy of a lookup table. Every answer equals that of the CPU's generic variant.

    ``variant`` is "cuda" or "hip", the first that has a device when left out; ``device`` its number. Batches of any
    size go through ``buffers_mib`` MiB of device memory (0: 128, or less on a small device) and as much pinned memory.
    BackendError says why there is none. Callers from several threads take turns. Close it, or use it in a ``with``.
    """

    def __init__(self, variant: Optional[str] = None, device: int = 0, buffers_mib: int = 0) -> None:
        number = _checks.integer("device", device, 0, 0x7FFFFFFF)
        size = _checks.integer("buffers_mib", buffers_mib, 0, _MOST_MIB) << 20
        self._library = _choose(variant)
        self._turn = threading.Lock()
        handle, error = c_void_p(), _gpu_library.Error()
        _gpu_library.check(self._library.tcpk_gpu_open(number, size, byref(handle), byref(error)), error)
        self._handle = handle
        self._close = weakref.finalize(self, self._library.tcpk_gpu_close, handle)
        about = _gpu_library.About()
        self._library.tcpk_gpu_describe(handle, byref(about))
        self.variant: str = self._library.tcpk_gpu_variant().decode()
        self.name: str = about.name.decode(errors="replace")
        self.warp: int = about.warp
        self.driver: int = about.driver
        self.memory: int = about.memory
        self.buffers: int = about.buffers

    def close(self) -> None:
        """Give the device's memory back; a second time does nothing. Arrays of ``empty`` stay valid."""
        with self._turn:
            self._close()

    def _call(self, function: str, *arguments: Any) -> None:
        error = _gpu_library.Error()
        with self._turn:
            if not self._close.alive:
                raise ValueError("the device is closed; allowed: calls before close()")
            status = getattr(self._library, function)(self._handle, *arguments, byref(error))
        _gpu_library.check(status, error)

    def empty(self, shape: Tuple[int, ...], dtype: Any) -> Array:
        """An array in pinned memory, its values not set: batches copy from and to it without a detour."""
        kind = np.dtype(dtype)
        extents = tuple(_checks.integer("extent", extent, 0, 1 << 48) for extent in shape)
        if kind.hasobject:
            raise TypeError(f"dtype is {kind}; allowed: numbers")
        size = kind.itemsize
        for extent in extents:
            size *= extent
        if size == 0:
            return np.empty(extents, kind)
        address, error = c_void_p(), _gpu_library.Error()
        _gpu_library.check(self._library.tcpk_gpu_pinned_new(size, byref(address), byref(error)), error)
        memory = (ctypes.c_char * size).from_address(address.value or 0)
        # Arrays keep what they look at: it is freed with the last of them, and not before at the interpreter's end.
        weakref.finalize(memory, self._library.tcpk_gpu_pinned_delete, address).atexit = False
        return np.frombuffer(memory, kind).reshape(extents)

    def load(self, registry: Registry) -> None:
        """Keep a registry's lookup table on the device, in the place of the one before."""
        if not isinstance(registry, Registry):
            raise TypeError(f"registry is {type(registry).__name__}; allowed: Registry")
        keys, descriptors = registry.keys, registry.descriptors
        self._call("tcpk_gpu_load", keys.ctypes.data, descriptors.ctypes.data, len(registry))

    def lookup_many(self, keys: U64, out: Optional[Tuple[U8, Bool]] = None) -> Tuple[U8, Bool]:
        """As ``LookupTable.lookup_many``, of the registry loaded last."""
        asked = _checks.whole("keys", keys, np.uint64, ("n",))
        n = asked.size
        result = _checks.outputs(
            ("descriptors", "found"), out, (np.uint8, np.bool_), ((n, DESCRIPTOR_SIZE), (n,)), asked
        )
        self._call("tcpk_gpu_find_many", asked.ctypes.data, n, result[0].ctypes.data, result[1].ctypes.data)
        return result

    def decide_many(self, keys: U64, out: Optional[U8] = None) -> U8:
        """As ``LookupTable.decide_many``, of the registry loaded last."""
        asked = _checks.whole("keys", keys, np.uint64, ("n",))
        result = _checks.output("out", out, np.uint8, (asked.size,), asked)
        self._call("tcpk_gpu_decide_many", asked.ctypes.data, asked.size, result.ctypes.data)
        return result

    def baseline_score_many(self, rows: F32, baselines: F32, out: Optional[F32] = None) -> F32:
        """As ``baseline_score_many``: rows [a, k, 24] against baselines [a, 24]."""
        recent = _checks.floats("rows", rows, np.float32, ("a", "k", FEATURES))
        agents, k, _ = recent.shape
        base = _checks.floats("baselines", baselines, np.float32, (agents, FEATURES))
        result = _checks.output("out", out, np.float32, (agents,), recent, base)
        self._call(
            "tcpk_gpu_baseline_score_many",
            recent.ctypes.data,
            agents,
            k,
            base.ctypes.data,
            result.ctypes.data,
        )
        return result

    def consensus_many(self, votes: Bool, rule: str = "majority") -> Bool:
        """Whether the votes on each of m suspects pass: bool[m] of bool[m, n], n from 1 to 4096."""
        number = _checks.rule(rule)
        array = _checks.bits("votes", votes, ("m", "n"))
        m, n = array.shape
        _checks.integer("votes a suspect", n, 1, MAX_VOTERS)
        needed = n // 2 + 1 if number == RULES["majority"] else 2 * n // 3 + 1
        passed = np.zeros((m + 7) // 8, np.uint8)
        self._call("tcpk_gpu_votes", array.ctypes.data, m, n, needed, passed.ctypes.data)
        return np.unpackbits(passed, count=m, bitorder="little").view(np.bool_)

    def adapt(self, votes: Bool, suspects: U32, quarantine: QuarantineSet, rule: str = "majority") -> int:
        """As ``adapt``: the device counts the votes, the set takes those that pass."""
        if not isinstance(quarantine, QuarantineSet):
            raise TypeError(f"quarantine is {type(quarantine).__name__}; allowed: QuarantineSet")
        array = _checks.bits("votes", votes, ("m", "n"))
        ids = _checks.whole("suspects", suspects, np.uint32, (array.shape[0],), maximum=quarantine.agents - 1)
        return quarantine.add(ids[self.consensus_many(array, rule)])

    @property
    def kernel_ns(self) -> float:
        """Nanoseconds that the last call's kernels took, by the device's events; copies from and to it not counted."""
        with self._turn:
            return float(self._library.tcpk_gpu_kernel_time(self._handle)) if self._close.alive else 0.0

    def copy_ns(self, size: int, rounds: int = 9) -> float:
        """Nanoseconds in which copies within the device move ``size`` bytes, read and written together: the floor."""
        amount = _checks.integer("size", size, 0, (1 << 64) - 1)
        number = _checks.integer("rounds", rounds, 1, 1000)
        result = c_double()
        self._call("tcpk_gpu_copy_time", amount, number, byref(result))
        return result.value

    def __repr__(self) -> str:
        return f"<Gpu {self.name} by {self.variant}>"
