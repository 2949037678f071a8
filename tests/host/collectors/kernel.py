"""The running kernel: values in /sys and /proc, sysctls, interrupts, mounts, PID 1."""

from __future__ import annotations

import glob
import os
import re
from typing import Any, Dict, List, Optional, Set

from cpu_occupants import occupants

ALWAYS = (
    "/proc/cmdline",
    "/proc/cpuinfo",
    "/proc/sys/kernel/osrelease",
    "/sys/devices/system/cpu/isolated",
    "/sys/devices/system/cpu/nohz_full",
    "/sys/devices/system/cpu/online",
    "/sys/kernel/realtime",
    "/sys/fs/resctrl/cpus_list",
    "/sys/fs/resctrl/schemata",
    "/sys/module/tcpk_ring/parameters/slots",
    "/sys/module/tcpk_ring/srcversion",
    "/sys/module/tcpk_ring/version",
)


def read(name: str) -> Optional[str]:
    try:
        with open(name, encoding="utf-8", errors="replace") as stream:
            return stream.read().strip()
    except OSError:
        return None


def collect(request: Dict[str, Any], plan: Dict[str, Any]) -> Dict[str, Any]:
    names = list(ALWAYS) + [entry["path"] for entry in plan["sysfs"] + plan["proc"]]
    group = plan.get("resctrl", {}).get("group")
    if group:
        names += ["/sys/fs/resctrl/%s/%s" % (group, name) for name in ("cpus_list", "schemata")]
    values = {name: read(name) for name in names}
    # Only the words that are judged: thirty lines for each CPU of a large machine say the same.
    values["/proc/cpuinfo"] = _first_cpu(values["/proc/cpuinfo"] or "")
    return {
        "values": values,
        "sysctls": {name: read("/proc/sys/" + name.replace(".", "/")) for name in plan["sysctls"]},
        "interrupts": interrupts(_cpus(plan["irq_cpus"]), bool(plan["capabilities"].get("irq_affinity"))),
        "occupants": [
            {"said": found.said, "bound": found.bound} for found in occupants(_cpus(plan["isolated_cpus"]))
        ],
        "mounts": mounts(),
        "pid1_cpus": _status("/proc/1/status", "Cpus_allowed_list"),
        "devices": devices(),
    }


def _first_cpu(text: str) -> str:
    return text.split("\n\n")[0]


def _status(name: str, key: str) -> str:
    found = re.search(r"^%s:\s*(\S*)" % key, read(name) or "", re.MULTILINE)
    return found.group(1) if found else ""


def devices() -> Dict[str, Any]:
    """The model-specific register devices: mode and group of each."""
    found = {}
    for name in sorted(glob.glob("/dev/cpu/*/msr")):
        status = os.stat(name)
        found[name] = {"mode": "%04o" % (status.st_mode & 0o7777), "gid": status.st_gid, "uid": status.st_uid}
    return found


def mounts() -> List[Dict[str, str]]:
    found = []
    for line in (read("/proc/mounts") or "").splitlines():
        fields = line.split(" ")
        if len(fields) >= 4:
            found.append({"path": fields[1].replace("\\040", " "), "type": fields[2], "options": fields[3]})
    return found


def interrupts(allowed: Set[int], judged: bool) -> List[Dict[str, Any]]:
    """Every interrupt that a driver has asked for: its CPUs, and whether one that is astray can be moved at all.

    That is known only by trying. So an interrupt astray gets the very CPUs that it has; the kernel refuses even
    that for those it manages itself, and nothing changes for the others.
    """
    found = []
    for folder in sorted(glob.glob("/proc/irq/[0-9]*")):
        handlers = sorted(name for name in os.listdir(folder) if os.path.isdir(os.path.join(folder, name)))
        cpus = read(folder + "/smp_affinity_list")
        if not handlers or cpus is None:
            continue
        astray = judged and not _cpus(cpus) <= allowed
        found.append(
            {
                "irq": int(os.path.basename(folder)),
                "handlers": handlers,
                "cpus": cpus,
                "movable": not astray or _movable(folder + "/smp_affinity_list", cpus),
            }
        )
    return found


def _cpus(text: str) -> Set[int]:
    found: Set[int] = set()
    for part in text.split(","):
        first, _, last = part.partition("-")
        if first:
            found.update(range(int(first), int(last or first) + 1))
    return found


def _movable(name: str, cpus: str) -> bool:
    try:
        with open(name, "w", encoding="ascii") as stream:
            stream.write(cpus)
    except OSError:
        return False
    return True
