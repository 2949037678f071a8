"""Who uses CPUs that are to be isolated: real processes of this machine, bound by the kernel itself."""

from __future__ import annotations

import os
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest
from cpu_occupants import Occupant, occupants

SPIN = "import os\nos.sched_setaffinity(0, {%d})\nprint(flush=True)\nwhile True: pass"
SLEEP = "import os, sys\nos.sched_setaffinity(0, {%d})\nprint(flush=True)\nsys.stdin.read()"


@pytest.fixture
def last_cpu() -> int:
    cpus = os.sched_getaffinity(0)
    if len(cpus) < 2:
        pytest.skip("one CPU: nothing can be bound away from the rest")
    return max(cpus)


@pytest.fixture(params=[SPIN, SLEEP], ids=["busy", "asleep"])
def bound(request: pytest.FixtureRequest, last_cpu: int) -> Iterator[int]:
    with subprocess.Popen(
        [sys.executable, "-c", request.param % last_cpu], stdin=subprocess.PIPE, stdout=subprocess.PIPE
    ) as process:
        assert process.stdout is not None
        process.stdout.readline()
        yield process.pid
        process.kill()


def test_a_process_that_is_bound_there_is_named_busy_or_not(bound: int, last_cpu: int) -> None:
    found = {occupant.pid: occupant for occupant in occupants({last_cpu}, seconds=0.05)}
    assert found[bound].bound
    assert found[bound].cpus == str(last_cpu)
    assert found[bound].said.startswith(f"pid {bound} (python")
    assert found[bound].said.endswith(f") on CPU {last_cpu}, bound there")


def test_a_process_that_is_bound_elsewhere_is_not(bound: int, last_cpu: int) -> None:
    others = os.sched_getaffinity(0) - {last_cpu}
    assert bound not in {occupant.pid for occupant in occupants(others, seconds=0.05)}


def test_nobody_asked_about_no_cpu() -> None:
    assert occupants(set()) == []


def stat(root: Path, pid: int, tid: int, state: str, cpu: int, ticks: int, flags: int = 0) -> None:
    folder = root / f"{pid}/task/{tid}"
    folder.mkdir(parents=True, exist_ok=True)
    fields = [state, *["0"] * 5, str(flags), *["0"] * 4, str(ticks), "0", *["0"] * 23, str(cpu), "0"]
    (folder / "stat").write_text(f"{tid} (a) b) {' '.join(fields)}\n")
    (folder / "status").write_text("Name:\ta) b\nCpus_allowed_list:\t0-7\n")
    (root / f"{pid}/comm").write_text("a) b\n")


def test_what_merely_ran_there_once_is_left_out(tmp_path: Path) -> None:
    stat(tmp_path, 10, 10, "S", cpu=2, ticks=900)
    assert occupants({2, 3}, seconds=0, root=str(tmp_path)) == []


def test_what_runs_there_unbound_is_told_apart(tmp_path: Path) -> None:
    stat(tmp_path, 10, 10, "R", cpu=2, ticks=900)
    stat(tmp_path, 10, 11, "R", cpu=3, ticks=900)
    stat(tmp_path, 20, 20, "R", cpu=0, ticks=900)
    found = occupants({2, 3}, seconds=0, root=str(tmp_path))
    assert found == [Occupant(10, "a) b", "2-3", False)]
    assert found[0].said == "pid 10 (a) b) on CPU 2-3"


def test_threads_of_the_kernel_do_not_count(tmp_path: Path) -> None:
    stat(tmp_path, 30, 30, "R", cpu=2, ticks=900, flags=0x04208060)
    assert occupants({2, 3}, seconds=0, root=str(tmp_path)) == []
