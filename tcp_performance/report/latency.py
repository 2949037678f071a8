"""One operation's latencies as a picture: variants and peers on one log axis, with target and floor."""

from __future__ import annotations

import math
from collections.abc import Sequence
from typing import Any

import numpy as np
from matplotlib.ticker import FixedLocator, FuncFormatter, NullLocator

from tcp_performance.report.figures import Operation, Row, judged, time
from tcp_performance.report.svg import FLOOR, GRID, INK, PANEL, PEER, SHAPE, TARGET, picture, plate

LABEL, RIDGE, DOT, LINE = 15.0, 24.0, 11.0, 13.0  # heights in points
BINS = 140


def draw(operation: Operation, number: int) -> str:
    """The picture as an <svg> element; `number` keeps its identifiers apart from other pictures'."""
    low, high = _range(operation)
    variants, peers = operation.rows, operation.peers
    lines = [part for part in (_target(operation.best), _floor(operation.best)) if part]
    height = len(variants) * (LABEL + RIDGE) + len(peers) * (LABEL + DOT) + len(lines) * LINE + 4
    with picture(height, 26, describe(operation), f"k{number}-") as drawn:
        axes = drawn.axes
        axes.set_xscale("log")
        axes.set_xlim(low, high)
        axes.set_ylim(0, height)
        _style(axes, low, high)
        top = height
        for value, label, colour, dashes in lines:
            top -= LINE
            _line(axes, value, label, colour, dashes, top, math.log(value / low) / math.log(high / low))
        for row in variants:
            top -= LABEL + RIDGE
            _variant(axes, row, top, low, high)
        for peer in peers:
            top -= LABEL + DOT
            _peer(axes, peer, top)
    return drawn.svg


def describe(operation: Operation) -> str:
    """What the picture shows, in words, for those who do not see it."""
    parts = [
        f"{row['variant']}: median {time(row['median'])}, p99 {time(row['p99'])}" for row in operation.rows
    ]
    parts += [f"{peer['name']}: median {time(peer['median'])}" for peer in operation.peers]
    parts += [label for _, label, _, _ in filter(None, (_target(operation.best), _floor(operation.best)))]
    return f"Latency of {operation.name}. " + "; ".join(parts)


def _target(row: Row) -> tuple[float, str, str, Any] | None:
    target = row["target"]
    return (target, f"target {time(target)}", TARGET, (0, (5, 2.5))) if target else None


def _floor(row: Row) -> tuple[float, str, str, Any] | None:
    floor = row["floor"]
    return (floor, f"floor {time(floor)}", FLOOR, (0, (1, 1.5))) if floor else None


def _range(operation: Operation) -> tuple[float, float]:
    """From under the smallest figure to over the largest one; a decade at least."""
    values = [peer["median"] for peer in operation.peers]
    for row in operation.rows:
        values += [row["median"], row["p99"], judged(row), row["target"] or 0, row["floor"] or 0]
        values += row.get("spread", {}).values()
        values += [quantile(row["histogram"], 0.001)] if row.get("histogram") else []
    values = [value for value in values if value > 0] or [1.0]
    low, high = min(values) / 1.3, max(values) * 1.3
    if high / low < 10:
        middle = math.sqrt(low * high)
        low, high = middle / math.sqrt(10), middle * math.sqrt(10)
    return low, high


def quantile(histogram: Sequence[Sequence[float]], share: float) -> float:
    """The smallest value that at least this share of the counts does not exceed; 0 where nothing was counted."""
    wanted, seen = share * sum(count for _, count in histogram), 0.0
    for value, count in sorted(map(tuple, histogram)):
        seen += count
        if count and seen >= wanted:
            return value
    return 0.0


def _style(axes: Any, low: float, high: float) -> None:
    steps = (1, 2, 5) if high / low < 60 else (1, 3) if high / low < 1000 else (1,)
    margin = (high / low) ** 0.045  # a label at the very edge would be cut
    first, last = math.floor(math.log10(low)), math.ceil(math.log10(high))
    ticks = [step * 10.0**power for power in range(first, last + 1) for step in steps]
    axes.xaxis.set_major_locator(
        FixedLocator([tick for tick in ticks if low * margin <= tick <= high / margin])
    )
    axes.xaxis.set_minor_locator(NullLocator())
    axes.xaxis.set_major_formatter(FuncFormatter(lambda value, _: tick(value)))
    axes.grid(axis="x", color=GRID, linewidth=0.6)
    axes.yaxis.set_major_locator(NullLocator())


def tick(nanoseconds: float) -> str:
    """What stands at a mark of an axis."""
    for factor, unit in ((1e6, "ms"), (1e3, "µs")):
        if nanoseconds >= factor * 0.999:
            return f"{nanoseconds / factor:g} {unit}"
    return f"{nanoseconds:g} ns"


def _line(axes: Any, value: float, label: str, colour: str, dashes: Any, y: float, place: float) -> None:
    axes.axvline(value, color=colour, linestyle=dashes, linewidth=1.4, zorder=3)
    left = place > 0.62
    axes.annotate(
        label, (value, y + 3), xytext=(-4 if left else 4, 0), textcoords="offset points",
        ha="right" if left else "left", color=colour, fontweight="bold", zorder=5, bbox=plate(),
    )  # fmt: skip


def _caption(axes: Any, text: str, y: float) -> None:
    axes.annotate(
        text, (0, y), xycoords=("axes fraction", "data"), xytext=(2, 0), textcoords="offset points",
        ha="left", va="bottom", color=INK, zorder=5, bbox=plate(),
    )  # fmt: skip


def _variant(axes: Any, row: Row, y: float, low: float, high: float) -> None:
    """A ridge: the distribution's shape, a full line at the median, a short one at the 99th percentile."""
    statistic = row.get("target_statistic", "median")
    extra = f" · p99.9 {time(row['p999'])}" if "p999" in row else ""
    _caption(
        axes, f"{row['variant']} · median {time(row['median'])} · p99 {time(row['p99'])}{extra}", y + RIDGE
    )
    if row.get("histogram"):
        values, counts = np.array(row["histogram"], dtype=float).T
        edges = np.geomspace(low, high, BINS + 1)
        density, _ = np.histogram(np.clip(values, low, high), edges, weights=counts)
        if density.max() > 0:
            shape = y + (RIDGE - 3) * density / density.max()
            axes.stairs(shape, edges, baseline=y, fill=True, color=SHAPE, alpha=0.45, linewidth=0, zorder=2)
            axes.stairs(shape, edges, baseline=y, color=SHAPE, linewidth=0.9, zorder=2)
    else:
        spread = row.get("spread", {})
        axes.plot(
            [spread.get("p10", row["median"]), row["p99"]], [y + 8] * 2, color=SHAPE, linewidth=5, alpha=0.6
        )
    axes.plot([row["median"]] * 2, [y, y + RIDGE - 2], color=INK, linewidth=1.6, zorder=4)
    axes.plot([row["p99"]] * 2, [y, y + 9], color=INK, linewidth=1.1, zorder=4)
    if statistic == "p999":
        axes.plot([row["p999"]] * 2, [y, y + 9], color=INK, linewidth=1.1, zorder=4)
    axes.axhline(y, color=GRID, linewidth=0.8, zorder=1)


def _peer(axes: Any, peer: Row, y: float) -> None:
    _caption(axes, f"{peer['name']} · median {time(peer['median'])}", y + DOT)
    axes.plot(
        [peer["median"]], [y + DOT / 2], marker="D", markersize=6, color=PANEL, markeredgecolor=PEER,
        markeredgewidth=1.6, zorder=4,
    )  # fmt: skip
