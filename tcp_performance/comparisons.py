"""Our lookup and quarantine set beside the libraries that a user could take instead: one process, taking turns."""

from __future__ import annotations

import json
import subprocess
from pathlib import Path
from typing import Any

from tcp_performance.playbooks import ROOT

Figures = dict[str, Any]
OURS = "tcpk"
RECORDED = ROOT / "kernels/tests/traces/build"


def program(command: Path) -> Path | None:
    """The comparison of the build that the command is of, made up to date; None where that is no build."""
    if not (command.parent / "CMakeCache.txt").is_file():
        return None
    build = ["cmake", "--build", str(command.parent), "--target", "peers"]
    done = subprocess.run(build, capture_output=True, text=True)
    path = command.parent / "bench/peers"
    return path if done.returncode == 0 and path.is_file() else None


def engine(command: Path) -> list[Figures]:
    """Engines of one and ten million agents: [{agents, bytes, same_answers, threads, single}], ns an event.

    `threads` by their number, in batches; `single` by percentile. Empty where the command is of no build with tests.
    """
    program = command.parent / "bench/engine_scale"
    if not program.is_file():
        return []
    done = subprocess.run([str(program)], capture_output=True, text=True)
    figures: list[Figures] = json.loads(done.stdout) if done.returncode in (0, 1) else []
    return figures


def engine_lines(figures: list[Figures]) -> list[str]:
    told = []
    for row in figures:
        if "absent" in row:
            told.append(f"engine, {row['agents']:,} agents: not measured: {row['absent']}")
            continue
        threads = ", ".join(f"{number} thread(s) {time:,.1f}" for number, time in row["threads"].items())
        single = ", ".join(f"{share} % {time:,}" for share, time in row["single"].items())
        same = "the same answers" if row["same_answers"] else "DIFFERENT ANSWERS"
        told.append(
            f"engine, {row['agents']:,} agents of {row['bytes']} bytes, batches (ns): {threads}; {same}"
        )
        told.append(f"    single events (ns): {single}")
    return told


def workload(command: Path) -> list[str]:
    """What `replay` says of the recorded build in the checkout: decisions, anomalies, the time of an event."""
    arguments = ["replay", "--registry", f"{RECORDED}.tcpdb", "--trace", f"{RECORDED}.trace"]
    done = subprocess.run([str(command), *arguments], capture_output=True, text=True)
    return done.stdout.splitlines() if done.returncode == 0 else [f"not replayed: {done.stderr.strip()}"]


def measure(command: Path, registry: Path | None, rounds: int = 21) -> Figures:
    """{comparisons: [{operation, contenders: [{name, median, p10, p90}]}], absent: [{name, reason}]}; ours is first.

    Nothing measured is an `absent` of everything, with the reason.
    """
    peers = program(command)
    if peers is None:
        reason = f"{command.parent} is no build with -DTCPK_PEERS=ON: ./invoke build-kernels makes one"
        return {"comparisons": [], "absent": [{"name": "every peer in C and C++", "reason": reason}]}
    arguments = [str(peers), "--rounds", str(rounds)]
    if registry is not None:
        arguments += ["--registry", str(registry)]
    done = subprocess.run(arguments, capture_output=True, text=True)
    if done.returncode:
        reason = f"{peers} ended with {done.returncode}: {done.stderr.strip()}"
        return {"comparisons": [], "absent": [{"name": "every peer in C and C++", "reason": reason}]}
    figures: Figures = json.loads(done.stdout)
    return figures


def lines(figures: Figures) -> list[str]:
    """As text: ours, how many times the best peer takes, and every peer."""
    if not figures["comparisons"]:
        told = []
    else:
        width = max(len(row["operation"]) for row in figures["comparisons"])
        told = [f"{'against other libraries (ns)':{width}}  {OURS:>9}  {'ahead':>6}  peers"]
        for row in figures["comparisons"]:
            ours, *peers = row["contenders"]
            best = min(peer["median"] for peer in peers)
            named = ", ".join(f"{peer['name']} {peer['median']:,.1f}" for peer in peers)
            ahead = best / ours["median"]
            told.append(f"{row['operation']:{width}}  {ours['median']:>9,.1f}  {ahead:>5.1f}x  {named}")
    return told + [f"{one['name']}: not available: {one['reason']}" for one in figures["absent"]]
