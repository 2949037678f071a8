"""The exceptions of the package."""

from __future__ import annotations

from typing import Tuple


class RegistryError(ValueError):
    """A registry file that cannot be read.

    ``offset`` is the byte offset of the first byte of the field at fault, ``reason`` what is wrong with it; the message
    holds both. ``kind`` is one of ``KINDS``. Kind and offset are the same in every backend.

    >>> error = RegistryError("version", "version is 3; allowed: 1 or 2", 5)
    >>> error.kind, error.offset, str(error)
    ('version', 5, 'version is 3; allowed: 1 or 2, at offset 5')
    """

    KINDS = (
        "magic",
        "version",
        "truncated",
        "count",
        "utf8",
        "descriptor",
        "duplicate",
        "index size",
        "index",
    )

    def __init__(self, kind: str, reason: str, offset: int) -> None:
        super().__init__(f"{reason}, at offset {offset}")
        self.kind = kind
        self.reason = reason
        self.offset = offset

    def __reduce__(self) -> Tuple[type, Tuple[str, str, int]]:
        return type(self), (self.kind, self.reason, self.offset)


class RingError(RuntimeError):
    """What a ring of events refused; ``kind`` is one of ``KINDS``.

    "busy": the role is taken. "layout": the file is no ring. "corrupt": the memory holds what no honest peer writes.
    "overrun": this reader was expelled, and what it had not read may be overwritten.
    """

    KINDS = ("busy", "timeout", "layout", "corrupt", "overrun")

    def __init__(self, kind: str, reason: str) -> None:
        super().__init__(reason or f"the ring is {kind}")
        self.kind = kind
        self.reason = reason

    def __reduce__(self) -> Tuple[type, Tuple[str, str]]:
        return type(self), (self.kind, self.reason)


class OutOfRangeError(ValueError, IndexError):
    """A number outside the range that is allowed, such as an agent id that the set does not have."""


class BackendError(ImportError):
    """A backend or a variant was asked for that cannot be loaded; the message gives the reason."""
