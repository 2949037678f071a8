# mypy: disable-error-code="no-redef"
"""What a machine has and lacks: init system, boot loader, virtualization, and the kernel's knobs.

Each feature is {"available": bool, "reason": str}; the reason stands there when the feature is missing,
and names the kind where "available" means "it is one" (container, virtual_machine).
A captured tree does not hold a running system's state: what it can not tell is taken as it is on a
plain machine with systemd and GRUB, and the plan carries a warning that says so.
"""

from __future__ import annotations

import os
import re
from typing import Any, Dict, Optional, Tuple

try:
    from host_files import Files
    from host_topology import CPU, Topology
except ImportError:
    from ansible.module_utils.host_files import Files
    from ansible.module_utils.host_topology import CPU, Topology

Feature = Dict[str, Any]

# The numbers that every Linux gives to its first namespaces (include/linux/proc_ns.h).
FIRST_NAMESPACES = {"pid": 4026531836, "uts": 4026531838, "ipc": 4026531839}
GRUB = "/etc/default/grub"
SYSTEMD_BOOT = "/etc/kernel/cmdline"


def _feature(available: bool, reason: str = "", **more: Any) -> Feature:
    return dict({"available": available, "reason": "" if available and not more else reason}, **more)


def read_features(files: Files, topology: Topology) -> Dict[str, Feature]:
    """Every feature of the contract between the plan and the roles, by name."""
    container = _container(files)
    cpufreq = any(files.exists("%s/cpu%d/cpufreq/scaling_governor" % (CPU, cpu)) for cpu in topology.online)
    return {
        "container": container,
        "virtual_machine": _virtual_machine(files, topology),
        "systemd": _present(files, "/run/systemd/system", "systemd is not PID 1"),
        "boot_loader": _boot_loader(files, container["available"]),
        "msr": _msr(files, topology, container["available"]),
        "cpufreq": _feature(cpufreq, "no CPU has cpufreq/scaling_governor: the clock is not ours to set"),
        "epp": _feature(
            files.exists("%s/cpu0/cpufreq/energy_performance_preference" % CPU),
            "no energy_performance_preference: neither intel_pstate nor amd_pstate in active mode",
        ),
        "boost": _feature(boost(files) is not None, "neither intel_pstate/no_turbo nor cpufreq/boost"),
        "cpuidle": _feature(
            any(files.numbered("%s/cpu%d/cpuidle" % (CPU, cpu), "state") for cpu in topology.online),
            "no CPU has idle states",
        ),
        "smt_control": _smt_control(files),
        "resctrl": _resctrl(files, topology),
        "hugetlb_2m": _pages(topology, 2048),
        "hugetlb_1g": _pages(topology, 1048576),
        "numa": _feature(len(topology.nodes) > 1, "one NUMA node"),
        "irq_affinity": _writable(files, "/proc/irq/default_smp_affinity"),
        "sysctl_writable": _writable(files, "/proc/sys"),
        "sysfs_writable": _writable(files, "/sys"),
        "perf_counters": _perf_counters(files),
        "realtime_kernel": _feature(files.read("/sys/kernel/realtime") == "1", "not a PREEMPT_RT kernel"),
        "ksm": _present(files, "/sys/kernel/mm/ksm/run", "the kernel has no KSM"),
        "thp": _present(
            files, "/sys/kernel/mm/transparent_hugepage/enabled", "the kernel has no transparent huge pages"
        ),
        "workqueue": _present(
            files, "/sys/devices/virtual/workqueue/cpumask", "the kernel has no mask for unbound workqueues"
        ),
    }


def _present(files: Files, name: str, reason: str) -> Feature:
    return _feature(files.exists(name) or not files.live, reason)


def _writable(files: Files, name: str) -> Feature:
    if not files.live:
        return _feature(True)
    if not files.exists(name):
        return _feature(False, "there is no %s" % name)
    return _feature(files.writable(name), "%s is read-only" % name)


def _container(files: Files) -> Feature:
    kind = _container_kind(files) if files.live else ""
    reason = "a container (%s)" % kind if kind else "not a container"
    return _feature(bool(kind), reason, kind=kind)


def _container_kind(files: Files) -> str:
    """The kind of container this is, or "".

    /.dockerenv proves little: a machine whose disk was made from an image carries it too. So it counts
    only where the process does not live in the kernel's first namespaces.
    """
    environment = files.read("/proc/1/environ") or ""
    found = re.search(r"(?:^|\0)container=([^\0]+)", environment)
    declared = found.group(1) if found else files.read("/run/systemd/container")
    if declared:
        return declared
    if _first_namespaces(files):
        return ""
    if files.exists("/run/.containerenv"):
        return "podman"
    if files.exists("/.dockerenv"):
        return "docker"
    groups = files.read("/proc/1/cgroup") or ""
    named = re.search(r"/(docker|kubepods|lxc|machine\.slice|libpod|buildkit)\b", groups)
    if named:
        return named.group(1)
    return "its own PID namespace" if _namespace(files, "pid") else ""


