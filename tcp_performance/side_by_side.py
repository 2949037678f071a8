"""Runs test stages beside each other: each in a process of its own, its output in a file, its state in one line.

What fails does not stop the others; its output is shown whole. An interrupt reaches every process of every stage,
which then tidy up after themselves before this returns.
"""

from __future__ import annotations

import contextlib
import os
import re
import shutil
import signal
import subprocess
import sys
import time
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from types import FrameType
from typing import Protocol

from tcp_performance.playbooks import BUILD, COLOUR, ROOT

LOGS = BUILD / "test"
SKIPPED = 77  # the exit status that Automake's tests have for it; the reason is the last line of the output
POLL_SECONDS = 0.2
# A revert of this machine, or the removal of containers, ends well within this time.
GRACE_SECONDS = 180
INTERRUPTS = (signal.SIGINT, signal.SIGTERM, signal.SIGHUP)
# On a terminal the line of state is drawn anew all the time; in a log file it appears now and then.
REDRAW_SECONDS, REPEAT_SECONDS = 0.5, 60.0
PROGRESS = re.compile(r"TASK \[([^\]]+)\]|\[ *(\d+%)\]|^ *(\d+/\d+) Test ", re.MULTILINE)

TESTS_SKIPPED = re.compile(r"(\d+) skipped\b[^\n]* in [\d.]+s")


class Runnable(Protocol):
    """What a stage has to tell: its name, what must have ended before it begins, for how many it counts, and after
    how many seconds of a run it is too late to begin (None: never).
    """

    @property
    def name(self) -> str: ...

    @property
    def after(self) -> tuple[str, ...]: ...

    @property
    def weight(self) -> int: ...

    @property
    def latest(self) -> float | None: ...


@dataclass(frozen=True)
class Result:
    """How a stage ended: passed, failed, skipped or interrupted; after how many seconds; why."""

    name: str
    outcome: str
    seconds: float
    note: str = ""


def clock(seconds: float) -> str:
    return f"{int(seconds) // 60}:{int(seconds) % 60:02d}"


class Running:
    """One stage under way."""

    def __init__(self, name: str, command: list[str], log: Path) -> None:
        self.name, self.log = name, log
        self.begin = time.monotonic()
        # No colours in a file: they would only be in the way of who reads it.
        quiet = dict(os.environ, PYTHONUNBUFFERED="1", NO_COLOR="1", PY_COLORS="0", ANSIBLE_NOCOLOR="1")
        with self.log.open("wb") as output:
            # A session of its own, so that a signal reaches all of its processes and none but its own.
            self.process = subprocess.Popen(
                command,
                cwd=ROOT,
                env=quiet,
                stdin=subprocess.DEVNULL,
                stdout=output,
                stderr=subprocess.STDOUT,
                start_new_session=True,
            )

    def tail(self, size: int = 8192) -> str:
        with self.log.open("rb") as output:
            output.seek(max(0, self.log.stat().st_size - size))
            return COLOUR.sub("", output.read().decode(errors="replace"))

    def progress(self) -> str:
        """The task, percentage or test it has come to, if its output tells."""
        found = [next(filter(None, groups)) for groups in PROGRESS.findall(self.tail())]
        return found[-1] if found else ""

    def skipped_tests(self) -> str:
        """How many tests of the stage pytest left out, and where their reasons stand; empty when it ran all."""
        counts = [int(count) for count in TESTS_SKIPPED.findall(self.log.read_text(errors="replace"))]
        return f"{sum(counts)} tests skipped, reasons in {self.log.name}" if counts else ""

    def result(self) -> Result | None:
        """None while it runs."""
        status = self.process.poll()
        if status is None:
            return None
        lines = self.tail().split("\n")
        said = [line.strip() for line in lines if line.strip()]
        seconds = time.monotonic() - self.begin
        if status == 0:
            return Result(self.name, "passed", seconds, self.skipped_tests())
        last = said[-1] if said else f"exit {status}"
        return Result(self.name, "skipped" if status == SKIPPED else "failed", seconds, last)

    def send(self, number: signal.Signals) -> None:
        with contextlib.suppress(ProcessLookupError):
            os.killpg(self.process.pid, number)


class Screen:
    """Messages, and below them on a terminal one line that says what is under way."""

    def __init__(self) -> None:
        self.on_terminal = sys.stdout.isatty()
        self.begin = self.drawn = time.monotonic()

    def say(self, text: str) -> None:
        print(f"{self.erase()}{text}", flush=True)

    def erase(self) -> str:
        return "\r\x1b[K" if self.on_terminal else ""

    def state(self, running: list[Running], ended: int, total: int) -> None:
        now = time.monotonic()
        if now - self.drawn < (REDRAW_SECONDS if self.on_terminal else REPEAT_SECONDS):
            return
        self.drawn = now
        parts = [f"{stage.name} {clock(now - stage.begin)} {stage.progress()}".rstrip() for stage in running]
        line = f"{clock(now - self.begin)}  {ended} of {total} ended | {' | '.join(parts)}"
        if self.on_terminal:
            width = shutil.get_terminal_size().columns - 1
            print(f"{self.erase()}{line[:width]}", end="", flush=True)
        else:
            print(line, flush=True)


