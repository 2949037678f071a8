"""A host as the roles leave it, made from a plan alone: what the collectors would find there."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

from tests.host.settings import CAPABILITIES
from tests.unit.plan.conftest import CPU, Machine

BLAS = ("libblas.so.3", "liblapack.so.3", "libopenblasp-r0.3.21.so")
HEADER = "# Managed by tcp-performance\n"
MEMBER = "alice"
RELEASE = "6.1.0-40-amd64"
SOURCES = "9B43F1282667769B73646A4"
GROUPS = {"hugetlb": 901, "realtime": 902, "msr": 903, "perf": 904, "tcpk": 905}
EVERYTHING: dict[str, Any] = {
    "huge_pages_1g_per_node": 2,
    "huge_pages_members": [MEMBER],
    "realtime_members": [MEMBER],
    "realtime_preempt_rt_kernel": True,
    "power_turbo": False,
    "power_mitigations": "auto",
    "msr_access_members": [MEMBER],
    "perf_tools_members": [MEMBER],
    "cuda_enabled": True,
    "cuda_container_toolkit": True,
    "rocm_enabled": True,
    "zero_copy_enabled": True,
    "zero_copy_members": [MEMBER],
}
# Nothing is there: what applies to a machine without kernel settings of its own.
CONTAINER = {"container": {"available": True, "reason": "", "kind": "docker"}}


def machine(root: Path) -> Machine:
    """Two nodes of four cores with two threads each, and every knob that a plan can turn."""
    cores = {node: [(core, core + 8) for core in range(4 * node, 4 * node + 4)] for node in (0, 1)}
    flags = "fpu pse msr lm constant_tsc pdpe1gb avx2 bmi2 fma rdt_a cat_l3 mba"
    made = Machine(root).build(cores, memory_mib={0: 65536, 1: 65536}, flags=flags, model="Test Xeon").live()
    for cpu in range(16):
        folder = f"{CPU}/cpu{cpu}"
        made.write(f"{folder}/cpufreq/scaling_governor", "powersave")
        made.write(f"{folder}/cpufreq/scaling_available_governors", "performance powersave")
        made.write(f"{folder}/cpufreq/energy_performance_preference", "default")
        made.write(f"{folder}/cpufreq/energy_performance_available_preferences", "default performance")
        made.write(f"{folder}/cpuidle/state0/latency", 0)
        made.write(f"{folder}/power/pm_qos_resume_latency_us", 0)
        made.write(f"{folder}/cache/index3/id", cpu // 4 % 2)
        made.write(f"{folder}/cache/index3/ways_of_associativity", 12)
    made.write(f"{CPU}/intel_pstate/no_turbo", 0)
    made.write(f"{CPU}/smt/control", "on")
    made.write("dev/cpu/0/msr", "")
    made.write("sys/fs/resctrl/info/L3/cbm_mask", "fff")
    for slot, vendor in enumerate(("0x10de", "0x1002")):
        made.write(f"sys/bus/pci/devices/0000:0{slot}:00.0/vendor", vendor)
        made.write(f"sys/bus/pci/devices/0000:0{slot}:00.0/class", "0x030200")
    made.write("sys/bus/event_source/devices/cpu/type", 4)
    return made


def plan(root: Path, profile: str = "lowlatency", **intent: Any) -> dict[str, Any]:
    made = machine(root).plan(profile, live=True, **{**EVERYTHING, **intent})
    assert made["problems"] == []
    return made


def file(text: str = HEADER, mode: str = "0644", group: str = "root", **more: Any) -> dict[str, Any]:
    found = {"kind": "file", "mode": mode, "owner": "root", "group": group, "link": None, "real": ""}
    return {**found, "text": text, "sha256": "0" * 64, "capabilities": [], **more}


def state(plan: dict[str, Any]) -> dict[str, Any]:
    """The raw state of a host that is as planned, rebooted since."""
    words = ["BOOT_IMAGE=/vmlinuz", "root=/dev/sda1", *plan["boot_arguments"]]
    values = {entry["path"]: entry["value"] for entry in plan["sysfs"] + plan["proc"]}
    # As the kernel prints a choice.
    for path in [path for path in values if path.endswith("transparent_hugepage/enabled")]:
        values[path] = " ".join(f"[{w}]" if w == values[path] else w for w in ("always", "madvise", "never"))
    values |= {
        "/proc/cmdline": " ".join(words),
        "/proc/sys/kernel/osrelease": RELEASE,
        "/sys/module/tcpk_ring/parameters/slots": "65536",
        "/sys/module/tcpk_ring/srcversion": SOURCES,
        "/sys/module/tcpk_ring/version": plan["zero_copy"].get("version"),
        "/proc/cpuinfo": "flags\t\t: fpu avx2 bmi1 popcnt",
        "/sys/devices/system/cpu/isolated": plan["isolated_cpus"],
        "/sys/devices/system/cpu/nohz_full": plan["isolated_cpus"],
        "/sys/kernel/realtime": "1",
    }
    if plan["resctrl"]:
        group = f"/sys/fs/resctrl/{plan['resctrl']['group']}"
        values[f"{group}/cpus_list"] = plan["resctrl"]["cpus"]
        values[f"{group}/schemata"] = "\n".join(plan["resctrl"]["schemata"])
        values["/sys/fs/resctrl/schemata"] = "\n".join(plan["resctrl"]["default_schemata"])
    sysctls = {name: resolve(value) for name, value in plan["sysctls"].items()}
    return {
        "uid": 0,
        "plan": plan,
        "values": values,
        "sysctls": sysctls,
        "sysctl_files": [
            {"path": "/usr/lib/sysctl.d/50-default.conf", "settings": {"kernel.sysrq": "0x01b6"}},
            {"path": "/etc/sysctl.d/60-tcp-performance-numa.conf", "settings": dict(sysctls)},
        ],
        "files": files(plan, words),
        "interrupts": [
            {"irq": 0, "handlers": ["timer"], "cpus": "0-15", "movable": False},
            {"irq": 24, "handlers": ["nvme0q0"], "cpus": plan["irq_cpus"], "movable": True},
        ],
        "mounts": [mounted(entry) for entry in plan["mounts"]],
        "occupants": [{"said": "pid 900 (engine) on CPU 1-3, bound there", "bound": True}],
        "pid1_cpus": plan["housekeeping_cpus"],
        "devices": {f"/dev/cpu/{cpu}/msr": {"mode": "0640", "uid": 0, "gid": 903} for cpu in range(16)},
        **accounts(plan),
        **software(plan),
    }


def resolve(value: str) -> str:
    return str(GROUPS[value[4:]]) if value.startswith("gid:") else value


def mounted(entry: dict[str, str]) -> dict[str, str]:
    options = entry["options"].replace("gid=hugetlb", "gid=901")
    return {"path": entry["path"], "type": entry["type"], "options": f"rw,relatime,{options}"}


def files(plan: dict[str, Any], words: list[str]) -> dict[str, Any]:
    entries = plan["sysfs"] + plan["proc"]
    found: dict[str, Any] = {}
    for role in CAPABILITIES:
        lines = [f"w {entry['path']} - - - - {entry['value']}" for entry in entries if entry["role"] == role]
        found[f"/etc/tmpfiles.d/60-tcp-performance-{role}.conf"] = file(HEADER + "\n".join(lines) + "\n")
        found[f"/etc/sysctl.d/60-tcp-performance-{role}.conf"] = file()
    found["/boot/grub/grub.cfg"] = file(menu(words[1:]), "0600")
    found["/boot/vmlinuz-6.1.0-41-amd64"] = file("")
    affinity = f"{HEADER}[Manager]\nCPUAffinity={plan['housekeeping_cpus']}\n"
    found["/etc/systemd/system.conf.d/60-tcp-performance.conf"] = file(affinity)
    found["/etc/systemd/system/tcp-performance-power.service"] = file()
    found["/etc/systemd/system/tcp-performance-memory-bandwidth.service"] = file()
    found["/etc/systemd/system/tcp-performance-irq-affinity.service"] = file()
    found["/etc/udev/rules.d/60-tcp-performance-irq-affinity.rules"] = file()
    found["/usr/local/lib/tcp-performance/irq-affinity"] = file(mode="0755")
    found["/etc/tcp-performance/memory-bandwidth.json"] = file("{}")
    found["/usr/local/lib/tcp-performance/memory-bandwidth"] = file(mode="0755")
    for entry in plan["mounts"]:
        name = entry["path"].lstrip("/").replace("-", "\\x2d").replace("/", "-")
        found[f"/etc/systemd/system/{name}.mount"] = file(f"{HEADER}[Mount]\nWhere={entry['path']}\n")
    found["/usr/sbin/irqbalance"] = file("", "0755")
    found["/etc/default/irqbalance"] = file(f'IRQBALANCE_BANNED_CPULIST="{plan["isolated_cpus"]}"\n')
    found["/etc/security/limits.d/60-tcp-performance.conf"] = file()
    registers = "\n".join(plan["intent"]["msr_access_allowlist"])
    found["/etc/tcp-performance/msr-allowlist"] = file(f"{HEADER}{registers}\n")
    found["/etc/modules-load.d/60-tcp-performance.conf"] = file()
    found["/etc/udev/rules.d/60-tcp-performance-msr.rules"] = file()
    for name in (
        "modprobe.d/60-tcp-performance-zero_copy.conf",
        "modules-load.d/60-tcp-performance-zero_copy.conf",
    ):
        found[f"/etc/{name}"] = file()
    found["/etc/udev/rules.d/60-tcp-performance-zero_copy.rules"] = file()
    found["/dev/tcpk_ring"] = file(mode="0660", group="tcpk", kind="device")
    found["/usr/local/bin/tcp-msr-read"] = file("", "0750", "msr", capabilities=[17])
    found["/usr/local/bin/tcp-perf"] = file("", "0750", "perf", capabilities=[19, 34, 38])
    found["/var/lib/tcp-performance/plan.json"] = file("{}")
    prefix = "/opt/tcp-performance"
    for name in ("lib/libtcpk.so", "bin/tcp_behavioral_engine"):
        found[f"{prefix}/{name}"] = file("", "0755", real=f"{prefix}/{name}")
    found["/usr/local/lib/python3.11/dist-packages/tcpkernels.pth"] = file(f"{HEADER}{prefix}/lib/python3\n")
    command = f"{prefix}/bin/tcp_behavioral_engine"
    found["/usr/local/bin/tcp_behavioral_engine"] = file("", "0755", link=command, real=command)
    return found


def menu(words: list[str]) -> str:
    """GRUB's menu: two kernels with an entry for recovery each, another system, and a memory test."""
    lines = ["### BEGIN /etc/grub.d/10_linux ###"]
    for kernel in ("6.1.0-41-amd64", "6.1.0-40-amd64"):
        lines.append(f"\tlinux\t/vmlinuz-{kernel} {' '.join(words)}")
        lines.append(f"\tlinux\t/vmlinuz-{kernel} root=/dev/sda1 ro single ")
    lines += ["### END /etc/grub.d/10_linux ###", "### BEGIN /etc/grub.d/30_os-prober ###"]
    lines += ["\tlinux /boot/vmlinuz-of-another root=/dev/sdb1", "### END /etc/grub.d/30_os-prober ###"]
    return "\n".join([*lines, "\tlinux16 /memtest86+.bin", ""])


