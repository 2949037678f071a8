# mypy: disable-error-code="no-redef"
"""The CPUs, cores, sockets and NUMA nodes of a machine, straight from sysfs and /proc.

Numbers of cores and sockets are lscpu's: consecutive, in the order in which the CPUs show them, because
the kernel's own core_id repeats in every socket.
"""

from __future__ import annotations

import platform
import re
from typing import Any, Dict, List, NamedTuple, Optional, Set, Tuple

try:  # On a controller this folder is on the path; in a module's archive it is part of Ansible.
    from cpu_list import format_cpus, parse_cpus, parse_mask
    from host_files import Files
except ImportError:
    from ansible.module_utils.cpu_list import format_cpus, parse_cpus, parse_mask
    from ansible.module_utils.host_files import Files

CPU = "/sys/devices/system/cpu"
NODE = "/sys/devices/system/node"


class Cpu(NamedTuple):
    """One present CPU; an offline one has neither core nor socket nor node."""

    cpu: int
    core: Optional[int]
    socket: Optional[int]
    node: Optional[int]
    online: bool
    siblings: Tuple[int, ...]


class Node(NamedTuple):
    node: int
    cpus: Tuple[int, ...]
    memory_kib: Optional[int]


class Topology(NamedTuple):
    cpus: Tuple[Cpu, ...]
    nodes: Tuple[Node, ...]
    boot_cpu: int
    possible: int
    smt_active: bool
    slow_cpus: Tuple[int, ...]
    model: str
    arch: str
    flags: Tuple[str, ...]
    huge_page_sizes_kib: Tuple[int, ...]

    @property
    def online(self) -> List[int]:
        return [cpu.cpu for cpu in self.cpus if cpu.online]

    def cores(self, node: int, smt: bool = True) -> List[List[int]]:
        """The online CPUs of a node, one list a core; only the first of each when SMT is to be off."""
        groups: Dict[int, List[int]] = {}
        for cpu in self.cpus:
            if cpu.online and cpu.node == node and cpu.core is not None:
                groups.setdefault(cpu.core, []).append(cpu.cpu)
        return [group if smt else group[:1] for group in groups.values()]

    def as_dict(self) -> Dict[str, Any]:
        return {
            "cpus": [dict(cpu._asdict(), siblings=format_cpus(cpu.siblings)) for cpu in self.cpus],
            "nodes": [dict(node._asdict(), cpus=format_cpus(node.cpus)) for node in self.nodes],
            "boot_cpu": self.boot_cpu,
            "possible_cpus": self.possible,
            "threads_per_core": max([len(cpu.siblings) for cpu in self.cpus] + [1]),
            "smt_active": self.smt_active,
            "slow_cpus": format_cpus(self.slow_cpus),
            "model": self.model,
            "arch": self.arch,
            "huge_page_sizes_kib": list(self.huge_page_sizes_kib),
        }


def read_topology(files: Files) -> Topology:
    """Read a machine's topology. Raises ValueError when the tree shows no CPU at all."""
    present = _cpus(files, "present") or set(files.numbered(CPU, "cpu"))
    if not present:
        raise ValueError("no CPU below %s" % files.path(CPU))
    # A kernel without CPU hotplug has no `online`.
    online = _cpus(files, "online") or present
    nodes = _nodes(files, online)
    node_of = {cpu: node.node for node in nodes for cpu in node.cpus}
    cores: Dict[Tuple[int, ...], int] = {}
    sockets: Dict[str, int] = {}
    cpus = []
    for number in sorted(present):
        if number not in online:
            cpus.append(Cpu(number, None, None, None, False, ()))
            continue
        siblings = _siblings(files, number, online)
        package = files.read("%s/cpu%d/topology/physical_package_id" % (CPU, number)) or "0"
        cpus.append(
            Cpu(
                number,
                cores.setdefault(siblings, len(cores)),
                sockets.setdefault(package, len(sockets)),
                node_of.get(number, nodes[0].node),
                True,
                siblings,
            )
        )
    info = _cpuinfo(files)
    flags = tuple(sorted(set((info.get("flags") or info.get("Features") or "").split())))
    return Topology(
        cpus=tuple(cpus),
        nodes=nodes,
        boot_cpu=min(present),
        possible=max((_cpus(files, "possible") or present) | present) + 1,
        smt_active=any(len(cpu.siblings) > 1 for cpu in cpus),
        slow_cpus=_slow(files, online),
        model=info.get("model name", "unknown"),
        arch=_arch(files, info),
        flags=flags,
        huge_page_sizes_kib=_page_sizes(files, flags),
    )


