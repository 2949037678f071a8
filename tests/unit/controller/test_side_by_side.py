"""Stages beside each other: order, failures, skips, and an interrupt that leaves no process behind."""

from __future__ import annotations

import contextlib
import signal
import subprocess
import sys
import time
from dataclasses import dataclass
from pathlib import Path

import pytest

from tcp_performance.side_by_side import Result, SideBySide

ROOT = Path(__file__).resolve().parents[3]


@dataclass(frozen=True)
class Shell:
    """A stage that is a line of shell."""

    name: str
    line: str
    after: tuple[str, ...] = ()
    weight: int = 1
    latest: float | None = None


def run(stages: list[Shell], logs: Path, jobs: int = 4) -> list[Result]:
    lines = {stage.name: stage.line for stage in stages}
    return SideBySide(stages, jobs, lambda name: ["sh", "-c", lines[name]], logs).run()


def outcomes(results: list[Result]) -> dict[str, str]:
    return {result.name: result.outcome for result in results}


def test_a_failure_stops_no_other_and_is_shown_whole(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    stages = [Shell("bad", "echo first; echo the reason; exit 3"), Shell("good", "echo never shown")]
    results = run(stages, tmp_path)
    assert outcomes(results) == {"bad": "failed", "good": "passed"}
    assert next(result.note for result in results if result.name == "bad") == "the reason"
    output = capsys.readouterr().out
    assert "first\nthe reason\n" in output
    assert "never shown" not in output
    assert (tmp_path / "good.log").read_text() == "never shown\n"


def test_a_skip_tells_its_reason(tmp_path: Path) -> None:
    [result] = run([Shell("choosy", "echo needs a GPU; exit 77")], tmp_path)
    assert (result.outcome, result.note) == ("skipped", "needs a GPU")


def test_tests_that_pytest_skips_are_counted(tmp_path: Path) -> None:
    [result] = run([Shell("suite", "echo 3 passed, 2 skipped in 0.51s; echo 4 skipped in 1.02s")], tmp_path)
    assert (result.outcome, result.note) == ("passed", "6 tests skipped, reasons in suite.log")


def test_a_killed_stage_has_failed(tmp_path: Path) -> None:
    [result] = run([Shell("killed", "kill -9 $$")], tmp_path)
    assert result.outcome == "failed"


def test_a_stage_begins_when_those_before_it_have_ended_even_if_they_failed(tmp_path: Path) -> None:
    stages = [
        Shell("last", f"cat {tmp_path}/made", after=("first", "second")),
        Shell("first", f"sleep 0.5; echo made > {tmp_path}/made; exit 1"),
        Shell("second", "true"),
    ]
    results = run(stages, tmp_path)
    assert outcomes(results) == {"first": "failed", "second": "passed", "last": "passed"}
    assert results[-1].name == "last"


def test_a_heavy_stage_counts_for_as_many_as_it_weighs(tmp_path: Path) -> None:
    light = f"mkdir {tmp_path}/$$ && sleep 0.3 && rmdir {tmp_path}/$$"
    # Beside it there is room for one; it fails when there are two, or another heavy one.
    heavy = (
        f"mkdir {tmp_path}/heavy && sleep 0.4 && "
        f"test $(find {tmp_path} -mindepth 1 -type d | wc -l) -le 2 && rmdir {tmp_path}/heavy"
    )
    stages = [Shell("heavy", heavy, weight=2), Shell("second", heavy, weight=2)]
    stages += [Shell(name, light) for name in ("one", "two", "three")]
    results = run(stages, tmp_path, jobs=3)
    assert set(outcomes(results).values()) == {"passed"}
    assert results[0].name == "one"  # it did not wait for the heavy one before it


def test_a_stage_that_cannot_begin_in_time_is_left_out_and_says_so(tmp_path: Path) -> None:
    stages = [
        Shell("slow", "sleep 0.5"),
        Shell("late", "exit 1", after=("slow",), latest=0.2),
        Shell("in time", "true", latest=60),
    ]
    results = run(stages, tmp_path)
    assert outcomes(results) == {"slow": "passed", "late": "skipped", "in time": "passed"}
    assert "--only late" in next(result.note for result in results if result.name == "late")


def test_a_stage_too_heavy_for_the_jobs_runs_with_nothing_beside_it(tmp_path: Path) -> None:
    line = f"mkdir {tmp_path}/alone && sleep 0.3 && rmdir {tmp_path}/alone"
    results = run([Shell("heavy", line, weight=2), Shell("light", line)], tmp_path, jobs=1)
    assert outcomes(results) == {"heavy": "passed", "light": "passed"}


def test_no_more_at_once_than_allowed(tmp_path: Path) -> None:
    # Each one fails when another one is under way.
    line = f"mkdir {tmp_path}/alone && sleep 0.3 && rmdir {tmp_path}/alone"
    results = run([Shell("one", line), Shell("two", line), Shell("three", line)], tmp_path, jobs=1)
    assert set(outcomes(results).values()) == {"passed"}


INTERRUPTED = """
import sys
from pathlib import Path
from tests.unit.controller.test_side_by_side import Shell, run
from tcp_performance.side_by_side import interruptible

folder = Path(sys.argv[1])
stages = [
    Shell("slow", f"trap 'echo tidied > {folder}/tidied; exit 1' INT; sleep 60 & echo $$ > {folder}/up; wait"),
    Shell("next", "true", after=("slow",)),
]
with interruptible():
    for result in run(stages, folder):
        print(result.name, result.outcome)
"""


def members(group: int) -> list[str]:
    """The processes of a process group."""
    found = []
    for path in Path("/proc").glob("[0-9]*/stat"):
        with contextlib.suppress(OSError):  # it may end meanwhile
            state, _, of_group, *_ = path.read_text().rpartition(")")[2].split()
            if int(of_group) == group and state != "Z":
                found.append(path.parent.name)
    return found


@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM])
def test_an_interrupt_lets_stages_tidy_up_and_leaves_no_process(
    tmp_path: Path, number: signal.Signals
) -> None:
    runner = subprocess.Popen(
        [sys.executable, "-c", INTERRUPTED, str(tmp_path)], cwd=ROOT, stdout=subprocess.PIPE, text=True
    )
    while not (tmp_path / "up").exists() or not (tmp_path / "up").read_text():
        assert runner.poll() is None
        time.sleep(0.05)
    runner.send_signal(number)
    output, _ = runner.communicate(timeout=60)
    assert "slow interrupted" in output
    assert "next interrupted" in output
    assert (tmp_path / "tidied").read_text() == "tidied\n"
    assert members(int((tmp_path / "up").read_text())) == []
