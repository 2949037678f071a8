"""Choice of the backend, what each must supply, and what info() says."""

from __future__ import annotations

import doctest
import importlib
import json
import os
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest
import tcpkernels
from tcpkernels import _blas, _memory_map, info
from tcpkernels._backend import MODULES
from tcpkernels._public_api import PUBLIC_API


def python(code: str, **variables: str) -> subprocess.CompletedProcess[str]:
    """Run code in a new interpreter that is told no other choice than these variables."""
    kept = {name: value for name, value in os.environ.items() if name not in ("TCPK_BACKEND", "TCPK_VARIANT")}
    return subprocess.run(
        [sys.executable, "-c", code], env={**kept, **variables}, capture_output=True, text=True
    )


SHOW = "import json, tcpkernels; print(json.dumps(tcpkernels.info()))"


def told(**variables: str) -> dict:
    done = python(SHOW, **variables)
    assert done.returncode == 0, done.stderr
    return json.loads(done.stdout)


def loadable(name: str) -> bool:
    return python("import tcpkernels", TCPK_BACKEND=name).returncode == 0


@pytest.mark.parametrize("name", MODULES)
def test_forced_backend_is_in_use(name: str) -> None:
    if not loadable(name):
        pytest.skip(f"backend {name} does not load here")
    assert told(TCPK_BACKEND=name)["backend"] == name


@pytest.mark.parametrize("name", MODULES)
def test_each_backend_supplies_the_list_and_no_more(name: str) -> None:
    if not loadable(name):
        pytest.skip(f"backend {name} does not load here")
    module = importlib.import_module(f"tcpkernels.{MODULES[name]}")
    assert [attribute for attribute in PUBLIC_API if not hasattr(module, attribute)] == []
    assert name == module.NAME
    if hasattr(module, "__all__"):
        assert set(module.__all__) == set(PUBLIC_API)


def test_this_session_uses_what_was_asked_for() -> None:
    asked = os.environ.get("TCPK_BACKEND")
    assert info()["backend"] == (asked or next(name for name in MODULES if loadable(name)))
    assert info()["variant"] == (os.environ.get("TCPK_VARIANT") or info()["available_variants"][-1])


@pytest.mark.parametrize(
    ("variables", "said"),
    [
        ({"TCPK_BACKEND": "fortran"}, "TCPK_BACKEND is 'fortran'; allowed: cython, ctypes, numpy"),
        ({"TCPK_VARIANT": "sse9"}, "TCPK_VARIANT is 'sse9'; allowed: generic, avx2, avx512, neon"),
        ({"TCPK_BACKEND": "numpy", "TCPK_VARIANT": "avx2"}, "'avx2', which backend numpy does not have"),
        ({"TCPK_BACKEND": "ctypes", "TCPK_LIBRARY": "/absent.so"}, "TCPK_LIBRARY is '/absent.so'"),
        ({"TCPK_BACKEND": "ctypes", "TCPK_LIBRARY": __file__}, "does not load"),
    ],
)
def test_what_cannot_be_had_is_an_error_with_its_reason(variables: dict[str, str], said: str) -> None:
    done = python("import tcpkernels", **variables)
    assert done.returncode == 1
    assert "BackendError" in done.stderr
    assert said in done.stderr


def test_variant_that_this_machine_lacks() -> None:
    done = python("import tcpkernels", TCPK_VARIANT="neon" if os.uname().machine == "x86_64" else "avx2")
    assert done.returncode == 1
    assert "allowed: " in done.stderr


def test_library_of_another_kind_is_refused() -> None:
    done = python("import tcpkernels", TCPK_BACKEND="ctypes", TCPK_LIBRARY=np.random.mtrand.__file__)
    assert done.returncode == 1
    assert "it is not the version wanted" in done.stderr or "does not load" in done.stderr


