"""Counts the instructions of every kernel under callgrind and holds them against the stored ones.

Counts repeat exactly for one compiler, so they are stored by compiler; another one's say nothing here.
"""

from __future__ import annotations

import json
import os
import re
import subprocess
import tempfile
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

from invoke import Exit

from tcp_performance.kernels_build import KERNELS, build_directory

STORED = KERNELS / "bench/instructions.json"
TOLERANCE = 0.02
DUMP = re.compile(r"^desc: Trigger: Client Request: (\w+)$.*?^totals: (\d+)$", re.MULTILINE | re.DOTALL)

Counts = dict[str, dict[str, int]]
"""By variant, by case."""


def program(build: Path) -> Path:
    path = build / "bench/instructions"
    if not path.is_file():
        raise Exit(f"no {path}: configure with -DTCPK_TESTS=ON where valgrind is installed", code=2)
    return path


def subject(build: Path) -> tuple[str, list[str]]:
    """The compiler that made this build, and the variants that run under valgrind, which lacks some instructions."""
    command = ["valgrind", "--quiet", "--tool=none", str(program(build))]
    done = subprocess.run(command, capture_output=True, text=True, check=True)
    compiler, variants = done.stdout.splitlines()
    return compiler, variants.split()


def count_variant(build: Path, variant: str, preload: Path | None) -> dict[str, int]:
    """Instructions of each case in one variant; `preload` stands before the library."""
    with tempfile.TemporaryDirectory() as folder:
        command = ["valgrind", "--quiet", "--tool=callgrind", "--collect-atstart=no"]
        command += [f"--callgrind-out-file={folder}/out", str(program(build))]
        # One thread: how threads share a batch out is not the kernel's.
        variables = {"TCPK_VARIANT": variant, "OMP_NUM_THREADS": "1"}
        if preload is not None:
            variables["LD_PRELOAD"] = str(preload)
        done = subprocess.run(command, env=dict(os.environ, **variables), capture_output=True, text=True)
        if done.returncode:
            raise Exit(f"{' '.join(command)} ended with {done.returncode}: {done.stderr.strip()}", code=1)
        dumps = [DUMP.search(path.read_text()) for path in sorted(Path(folder).iterdir())]
        return {dump[1]: int(dump[2]) for dump in dumps if dump}


def count(build: Path, variants: list[str], preload: Path | None = None) -> Counts:
    with ThreadPoolExecutor(len(os.sched_getaffinity(0))) as pool:
        return dict(zip(variants, pool.map(lambda variant: count_variant(build, variant, preload), variants)))


def stored() -> dict[str, Counts]:
    """By compiler."""
    known: dict[str, Counts] = json.loads(STORED.read_text()) if STORED.is_file() else {}
    return known


def differences(before: Counts, now: Counts) -> list[str]:
    """What is not as stored, within the tolerance, one line each. Fewer instructions are a change too."""
    found = []
    for variant, counts in now.items():
        former = before.get(variant, {})
        for case in sorted(counts.keys() | former.keys()):
            old, new = former.get(case), counts.get(case)
            if old is None or new is None:
                found.append(f"{variant} {case}: stored {old}, counted {new}")
            elif abs(new - old) > TOLERANCE * old:
                found.append(f"{variant} {case}: stored {old:,}, counted {new:,} ({new / old - 1:+.1%})")
    return found


def update(build: Path) -> None:
    """Store this build's counts for its compiler; variants that do not run here keep theirs."""
    compiler, variants = subject(build)
    known = stored()
    known[compiler] = known.get(compiler, {}) | count(build, variants)
    STORED.write_text(json.dumps(known, indent=1, sort_keys=True) + "\n")


def check(build: Path, preload: Path | None = None) -> list[str]:
    """The differences; Exit with code 2 for a compiler that has no counts."""
    compiler, variants = subject(build)
    known = stored()
    if compiler not in known:
        told = f"no counts of {compiler}, only of {', '.join(known) or 'none'}"
        raise Exit(f"{told}: ./invoke instructions --update stores them", code=2)
    return differences(known[compiler], count(build, variants, preload))


def run(write: bool, build: Path | None = None) -> int:
    """0 as stored, 1 changed, 2 no counts for this compiler."""
    build = build or build_directory("release")
    if write:
        update(build)
        print(f"{STORED} has the counts of {subject(build)[0]}")
        return 0
    found = check(build)
    for line in found:
        print(line)
    print(f"{len(found)} counts differ by more than {TOLERANCE:.0%}" if found else "instructions as stored")
    return 1 if found else 0