@contextlib.contextmanager
def interruptible() -> Iterator[None]:
    """A polite kill, or a terminal that closes, ends the run as Ctrl-C does.

    Ctrl-C is among them because it is ignored, here and in what is started from here, where a shell began this in the
    background.
    """

    def interrupt(number: int, frame: FrameType | None) -> None:
        raise KeyboardInterrupt(number)

    former = {number: signal.signal(number, interrupt) for number in INTERRUPTS}
    try:
        yield
    finally:
        for number, handler in former.items():
            signal.signal(number, handler)


@contextlib.contextmanager
def interrupted_after() -> Iterator[None]:
    """An interrupt that arrives inside counts at the end: no process is begun, or has ended, that nobody has noted."""
    seen: list[int] = []
    former = {number: signal.signal(number, lambda number, _: seen.append(number)) for number in INTERRUPTS}
    try:
        yield
    finally:
        for number, handler in former.items():
            signal.signal(number, handler)
    if seen:
        raise KeyboardInterrupt(seen[0])


def stop(running: list[Running], screen: Screen) -> list[Result]:
    """Interrupt what runs and wait until it has tidied up; by force after a while, or at a second interrupt."""
    screen.say(
        f"interrupted: {', '.join(stage.name for stage in running)} tidy up; once more ends them at once"
    )
    for stage in running:
        stage.send(signal.SIGINT)
    deadline = time.monotonic() + GRACE_SECONDS
    with contextlib.suppress(KeyboardInterrupt):
        while any(stage.process.poll() is None for stage in running) and time.monotonic() < deadline:
            time.sleep(POLL_SECONDS)
    for stage in running:
        stage.send(signal.SIGKILL)
        stage.process.wait()
    return [Result(stage.name, "interrupted", time.monotonic() - stage.begin) for stage in running]


class SideBySide:
    """Stages, at most `jobs` of them at once, in the order given as far as `after` allows it.

    A stage of weight 2 counts for two; one that weighs more than `jobs` runs with nothing beside it.

    `command` gives the command that runs a stage by name; what it prints goes to a file of that name in `logs`.
    """

    def __init__(
        self, stages: Sequence[Runnable], jobs: int, command: Callable[[str], list[str]], logs: Path = LOGS
    ) -> None:
        self.total, self.jobs, self.command, self.logs = len(stages), jobs, command, logs
        self.waiting = list(stages)
        self.running: list[Running] = []
        self.weights = {stage.name: min(stage.weight, jobs) for stage in stages}
        self.results: list[Result] = []
        self.screen = Screen()
        self.begin = time.monotonic()

    def leave_out_what_is_too_late(self) -> None:
        """A slow machine leaves out what would make the run longer than anybody waits, and says so."""
        passed = time.monotonic() - self.begin
        for stage in tuple(self.waiting):
            if stage.latest is not None and passed > stage.latest:
                note = (
                    f"could not begin within {stage.latest / 60:.0f} minutes, as this machine is slow or busy: "
                    f"./invoke test --only {stage.name}"
                )
                self.waiting.remove(stage)
                self.results.append(Result(stage.name, "skipped", 0, note))
                self.screen.say(f"{stage.name}: skipped: {note}")

    def start_what_may(self) -> None:
        for stage in tuple(self.waiting):
            taken = sum(self.weights[running.name] for running in self.running)
            if taken + self.weights[stage.name] > self.jobs:
                continue
            unfinished = {other.name for other in self.waiting} | {running.name for running in self.running}
            if unfinished & set(stage.after):
                continue
            log = self.logs / f"{stage.name}.log"
            with interrupted_after():
                self.running.append(Running(stage.name, self.command(stage.name), log))
                self.waiting.remove(stage)
            self.screen.say(f"{stage.name}: begins")

    def collect(self) -> None:
        for stage in tuple(self.running):
            result = stage.result()
            if result is None:
                continue
            with interrupted_after():
                self.running.remove(stage)
                self.results.append(result)
            if result.outcome == "failed":
                whole = COLOUR.sub("", stage.log.read_text(errors="replace"))
                self.screen.say(f"== {stage.name} failed; its output:\n{whole}== end of {stage.name}")
            self.screen.say(
                f"{stage.name}: {result.outcome} in {clock(result.seconds)} {result.note}".rstrip()
            )

    def run(self) -> list[Result]:
        """The results, in the order in which the stages ended; what an interrupt left is among them."""
        self.logs.mkdir(parents=True, exist_ok=True)
        try:
            while self.waiting or self.running:
                self.leave_out_what_is_too_late()
                self.start_what_may()
                self.collect()
                self.screen.state(self.running, len(self.results), self.total)
                time.sleep(POLL_SECONDS)
        except KeyboardInterrupt:
            self.results += stop(self.running, self.screen)
            self.results += [Result(stage.name, "interrupted", 0, "not begun") for stage in self.waiting]
        return self.results
