"""Records the commands that a command starts, as a trace for `tcp_behavioral_engine replay`, with a registry of them.

strace follows every process. An agent is a process that starts commands; what it starts are its events. Of arguments
and paths nothing is kept but 24 features: each the rank, 0 to 255, of a figure among all events of the recording.
"""

from __future__ import annotations

import bisect
import re
import shutil
import subprocess
import tempfile
from collections import Counter, defaultdict
from collections.abc import Iterable
from dataclasses import dataclass, field
from pathlib import Path

from invoke import Exit

FEATURES = 24
LINE = re.compile(r"^(?P<process>\d+) +(?P<time>\d+\.\d+) (?P<call>.*)$")
EXEC = re.compile(
    r'^execve\("(?P<path>(?:[^"\\]|\\.)*)", \[(?P<arguments>.*)\], 0x[0-9a-f]+ /\* (?P<variables>\d+) vars'
)
ARGUMENT = re.compile(r'"((?:[^"\\]|\\.)*)"')
BORN = re.compile(r"^(?:<\.\.\. )?(?:clone|clone3|fork|vfork)\b.* = (?P<child>\d+)$")
# What a recording's commands may do; others are LOW.
RISKS = {
    "CRITICAL": "dd mkfs shutdown reboot insmod rmmod",
    "HIGH": "sudo su chroot mount umount kill pkill curl wget",
    "MEDIUM": "rm mv ln chmod chown install ldconfig sh bash dash env xargs",
}


@dataclass
class Execution:
    """One command: when (s), by which process it was started, and with what."""

    time: float
    parent: int
    name: str
    arguments: list[str]
    variables: int
    depth: int
    missed: int  # places where the command was looked for before


@dataclass
class Processes:
    parents: dict[int, int] = field(default_factory=dict)
    calls: dict[int, str] = field(default_factory=dict)  # begun, not ended
    missed: Counter[int] = field(default_factory=Counter)

    def depth(self, process: int) -> int:
        depth = 0
        while process in self.parents:
            process, depth = self.parents[process], depth + 1
        return depth


def executions(log: Iterable[str]) -> list[Execution]:
    """The commands that were started, in order, from strace's log."""
    known, found = Processes(), []
    for line in log:
        split = LINE.match(line.rstrip("\n"))
        if not split:
            continue
        process, call = int(split["process"]), split["call"]
        if born := BORN.match(call):
            known.parents[int(born["child"])] = process
        if call.startswith("execve(") and call.endswith("<unfinished ...>"):
            known.calls[process] = call
            continue
        if call.startswith("<... execve resumed>"):
            call = known.calls.pop(process, "") + call
        begun = EXEC.match(call)
        if not begun:
            continue
        if not call.endswith(" = 0"):
            known.missed[process] += 1
            continue
        arguments = ARGUMENT.findall(begun["arguments"])
        found.append(
            Execution(
                float(split["time"]),
                known.parents.get(process, process),
                begun["path"].rsplit("/", 1)[-1],
                arguments[1:],
                int(begun["variables"]),
                known.depth(process),
                known.missed.pop(process, 0),
            )
        )
    return found


def figures(events: list[Execution]) -> list[list[float]]:
    """24 figures an event."""
    table = []
    by_agent: dict[int, list[Execution]] = defaultdict(list)
    seen: Counter[str] = Counter()
    times: list[float] = []
    for event in events:
        whole = " ".join(event.arguments)
        earlier = by_agent[event.parent]
        options = [argument for argument in event.arguments if argument.startswith("-")]
        last = earlier[-1] if earlier else None
        times.append(event.time)
        seen[event.name] += 1
        table.append(
            [
                len(event.arguments),
                len(whole),
                max(map(len, event.arguments), default=0),
                len(options),
                sum(option.startswith("--") for option in options),
                whole.count("/"),
                sum(argument.startswith("/") for argument in event.arguments),
                whole.count("."),
                sum(map(str.isdigit, whole)),
                sum(map(str.isupper, whole)),
                whole.count("="),
                sum(whole.count(character) for character in "\"' "),
                sum(whole.count(character) for character in "|&;<>$`(){}*?"),
                len(set(event.arguments)),
                len(event.name),
                event.depth,
                len(earlier),
                len(times) - bisect.bisect_left(times, event.time - 1),
                -(event.time - last.time) if last else -3600.0,
                -seen[event.name],
                len({other.name for other in earlier}),
                event.variables,
                event.missed,
                float(last is not None and last.name != event.name),
            ]
        )
        earlier.append(event)
    return table


def ranks(table: list[list[float]]) -> list[bytes]:
    """Each figure as its rank among the recording's: 255 x the share of events below it, equals in their middle."""
    columns = []
    for column in zip(*table):
        ordered = sorted(column)
        middle = {
            value: (bisect.bisect_left(ordered, value) + bisect.bisect_right(ordered, value)) / 2
            for value in set(column)
        }
        columns.append([round(255 * middle[value] / len(ordered)) for value in column])
    return [bytes(row) for row in zip(*columns)]


def lines(events: list[Execution]) -> list[str]:
    """The trace: agents are numbered as they appear."""
    numbers: dict[int, int] = {}
    rows = ranks(figures(events))
    return [
        f"{numbers.setdefault(event.parent, len(numbers))}\t{event.name}\t{row.hex()}\n"
        for event, row in zip(events, rows)
    ]


def save(events: list[Execution], output: Path) -> None:
    """OUTPUT.trace and OUTPUT.tcpdb, a registry of the commands in it."""
    from tcpkernels import Registry

    risks = {name: risk for risk, names in RISKS.items() for name in names.split()}
    names = sorted({event.name for event in events})
    output.with_suffix(".trace").write_text("".join(lines(events)))
    Registry.from_commands(names, lambda name: risks.get(name, "LOW"), time=0).save(
        output.with_suffix(".tcpdb")
    )


def run(command: str, output: str) -> int:
    """Record a shell command; its exit status is the recording's."""
    if not shutil.which("strace"):
        raise Exit("no strace to record with: install the package strace", code=2)
    with tempfile.TemporaryDirectory() as folder:
        log = Path(folder) / "log"
        calls = "execve,clone,clone3,fork,vfork"
        strace = [
            "strace",
            "-f",
            "-ttt",
            "-s",
            "4096",
            "-e",
            f"trace={calls}",
            "-e",
            "signal=none",
            "-o",
            str(log),
        ]
        status = subprocess.run([*strace, "sh", "-c", command]).returncode
        with log.open(errors="replace") as text:
            events = executions(text)
    if not events:
        raise Exit(f"{command!r} started no command that could be recorded", code=1)
    save(events, Path(output))
    agents = len({event.parent for event in events})
    print(f"{len(events)} commands of {agents} agents: {output}.trace, {output}.tcpdb")
    return status
