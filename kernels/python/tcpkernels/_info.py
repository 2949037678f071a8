"""What this process computes with."""

from __future__ import annotations

from typing import Dict, List, TypedDict

import numpy as np

from . import _blas, _gpu
from ._backend import selection


class Info(TypedDict):
    """See ``info``."""

    backend: str
    variant: str
    available_variants: List[str]
    blas: Dict[str, object]
    threads: int
    huge_pages: Dict[str, int]
    library: str
    numpy: str
    fallback: Dict[str, str]
    gpu: Dict[str, _gpu.GpuInfo]


def info() -> Info:
    """Backend, variant, available variants, BLAS really loaded, threads, huge pages in use.

    ``blas`` has the name (OpenBLAS, MKL, BLIS, reference, ...), version, resolved path and threads of the one that the
    kernels call, and under "loaded" the paths of all in this process. ``threads`` is how many an engine can use at
    once here. ``huge_pages`` has the bytes of the kernels' memory by kind of huge page; empty means ordinary pages.
    ``fallback`` gives for each better backend why it is not in use. ``gpu`` has for "cuda" and "hip" whether it is
    available, the names of its devices, its library, and the reason where it is not.

    >>> info()["backend"] in ("cython", "ctypes", "numpy")
    True
    """
    backend, reasons = selection()
    library = backend.library()
    return Info(
        backend=backend.NAME,
        variant=backend.variant(),
        available_variants=list(backend.variants()),
        blas=_blas.in_use(library),
        threads=backend.threads(),
        huge_pages=backend.huge_pages(),
        library=library,
        numpy=np.__version__,
        fallback=dict(reasons),
        gpu=_gpu.describe(),
    )
