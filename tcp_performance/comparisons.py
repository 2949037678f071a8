"""Our lookup, quarantine set and ring of events beside what a user could take instead, taking turns."""

from __future__ import annotations

import json
import subprocess
from pathlib import Path
from typing import Any

from tcp_performance.playbooks import ROOT

Figures = dict[str, Any]
OURS = "tcpk"
WANTED = 2  # times as fast as the best peer, for a lookup
RING_DEVICE = Path("/dev/tcpk_ring")
RECORDED = ROOT / "kernels/tests/traces/build"


def program(command: Path, name: str = "peers") -> Path | None:
    """A comparison of the build that the command is of, made up to date; None where that is no build."""
    if not (command.parent / "CMakeCache.txt").is_file():
        return None
    build = ["cmake", "--build", str(command.parent), "--target", name]
    done = subprocess.run(build, capture_output=True, text=True)
    path = command.parent / "bench" / name
    return path if done.returncode == 0 and path.is_file() else None


def engine(command: Path) -> list[Figures]:
    """Engines of 1 and 10 million agents, in ns: [{agents, bytes, same_answers, threads, floor, arithmetic, single}].

    An event by the number of threads, in batches: `threads`, and `floor` of memory; a step of `arithmetic` likewise. An
    event alone by percentile: `single`. Empty where the command is of no build with tests.
    """
    program = command.parent / "bench/engine_scale"
    if not program.is_file():
        return []
    done = subprocess.run([str(program)], capture_output=True, text=True)
    figures: list[Figures] = json.loads(done.stdout) if done.returncode in (0, 1) else []
    return figures


def gained(times: dict[str, float]) -> str:
    """How many times as fast the most threads are as one."""
    return f"{times['1'] / times[max(times, key=int)]:.2f}"


def engine_lines(figures: list[Figures]) -> list[str]:
    told = []
    for row in figures:
        if "absent" in row:
            told.append(f"engine, {row['agents']:,} agents: not measured: {row['absent']}")
            continue
        threads = ", ".join(
            f"{number} thread(s) {time:,.1f} (floor {row['floor'][number]:,.1f})"
            for number, time in row["threads"].items()
        )
        single = ", ".join(f"{share} % {time:,}" for share, time in row["single"].items())
        same = "the same answers" if row["same_answers"] else "DIFFERENT ANSWERS"
        told.append(
            f"engine, {row['agents']:,} agents of {row['bytes']} bytes, batches (ns): {threads}; {same}"
        )
        if len(row["threads"]) > 1:
            most = max(row["threads"], key=int)
            told.append(
                f"    {most} threads are {gained(row['threads'])} times as fast as one;"
                f" memory alone gains {gained(row['floor'])}, arithmetic alone {gained(row['arithmetic'])}"
            )
        told.append(f"    single events (ns): {single}")
    return told


def workload(command: Path) -> Figures:
    """What `replay` says of the recorded build in the checkout: decisions, anomalies, the times of its events.

    Empty where the command is too old to say it.
    """
    arguments = ["replay", "--json", "--registry", f"{RECORDED}.tcpdb", "--trace", f"{RECORDED}.trace"]
    done = subprocess.run([str(command), *arguments], capture_output=True, text=True)
    figures: Figures = json.loads(done.stdout) if done.returncode == 0 else {}
    return figures


def workload_lines(figures: Figures) -> list[str]:
    if not figures:
        return ["a recorded build: not replayed, the command is of another version"]
    decisions = ", ".join(f"{name} {count:,}" for name, count in figures["decisions"].items())
    times = ", ".join(f"{share} % {time:,}" for share, time in figures["percentiles"].items())
    return [
        f"a recorded build, replayed: {figures['events']:,} events of {figures['agents']:,} agents: {decisions}",
        f"    anomalous {figures['anomalous']:,}, agents quarantined {figures['quarantined']:,};"
        f" an event takes at most (ns): {times}",
    ]


def figures_of(program: Path | None, arguments: list[str], what: str, command: Path) -> Figures:
    """What a comparison printed; where it could not run, an `absent` with the reason."""
    if program is None:
        reason = f"{command.parent} is no build with -DTCPK_PEERS=ON: ./invoke build-kernels makes one"
        return {"comparisons": [], "absent": [{"name": what, "reason": reason}]}
    done = subprocess.run([str(program), *arguments], capture_output=True, text=True)
    if done.returncode:
        reason = f"{program} ended with {done.returncode}: {done.stderr.strip()}"
        return {"comparisons": [], "absent": [{"name": what, "reason": reason}]}
    figures: Figures = json.loads(done.stdout)
    return figures


def measure(command: Path, registry: Path | None, rounds: int = 21) -> Figures:
    """{comparisons: [{operation, contenders: [{name, median, p10, p90}], floor}], absent: [{name, reason}]}.

    Ours is the first contender; `floor` is there where it is known. Nothing measured is an `absent` of everything,
    with the reason. The ring in the device is measured where there is one.
    """
    arguments = ["--rounds", str(rounds)]
    file = ["--registry", str(registry)] if registry is not None else []
    device = ["--device", str(RING_DEVICE)] if RING_DEVICE.exists() else []
    figures = figures_of(program(command), [*arguments, *file], "every peer in C and C++", command)
    ring = figures_of(
        program(command, "ring_peers"), [*arguments, *device], "the ring between processes", command
    )
    return {kind: figures[kind] + ring[kind] for kind in ("comparisons", "absent")}


def bounded(row: Figures) -> bool:
    """Whether nothing can be WANTED times as fast as the best peer: that would be below the floor of the same run."""
    best: float = min(peer["median"] for peer in row["contenders"][1:])
    return "floor" in row and best < WANTED * row["floor"]


def lines(figures: Figures) -> list[str]:
    """As text: ours, how many times the best peer takes, what none can be faster than where it is known, every peer.

    A floor that keeps everyone from being WANTED times as fast as the best peer has a star.
    """
    if not figures["comparisons"]:
        told = []
    else:
        width = max(len(row["operation"]) for row in figures["comparisons"])
        told = [f"{'against others (ns)':{width}}  {OURS:>9}  {'ahead':>6}  {'floor':>8}  peers"]
        for row in figures["comparisons"]:
            ours, *peers = row["contenders"]
            best = min(peer["median"] for peer in peers)
            named = ", ".join(f"{peer['name']} {peer['median']:,.1f}" for peer in peers)
            ahead = best / ours["median"]
            floor = f"{row['floor']:,.1f}{'*' if bounded(row) else ' '}" if "floor" in row else "- "
            told.append(
                f"{row['operation']:{width}}  {ours['median']:>9,.1f}  {ahead:>5.1f}x  {floor:>8}  {named}"
            )
        stars = sum(bounded(row) for row in figures["comparisons"])
        if stars:
            told.append(
                f"* {stars} row(s) where nothing can be {WANTED} times as fast as the best peer:"
                f" it takes less than {WANTED} times the floor"
            )
    return told + [f"{one['name']}: not available: {one['reason']}" for one in figures["absent"]]
