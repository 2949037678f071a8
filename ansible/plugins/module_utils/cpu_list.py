"""CPU lists ("0-3,8") and CPU masks ("ff,00000000") as the Linux kernel reads and prints them."""

from __future__ import annotations

from typing import Iterable, List, Set

# More than any kernel's NR_CPUS (8192); keeps a typing error from filling the memory.
HIGHEST = 1 << 16


def parse_cpus(text: str) -> Set[int]:
    """Read a list such as "0-3,8"; an empty text is no CPU.

    Raises ValueError, naming the part, for anything else: "3-1", "a", "1--2", or a number above HIGHEST.
    """
    cpus: Set[int] = set()
    for part in text.strip().split(",") if text.strip() else []:
        first, dash, last = (piece.strip() for piece in part.partition("-"))
        if not (first.isdecimal() and (last.isdecimal() if dash else True)):
            raise ValueError("%r is no CPU number or range" % part)
        low, high = int(first), int(last) if dash else int(first)
        if high < low or high > HIGHEST:
            raise ValueError("%r is no range of CPU numbers" % part)
        cpus.update(range(low, high + 1))
    return cpus


def format_cpus(cpus: Iterable[int]) -> str:
    """Write CPUs as the shortest list: {0, 1, 2, 5} -> "0-2,5". Boot-argument buffers are small."""
    runs: List[List[int]] = []
    for cpu in sorted(set(cpus)):
        if runs and cpu == runs[-1][1] + 1:
            runs[-1][1] = cpu
        else:
            runs.append([cpu, cpu])
    return ",".join("%d" % low if low == high else "%d-%d" % (low, high) for low, high in runs)


def parse_mask(text: str) -> Set[int]:
    """Read a mask such as "00000000,0000000f" (32 bits a group, the highest group first)."""
    bits = 0
    for group in text.strip().split(","):
        bits = (bits << 32) | int(group or "0", 16)
    return {cpu for cpu in range(bits.bit_length()) if bits >> cpu & 1}


def format_mask(cpus: Iterable[int], size: int) -> str:
    """Write a mask of `size` possible CPUs exactly as the kernel prints it, padding included."""
    bits = 0
    for cpu in cpus:
        bits |= 1 << cpu
    groups = []
    for start in range(0, size, 32):
        digits = (min(32, size - start) + 3) // 4
        groups.append("%0*x" % (digits, bits >> start & 0xFFFFFFFF))
    return ",".join(reversed(groups)) or "0"
