"""Values of files in /sys and /proc: what they say, whether that is what was wanted, and how to change them.

A file there is not a document: it may list all choices with the chosen one in brackets, pad a CPU mask
with zeros, refuse a value with any error number, or take a value and keep another.
"""

from __future__ import annotations

import os
import re
from pathlib import Path
from typing import Any, Dict, List, NamedTuple, Optional

# These hold CPU masks: hexadecimal, in groups of 32 bits, padded to the number of possible CPUs.
MASKS = ("cpumask", "smp_affinity", "default_smp_affinity")


class Change(NamedTuple):
    """One file: what stood there, what was wanted, what stands there now, and what the kernel said if it refused."""

    setting: str
    path: str
    before: str
    wanted: str
    after: str
    error: str

    @property
    def reached(self) -> bool:
        return same(self.path, self.after, self.wanted)

    def as_dict(self) -> Dict[str, Any]:
        return dict(self._asdict(), reached=self.reached)


def normal(path: str, text: str) -> str:
    """The value in one form: the chosen word of `[a] b c`, a mask without commas and leading zeros."""
    chosen = re.search(r"\[([^\]]+)\]", text)
    value = chosen.group(1) if chosen else " ".join(text.split())
    if Path(path).name in MASKS:
        value = value.replace(",", "").lstrip("0").lower() or "0"
    return value


def same(path: str, left: str, right: str) -> bool:
    return normal(path, left) == normal(path, right)


def read(path: str) -> str:
    return Path(path).read_text(encoding="ascii", errors="replace").strip()


def write(path: str, value: str) -> None:
    """One write call: the kernel takes each call as one value."""
    handle = os.open(path, os.O_WRONLY | os.O_TRUNC)
    try:
        os.write(handle, value.encode("ascii"))
    finally:
        os.close(handle)


def set_value(setting: str, path: str, wanted: str, dry: bool) -> Change:
    """Write `wanted` unless it is there already, and read back what the kernel made of it."""
    before = after = error = ""
    try:
        before = after = normal(path, read(path))
        if not dry and not same(path, before, wanted):
            write(path, wanted)
    except OSError as refused:
        error = refused.strerror or str(refused)
    if not dry and before:
        try:
            after = normal(path, read(path))
        except OSError as refused:
            error = error or refused.strerror or str(refused)
    return Change(setting, path, before, normal(path, wanted), after, error)


class Move(NamedTuple):
    """One interrupt and the CPUs it may go to, before and after."""

    irq: int
    name: str
    before: str
    after: str
    error: str


def interrupts(root: str = "/proc/irq") -> List[int]:
    return sorted(int(entry.name) for entry in Path(root).iterdir() if entry.name.isdigit())


def move_interrupt(
    irq: int, cpus: str, wanted: frozenset[int], dry: bool, root: str = "/proc/irq"
) -> Optional[Move]:
    """Confine an interrupt to `wanted` CPUs; None when it is already, when nobody uses it, or when it is gone.

    A dry run writes back what stands there, which changes nothing and tells whether the kernel takes a value at all.
    """
    path = "%s/%d/smp_affinity_list" % (root, irq)
    name = handlers(irq, root)
    try:
        before = read(path)
    except OSError:
        return None
    if not name or members(before) <= wanted:
        return None
    after, error = before, ""
    try:
        write(path, before if dry else cpus)
        after = read(path)
    except OSError as refused:
        error = refused.strerror or str(refused)
    if not dry and not error and not members(after) <= wanted:
        error = "the kernel kept CPUs %s" % after
    return Move(irq, name, before, after, error)


def handlers(irq: int, root: str) -> str:
    """The devices on an interrupt line: the folders that the kernel makes for them."""
    try:
        return ", ".join(sorted(entry.name for entry in (Path(root) / str(irq)).iterdir() if entry.is_dir()))
    except OSError:
        return ""


def members(text: str) -> frozenset[int]:
    """The CPUs of a list such as 0-3,8."""
    found: List[int] = []
    for part in text.split(","):
        if part.strip():
            first, _, last = part.partition("-")
            found += range(int(first), int(last or first) + 1)
    return frozenset(found)
