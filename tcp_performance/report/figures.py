"""What the kernels' figures say: formats, targets met or missed, the variant that a program would get."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from typing import Any

STATISTICS = {"median": "median", "p99": "99th percentile", "p999": "99.9th percentile"}

UNITS = ((999.5, 1.0, "ns"), (999.5e3, 1e3, "µs"), (float("inf"), 1e6, "ms"))

Row = dict[str, Any]


def time(nanoseconds: float | None) -> str:
    """Three significant figures: 9.31 ns, 192 ns, 34.0 µs."""
    if nanoseconds is None:
        return "–"
    factor, unit = next((f, u) for limit, f, u in UNITS if nanoseconds < limit)
    scaled = nanoseconds / factor
    digits = 0 if scaled >= 99.95 else 1 if scaled >= 9.995 else 2
    return f"{scaled:.{digits}f} {unit}"


def ratio(value: float | None) -> str:
    if value is None:
        return "–"
    return f"{value:,.0f}×" if value >= 99.95 else f"{value:.1f}×" if value >= 9.995 else f"{value:.2f}×"


def judged(row: Row) -> float:
    """The figure that is held against the target."""
    return float(row[row.get("target_statistic", "median")])


def meets(row: Row) -> bool | None:
    """Whether the row is below its target; None when it has none."""
    return None if row["target"] is None else judged(row) < row["target"]


@dataclass(frozen=True)
class Operation:
    """One operation in all its variants, the fastest first."""

    name: str
    rows: tuple[Row, ...]

    @property
    def best(self) -> Row:
        return self.rows[0]

    @property
    def met(self) -> bool | None:
        """By the fastest variant: it is the one that a program gets on this machine."""
        return meets(self.best)

    @property
    def peers(self) -> list[Row]:
        """Every peer once, by name; the same run measured them for every variant."""
        return list({peer["name"]: peer for row in reversed(self.rows) for peer in row["peers"]}.values())


def by_operation(rows: Iterable[Row]) -> list[Operation]:
    grouped: dict[str, list[Row]] = {}
    for row in rows:
        grouped.setdefault(row["operation"], []).append(row)
    return [Operation(name, tuple(sorted(found, key=judged))) for name, found in grouped.items()]


def targets(operations: Iterable[Operation]) -> tuple[int, int]:
    """How many operations meet their target, and how many have one."""
    outcomes = [operation.met for operation in operations if operation.met is not None]
    return sum(outcomes), len(outcomes)
