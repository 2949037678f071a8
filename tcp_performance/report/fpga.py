"""The lookup pipeline's section: what place and route said, a row a device over all seeds."""

from __future__ import annotations

import statistics
from dataclasses import dataclass
from typing import Any


@dataclass(frozen=True)
class Spread:
    """Least, median and most of the seeds."""

    least: float
    median: float
    most: float


@dataclass(frozen=True)
class Device:
    """One target of kernels/fpga/synth.py in figures that a table has room for."""

    name: str
    table: str
    seeds: int
    fmax_mhz: Spread
    latency_ns: Spread
    most_ns: float | None
    lookups_per_second: float
    area: dict[str, tuple[int, int]]

    @property
    def met(self) -> bool | None:
        """Whether the median latency is what it may be; None where nothing is promised."""
        return None if self.most_ns is None else self.latency_ns.median <= self.most_ns


def spread(values: list[float]) -> Spread:
    return Spread(min(values), statistics.median(values), max(values))


def devices(figures: dict[str, Any]) -> list[Device]:
    """Of the figures as kernels/fpga/synth.py writes them."""
    found = []
    for target in figures["targets"]:
        runs = target["runs"]
        counts = {cell: [run["area"].get(cell, 0) for run in runs] for run in runs for cell in run["area"]}
        found.append(
            Device(
                target["name"],
                f"{target['keys']:,} keys in {target['slots']:,} slots, {target['banks']} banks",
                len(runs),
                spread([run["fmax_mhz"] for run in runs]),
                spread([run["latency_ns"] for run in runs]),
                target["most_ns"],
                statistics.median(run["lookups_per_second"] for run in runs),
                {cell: (min(used), max(used)) for cell, used in counts.items()},
            )
        )
    return found
