"""The stage of ./invoke test that attacks the kernels: instruction counts, hostile input, lost memory, races."""

from __future__ import annotations

import functools
import subprocess
import tempfile
from importlib.util import find_spec
from pathlib import Path

from invoke import Exit

from tcp_performance import comparisons, instructions, python_peers, recorder
from tcp_performance.kernels_build import KERNELS, build_directory, compile_library, install_bindings, run
from tcp_performance.stage_steps import shell, together

PACKAGES = (
    "valgrind",  # callgrind and memcheck, with their headers
    "libclang-rt-dev",  # libFuzzer and the thread sanitizer
    "strace",  # the recorder
    "libabsl-dev",  # peers
    "libboost1.81-dev",
    "libroaring-dev",
)
FUZZERS = ("registry", "trace", "lookup", "scan", "network", "engine", "ring")
RACING = ("threads", "engine", "network", "lookup")
SECONDS, SECONDS_LONG = 20, 600
LONGEST_INPUT = 4096


def instruction_gate() -> None:
    """Counts are as stored, and a scan with a pass too many is objected to."""
    build = build_directory("release")
    found = instructions.check(build)
    if found:
        told = "instruction counts changed (./invoke instructions --update where intended):"
        raise Exit("\n  ".join((told, *found)), code=1)
    slowed = instructions.check(build, build / "bench/libslowed.so")
    if not slowed or any("scan_u8" not in line for line in slowed):
        raise Exit(f"a scan with a pass too many was not found by its instructions: {slowed}", code=1)
    print("instruction counts as stored; with a pass too many:", *slowed, sep="\n  ", flush=True)


def seed(corpus: Path) -> None:
    """Inputs to begin with, for what random bytes would not find: registries and traces."""
    for name in FUZZERS:
        (corpus / name).mkdir()
    generated = build_directory("release") / "tests/generated_registry"
    for commands in ("0", "1", "20"):
        subprocess.run([str(generated), str(corpus / "registry" / commands), commands], check=True)
    for trace in (KERNELS / "tests/traces").glob("*.trace"):
        (corpus / "trace" / trace.name).write_bytes(trace.read_bytes()[:LONGEST_INPUT])


def fuzz(name: str, corpus: Path, seconds: int) -> list[list[str]]:
    """First the inputs that once failed, then new ones for so long. A finding is kept beside the build."""
    program = str(build_directory("fuzz") / f"fuzz/{name}_fuzz")
    found = build_directory("fuzz") / "findings"
    found.mkdir(exist_ok=True)
    kept = sorted(str(path) for path in (KERNELS / "fuzz/regressions" / name).glob("*"))
    search = [program, f"-max_total_time={seconds}", f"-max_len={LONGEST_INPUT}", "-print_final_stats=1"]
    search += ["-verbosity=0", f"-artifact_prefix={found}/{name}-", str(corpus / name)]
    return ([[program, *kept]] if kept else []) + [search]


def build(preset: str, targets: list[str]) -> None:
    """Only what the stage runs: a whole build takes minutes."""
    make = ["cmake", "--build", str(build_directory(preset)), "--target", *targets]
    if run(["cmake", "--preset", preset]) or run(make):
        raise Exit(f"the {preset} build failed", code=1)


def fuzzing(long: bool) -> None:
    build("fuzz", [f"{name}_fuzz" for name in FUZZERS])
    with tempfile.TemporaryDirectory() as folder:
        corpus = Path(folder)
        seed(corpus)
        seconds = SECONDS_LONG if long else SECONDS
        together({f"fuzz {name}": functools.partial(fuzz, name, corpus, seconds) for name in FUZZERS}, {})


def races() -> None:
    build("tsan", [f"test_{name}" for name in RACING])
    shell(
        [
            "ctest",
            "--test-dir",
            str(build_directory("tsan")),
            "--output-on-failure",
            "-R",
            f"^test_({'|'.join(RACING)})$",
        ]
    )


def peers() -> None:
    """Every peer is found, built and measured; what the figures are is no matter of a test."""
    figures = comparisons.measure(build_directory("release") / "tcp_behavioral_engine", None, rounds=3)
    for kind, rows in python_peers.measure(agents=1000, rounds=3).items():
        figures[kind] += rows
    if figures["absent"] or not figures["comparisons"]:
        raise Exit(f"not compared with: {figures['absent']}", code=1)


def recording() -> None:
    """A recording can be replayed, and has the commands that were run."""
    with tempfile.TemporaryDirectory() as folder:
        output = str(Path(folder) / "recorded")
        if recorder.run("env true && env ls . && env ls .", output):
            raise Exit("the recorder failed", code=1)
        command = [str(build_directory("release") / "tcp_behavioral_engine"), "replay"]
        command += ["--registry", f"{output}.tcpdb", "--trace", f"{output}.trace"]
        done = subprocess.run(command, capture_output=True, text=True)
        print(done.stdout, done.stderr, flush=True)
        names = [line.split("\t")[1] for line in Path(f"{output}.trace").read_text().splitlines()]
        if done.returncode or names != ["sh", "env", "true", "env", "ls", "env", "ls"]:
            raise Exit(f"recorded {names}; the replay ended with {done.returncode}", code=1)


def attacks(long: bool) -> None:
    """After the stage kernels, whose release build it counts and whose CTest has memcheck and lost memory."""
    if compile_library("release") or (find_spec("tcpkernels") is None and install_bindings()):
        raise Exit("the release build failed", code=1)
    instruction_gate()
    peers()
    recording()
    races()
    fuzzing(long)