def accounts(plan: dict[str, Any]) -> dict[str, Any]:
    lines = [
        {"path": "/etc/security/limits.conf", "domain": "*", "type": "soft", "item": "core", "value": "0"}
    ]
    lines += [{"path": "/etc/security/limits.d/60-tcp-performance.conf", **limit} for limit in plan["limits"]]
    # As /proc/PID/limits counts: bytes, and 20 less the niceness.
    limits = {"rtprio": "98", "memlock": "unlimited", "nice": "40"}
    granted = {item: {"soft": value, "hard": value} for item, value in limits.items()}
    return {
        "groups": {
            name: {"gid": number, "members": [MEMBER]}
            for name, number in GROUPS.items()
            if name in {group["name"] for group in plan["groups"]}
        },
        "limit_lines": lines,
        "login": {"realtime": {"limits": granted, "user": MEMBER, "reason": "", "can_raise": True}},
    }


def run(output: str = "", status: int = 0) -> dict[str, Any]:
    return {"status": status, "output": output, "errors": ""}


def software(plan: dict[str, Any]) -> dict[str, Any]:
    tools = {
        "variant": "avx2",
        "available_variants": ["generic", "avx2"],
        "library": "/opt/tcp-performance/lib",
    }
    enabled = {"load": "loaded", "active": "active", "enabled": "enabled"}
    return {
        "commands": {
            "gcc": run("12.2.0"),
            "clang": run("Debian clang version 14.0.6"),
            "cmake": run("cmake version 3.25.1"),
            "perf": run("perf version 6.1.140"),
            "cyclictest": run("cyclictest V 2.40", 1),
            "cycles": {**run(), "errors": "1187654,,cycles:u,1043520,100.00,,"},
            "numactl": run("policy: default\ncpubind: 0 1"),
            "self_test": run("ok"),
            "dkms": run(
                f"tcp-performance-ring/{plan['zero_copy'].get('version')}, {RELEASE}, x86_64: installed"
            ),
            "tcpk_ring": run(SOURCES),
            "docker_runtimes": run('{"nvidia": {}, "runc": {}}'),
        },
        "openmp": {"gcc": run("threads 2"), "clang": run("threads 2")},
        "gpu": {role: {"compiled": run(), "executed": run("kernel 42")} for role in ("cuda", "rocm")},
        "blas": run("\n".join(f"/usr/lib/x/openblas-openmp/{name}" for name in BLAS)),
        "python": {
            backend: run(json.dumps({"backend": backend, **tools}))
            for backend in ("cython", "ctypes", "numpy")
        },
        "units": {
            "tcp-performance-power.service": enabled,
            "tcp-performance-memory-bandwidth.service": enabled,
            "tcp-performance-irq-affinity.service": enabled,
            "irqbalance.service": enabled,
            "dev-hugepages\\x2d2M.mount": enabled,
            "dev-hugepages\\x2d1G.mount": enabled,
        },
    }
