"""The constants, enumerations and array types that every module of the package shares."""

from __future__ import annotations

import enum
from typing import TYPE_CHECKING, Any, NamedTuple

import numpy as np
import numpy.typing as npt

if TYPE_CHECKING:
    U8 = npt.NDArray[np.uint8]
    U32 = npt.NDArray[np.uint32]
    U64 = npt.NDArray[np.uint64]
    I64 = npt.NDArray[np.int64]
    F32 = npt.NDArray[np.float32]
    F64 = npt.NDArray[np.float64]
    Bool = npt.NDArray[np.bool_]
    Array = npt.NDArray[Any]

FEATURES = 24
"""Features of one row: the columns of every behavior matrix."""

DESCRIPTOR_SIZE = 24
"""Bytes of one descriptor."""

MAX_VOTERS = 4096
"""The most nodes that one consensus may count."""


class Decision(enum.IntEnum):
    """What is answered to a command.

    >>> Decision(3)
    <Decision.REJECT: 3>
    """

    APPROVE = 0
    CAUTION = 1
    REQUIRE_APPROVAL = 2
    REJECT = 3


class Risk(enum.IntFlag):
    """The risk bits of a descriptor's security flags; with several set the highest one decides.

    >>> Risk["HIGH"].value
    8
    """

    SAFE = 1
    LOW = 2
    MEDIUM = 4
    HIGH = 8
    CRITICAL = 16


MAX_WINDOW = 1 << 20
"""The most rows that the engine keeps of an agent."""

RULES = {"majority": 0, "byzantine": 1}
"""The consensus rules by name; the numbers are those of the C library."""

RING_WRITER, RING_READER = 1, 2
"""The roles in a ring, as the C library numbers them; 0 is none."""

RING_READERS = 16
"""The most readers that a ring may have."""


class RingAbout(NamedTuple):
    """``struct tcpk_ring_about``."""

    kind: int
    role: int
    reader: int
    page_bytes: int
    slots: int
    bytes: int
    position: int
    attached: int