def test_fallback_gives_its_reasons() -> None:
    block = (
        "import sys; sys.modules['tcpkernels._cython_backend'] = None; "
        "sys.modules['tcpkernels._ctypes_backend'] = None; "
    )
    done = python(block + SHOW)
    assert done.returncode == 0, done.stderr
    answer = json.loads(done.stdout)
    assert answer["backend"] == "numpy"
    assert set(answer["fallback"]) == {"cython", "ctypes"}
    assert all(answer["fallback"].values())


def test_info_is_whole() -> None:
    answer = info()
    assert answer["variant"] in answer["available_variants"]
    assert answer["threads"] >= 1
    assert all(size > 0 for size in answer["huge_pages"].values())
    assert answer["numpy"] == np.__version__
    if answer["library"]:
        assert Path(answer["library"]).is_file()
        assert answer["library"] in {mapping.path for mapping in _memory_map.mappings()}
        assert Path(str(answer["blas"]["path"])).is_file()
    json.dumps(answer)


def test_blas_is_the_one_in_the_memory_map() -> None:
    answer = info()
    if not answer["blas"]["path"]:
        pytest.skip("no BLAS is loaded in this process")
    assert answer["blas"]["name"] not in ("", "none")
    assert answer["blas"]["path"] in answer["blas"]["loaded"] or answer["blas"]["name"] == "unknown"


@pytest.mark.parametrize(
    ("path", "kind"),
    [
        ("/usr/lib/x86_64-linux-gnu/openblas-serial/libblas.so.3", "OpenBLAS"),
        ("/usr/lib/x86_64-linux-gnu/openblas-pthread/libopenblasp-r0.3.21.so", "OpenBLAS"),
        ("/usr/lib/x86_64-linux-gnu/blas/libblas.so.3.11.0", "reference"),
        ("/usr/lib/x86_64-linux-gnu/lapack/liblapack.so.3.11.0", "reference"),
        ("/opt/intel/lib/libmkl_rt.so.2", "MKL"),
        ("/x/numpy.libs/libscipy_openblas64_-ff651d7f.so", "OpenBLAS"),
        ("/usr/lib/libblis.so.4", "BLIS"),
        ("/home/openblas/lib/libtcpk.so", ""),
        ("/usr/lib/libc.so.6", ""),
    ],
)
def test_kinds_of_blas(path: str, kind: str) -> None:
    assert _blas.family(path) == kind


def test_memory_map_is_read(tmp_path: Path) -> None:
    maps = tmp_path / "maps"
    maps.write_text(
        "7f00-7f10 r-xp 00000000 08:01 12 /usr/lib/openblas-pthread/libblas.so.3\n"
        "7f10-7f20 rw-p 00000000 00:00 0 \n"
        "7f20-7f30 r--p 00000000 08:01 13 /usr/lib/a b.so\n"
        "7ffc-7fff rw-p 00000000 00:00 0 [stack]\n"
    )
    assert [mapping.path for mapping in _memory_map.mappings(maps)][1] == "/usr/lib/a b.so"
    assert _blas.loaded(maps) == ["/usr/lib/openblas-pthread/libblas.so.3"]
    assert _memory_map.library_of(0x7F2F, maps) == "/usr/lib/a b.so"
    assert _memory_map.library_of(0x7F30, maps) == ""
    assert _blas.loaded(tmp_path / "absent") == []


@pytest.mark.parametrize("name", [*tcpkernels.__all__, "_blas", "_tcpdb"])
def test_examples_of_the_documentation(name: str) -> None:
    runner = doctest.DocTestRunner()
    private = importlib.import_module(f"tcpkernels.{name}") if name.startswith("_") else None
    thing = private or getattr(tcpkernels, name)
    for test in doctest.DocTestFinder(recurse=True).find(
        thing, name, module=False, globs=dict(vars(private or tcpkernels))
    ):
        assert runner.run(test).failed == 0


def test_everything_public_has_a_docstring() -> None:
    for name in tcpkernels.__all__:
        thing = getattr(tcpkernels, name)
        if callable(thing):
            assert thing.__doc__, name
