"""Ten thousand corrupted registry files: every backend that loads, and the C command, give the same verdict."""

from __future__ import annotations

import importlib
import os
import re
import shutil
import subprocess
from collections import Counter
from pathlib import Path
from types import ModuleType
from typing import Optional, Tuple

import oracle
import pytest
from corruptions import COUNT, corruptions
from tcpkernels import Registry, RegistryError
from tcpkernels._backend import MODULES

Verdict = Optional[Tuple[str, int]]


def verdict(backend: ModuleType, data: bytes) -> Verdict:
    """Kind and offset of the fault, None when the file is whole."""
    try:
        backend.Registry(data)
    except RegistryError as error:
        fault = error
    else:
        return None
    assert str(fault).endswith(f", at offset {fault.offset}")
    return fault.kind, fault.offset


def backends() -> list[ModuleType]:
    loaded = []
    for module in MODULES.values():
        try:
            loaded.append(importlib.import_module(f"tcpkernels.{module}"))
        except ImportError:
            # Without the library there is only NumPy; TCPK_BACKEND makes the absence of another an error elsewhere.
            continue
    return loaded


@pytest.fixture(scope="module")
def sample() -> bytes:
    """A file small enough that ten thousand of them are read in seconds, with names of one byte to many."""
    names = [f"command-{i}" for i in range(20)] + ["größe", "命令", "[", "x" * 300]
    return Registry.from_commands(names, "LOW", time=1_700_000_000).to_bytes()


def compare(good: bytes, count: int) -> Counter[str]:
    kinds: Counter[str] = Counter()
    modules = backends()
    for i, data in enumerate(corruptions(good, count)):
        verdicts = {module.NAME: verdict(module, data) for module in modules}
        first = verdicts["numpy"]
        assert set(verdicts.values()) == {first}, f"corruption {i}: {verdicts}"
        if first is None:
            contents = {
                (*module.Registry(data).names(), *module.Registry(data).keys().tolist()) for module in modules
            }
            assert len(contents) == 1
        kinds[first[0] if first else "whole"] += 1
    return kinds


def test_same_verdict_from_every_backend(sample: bytes) -> None:
    kinds = compare(sample, COUNT)
    assert kinds.total() == COUNT
    # Every kind of fault was met, so none of the comparisons is idle.
    assert set(RegistryError.KINDS) <= set(kinds)
    assert kinds["whole"] < COUNT // 10


def test_same_verdict_on_the_real_registry(real_registry: Path) -> None:
    # Every backend is read whichever is chosen, so one of the suite's runs does the whole, slow, ten thousand.
    count = COUNT if os.environ.get("TCPK_BACKEND", "numpy") == "numpy" else 300
    assert compare(real_registry.read_bytes(), count).total() == count


def command() -> str:
    """The C command: the one named, the one built here, or the one installed; empty when there is none."""
    build = Path(__file__).resolve().parents[2] / "build"
    built = [build / preset / "tcp_behavioral_engine" for preset in ("release", "make", "asan")]
    found = [os.environ.get("TCPK_COMMAND", ""), *(str(path) for path in built if path.is_file())]
    return next(filter(None, found), shutil.which("tcp_behavioral_engine") or "")


def test_command_names_the_same_offset(sample: bytes, tmp_path: Path) -> None:
    if not command():
        pytest.skip("tcp_behavioral_engine is not built; TCPK_COMMAND may name it")
    path, numpy = tmp_path / "registry", importlib.import_module("tcpkernels._numpy_backend")
    for data in corruptions(sample, 120, seed=11):
        path.write_bytes(data)
        done = subprocess.run(
            [command(), "registry", str(path)], capture_output=True, text=True, errors="replace"
        )
        expected = verdict(numpy, data)
        if expected is None:
            assert done.returncode == 0, done.stderr
        else:
            assert done.returncode == 2, done.stderr
            assert [int(n) for n in re.findall(r"at offset (\d+)", done.stderr)][-1:] == [expected[1]]


def test_forged_count_takes_no_memory() -> None:
    """A count of four thousand million is refused by its field, not by the allocator."""
    for module in backends():
        data = bytearray(oracle.file_2(["ls"]))
        data[6:10] = b"\xff\xff\xff\xff"
        assert verdict(module, bytes(data)) == ("count", 6)
