"""Choice of the backend: what ``TCPK_BACKEND`` names, or else the best that loads."""

from __future__ import annotations

import functools
import importlib
import os
from typing import Dict, Tuple, cast

from ._errors import BackendError
from ._public_api import PUBLIC_API, Backend

MODULES = {"cython": "_cython_backend", "ctypes": "_ctypes_backend", "numpy": "_numpy_backend"}
"""The backends by name, the best one first."""

VARIANTS = ("generic", "avx2", "avx512", "neon")
"""What ``TCPK_VARIANT`` may hold."""


def _load(name: str) -> Backend:
    """Import a backend and see that it supplies the whole list; raises ImportError with the reason."""
    module = importlib.import_module(f".{MODULES[name]}", __package__)
    missing = [attribute for attribute in PUBLIC_API if not hasattr(module, attribute)]
    if missing:
        raise ImportError(f"{module.__name__} lacks {', '.join(missing)}")
    return cast("Backend", module)


def _wanted_variant() -> str:
    variant = os.environ.get("TCPK_VARIANT", "")
    if variant and variant not in VARIANTS:
        raise BackendError(f"TCPK_VARIANT is {variant!r}; allowed: {', '.join(VARIANTS)}")
    return variant


def _forced(name: str) -> Backend:
    if name not in MODULES:
        raise BackendError(f"TCPK_BACKEND is {name!r}; allowed: {', '.join(MODULES)}")
    try:
        return _load(name)
    except ImportError as error:
        raise BackendError(f"TCPK_BACKEND is {name!r}, which does not load: {error}") from error


def _best() -> Tuple[Backend, Dict[str, str]]:
    reasons: Dict[str, str] = {}
    for name in MODULES:
        try:
            return _load(name), reasons
        except ImportError as error:
            reasons[name] = str(error)
    raise BackendError("no backend loads: " + "; ".join(f"{name}: {why}" for name, why in reasons.items()))


@functools.lru_cache(maxsize=None)
def selection() -> Tuple[Backend, Dict[str, str]]:
    """The backend in use, and for each better one the reason why it is not."""
    variant = _wanted_variant()
    forced = os.environ.get("TCPK_BACKEND", "")
    chosen, reasons = (_forced(forced), {}) if forced else _best()
    if variant and variant not in chosen.variants():
        detail = "".join(f"; {name} does not load: {why}" for name, why in reasons.items())
        raise BackendError(
            f"TCPK_VARIANT is {variant!r}, which backend {chosen.NAME} does not have here; "
            f"allowed: {', '.join(chosen.variants())}{detail}"
        )
    return chosen, reasons


def backend() -> Backend:
    """The backend in use."""
    return selection()[0]
