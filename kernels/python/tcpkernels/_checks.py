"""Validation of every argument, once, before any backend sees it.

Rules: an array of the stated dtype is taken as it is when C-contiguous and native, which the backend sees at once
(``fits``), else copied once. Where a dtype stands for a range of whole numbers (ids, keys, features) another integer
dtype or a sequence is copied once after its values were found to lie in that range. Nothing is clipped and no float is
rounded to an integer. Wrong types raise TypeError, wrong shapes and values ValueError; the message holds the offending
value and what is allowed.
"""

from __future__ import annotations

import operator
from typing import TYPE_CHECKING, Any, Optional, Sequence, Tuple

import numpy as np

from ._backend import backend
from ._errors import OutOfRangeError
from ._fits import SMALL, Shape, has_shape
from ._types import FEATURES, RULES

if TYPE_CHECKING:
    from ._types import Array, Bool

_TOPS = {np.uint8: 2**8 - 1, np.uint32: 2**32 - 1, np.uint64: 2**64 - 1}


def integer(name: str, value: object, low: int, high: int) -> int:
    """``value`` as an int in ``low..high``."""
    if type(value) is int and low <= value <= high:
        return value
    if isinstance(value, (bool, np.bool_)):
        raise TypeError(f"{name} is {value!r}; allowed: an integer from {low} to {high}")
    try:
        number = operator.index(value)  # type: ignore[arg-type]
    except TypeError:
        raise TypeError(
            f"{name} is {value!r} ({type(value).__name__}); allowed: an integer from {low} to {high}"
        ) from None
    if not low <= number <= high:
        raise OutOfRangeError(f"{name} is {number}; allowed: {low} to {high}")
    return number


def real(name: str, value: object) -> float:
    """``value`` as a float that is not NaN."""
    if isinstance(value, (bool, np.bool_, str, bytes)):
        raise TypeError(f"{name} is {value!r}; allowed: a number")
    try:
        number = float(value)  # type: ignore[arg-type]
    except (TypeError, ValueError):
        raise TypeError(f"{name} is {value!r} ({type(value).__name__}); allowed: a number") from None
    if number != number:
        raise ValueError(f"{name} is nan; allowed: a number")
    return number


def rule(value: object) -> int:
    """The number of a consensus rule."""
    if not isinstance(value, str) or value not in RULES:
        raise ValueError(f"rule is {value!r}; allowed: {' or '.join(map(repr, RULES))}")
    return RULES[value]


def _describe(shape: Shape) -> str:
    return "[" + ", ".join(map(str, shape)) + "]"


def shaped(name: str, array: Array, *shapes: Shape) -> None:
    """Raise unless the array has one of the shapes; a string in a shape is a free extent."""
    if not any(has_shape(array.shape, shape) for shape in shapes):
        raise ValueError(
            f"{name} has shape {list(array.shape)}; allowed: {' or '.join(_describe(shape) for shape in shapes)}"
        )


def exact(name: str, value: object, dtypes: Sequence[Any], *shapes: Shape) -> Array:
    """An array of one of the dtypes, C-contiguous; anything else is refused, because the dtype decides the meaning."""
    for dtype in dtypes:
        if backend().fits(value, dtype, shapes):
            return value
    array = value if isinstance(value, np.ndarray) else np.asarray(value)
    if array.dtype not in dtypes:
        allowed = " or ".join(np.dtype(dtype).name for dtype in dtypes)
        raise TypeError(f"{name} has dtype {array.dtype}; allowed: {allowed}")
    shaped(name, array, *shapes)
    return np.require(array, requirements=["C", "A"])


def whole(name: str, value: object, dtype: Any, *shapes: Shape, maximum: Optional[int] = None) -> Array:
    """An array of whole numbers from 0 to ``maximum`` (default: all that the dtype holds) as that dtype."""
    holds = _TOPS[dtype]
    top = holds if maximum is None else maximum
    limit = top if top < holds else None
    if (limit is None or dtype is np.uint32) and backend().fits(value, dtype, shapes, limit):
        return value
    wanted = np.dtype(dtype)
    array = value if isinstance(value, np.ndarray) else _sequence(name, value, wanted, top)
    if array.dtype.kind not in "ui":
        raise TypeError(f"{name} has dtype {array.dtype}; allowed: {wanted.name}")
    shaped(name, array, *shapes)
    if array.size and (array.dtype != wanted or top < holds):
        _in_range(name, array, top)
    return np.require(array, dtype=wanted, requirements=["C", "A"])


def _in_range(name: str, array: Array, top: int) -> None:
    if array.size <= SMALL:
        values = array.ravel().tolist()
        low, high = min(values), max(values)
    else:
        low, high = int(array.min()), int(array.max())
    if low >= 0 and high <= top:
        return
    bad = low if low < 0 else high
    place = tuple(int(i) for i in np.argwhere(array == bad)[0])
    where = ", ".join(map(str, place))
    raise OutOfRangeError(f"{name}[{where}] is {bad}; allowed: 0 to {top}")


