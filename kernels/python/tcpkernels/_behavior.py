"""Behavioral analysis: window scan, window object, baseline scores, learned baseline."""

from __future__ import annotations

import math
import threading
from typing import TYPE_CHECKING, Any, Optional, Tuple, Union

import numpy as np

from . import _checks
from ._backend import backend
from ._errors import OutOfRangeError
from ._types import FEATURES

if TYPE_CHECKING:
    import numpy.typing as npt

    from ._types import F32, F64, U8, Array

_DTYPES = (np.uint8, np.float32)
_LARGEST_SUM = FEATURES * 255
DEFAULT_RIDGE = 1e-6
"""Added to the covariance's diagonal unless told otherwise."""


def _threshold_u8(threshold: object) -> int:
    """The integer T with the same answer: sums are integers from 0 to 6120, so -1 and 6120 stand for all beyond."""
    number = threshold if type(threshold) is int else _checks.real("threshold", threshold)
    return math.floor(min(max(number, -1), _LARGEST_SUM))


def _below_zero(answer: Tuple[int, int, Any], threshold: int, rows: int) -> Tuple[int, int, Any]:
    """The answer to a scan with threshold 0, or to one with a negative threshold: all rows are above that."""
    return (rows, *answer[1:]) if threshold < 0 else answer


def _threshold_f32(threshold: object) -> float:
    number = _checks.real("threshold", threshold)
    if math.isfinite(number) and abs(number) > float(np.finfo(np.float32).max):
        raise OutOfRangeError(f"threshold is {number}; allowed: what float32 holds")
    return float(np.float32(number))


def window_scan(matrix: Union[U8, F32], threshold: float) -> Tuple[int, int, Union[int, float]]:
    """Scan a window: how many rows have a sum above the threshold, and index and sum of the largest row.

    ``matrix`` is uint8 or float32 [n, 24]; the lowest index wins ties, and of no row the answer is (0, -1, 0).
    float32 rows are summed in float32 in a fixed order and compared with the threshold as float32; a row whose sum is
    NaN counts as anomalous and as the largest.
    Raises TypeError for another dtype, ValueError for another shape or a NaN threshold.

    >>> import numpy as np
    >>> matrix = np.zeros((3, 24), np.uint8)
    >>> matrix[1] = 255
    >>> window_scan(matrix, 4590)
    (1, 1, 6120)
    """
    array = _checks.exact("matrix", matrix, _DTYPES, ("n", FEATURES))
    if array.dtype == np.uint8:
        limit = _threshold_u8(threshold)
        return _below_zero(backend().window_scan_u8(array, max(limit, 0)), limit, len(array))
    return backend().window_scan_f32(array, _threshold_f32(threshold))


class Window:
    """The last ``rows`` rows of an agent; ``append`` overwrites the oldest. Threads take turns.

    >>> import numpy as np
    >>> window = Window(2, np.uint8)
    >>> window.append(np.full((3, 24), [[9], [1], [5]], np.uint8))
    >>> window.query(100)
    (1, 1, 120)
    >>> len(window)
    2
    """

    def __init__(self, rows: int, dtype: npt.DTypeLike = np.uint8) -> None:
        wanted = np.dtype(dtype)
        if wanted not in _DTYPES:
            raise TypeError(f"dtype is {wanted}; allowed: uint8 or float32")
        self.dtype: np.dtype[Any] = wanted
        self.rows = _checks.integer("rows", rows, 1, 0xFFFFFFFF)
        self._raw = backend().Window(self.rows, wanted.name)
        self._turn = threading.Lock()

    def append(self, rows: Array) -> None:
        """Append one row [24] or several [n, 24] of the window's dtype, in their order."""
        checked = _checks.rows("rows", rows, (self.dtype.type,))
        with self._turn:
            self._raw.append(checked)

    def query(self, threshold: float) -> Tuple[int, int, Union[int, float]]:
        """What ``window_scan`` answers to the rows held, oldest first."""
        if self.dtype != np.uint8:
            number = _threshold_f32(threshold)
            with self._turn:
                return self._raw.query(number)
        limit = _threshold_u8(threshold)
        with self._turn:
            return _below_zero(self._raw.query(max(limit, 0)), limit, self._raw.count())

    def __len__(self) -> int:
        return self._raw.count()

    def __repr__(self) -> str:
        return f"<Window of {len(self)}/{self.rows} rows of {self.dtype}>"


