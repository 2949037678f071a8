"""Window scan, the window object, baseline scores and the learned baseline."""

from __future__ import annotations

import math
from typing import TYPE_CHECKING, Tuple, Union

import numpy as np

from .._types import FEATURES

if TYPE_CHECKING:
    from .._types import F32, F64, U8, Array

_TINY = 1e-10


def row_sums(matrix: F32) -> F32:
    """Sums of float32 rows in the order that every variant shares: eight lanes of three, then halves onto halves."""
    with np.errstate(over="ignore", invalid="ignore"):
        lanes = matrix.reshape(-1, 3, 8)
        sums = lanes[:, 0] + lanes[:, 1] + lanes[:, 2]
        for width in (4, 2, 1):
            sums = sums[:, :width] + sums[:, width:]
    return sums[:, 0]


def _answer_u8(sums: Array, threshold: int) -> Tuple[int, int, int]:
    if not sums.size:
        return 0, -1, 0
    largest = int(np.argmax(sums))
    return int(np.count_nonzero(sums > threshold)), largest, int(sums[largest])


def _answer_f32(sums: F32, threshold: float) -> Tuple[int, int, float]:
    if not sums.size:
        return 0, -1, 0.0
    # argmax takes the first NaN as the largest; a NaN is anomalous, because "not above" cannot be shown of it.
    largest = int(np.argmax(sums))
    return int(np.count_nonzero(~(sums <= np.float32(threshold)))), largest, float(sums[largest])


def window_scan_u8(matrix: U8, threshold: int) -> Tuple[int, int, int]:
    """Rows whose sum is above the threshold, index and sum of the largest."""
    return _answer_u8(matrix.sum(axis=1, dtype=np.int64), threshold)


def window_scan_f32(matrix: F32, threshold: float) -> Tuple[int, int, float]:
    """As ``window_scan_u8``, for float32."""
    return _answer_f32(row_sums(matrix), threshold)


class Window:
    """The last ``rows`` rows; keeps only their sums, oldest first."""

    def __init__(self, rows: int, dtype: str) -> None:
        self._rows = rows
        self._float = dtype == "float32"
        self._sums: Array = np.empty(0, np.float32 if self._float else np.int64)

    def append(self, rows: Array) -> None:
        """Append rows, each over the oldest."""
        new = row_sums(rows) if self._float else rows.sum(axis=1, dtype=np.int64)
        self._sums = np.concatenate((self._sums, new))[-self._rows :]

    def query(self, threshold: float) -> Tuple[int, int, Union[int, float]]:
        """The answer that a scan of the rows held gives, in the order they came."""
        return _answer_f32(self._sums, threshold) if self._float else _answer_u8(self._sums, int(threshold))

    def count(self) -> int:
        """How many rows are held."""
        return int(self._sums.size)


def baseline_score_many(rows: F32, baselines: F32, out: F32) -> None:
    """Scores of [a, k, 24] rows against [a, 24] baselines, in double precision."""
    finite = np.isfinite(rows).all(axis=(1, 2)) & np.isfinite(baselines).all(axis=1)
    with np.errstate(over="ignore", invalid="ignore"):
        difference = rows.astype(np.float64) - baselines.astype(np.float64)[:, None, :]
        distance = np.square(difference).sum(axis=2)
        if rows.shape[1] < 2:
            score = np.zeros(rows.shape[0])
        else:
            deviation = np.abs(distance - distance.mean(axis=1, keepdims=True)).max(axis=1)
            spread = distance.std(axis=1)
            score = np.where(spread < _TINY, 0.0, deviation / (spread + _TINY))
    out[:] = np.where(finite, score, math.inf)


def baseline_score(rows: F32, baseline: F32) -> float:
    """Score of [k, 24] rows against one baseline."""
    out = np.empty(1, np.float32)
    baseline_score_many(rows[None], baseline[None], out)
    return float(out[0])


class Model:
    """Mean and Cholesky factor of a history's population covariance with the ridge on its diagonal."""

    def __init__(self, history: F64, ridge: float) -> None:
        self.mean: F64 = history.mean(axis=0)
        centred = history - self.mean
        self.covariance: F64 = centred.T @ centred / history.shape[0] + ridge * np.eye(FEATURES)
        try:
            self._factor: F64 = np.linalg.cholesky(self.covariance)
        except np.linalg.LinAlgError:
            raise ValueError(
                f"covariance of the history is not positive definite with ridge={ridge:g}; allowed: a larger ridge"
            ) from None

    def distances(self, rows: F64, out: F64) -> None:
        """Mahalanobis distances by forward substitution; infinity for a row that is not finite."""
        solved = np.empty((FEATURES, rows.shape[0]))
        with np.errstate(over="ignore", invalid="ignore"):
            centred = (rows - self.mean).T
            for i in range(FEATURES):
                solved[i] = (centred[i] - self._factor[i, :i] @ solved[:i]) / self._factor[i, i]
            np.sqrt(np.square(solved).sum(axis=0), out=out)
        out[~np.isfinite(out)] = math.inf
