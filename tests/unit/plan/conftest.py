"""Machines to plan for: trees written by the tests, and captures of real ones where they are at hand."""

from __future__ import annotations

import tarfile
from collections.abc import Callable, Iterable, Mapping
from pathlib import Path
from typing import Any

import pytest
import yaml
from cpu_list import format_cpus
from host_plan import Files, make_plan

ROOT = Path(__file__).resolve().parents[3]
CAPTURES = ROOT.parent / "shared/data/topologies"
CPU = "sys/devices/system/cpu"
NODE = "sys/devices/system/node"
SYSCTLS = (
    *(f"kernel/{name}" for name in ("sched_rt_runtime_us", "numa_balancing", "watchdog", "nmi_watchdog")),
    *("kernel/timer_migration", "kernel/perf_event_paranoid"),
    *(f"vm/{name}" for name in ("zone_reclaim_mode", "swappiness", "hugetlb_shm_group")),
)
PLAIN = "fpu pse msr lm constant_tsc pdpe1gb avx2"

Cores = Mapping[int, Iterable[tuple[int, ...]]]


class Machine:
    """A sysfs and /proc tree below a folder."""

    def __init__(self, root: Path) -> None:
        self.root = root

    def write(self, name: str, text: object) -> Machine:
        path = self.root / name.lstrip("/")
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(f"{text}\n")
        return self

    def build(
        self,
        nodes: Cores,
        memory_mib: Mapping[int, int] | None = None,
        offline: Iterable[int] = (),
        flags: str = PLAIN,
        model: str = "Test CPU",
    ) -> Machine:
        """Write a machine: node -> its cores, each a tuple of the CPUs that share it; a node is a socket."""
        gone = set(offline)
        present = {cpu for cores in nodes.values() for core in cores for cpu in core} | gone
        self.write(f"{CPU}/present", format_cpus(present))
        self.write(f"{CPU}/possible", format_cpus(present))
        self.write(f"{CPU}/online", format_cpus(present - gone))
        for node, cores in nodes.items():
            self.write(f"{NODE}/node{node}/cpulist", format_cpus({c for core in cores for c in core} - gone))
            if memory_mib is not None:
                self.write(
                    f"{NODE}/node{node}/meminfo", f"Node {node} MemTotal: {memory_mib[node] * 1024} kB"
                )
            for core in cores:
                for cpu in set(core) - gone:
                    self.write(f"{CPU}/cpu{cpu}/topology/core_cpus_list", format_cpus(core))
                    self.write(f"{CPU}/cpu{cpu}/topology/physical_package_id", node)
        for cpu in present:
            (self.root / f"{CPU}/cpu{cpu}").mkdir(parents=True, exist_ok=True)
        self.write("proc/cpuinfo", f"processor\t: 0\nmodel name\t: {model}\nflags\t\t: {flags}")
        return self

    def live(self) -> Machine:
        """Add what a running Debian with systemd and GRUB has."""
        for name, text in (
            ("run/systemd/system/x", ""),
            ("etc/default/grub", 'GRUB_CMDLINE_LINUX_DEFAULT="quiet"'),
            ("usr/sbin/update-grub", ""),
            ("proc/cmdline", "BOOT_IMAGE=/vmlinuz root=/dev/sda1 quiet"),
            ("proc/sys/kernel/osrelease", "6.1.0-40-amd64"),
            ("proc/irq/default_smp_affinity", "f"),
            ("proc/modules", ""),
            ("var/lib/dpkg/info/linux-image-6.1.0-40-amd64.list", ""),
            ("sys/devices/virtual/workqueue/cpumask", "f"),
            ("sys/devices/virtual/workqueue/writeback/cpumask", "f"),
            ("sys/kernel/mm/ksm/run", 0),
            ("sys/kernel/mm/transparent_hugepage/enabled", "always [madvise] never"),
        ):
            self.write(name, text)
        for size in (2048, 1048576):
            self.write(f"sys/kernel/mm/hugepages/hugepages-{size}kB/nr_hugepages", 0)
            for node in (self.root / NODE).glob("node*"):
                self.write(f"{NODE}/{node.name}/hugepages/hugepages-{size}kB/nr_hugepages", 0)
        for name in SYSCTLS:
            self.write(f"proc/sys/{name}", 0)
        return self

    def plan(self, profile: str = "lowlatency", live: bool = False, **intent: object) -> dict[str, Any]:
        return make_plan(Files(str(self.root), live=live), profile, {**profile_values(profile), **intent})


