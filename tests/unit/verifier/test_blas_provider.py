"""Which BLAS a process has loaded, told from the files that it has mapped."""

from __future__ import annotations

import pytest

from tests.host.settings.blas import provider

LIBRARIES = "/usr/lib/x86_64-linux-gnu"


@pytest.mark.parametrize(
    ("mapped", "name"),
    [
        # Debian 12's OpenMP build, as it is: the library itself has the name of the one with POSIX threads.
        (
            f"{LIBRARIES}/openblas-openmp/libopenblasp-r0.3.21.so\n{LIBRARIES}/openblas-openmp/libblas.so.3",
            "openblas-openmp",
        ),
        (f"{LIBRARIES}/openblas-pthread/libopenblasp-r0.3.21.so", "openblas-pthread"),
        (f"{LIBRARIES}/openblas-serial/libopenblas-r0.3.21.so", "openblas-serial"),
        ("/opt/lib/libopenblaso-r0.3.21.so", "openblas-openmp"),
        ("/opt/intel/libmkl_rt.so.2", "mkl"),
        (f"{LIBRARIES}/blas/libblas.so.3.11.0", f"{LIBRARIES}/blas/libblas.so.3.11.0"),
        ("/usr/lib/libc.so.6", "none"),
    ],
)
def test_provider_of_what_is_mapped(mapped: str, name: str) -> None:
    assert provider(mapped) == name
