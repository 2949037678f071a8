"""The stage of ./invoke test that attacks the kernels: instruction counts, hostile input, lost memory, races."""

from __future__ import annotations

from invoke import Exit

from tcp_performance import instructions
from tcp_performance.kernels_build import build_directory


def instruction_gate() -> None:
    """Counts are as stored, and a scan with a pass too many is objected to."""
    build = build_directory("release")
    found = instructions.check(build)
    if found:
        raise Exit(
            "instruction counts changed (./invoke instructions --update where intended):\n" + "\n".join(found)
        )
    slowed = instructions.check(build, build / "bench/libslowed.so")
    if not slowed or any("scan_u8" not in line for line in slowed):
        raise Exit(f"a scan with a pass too many was not found by its instructions: {slowed}")
    print("instruction counts as stored; with a pass too many:", *slowed, sep="\n  ", flush=True)