def profile_values(name: str) -> dict[str, Any]:
    values: dict[str, Any] = yaml.safe_load((ROOT / f"ansible/profiles/{name}.yml").read_text())
    return values


@pytest.fixture
def machine(tmp_path: Path) -> Machine:
    return Machine(tmp_path / "machine")


@pytest.fixture(scope="session")
def machine_at() -> Callable[[Path], Machine]:
    """Makes a machine in any folder."""
    return Machine


@pytest.fixture
def profile() -> Callable[[str], dict[str, Any]]:
    return profile_values


@pytest.fixture
def epyc(machine: Machine) -> Machine:
    """Two sockets, 32 cores each with two threads; 128 GiB a node."""
    return machine.build(
        {n: [(c, c + 64) for c in range(32 * n, 32 * n + 32)] for n in (0, 1)},
        memory_mib={0: 131072, 1: 131072},
        flags=PLAIN + " cat_l3 mba",
        model="AMD EPYC 7543 32-Core Processor",
    )


@pytest.fixture
def xeon(machine: Machine) -> Machine:
    """One socket, 8 cores with two threads, CAT and MBA; 64 GiB."""
    machine.build(
        {0: [(c, c + 8) for c in range(8)]},
        memory_mib={0: 65536},
        flags=PLAIN + " cat_l3 mba rdt_a",
        model="Intel(R) Xeon(R) Gold 6134",
    )
    for cpu in range(16):
        machine.write(f"{CPU}/cpu{cpu}/cache/index3/id", 0)
        machine.write(f"{CPU}/cpu{cpu}/cache/index3/ways_of_associativity", 11)
    return machine


@pytest.fixture
def laptop(machine: Machine) -> Machine:
    """Hybrid: four fast cores with two threads, eight efficiency cores with one."""
    machine.build(
        {0: [(c, c + 1) for c in range(0, 8, 2)] + [(c,) for c in range(8, 16)]}, memory_mib={0: 16384}
    )
    return machine.write("sys/devices/cpu_core/cpus", "0-7").write("sys/devices/cpu_atom/cpus", "8-15")


@pytest.fixture
def cloud(machine: Machine) -> Machine:
    """A running cloud VM: four CPUs that are two cores, no cpufreq; 8 GiB."""
    machine.build({0: [(0, 1), (2, 3)]}, memory_mib={0: 8192}, flags=PLAIN + " hypervisor")
    machine.write("sys/class/dmi/id/sys_vendor", "QEMU").write("proc/meminfo", "MemTotal: 8388608 kB")
    return machine.live()


@pytest.fixture
def single(machine: Machine) -> Machine:
    """One CPU, and a kernel without NUMA."""
    machine.write(f"{CPU}/present", 0).write(f"{CPU}/online", 0).write(f"{CPU}/possible", 0)
    machine.write(f"{CPU}/cpu0/topology/core_cpus_list", 0)
    machine.write("proc/cpuinfo", f"model name : tiny\nflags : {PLAIN}")
    return machine.write("proc/meminfo", "MemTotal: 2097152 kB")


@pytest.fixture(params=["x86_64-64cpu", "x86_64-dell_e4310"])
def capture(request: pytest.FixtureRequest, tmp_path: Path) -> Machine:
    """A capture of a real machine, unpacked."""
    archive = CAPTURES / f"{request.param}.tar.gz"
    if not archive.exists():
        pytest.skip(f"the captured topology {archive.name} is not at hand")
    with tarfile.open(archive) as packed:
        packed.extractall(tmp_path, filter="data")
    return Machine(tmp_path / request.param)