def _cpus(files: Files, name: str) -> Set[int]:
    return parse_cpus(files.read("%s/%s" % (CPU, name)) or "")


def _siblings(files: Files, cpu: int, online: Set[int]) -> Tuple[int, ...]:
    """The online CPUs that share a core with this one, itself included."""
    for name in ("core_cpus_list", "thread_siblings_list"):
        text = files.read("%s/cpu%d/topology/%s" % (CPU, cpu, name))
        if text:
            return tuple(sorted((parse_cpus(text) & online) | {cpu}))
    return (cpu,)


def _nodes(files: Files, online: Set[int]) -> Tuple[Node, ...]:
    """All NUMA nodes, those without CPUs or memory too; one node 0 where the kernel knows none."""
    whole = _memory(files.read("/proc/meminfo"))
    numbers = files.numbered(NODE, "node")
    if not numbers:
        return (Node(0, tuple(sorted(online)), whole),)
    nodes = []
    for number in numbers:
        folder = "%s/node%d" % (NODE, number)
        listed, mask = files.read(folder + "/cpulist"), files.read(folder + "/cpumap")
        cpus = parse_cpus(listed) if listed is not None else parse_mask(mask or "0")
        nodes.append(Node(number, tuple(sorted(cpus & online)), _memory(files.read(folder + "/meminfo"))))
    if len(nodes) == 1:
        # The only node is the machine: where memory is initialised late, the node's own figure lags behind.
        nodes = [nodes[0]._replace(memory_kib=whole or nodes[0].memory_kib)]
    return tuple(nodes)


def _memory(text: Optional[str]) -> Optional[int]:
    found = re.search(r"MemTotal:\s*(\d+) kB", text or "")
    return int(found.group(1)) if found else None


def _cpuinfo(files: Files) -> Dict[str, str]:
    """The fields of the first CPU in /proc/cpuinfo."""
    fields: Dict[str, str] = {}
    for line in (files.read("/proc/cpuinfo") or "").splitlines():
        key, colon, value = line.partition(":")
        if colon:
            fields.setdefault(key.strip(), value.strip())
    return fields


def _arch(files: Files, info: Dict[str, str]) -> str:
    if files.whole:
        return platform.machine()
    if "flags" in info:
        return "x86_64" if "lm" in info["flags"].split() else "i686"
    return "aarch64" if "Features" in info else "unknown"


def _slow(files: Files, online: Set[int]) -> Tuple[int, ...]:
    """The efficiency cores of a hybrid machine."""
    atoms = files.read("/sys/devices/cpu_atom/cpus")
    if atoms:
        return tuple(sorted(parse_cpus(atoms) & online))
    capacity = {cpu: int(files.read("%s/cpu%d/cpu_capacity" % (CPU, cpu)) or 0) for cpu in online}
    # Cores of one kind differ by some per cent (preferred cores); kinds differ by far more.
    return tuple(sorted(cpu for cpu in online if 0 < capacity[cpu] < 0.75 * max(capacity.values())))


def _page_sizes(files: Files, flags: Tuple[str, ...]) -> Tuple[int, ...]:
    names = files.names("/sys/kernel/mm/hugepages")
    sizes = [int(found.group(1)) for found in (re.fullmatch(r"hugepages-(\d+)kB", n) for n in names) if found]
    if not sizes and not files.live:
        sizes = [size for flag, size in (("pse", 2048), ("pdpe1gb", 1048576)) if flag in flags]
    return tuple(sorted(sizes))