def _namespace(files: Files, kind: str) -> Optional[int]:
    try:
        target = os.readlink(files.path("/proc/self/ns/%s" % kind))
    except OSError:
        return None
    found = re.search(r"\[(\d+)\]", target)
    return int(found.group(1)) if found else None


def _first_namespaces(files: Files) -> bool:
    return all(_namespace(files, kind) == number for kind, number in FIRST_NAMESPACES.items())


def _virtual_machine(files: Files, topology: Topology) -> Feature:
    vendor = files.read("/sys/class/dmi/id/sys_vendor") or ""
    product = files.read("/sys/class/dmi/id/product_name") or ""
    named = re.search(
        r"QEMU|KVM|VMware|VirtualBox|innotek|Xen|Bochs|Parallels|OpenStack|Amazon EC2|"
        r"Google Compute|Virtual Machine",
        "%s %s" % (vendor, product),
        re.IGNORECASE,
    )
    # EC2's bare-metal instances carry the vendor's name but no hypervisor.
    if named and not product.endswith(".metal"):
        kind = ("%s %s" % (vendor, product)).strip()
    elif files.exists("/proc/device-tree/hypervisor"):
        kind = files.read("/proc/device-tree/hypervisor/compatible") or "device tree"
    elif "hypervisor" in topology.flags:
        kind = "the CPU's hypervisor flag"
    else:
        return _feature(False, "no sign of a hypervisor", kind="")
    return _feature(True, "a virtual machine (%s)" % kind.replace("\0", " "), kind=kind)


def _boot_loader(files: Files, container: bool) -> Feature:
    if not files.live:
        return _feature(True, "", kind="grub")
    if container:
        return _feature(False, "container: the kernel belongs to its host", kind="")
    if files.exists(GRUB) and files.exists("/usr/sbin/update-grub"):
        return _feature(True, "", kind="grub")
    if files.exists(SYSTEMD_BOOT) and files.exists("/usr/bin/kernel-install"):
        return _feature(True, "", kind="systemd-boot")
    return _feature(False, "no GRUB (%s) and no systemd-boot (%s)" % (GRUB, SYSTEMD_BOOT), kind="")


def _msr(files: Files, topology: Topology, container: bool) -> Feature:
    if topology.arch != "x86_64" or "msr" not in topology.flags:
        return _feature(False, "the CPU (%s) has no model-specific registers" % topology.arch)
    if container:
        return _feature(False, "container: the kernel belongs to its host")
    if not files.live or files.exists("/dev/cpu/%d/msr" % topology.boot_cpu):
        return _feature(True)
    modules = "/lib/modules/%s" % (files.read("/proc/sys/kernel/osrelease") or "")
    listed = "\n".join(files.read("%s/modules.%s" % (modules, kind)) or "" for kind in ("dep", "builtin"))
    return _feature(
        re.search(r"/msr\.ko", listed) is not None,
        "no /dev/cpu/%d/msr, and no msr module in %s" % (topology.boot_cpu, modules),
    )


def boost(files: Files) -> Optional[Tuple[str, str, str]]:
    """The turbo switch: its path, the word for on, the word for off."""
    if files.exists(CPU + "/intel_pstate/no_turbo"):
        return CPU + "/intel_pstate/no_turbo", "0", "1"
    if files.exists(CPU + "/cpufreq/boost"):
        return CPU + "/cpufreq/boost", "1", "0"
    return None


def _smt_control(files: Files) -> Feature:
    state = files.read(CPU + "/smt/control")
    if state is None and not files.live:
        return _feature(True)
    reason = "no smt/control in sysfs" if state is None else "smt/control says %s" % state
    return _feature(state in ("on", "off"), reason)


def _resctrl(files: Files, topology: Topology) -> Feature:
    if files.exists("/sys/fs/resctrl"):
        return _feature(True)
    flags = sorted(set(topology.flags) & {"rdt_a", "cat_l3", "mba"})
    if flags and not files.live:
        return _feature(True)
    return _feature(False, "the kernel has no resctrl" if flags else "the CPU has neither L3 CAT nor MBA")


def _pages(topology: Topology, size: int) -> Feature:
    have = ", ".join(str(number) for number in topology.huge_page_sizes_kib) or "none"
    reason = "the kernel has no pages of %d KiB (sizes: %s)" % (size, have)
    if size == 1048576 and topology.arch == "x86_64" and "pdpe1gb" not in topology.flags:
        reason = "the CPU has no 1 GiB pages (flag pdpe1gb)"
        return _feature(False, reason)
    return _feature(size in topology.huge_page_sizes_kib, reason)


def _perf_counters(files: Files) -> Feature:
    if not files.live:
        return _feature(True)
    units = [
        name
        for name in files.names("/sys/bus/event_source/devices")
        if name in ("cpu", "cpu_core") or name.startswith("armv")
    ]
    return _feature(bool(units), "no CPU performance monitoring unit in /sys/bus/event_source")
