"""Compilers, by compiling and running a program of two OpenMP threads; CMake by its version."""

from __future__ import annotations

from typing import Iterator

from tests.host.settings.common import Request, version
from tests.host.state import Plan, State
from tests.host.verdict import Judgement, Setting, compliant, drifted

ROLE = "toolchain"
REQUEST = Request(
    commands={
        "gcc": (ROLE, ["gcc", "-dumpfullversion"]),
        "clang": (ROLE, ["clang", "--version"]),
        "cmake": (ROLE, ["cmake", "--version"]),
    }
)
THREADS = "threads 2"


def openmp(compiler: str) -> Setting:
    def judge(state: State) -> Judgement:
        run = State.run(state.raw["openmp"].get(compiler))
        if run.status or run.output != THREADS:
            return drifted("does not work", run.said)
        return compliant(THREADS)

    subjects = (("openmp", compiler),)
    return Setting(f"{ROLE}.openmp.{compiler}", ROLE, THREADS, judge, subjects)


def settings(plan: Plan) -> Iterator[Setting]:
    # C11 atomics, AVX-512 intrinsics and CMake presets are complete from these on.
    yield version(ROLE, "gcc", "gcc", r"([0-9]+\.[0-9.]+)", (11, 0))
    yield version(ROLE, "clang", "clang", r"version ([0-9]+\.[0-9.]+)", (14, 0))
    yield version(ROLE, "cmake", "cmake", r"version ([0-9.]+)", (3, 22))
    for compiler in ("gcc", "clang"):
        yield openmp(compiler)
