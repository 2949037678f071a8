"""Ours beside other libraries, and how long single events take at most, as pictures."""

from __future__ import annotations

import math
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from typing import Any

from matplotlib.ticker import FixedLocator, FuncFormatter, NullLocator

from tcp_performance.report.figures import Row, ratio, time
from tcp_performance.report.latency import tick
from tcp_performance.report.svg import FLOOR, GRID, INK, MUTED, PANEL, PEER, SHAPE, TARGET, picture, plate

LINE = 25.0  # points an operation
MARKS = ("D", "s", "^", "v", "o")
# The lines of the distributions: colour, dashes in points.
COLOURS = (SHAPE, PEER, INK)
STROKES = (("ours", ""), ("peer", "5 2"), ("ink", "1 1.5"))


@dataclass(frozen=True)
class Family:
    """Comparisons of one kind, which is the first part of their names; ours is the first contender of each."""

    name: str
    rows: tuple[Row, ...]

    @property
    def peers(self) -> list[str]:
        """The other contenders, by their names."""
        return list(
            dict.fromkeys(contender["name"] for row in self.rows for contender in row["contenders"][1:])
        )


def families(rows: Iterable[Row]) -> list[Family]:
    """By kind: `lookup, batch, among 1567, hits, uniform` is one of `lookup, batch`."""
    grouped: dict[str, list[Row]] = {}
    for row in rows:
        parts = row["operation"].split(", ")
        kind = ", ".join(parts[: 2 if parts[0] == "lookup" else 1])
        rest = row["operation"][len(kind) :].strip(", ")
        grouped.setdefault(kind, []).append({**row, "operation": rest or kind})
    return [Family(kind, tuple(found)) for kind, found in grouped.items()]


def ahead(row: Row) -> float:
    """How many times as long as ours the best peer takes."""
    ours, *peers = (contender["median"] for contender in row["contenders"])
    return min(peers) / ours if peers and ours > 0 else math.nan


def draw(family: Family, number: int) -> str:
    """A line an operation, every contender a mark on it; the figure at the right is `ahead`."""
    medians = [contender["median"] for row in family.rows for contender in row["contenders"]]
    medians += [row["floor"] for row in family.rows if row.get("floor")]
    low, high = min(medians) / 1.4, max(medians) * 1.4
    height = len(family.rows) * LINE
    with picture(height, 26, describe(family), f"b{number}-") as drawn:
        axes = drawn.axes
        axes.set_xscale("log")
        axes.set_xlim(low, high)
        axes.set_ylim(0, height)
        powers = range(math.floor(math.log10(low)), math.ceil(math.log10(high)) + 1)
        axes.xaxis.set_major_locator(
            FixedLocator([10.0**power for power in powers if low <= 10.0**power <= high])
        )
        axes.xaxis.set_minor_locator(NullLocator())
        axes.xaxis.set_major_formatter(FuncFormatter(lambda value, _: tick(value)))
        axes.yaxis.set_major_locator(NullLocator())
        axes.grid(axis="x", color=GRID, linewidth=0.6)
        for index, row in enumerate(family.rows):
            _line(axes, row, height - (index + 1) * LINE, family.peers)
    return drawn.svg


def _line(axes: Any, row: Row, y: float, peers: Sequence[str]) -> None:
    ours, *others = row["contenders"]
    middle, times = y + 6, ahead(row)
    for text, place, side, colour in (
        (row["operation"], 0, "left", INK),
        (ratio(None if math.isnan(times) else times), 1, "right", TARGET if times < 1 else INK),
    ):
        axes.annotate(
            text, (place, y + 13), xycoords=("axes fraction", "data"), ha=side, va="bottom", color=colour,
            fontweight="bold" if place else "normal", fontsize=8.5, zorder=5, bbox=plate(),
        )  # fmt: skip
    medians = [contender["median"] for contender in row["contenders"]]
    axes.plot([min(medians), max(medians)], [middle] * 2, color=MUTED, linewidth=0.8, zorder=1)
    for peer in others:
        mark = MARKS[peers.index(peer["name"]) % len(MARKS)]
        axes.plot([peer["median"]], [middle], marker=mark, markersize=5.5, color=PANEL, markeredgecolor=PEER,
                  markeredgewidth=1.4, zorder=3)  # fmt: skip
    if row.get("floor"):
        axes.plot([row["floor"]] * 2, [y + 2, y + 10], color=FLOOR, linewidth=1.6, zorder=2)
    axes.plot([ours["median"]], [middle], marker="o", markersize=7, color=SHAPE, zorder=4)


def describe(family: Family) -> str:
    """In words, for those who do not see it."""
    parts = [
        f"{row['operation']}: "
        + ", ".join(f"{contender['name']} {time(contender['median'])}" for contender in row["contenders"])
        + (f", floor {time(row['floor'])}" if row.get("floor") else "")
        for row in family.rows
    ]
    return f"{family.name}. " + "; ".join(parts)


def curves(report: dict[str, Any]) -> dict[str, dict[str, float]]:
    """Name -> percent of the events -> ns that they take at most, of whatever was measured."""
    found = {
        f"{row['agents']:,} agents": row["single"] for row in report.get("engine", []) if "single" in row
    }
    if report.get("workload"):
        found["recorded build"] = report["workload"]["percentiles"]
    return found


def draw_tails(found: dict[str, dict[str, float]]) -> str:
    """The whole distributions: each further step to the right leaves a tenth of the events above it."""
    values = [max(value, 1.0) for curve in found.values() for value in curve.values()]
    low, high = min(values) / 1.6, max(values) * 1.6
    with picture(150, 38, describe_tails(found), "t-", left=0.12) as drawn:
        axes = drawn.axes
        axes.set_yscale("log")
        axes.set_ylim(low, high)
        ends = []
        for index, curve in enumerate(found.values()):
            shares = {float(share): max(value, 1.0) for share, value in curve.items()}
            # The largest of all stands one step beyond the last share that is not all.
            steps = sorted(shares)
            places = [-math.log10(1 - share / 100) for share in steps if share < 100]
            places += [places[-1] + 1] * (100.0 in shares)
            ends.append(places[-1])
            axes.plot(
                places,
                [shares[share] for share in steps],
                color=COLOURS[index % 3],
                linestyle=_dashes(STROKES[index % 3][1]),
                linewidth=1.6,
                drawstyle="steps-pre",
                zorder=3,
            )
        last = round(max(ends), 6)
        axes.set_xlim(-math.log10(0.5), last)
        names = {1: "90 %", 2: "99 %", 3: "99.9 %", 4: "99.99 %", last: "all"}
        axes.xaxis.set_major_locator(FixedLocator(sorted(names)))
        axes.xaxis.set_major_formatter(FuncFormatter(lambda value, _: names.get(round(value, 6), "")))
        axes.set_xlabel("of the events take at most", color=MUTED, fontsize=9)
        axes.yaxis.set_minor_locator(NullLocator())
        axes.yaxis.set_major_formatter(FuncFormatter(lambda value, _: tick(value)))
        axes.grid(color=GRID, linewidth=0.6)
    return drawn.svg


def _dashes(points: str) -> Any:
    return (0, tuple(map(float, points.split()))) if points else "-"


def describe_tails(found: dict[str, dict[str, float]]) -> str:
    parts = [
        f"{name}: " + ", ".join(f"{share} % at most {time(value)}" for share, value in curve.items())
        for name, curve in found.items()
    ]
    return "Time of single events. " + "; ".join(parts)
