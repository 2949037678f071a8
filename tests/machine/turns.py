"""Benchmarks of two commands at once that take turns of a fraction of a second.

A machine that others share is fast for some seconds and slow for others. What runs one after the other meets different
ones; what takes turns meets the same. It takes some hundred turns: the benchmark measures each of its operations a
little at a time, and where half of the time was slow, a median is fast or slow by a few turns more or less.
"""

from __future__ import annotations

import contextlib
import json
import os
import shlex
import signal
import subprocess
import time
from collections.abc import Sequence
from pathlib import Path
from typing import Any

TURN_SECONDS = 0.1
PROGRAM = "tcp_behavioral_engine"


def benchmarks(arguments: Sequence[str]) -> list[int]:
    """The engine's processes with exactly these arguments, also those in containers."""
    found = []
    for folder in Path("/proc").glob("[0-9]*"):
        with contextlib.suppress(OSError):
            program, *others = (folder / "cmdline").read_text().rstrip("\0").split("\0")
            if Path(program).name == PROGRAM and others == list(arguments):
                found.append(int(folder.name))
    return sorted(found)


def tell(process: int, number: signal.Signals) -> None:
    with contextlib.suppress(ProcessLookupError):
        os.kill(process, number)


def taking_turns(commands: Sequence[str], bench: str, folder: Path) -> list[dict[str, Any]]:
    """What the engine finds that each command starts with the arguments `bench`, of which nobody else may have one.

    Each command begins when the former would measure; from then on one of them runs at a time.
    """
    arguments = shlex.split(bench)
    running: list[subprocess.Popen[str]] = []
    try:
        for command in commands:
            running.append(
                subprocess.Popen(shlex.split(command), cwd=folder, stdout=subprocess.PIPE, text=True)
            )
            while running[-1].poll() is None and len(benchmarks(arguments)) < len(running):
                time.sleep(0.01)
            for process in benchmarks(arguments):
                tell(process, signal.SIGSTOP)
        while any(process.poll() is None for process in running):
            for one in benchmarks(arguments):
                for other in benchmarks(arguments):
                    tell(other, signal.SIGCONT if other == one else signal.SIGSTOP)
                time.sleep(TURN_SECONDS)
            time.sleep(0.01)  # between the last measurement and the end of a command
    finally:
        for process in benchmarks(arguments):
            tell(process, signal.SIGCONT)
    return [figures(process) for process in running]


def figures(process: subprocess.Popen[str]) -> dict[str, Any]:
    """What `bench --json` says at the end of a command's output; its exit status is about targets."""
    printed, _ = process.communicate()
    assert process.returncode in (0, 1), printed
    found: dict[str, Any]
    found, _ = json.JSONDecoder().raw_decode(printed, printed.index('{"rows"'))
    return found
