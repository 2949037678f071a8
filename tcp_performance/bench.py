"""Measures the kernels: the C figures, their floors, and NumPy doing the same arithmetic, all in one run."""

from __future__ import annotations

import json
import os
import platform
import subprocess
import sys
from datetime import datetime, timezone
from pathlib import Path
from typing import Any

import numpy
from rich.console import Console
from rich.table import Table

from tcp_performance import comparisons, numpy_peers, python_peers
from tcp_performance.playbooks import BUILD, ROOT
from tcp_performance.report.figures import meets

COMMAND = "tcp_behavioral_engine"
INSTALLED = Path("/opt/tcp-performance/bin") / COMMAND
REAL_REGISTRY = ROOT.parent / "shared/data/registry-v2.tcpdb"
RESULT = BUILD / "bench/bench.json"
COLUMNS = ("operation", "variant", "median", "p99", "target", "floor", "ratio", "NumPy", "verdict")

Figures = dict[str, Any]


class Failure(Exception):
    """The measurement could not be made; the message says why and what to do."""


def find_command(given: Path | None = None) -> Path:
    """The command to measure with: the one given, else the newest of those built here and the one installed."""
    if given is not None:
        if not given.is_file():
            raise Failure(f"{given} is no file; allowed: the path of {COMMAND}")
        return given
    built = [ROOT / "kernels/build" / preset / COMMAND for preset in ("release", "native", "make")]
    found = [path for path in (*built, INSTALLED) if path.is_file()]
    if not found:
        raise Failure(f"no {COMMAND} in kernels/build nor at {INSTALLED}: ./invoke build-kernels makes one")
    return max(found, key=lambda path: path.stat().st_mtime)


def measure_library(command: Path, registry: Path | None) -> Figures:
    """What the C command measures: {machine, rows}. It exits with 1 where a target is missed, which is no failure."""
    arguments = [str(command), "bench", "--json"]
    if registry is not None:
        arguments += ["--registry", str(registry)]
    done = subprocess.run(arguments, capture_output=True, text=True)
    if done.returncode not in (0, 1):
        raise Failure(f"{' '.join(arguments)} ended with {done.returncode}: {done.stderr.strip()}")
    try:
        figures: Figures = json.loads(done.stdout)
    except json.JSONDecodeError as error:
        raise Failure(f"{command} bench --json printed no JSON ({error})") from error
    if not figures.get("rows"):
        raise Failure(f"{command} bench --json measured nothing")
    return figures


def add_peers(rows: list[Figures]) -> None:
    """Put NumPy's median beside each row; a row that no peer is known for is a failure, not a gap."""
    for row in rows:
        peer = numpy_peers.PEERS.get(row["operation"])
        if peer is None:
            known = ", ".join(numpy_peers.PEERS)
            raise Failure(f"operation {row['operation']!r} has no NumPy peer; known: {known}")
        row["peers"].append({"name": "NumPy", "median": numpy_peers.median(*peer())})
        for name, other in numpy_peers.OTHERS.get(row["operation"], {}).items():
            row["peers"].append({"name": name, "median": numpy_peers.median(*other())})


def commit() -> str:
    """The checkout's commit, with a mark when files differ from it; empty outside git."""
    done = subprocess.run(
        ["git", "describe", "--always", "--dirty", "--abbrev=12", "--exclude=*"],
        cwd=ROOT,
        capture_output=True,
        text=True,
    )
    return done.stdout.strip()


def _cells(row: Figures) -> tuple[str, ...]:
    statistic = row.get("target_statistic", "median")
    shown = row["p99"] if statistic == "median" else row[statistic]
    mark = "" if statistic == "median" else " (p99.9)"
    return (
        row["operation"],
        row["variant"],
        f"{row['median']:,.1f}",
        f"{shown:,.1f}{mark}",
        "-" if row["target"] is None else f"< {row['target']:,.1f}",
        f"{row['floor']:,.1f}",
        f"{row['ratio_to_floor']:.2f}",
        f"{row['peers'][0]['median']:,.0f}",
        {True: "holds", False: "MISSED", None: "-"}[meets(row)],
    )


def show(figures: Figures) -> None:
    """Print a table: with colours on a terminal, else plain columns."""
    rows = [_cells(row) for row in figures["rows"]]
    machine = figures["machine"]
    told = ", ".join(
        str(machine[name]) for name in ("cpu", "compiler", "flags", "commit") if machine.get(name)
    )
    if sys.stdout.isatty():
        table = Table(title="Times in ns", caption=told)
        for column in COLUMNS:
            table.add_column(
                column, justify="left" if column in ("operation", "variant", "verdict") else "right"
            )
        for row in rows:
            table.add_row(*row, style="bold red" if row[-1] == "MISSED" else None)
        Console().print(table)
        return
    widths = [max(len(line[i]) for line in (COLUMNS, *rows)) for i in range(len(COLUMNS))]
    print(f"Times in ns; {told}")
    for line in (COLUMNS, *rows):
        fitted = (cell.ljust(w) if i < 2 else cell.rjust(w) for i, (cell, w) in enumerate(zip(line, widths)))
        print("  ".join(fitted).rstrip())


def collect(command: Path, registry: Path | None, others: bool) -> Figures:
    """Measure everything in one run: the library, then NumPy, then with `others` the libraries beside ours."""
    figures = measure_library(command, registry)
    add_peers(figures["rows"])
    if others:
        figures.update(comparisons.measure(command, registry))
        for kind, rows in python_peers.measure().items():
            figures[kind] += rows
        figures.update(engine=comparisons.engine(command), workload=comparisons.workload(command))
    figures["machine"].update(
        commit=commit(),
        command=command.name,
        cpus=len(os.sched_getaffinity(0)),
        kernel=platform.release(),
        python=platform.python_version(),
        numpy=numpy.__version__,
        load=round(os.getloadavg()[0], 2),
        measured=datetime.now(timezone.utc).isoformat(timespec="seconds"),
    )
    return figures


def run(
    json_output: bool, command: Path | None = None, registry: Path | None = None, others: bool = False
) -> int:
    """Measure, write build/bench/bench.json, print; with `others` other libraries too, where they are installed.

    0 when every target holds, 1 when one is missed, 2 when it could not be done.
    """
    if registry is None and REAL_REGISTRY.is_file():
        registry = REAL_REGISTRY
    try:
        figures = collect(find_command(command), registry, others)
    except Failure as failure:
        print(f"bench: {failure}", file=sys.stderr)
        return 2
    RESULT.parent.mkdir(parents=True, exist_ok=True)
    RESULT.write_text(json.dumps(figures, indent=1) + "\n")
    if json_output:
        print(json.dumps(figures, indent=1))
    else:
        show(figures)
        if others:
            told = [*comparisons.lines(figures), "", *comparisons.engine_lines(figures["engine"]), ""]
            told += comparisons.workload_lines(figures["workload"])
            print("", *told, sep="\n")
    return 1 if any(meets(row) is False for row in figures["rows"]) else 0
