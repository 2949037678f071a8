"""Where and how a run is cut off, chosen at random, and the cutting itself."""

from __future__ import annotations

import contextlib
import os
import random
import re
import signal
import subprocess
import time
from dataclasses import dataclass
from pathlib import Path
from typing import Callable

from tests.interruptions.hosts import Host, NothingToSever

TASK = re.compile(r"^TASK \[(?:(?P<role>\w+) : )?")
# A run that has lost its host finds out by itself.
NOTICED_SECONDS = 300
TASKS_OF_A_ROLE = 6


@dataclass(frozen=True)
class Cut:
    """At the `task`th task that a role begins, or where the next role begins, and so much later."""

    kind: str
    role: str
    task: int
    seconds: float

    def __str__(self) -> str:
        return f"{self.kind} {self.seconds:.1f} s into task {self.task} of role {self.role}"


def connection_lost(host: Host, run: subprocess.Popen[str]) -> None:
    """The run notices. A host that restarts has no connection until it is up, and none is open between two tasks."""
    deadline = time.monotonic() + NOTICED_SECONDS
    while True:
        try:
            host.sever()
            return
        except NothingToSever:
            if run.poll() is not None or time.monotonic() > deadline:
                raise
            time.sleep(0.1)


def process_killed(host: Host, run: subprocess.Popen[str]) -> None:
    """The run and all that it started, at once; the host notices."""
    os.killpg(run.pid, signal.SIGKILL)


def powered_off(host: Host, run: subprocess.Popen[str]) -> None:
    host.power_cut()


KINDS: dict[str, Callable[[Host, subprocess.Popen[str]], None]] = {
    "connection lost": connection_lost,
    "process killed": process_killed,
    "machine powered off": powered_off,
}


def choose(seed: str, roles: list[str], count: int, task_seconds: float) -> list[Cut]:
    """Cuts of all kinds in a random order, each at a random place; none in the last role, which may end before it."""
    dice = random.Random(seed)
    kinds: list[str] = []
    while len(kinds) < count:
        kinds += dice.sample(list(KINDS), len(KINDS))
    return [
        Cut(kind, dice.choice(roles[:-1]), dice.randint(1, TASKS_OF_A_ROLE), dice.uniform(0, task_seconds))
        for kind in kinds[:count]
    ]


class Progress:
    """Reads a run's output: has it come to where it is to be cut off?"""

    def __init__(self, cut: Cut, roles: list[str]) -> None:
        self.cut = cut
        self.later = set(roles[roles.index(cut.role) + 1 :])
        self.tasks = 0

    def reached(self, line: str) -> bool:
        found = TASK.match(line)
        if not found:
            return False
        self.tasks += found["role"] == self.cut.role
        return self.tasks >= self.cut.task or found["role"] in self.later


def kill_what_is_left(command: list[str]) -> None:
    """The processes that keep up the connections: each in a session of its own, and told of nothing by a SIGKILL."""
    for entry in Path("/proc").iterdir():
        if entry.name.isdigit():
            with contextlib.suppress(OSError):
                arguments = (entry / "cmdline").read_bytes().split(b"\0")
                if all(argument.encode() in arguments for argument in command):
                    os.kill(int(entry.name), signal.SIGKILL)


def cut_off(host: Host, cut: Cut, roles: list[str]) -> str:
    """Start a run and cut it off; returns the last task that it began. AssertionError when it ended before."""
    progress, last, command = Progress(cut, roles), "", host.command("site")
    run = subprocess.Popen(
        command,
        env=host.environment(),
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        text=True,
        start_new_session=True,
    )
    said = []
    try:
        assert run.stdout is not None
        for line in run.stdout:
            said.append(line)
            last = line.strip(" *\n") if line.startswith("TASK") else last
            if progress.reached(line):
                break
        assert run.poll() is None, f"the run ended before {cut}:\n{''.join(said[-40:])}"
        time.sleep(cut.seconds)
        KINDS[cut.kind](host, run)
        try:
            run.communicate(timeout=NOTICED_SECONDS)
        except subprocess.TimeoutExpired:
            print(f"    the run has not noticed within {NOTICED_SECONDS} s", flush=True)
    finally:
        if run.poll() is None:
            os.killpg(run.pid, signal.SIGKILL)
            run.wait()
        kill_what_is_left(command)
    return last
