# mypy: disable-error-code="no-redef"
"""Which processes use given CPUs: they are bound to them, or they ran there while one looked.

Threads of the kernel do not count: most CPUs have some of their own, which nobody can move.
"""

from __future__ import annotations

import os
import time
from pathlib import Path
from typing import Dict, FrozenSet, List, NamedTuple, Optional, Set, Tuple

try:
    from cpu_list import format_cpus, parse_cpus
except ImportError:
    from ansible.module_utils.cpu_list import format_cpus, parse_cpus

PF_KTHREAD = 0x00200000
# Processor time is counted in hundredths of a second on most kernels: this is some twenty of them.
SECONDS = 0.2


class Occupant(NamedTuple):
    """A process, and which of the CPUs its threads use. `bound`: none of these threads may run elsewhere."""

    pid: int
    name: str
    cpus: str
    bound: bool

    @property
    def said(self) -> str:
        """One line for people."""
        bound = ", bound there" if self.bound else ""
        return "pid %d (%s) on CPU %s%s" % (self.pid, self.name, self.cpus, bound)


class _Thread(NamedTuple):
    cpu: int
    running: bool
    time: int  # spent on any CPU, in clock ticks


def occupants(cpus: Set[int], seconds: float = SECONDS, root: str = "/proc") -> List[Occupant]:
    """The processes on these CPUs, by number; whoever asks is left out."""
    if not cpus:
        return []
    before = _threads(root)
    time.sleep(seconds)
    found: Dict[int, List[Tuple[int, bool]]] = {}
    for (pid, tid), thread in _threads(root).items():
        ran = thread.running or thread.time > before.get((pid, tid), thread).time
        allowed = _allowed("%s/%d/task/%d/status" % (root, pid, tid))
        bound = bool(allowed) and allowed <= cpus
        if bound or (ran and thread.cpu in cpus):
            # A sleeper that was bound there in its sleep still shows the CPU that it slept in on.
            cpu = thread.cpu if thread.cpu in cpus else min(allowed)
            found.setdefault(pid, []).append((cpu, bound))
    return [
        Occupant(
            pid, _name(root, pid), format_cpus({cpu for cpu, _ in used}), all(bound for _, bound in used)
        )
        for pid, used in sorted(found.items())
    ]


def _threads(root: str) -> Dict[Tuple[int, int], _Thread]:
    """Every thread by process and number, without the kernel's; one that ends meanwhile is left out."""
    found = {}
    for pid in _numbers(root):
        if pid == os.getpid():
            continue
        for tid in _numbers("%s/%d/task" % (root, pid)):
            thread = _thread("%s/%d/task/%d/stat" % (root, pid, tid))
            if thread is not None:
                found[(pid, tid)] = thread
    return found


def _numbers(folder: str) -> List[int]:
    try:
        return [int(name) for name in os.listdir(folder) if name.isdecimal()]
    except OSError:
        return []


def _thread(path: str) -> Optional[_Thread]:
    try:
        text = Path(path).read_text(encoding="utf-8", errors="replace")
    except OSError:
        return None
    # The name, in brackets, may hold anything; fields are counted from behind it (proc(5): state is the third).
    fields = text.rpartition(")")[2].split()
    if int(fields[6]) & PF_KTHREAD:
        return None
    return _Thread(int(fields[36]), fields[0] == "R", int(fields[11]) + int(fields[12]))


def _allowed(path: str) -> FrozenSet[int]:
    try:
        lines = Path(path).read_text(encoding="utf-8", errors="replace").splitlines()
    except OSError:
        return frozenset()
    lists = [line.partition(":")[2].strip() for line in lines if line.startswith("Cpus_allowed_list:")]
    return frozenset(parse_cpus(lists[0])) if lists else frozenset()


def _name(root: str, pid: int) -> str:
    try:
        return Path("%s/%d/comm" % (root, pid)).read_text(encoding="utf-8", errors="replace").strip()
    except OSError:
        return "ended since"
