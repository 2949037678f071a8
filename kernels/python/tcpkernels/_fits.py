"""Whether an argument is what a backend takes, in Python: for backends that have no compiled way to see it."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Optional, Tuple, Union

import numpy as np

if TYPE_CHECKING:
    from typing_extensions import TypeGuard

    from ._types import Array

Shape = Tuple[Union[int, str], ...]
"""Extents; a string is the name of a free one."""

KINDS = {np.bool_: "?", np.uint8: "B", np.uint32: "I", np.uint64: "L", np.float32: "f", np.float64: "d"}
"""The characters of dtypes, NumPy's and the buffer protocol's."""

# Up to so many values Python looks through faster than NumPy begins to.
SMALL = 32


def fits(value: object, dtype: Any, shapes: Tuple[Shape, ...], top: Optional[int] = None) -> TypeGuard[Array]:
    """Whether it is an array of that dtype and one of the shapes, C-contiguous, aligned and native, of which no number
    is above ``top`` (for uint32). False says only that somebody has to look closer.
    """
    if type(value) is not np.ndarray or value.dtype.char != KINDS[dtype] or not value.dtype.isnative:
        return False
    flags = value.flags
    if not (flags.c_contiguous and flags.aligned and any(has_shape(value.shape, shape) for shape in shapes)):
        return False
    if top is None or not value.size:
        return True
    return bool((max(value.ravel().tolist()) if value.size <= SMALL else value.max()) <= top)


def has_shape(extents: Tuple[int, ...], shape: Shape) -> bool:
    """Whether an array's extents are those of the shape."""
    return len(extents) == len(shape) and all(
        want == have or isinstance(want, str) for want, have in zip(shape, extents)
    )
