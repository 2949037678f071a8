"""The exceptions of the package."""

from __future__ import annotations


class RegistryError(ValueError):
    """A registry file that cannot be read.

    ``offset`` is the byte offset of the first byte of the field at fault, ``reason`` what is wrong with it;
    the message holds both.

    >>> RegistryError("magic 58 58 58 58 58; allowed: 54 43 50 44 42 (TCPDB)", 0).offset
    0
    """

    def __init__(self, reason: str, offset: int) -> None:
        super().__init__(f"{reason} at offset {offset}")
        self.reason = reason
        self.offset = offset


class OutOfRangeError(ValueError, IndexError):
    """A number outside the range that is allowed, such as an agent id that the set does not have."""


class BackendError(ImportError):
    """A backend or a variant was asked for that cannot be loaded; the message gives the reason."""
