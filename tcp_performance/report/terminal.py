"""The end of a run on a terminal: verdicts, figures next to their targets, and where the report lies.

Plain text where nobody looks at a terminal: no colours, no frames, one row a line however long.
"""

from __future__ import annotations

from collections import Counter
from pathlib import Path
from typing import Any

from rich import box
from rich.console import Console
from rich.table import Table
from rich.text import Text

from tcp_performance.report import figures
from tcp_performance.report.document import VERDICTS
from tcp_performance.report.page import words

COLOURS = {
    "drifted": "red",
    "reboot-pending": "yellow",
    "compliant": "green",
    "not-applicable": "bright_black",
}
PLAIN_WIDTH = 240


def _console() -> Console:
    console = Console(highlight=False)
    return console if console.is_terminal else Console(highlight=False, width=PLAIN_WIDTH)


def say(text: str) -> None:
    _console().print(Text(text), soft_wrap=True)


def relative(path: Path) -> str:
    """The path as one would type it from here."""
    try:
        return str(path.resolve().relative_to(Path.cwd()))
    except ValueError:
        return str(path)


def summary(report: dict[str, Any], paths: tuple[Path, Path], console: Console | None = None) -> None:
    """Print what is true of the host."""
    console = console or _console()
    counts = Counter(row["verdict"] for row in report["verdicts"])
    line = Text(f"{report['host']} ({report['profile']}): ", style="bold")
    for place, kind in enumerate(VERDICTS):
        line.append(", " if place else "")
        line.append(f"{counts[kind]} {kind}", style=COLOURS[kind] if counts[kind] else "")
    console.print(line, soft_wrap=True)
    _open(console, report["verdicts"])
    if report["kernels"]:
        console.print(_figures(console, report["kernels"]))
        met, aimed = figures.targets(figures.by_operation(report["kernels"]))
        console.print(f"{met} of {aimed} targets met", style="green" if met == aimed else "red")
    else:
        console.print("kernels not measured on this host; ./invoke bench measures the machine it runs on")
    for path in paths:
        console.print(Text(relative(path)), soft_wrap=True)


def _open(console: Console, verdicts: list[dict[str, Any]]) -> None:
    """What a person may want to act on."""
    for row in verdicts:
        if row["verdict"] in ("drifted", "reboot-pending"):
            text = Text(f"  {row['verdict']} ", style=COLOURS[row["verdict"]])
            text.append(
                f"{row['setting']}: expected {words(row['expected'])}, actual {words(row['actual'])}",
                style="none",
            )
            text.append(f" ({row['reason']})" if row["reason"] else "", style="none")
            console.print(text, soft_wrap=True)


def _figures(console: Console, rows: list[dict[str, Any]]) -> Table:
    table = Table(box=box.SIMPLE_HEAD if console.is_terminal else None, pad_edge=False, show_edge=False)
    for column in ("operation", "variant", "median", "p99", "target", "", "floor", "ratio", "peers"):
        table.add_column(
            column, justify="right" if column in ("median", "p99", "target", "floor", "ratio") else "left"
        )
    for operation in figures.by_operation(rows):
        for row in operation.rows:
            met = figures.meets(row)
            statistic = row.get("target_statistic", "median")
            judged = (
                ""
                if statistic == "median"
                else f" ({statistic.replace('p999', 'p99.9')} {figures.time(figures.judged(row))})"
            )
            table.add_row(
                Text(operation.name),
                Text(row["variant"]),
                figures.time(row["median"]),
                figures.time(row["p99"]),
                figures.time(row["target"]),
                Text({None: "", True: "met", False: "missed"}[met] + (judged if met is not None else ""),
                     style={None: "", True: "green", False: "red"}[met]),
                figures.time(row["floor"]),
                figures.ratio(row["ratio_to_floor"]),
                Text(", ".join(f"{peer['name']} {figures.time(peer['median'])}" for peer in row["peers"]) or "–"),
            )  # fmt: skip
    return table
