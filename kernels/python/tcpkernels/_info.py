"""What this process computes with."""

from __future__ import annotations

from typing import Dict, List, TypedDict

import numpy as np

from . import _blas
from ._backend import selection


class Info(TypedDict):
    """See ``info``."""

    backend: str
    variant: str
    available_variants: List[str]
    blas: Dict[str, object]
    threads: int
    huge_pages: List[str]
    library: str
    numpy: str
    fallback: Dict[str, str]


def info() -> Info:
    """Backend, variant, available variants, BLAS really loaded, threads, huge pages in use.

    ``blas`` has the name (OpenBLAS, MKL, BLIS, reference, ...), version, resolved path and threads of the one that the
    kernels call, and under "loaded" the paths of all in this process. ``huge_pages`` lists the kinds that memory of
    the kernels lies in; empty means ordinary pages. ``fallback`` gives for each better backend why it is not in use.

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
        huge_pages=list(backend.huge_pages()),
        library=library,
        numpy=np.__version__,
        fallback=dict(reasons),
    )
