"""Prove the rules in tcp_lookup_proof.vh; see that no mutant of the pipeline fulfils them.

python formal/prove.py FOLDER [--mutants]

By induction, for every table, key and time at the size below: the rules and invariants hold in the first cycles, and
whenever they held in one cycle they hold in the next. A mutant is refused by a counterexample to the rules alone, which
begins at the reset state.
"""

from __future__ import annotations

import argparse
import os
import subprocess
import sys
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from pathlib import Path

FPGA = Path(__file__).resolve().parent.parent
sys.path.insert(0, str(FPGA))

import mutants  # noqa: E402

# Enough for a load, a lookup that sees it, a stall, and the answers behind it.
MUTANT_CYCLES = 12
STEPS = 1  # of the induction


@dataclass(frozen=True)
class Size:
    """What the pipeline is built with: as in use, but with fewer slots and bits, so that the search ends."""

    banks: int
    address_bits: int
    key: int
    tail: int

    @property
    def parameters(self) -> str:
        bank_bits = max(1, (self.banks - 1).bit_length())
        values = {"BANKS": self.banks, "BANK_BITS": bank_bits, "ADDRESS_BITS": self.address_bits}
        values.update(KEY=self.key, TAIL=self.tail)
        return " ".join(f"-set {name} {value}" for name, value in values.items())

    def __str__(self) -> str:
        return (
            f"{self.banks} banks of {1 << self.address_bits}, keys of {self.key} bits, bodies of {self.tail}"
        )


PROVEN = Size(2, 2, 8, 2)


def run(command: list[str]) -> tuple[int, str]:
    try:
        done = subprocess.run(command, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True)
    except FileNotFoundError:
        sys.exit(f"{command[0]} is not installed; docs/fpga.md names the packages")
    return done.returncode, done.stdout


def model(pipeline: Path, size: Size, invariants: bool, path: Path) -> Path:
    """The pipeline and its rules as SMT-LIB, for the solver."""
    path.parent.mkdir(parents=True, exist_ok=True)
    options = f"-formal -I{FPGA / 'formal'} {'-DINVARIANTS' if invariants else ''}"
    script = (
        f"read_verilog {options} {FPGA / 'rtl/tcp_lookup_ram.v'} {pipeline}; chparam {size.parameters} tcp_lookup;"
        f" prep -top tcp_lookup -flatten -nordff; write_smt2 -wires {path}"
    )
    status, told = run(["yosys", "-q", "-p", script])
    if status:
        sys.exit(f"{pipeline} could not be read:\n{told[-1500:]}")
    return path


def solve(smt2: Path, *options: str) -> tuple[bool, str]:
    """Whether everything held, and what was said. Exits where the solver came to no end."""
    status, told = run(["yosys-smtbmc", "--noprogress", "-s", "z3", *options, str(smt2)])
    if "Status: PASSED" not in told and "Status: FAILED" not in told:
        sys.exit(f"the solver gave no answer (exit {status}):\n{told[-1500:]}")
    return status == 0, told


def prove(folder: Path) -> bool:
    smt2 = model(mutants.PIPELINE, PROVEN, True, folder / "proof.smt2")
    for what, options in (
        ("at the beginning", ("-t", str(STEPS + 1))),
        ("from each cycle to the next", ("-i", "-t", str(STEPS))),
    ):
        held, told = solve(smt2, *options)
        print(f"{PROVEN}: {what}: {'proven' if held else 'NOT PROVEN'}", flush=True)
        if not held:
            print(told[-1500:])
            return False
    return True


def refused(name: str, folder: Path) -> str:
    """The rule that the mutant breaks, by its line; empty when none was found to be broken."""
    pipeline = mutants.write(name, folder / "tcp_lookup.v")
    held, told = solve(model(pipeline, PROVEN, False, folder / "search.smt2"), "-t", str(MUTANT_CYCLES))
    if held:
        return ""
    failed = next(line for line in told.splitlines() if "Assert failed" in line)
    return failed.split(": ", 1)[1].split(" (")[0].replace(f"{FPGA}/", "").replace(f"{folder}/", "")


def main() -> int:
    parser = argparse.ArgumentParser()
    parser.add_argument("folder", type=Path)
    parser.add_argument("--mutants", action="store_true")
    given = parser.parse_args()
    folder = given.folder.resolve() / "formal"
    if not given.mutants:
        return 0 if prove(folder) else 1
    names = list(mutants.MUTANTS)
    with ThreadPoolExecutor(len(os.sched_getaffinity(0))) as pool:
        found = pool.map(lambda at: refused(names[at], folder / f"mutant-{at}"), range(len(names)))
        rules = dict(zip(names, found))
    for name, rule in rules.items():
        print(f"{name}: {f'breaks {rule}' if rule else 'NOT REFUSED'}")
    return 0 if all(rules.values()) else 1


if __name__ == "__main__":
    sys.exit(main())