def baseline_score(rows: F32, baseline: F32) -> float:
    """Score recent float32 rows [k, 24] against a baseline [24].

    With d the squared distances of the rows to the baseline: the largest deviation of d from its mean, in units of its
    population standard deviation; 0 when k < 2 or that is below 1e-10, +inf when any input is NaN or infinite.

    >>> import numpy as np
    >>> rows = np.zeros((10, 24), np.float32)
    >>> rows[3] = 1
    >>> round(baseline_score(rows, np.zeros(24, np.float32)), 3)
    3.0
    """
    return backend().baseline_score(
        _checks.floats("rows", rows, np.float32, ("k", FEATURES)),
        _checks.floats("baseline", baseline, np.float32, (FEATURES,)),
    )


def baseline_score_many(rows: F32, baselines: F32, out: Optional[F32] = None) -> F32:
    """Scores float32[a] of rows [a, k, 24] against baselines [a, 24], each as ``baseline_score`` gives it."""
    recent = _checks.floats("rows", rows, np.float32, ("a", "k", FEATURES))
    base = _checks.floats("baselines", baselines, np.float32, (recent.shape[0], FEATURES))
    result = _checks.output("out", out, np.float32, (recent.shape[0],), recent, base)
    backend().baseline_score_many(recent, base, result)
    return result


class BaselineModel:
    """Mean and population covariance of a history, for Mahalanobis distances.

    >>> import numpy as np
    >>> history = np.random.default_rng(1).normal(size=(1000, 24))
    >>> model = BaselineModel.fit(history)
    >>> model.distances(model.mean[None])
    array([0.])
    """

    def __init__(self, history: F64, ridge: float) -> None:
        self.ridge = ridge
        self._raw = backend().Model(history, ridge)

    @classmethod
    def fit(cls, history: F64, ridge: float = DEFAULT_RIDGE) -> BaselineModel:
        """Learn from a history [m, 24] of at least one row.

        ``ridge`` >= 0 is added to the covariance's diagonal. Raises ValueError for an empty history, one that holds NaN
        or infinity, and when the covariance is not positive definite, for which a larger ridge helps.
        """
        array = _checks.floats("history", history, np.float64, ("m", FEATURES))
        if not array.shape[0]:
            raise ValueError("history has no row; allowed: at least 1")
        bad = np.argwhere(~np.isfinite(array))
        if bad.size:
            row, column = map(int, bad[0])
            raise ValueError(f"history[{row}, {column}] is {array[row, column]}; allowed: finite numbers")
        number = _checks.real("ridge", ridge)
        if not 0 <= number < math.inf:
            raise ValueError(f"ridge is {number}; allowed: a finite number >= 0")
        return cls(array, number)

    @property
    def mean(self) -> F64:
        """Mean of the history, float64[24]."""
        return np.array(self._raw.mean)

    @property
    def covariance(self) -> F64:
        """Population covariance of the history with the ridge on its diagonal, float64[24, 24]."""
        return np.array(self._raw.covariance)

    def distances(self, rows: Array, out: Optional[F64] = None) -> F64:
        """Mahalanobis distances float64[n] of rows [n, 24]; +inf for a row that is not finite."""
        array = _checks.floats("rows", rows, np.float64, ("n", FEATURES))
        result = _checks.output("out", out, np.float64, (array.shape[0],), array)
        self._raw.distances(array, result)
        return result
