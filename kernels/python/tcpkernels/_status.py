"""Exceptions for the status codes of the C library, shared by the backends that call it."""

from __future__ import annotations

from ._errors import BackendError, OutOfRangeError, RegistryError, RingError

MEMORY, IO, VARIANT, RANGE, THREAD = 3, 4, 5, 2, 8
_BLAS = 7
_FIRST_RING_FAULT = 9
TIMEOUT = 10
_FIRST_REGISTRY_FAULT = 16

LIBRARY_VERSION = "0.1"
"""The versions of the library that the backends were written for begin so."""


def failure(status: int, message: str = "", offset: int = 0) -> Exception:
    """The exception that stands for a status; ``message`` and ``offset`` are those of ``struct tcpk_error``."""
    if status >= _FIRST_REGISTRY_FAULT:
        kind = RegistryError.KINDS[status - _FIRST_REGISTRY_FAULT]
        return RegistryError(kind, message.rsplit(", at offset ", 1)[0], offset)
    if status >= _FIRST_RING_FAULT:
        return RingError(RingError.KINDS[status - _FIRST_RING_FAULT], message)
    if status == MEMORY:
        return MemoryError(message or "memory could not be had")
    if status in (IO, THREAD):
        return OSError(message)
    if status == VARIANT:
        return BackendError(message or "TCPK_VARIANT names a variant that cannot be had here")
    if status == RANGE:
        return OutOfRangeError(message)
    if status == _BLAS:
        return ValueError(
            message or "covariance of the history is not positive definite; allowed: a larger ridge"
        )
    return ValueError(message or f"the library refused an argument (status {status})")
