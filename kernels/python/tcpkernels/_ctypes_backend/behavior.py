"""Window scan, the window object, baseline scores and the learned baseline of the C library."""

from __future__ import annotations

import ctypes
from typing import TYPE_CHECKING, Tuple, Union

import numpy as np

from .._types import FEATURES
from .handle import Owned
from .library import LIB, ScanF32, ScanU8, check

if TYPE_CHECKING:
    from .._types import F32, F64, U8, Array


def window_scan_u8(matrix: U8, threshold: int) -> Tuple[int, int, int]:
    """Rows whose sum is above the threshold, index and sum of the largest."""
    answer = ScanU8()
    check(LIB.tcpk_window_scan_u8(matrix.ctypes.data, len(matrix), threshold, ctypes.byref(answer)))
    return answer.count, answer.index, answer.sum


def window_scan_f32(matrix: F32, threshold: float) -> Tuple[int, int, float]:
    """As ``window_scan_u8``, for float32."""
    answer = ScanF32()
    check(LIB.tcpk_window_scan_f32(matrix.ctypes.data, len(matrix), threshold, ctypes.byref(answer)))
    return answer.count, answer.index, answer.sum


class Window(Owned):
    """A ring of rows."""

    def __init__(self, rows: int, dtype: str) -> None:
        prefix = "tcpk_window_f32_" if dtype == "float32" else "tcpk_window_u8_"
        self._answer = ScanF32 if dtype == "float32" else ScanU8
        self._append = getattr(LIB, f"{prefix}append")
        self._query = getattr(LIB, f"{prefix}query")
        self._count = getattr(LIB, f"{prefix}count")
        handle = ctypes.c_void_p()
        check(getattr(LIB, f"{prefix}create")(rows, ctypes.byref(handle)))
        self._own(handle, getattr(LIB, f"{prefix}free"))

    def append(self, rows: Array) -> None:
        """Append rows, each over the oldest."""
        self._append(self._handle, rows.ctypes.data, len(rows))

    def query(self, threshold: float) -> Tuple[int, int, Union[int, float]]:
        """The answer that a scan of the rows held gives, in the order they came."""
        answer = self._answer()
        self._query(self._handle, threshold, ctypes.byref(answer))
        return answer.count, answer.index, answer.sum

    def count(self) -> int:
        """How many rows are held."""
        return int(self._count(self._handle))


def baseline_score(rows: F32, baseline: F32) -> float:
    """Score of [k, 24] rows against one baseline."""
    score = ctypes.c_float()
    check(LIB.tcpk_baseline_score(rows.ctypes.data, len(rows), baseline.ctypes.data, ctypes.byref(score)))
    return score.value


def baseline_score_many(rows: F32, baselines: F32, out: F32) -> None:
    """Scores of [a, k, 24] rows against [a, 24] baselines."""
    agents, k, _ = rows.shape
    check(LIB.tcpk_baseline_score_many(rows.ctypes.data, agents, k, baselines.ctypes.data, out.ctypes.data))


class Model(Owned):
    """A learned baseline."""

    def __init__(self, history: F64, ridge: float) -> None:
        handle = ctypes.c_void_p()
        check(LIB.tcpk_model_fit(history.ctypes.data, len(history), ridge, ctypes.byref(handle)))
        self._own(handle, LIB.tcpk_model_free)
        self.mean = _copied(LIB.tcpk_model_mean(self._handle), FEATURES)
        self.covariance = _copied(LIB.tcpk_model_covariance(self._handle), FEATURES * FEATURES).reshape(
            FEATURES, -1
        )

    def distances(self, rows: F64, out: F64) -> None:
        """Mahalanobis distances; infinity for a row that is not finite."""
        check(LIB.tcpk_model_distances(self._handle, rows.ctypes.data, len(rows), out.ctypes.data))


def _copied(address: int, count: int) -> F64:
    flat: F64 = np.frombuffer(ctypes.string_at(address, count * 8), np.float64).copy()
    return flat