def _sequence(name: str, value: object, wanted: np.dtype[Any], top: int) -> Array:
    """A Python sequence as an array, integer by integer: NumPy would turn large ones into floats."""
    if isinstance(value, (str, bytes)) or not hasattr(value, "__iter__"):
        if hasattr(value, "__index__"):
            return np.array(integer(name, value, 0, top), dtype=wanted)
        raise TypeError(f"{name} is {value!r} ({type(value).__name__}); allowed: an array of {wanted.name}")
    items = list(value)
    if any(hasattr(item, "__iter__") for item in items):
        nested = np.asarray(items)
        return nested.astype(wanted) if nested.size == 0 else nested
    return np.array([integer(f"{name}[{i}]", item, 0, top) for i, item in enumerate(items)], dtype=wanted)


def floats(name: str, value: object, dtype: Any, *shapes: Shape) -> Array:
    """A float array as the dtype: the same or a narrower float dtype, integers for float64, or a sequence."""
    if backend().fits(value, dtype, shapes):
        return value
    wanted = np.dtype(dtype)
    if isinstance(value, np.ndarray):
        array = value
    else:
        with np.errstate(over="ignore"):
            array = np.asarray(value)
            if array.dtype.kind in "fiu":
                array = array.astype(wanted)
    if array.dtype.kind not in "fiu" or not np.can_cast(array.dtype, wanted, "safe"):
        raise TypeError(f"{name} has dtype {array.dtype}; allowed: {wanted.name}")
    shaped(name, array, *shapes)
    return np.require(array, dtype=wanted, requirements=["C", "A"])


def bits(name: str, value: object, *shapes: Shape) -> Bool:
    """An array of booleans, or of integers that are all 0 or 1."""
    if backend().fits(value, np.bool_, shapes):
        return value
    array = value if isinstance(value, np.ndarray) else np.asarray(value)
    if array.size == 0 and not isinstance(value, np.ndarray):
        array = array.astype(np.bool_)
    if array.dtype.kind in "ui":
        shaped(name, array, *shapes)
        if array.size:
            _in_range(name, array, 1)
        array = array.astype(np.bool_)
    if array.dtype != np.bool_:
        raise TypeError(f"{name} has dtype {array.dtype}; allowed: bool")
    shaped(name, array, *shapes)
    return np.require(array, requirements=["C", "A"])


def output(name: str, out: Optional[Array], dtype: Any, shape: Tuple[int, ...], *inputs: Array) -> Array:
    """The array to write to: ``out`` when it fits exactly and overlaps no input, else a new one."""
    if out is None:
        return np.empty(shape, dtype)
    if not isinstance(out, np.ndarray):
        raise TypeError(f"{name} is {type(out).__name__}; allowed: an array of {np.dtype(dtype).name}")
    if out.dtype != np.dtype(dtype):
        raise TypeError(f"{name} has dtype {out.dtype}; allowed: {np.dtype(dtype).name}")
    if out.shape != shape:
        raise ValueError(f"{name} has shape {list(out.shape)}; allowed: {list(shape)}")
    flags = out.flags
    if not (flags.c_contiguous and flags.writeable and flags.aligned):
        raise ValueError(f"{name} is not a writable, aligned, C-contiguous array; allowed: only such")
    if any(np.may_share_memory(out, other) for other in inputs):
        raise ValueError(f"{name} overlaps an input; allowed: memory of its own")
    return out


def outputs(
    names: Tuple[str, str],
    out: Optional[Tuple[Array, Array]],
    dtypes: Tuple[Any, Any],
    shapes: Tuple[Tuple[int, ...], Tuple[int, ...]],
    *inputs: Array,
) -> Tuple[Array, Array]:
    """A pair of arrays to write to, checked like ``output``; the two may not overlap each other."""
    if out is None:
        return np.empty(shapes[0], dtypes[0]), np.empty(shapes[1], dtypes[1])
    if not isinstance(out, tuple) or len(out) != 2:
        raise TypeError(
            f"out is {type(out).__name__}; allowed: a tuple of two arrays ({names[0]}, {names[1]})"
        )
    first = output(f"out[0] ({names[0]})", out[0], dtypes[0], shapes[0], *inputs)
    return first, output(f"out[1] ({names[1]})", out[1], dtypes[1], shapes[1], first, *inputs)


def rows(name: str, value: object, dtypes: Sequence[Any]) -> Array:
    """One row [24] or several [n, 24] of one of the dtypes, as [n, 24]."""
    array = exact(name, value, dtypes, (FEATURES,), ("n", FEATURES))
    return array.reshape(-1, FEATURES)
