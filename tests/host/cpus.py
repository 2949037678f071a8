"""CPU lists ("0-3,8") and masks ("ff,00000000") as the kernel prints them; a value's meaning, not its spelling."""

from __future__ import annotations

import re

MASK = re.compile(r"[0-9a-fA-F]+(,[0-9a-fA-F]{8})*")


def expand(text: str) -> set[int]:
    """The CPUs of a list; none for an empty one or for the kernel's "(null)"."""
    cpus: set[int] = set()
    for part in text.split(","):
        first, _, last = part.strip().partition("-")
        if first.isdecimal():
            cpus.update(range(int(first), int(last or first) + 1))
    return cpus


def is_mask_file(path: str) -> bool:
    """Whether a file in /sys or /proc holds a CPU mask."""
    return path.endswith(("/cpumask", "_affinity"))


def meaning(path: str, value: str) -> str:
    """What a kernel file's text says: the selected word of a choice, a mask without its padding."""
    selected = re.search(r"\[(\S+)\]", value)
    if selected:
        return selected.group(1)
    if is_mask_file(path) and MASK.fullmatch(value):
        return f"{int(value.replace(',', ''), 16):x}"
    return " ".join(value.split())
