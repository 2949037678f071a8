# mypy: disable-error-code="no-redef"
"""Which CPUs are isolated, which keep house, which take interrupts, and where the engine's threads go.

Whole cores only: SMT siblings stay together. The boot CPU's core always keeps house. Each NUMA node with
CPUs keeps at least one core, because its memory and devices need someone nearby.
"""

from __future__ import annotations

from typing import Any, Dict, List, NamedTuple, Set, Tuple

try:
    from cpu_list import format_cpus, parse_cpus
    from host_topology import Topology
except ImportError:
    from ansible.module_utils.cpu_list import format_cpus, parse_cpus
    from ansible.module_utils.host_topology import Topology

Problem = Dict[str, Any]
CPUS = "cpu_isolation_cpus"
HOUSEKEEPING = "cpu_isolation_housekeeping_cores_per_node"


class Placement(NamedTuple):
    isolated: Set[int]
    housekeeping: Set[int]
    interrupts: Set[int]
    engine: Set[int]
    threads: List[Dict[str, int]]
    problems: List[Problem]
    warnings: List[str]
    reason: str  # why nothing is isolated, although it was asked for

    @property
    def all(self) -> Set[int]:
        return self.isolated | self.housekeeping


def place(topology: Topology, intent: Dict[str, Any], usable: Set[int]) -> Placement:
    """Divide the CPUs. `usable` are those that this machine's processes may run on at all."""
    cores = _cores(topology, intent)
    online = {cpu for groups in cores.values() for group in groups for cpu in group}
    isolated: Set[int] = set()
    problems: List[Problem] = []
    warnings: List[str] = []
    reason = ""
    asked = intent[CPUS] if intent["cpu_isolation_enabled"] else "none"
    if asked not in ("", "none"):
        keep, problem = _housekeeping_cores(cores, intent[HOUSEKEEPING])
        problems += problem
        most = _isolable(cores, keep)
        if asked == "auto":
            isolated, automatic = _automatic(topology, cores, keep, most)
            warnings += automatic
            if not isolated:
                reason = "no core is left to isolate: each node keeps %d, the boot CPU's among them" % keep
        else:
            isolated, explicit = _explicit(topology, cores, asked, keep, most, online)
            problems += explicit
    housekeeping = online - isolated
    interrupts, said = _interrupts(intent, housekeeping, isolated, topology)
    problems += said
    if interrupts & isolated:
        warnings.append(
            "irq_affinity_cpus sends interrupts to the isolated CPUs %s" % format_cpus(interrupts & isolated)
        )
    engine = ((isolated or online) & usable) or (online & usable) or online
    return Placement(
        isolated, housekeeping, interrupts, engine, _threads(cores, engine), problems, warnings, reason
    )


def _cores(topology: Topology, intent: Dict[str, Any]) -> Dict[int, List[List[int]]]:
    """The cores of every node that has online CPUs.

    With SMT to be switched off only each core's first CPU counts, now and after the switch: the plan must
    not change when it has been carried out.
    """
    smt = not (intent["power_enabled"] and intent["power_smt"] is False)
    found = {node.node: topology.cores(node.node, smt) for node in topology.nodes}
    return {node: groups for node, groups in found.items() if groups}


def _housekeeping_cores(cores: Dict[int, List[List[int]]], asked: Any) -> Tuple[int, List[Problem]]:
    if asked == "":
        return 1, []
    smallest = min(cores, key=lambda node: len(cores[node]))
    most = len(cores[smallest])
    if asked <= most:
        return asked, []
    return 1, [
        {
            "setting": HOUSEKEEPING,
            "value": asked,
            "allowed": "1 to %d" % most,
            "advice": "node %d has only %s; ask for fewer housekeeping cores"
            % (smallest, _count(most, "core")),
        }
    ]


def _isolable(cores: Dict[int, List[List[int]]], keep: int) -> Set[int]:
    """The most that may be isolated when every node keeps `keep` cores.

    The first ones are kept: the boot CPU has the lowest number, so its core is among them.
    """
    return {cpu for groups in cores.values() for group in sorted(groups)[keep:] for cpu in group}


def _automatic(
    topology: Topology, cores: Dict[int, List[List[int]]], keep: int, most: Set[int]
) -> Tuple[Set[int], List[str]]:
    warnings = []
    slow = most & set(topology.slow_cpus)
    chosen = most
    if slow and most - slow:
        chosen = most - slow
        warnings.append(
            "hybrid processor: the efficiency cores %s keep house, the engine gets the fast ones"
            % format_cpus(slow)
        )
    for node in sorted(cores):
        if len(cores[node]) <= keep:
            warnings.append(
                "node %d has %s, all needed for housekeeping: nothing is isolated there"
                % (node, _count(len(cores[node]), "core"))
            )
    return chosen, warnings


def _explicit(
    topology: Topology,
    cores: Dict[int, List[List[int]]],
    text: str,
    keep: int,
    most: Set[int],
    online: Set[int],
) -> Tuple[Set[int], List[Problem]]:
    """Judge a list that the user wrote. All that is wrong with it becomes one problem."""
    try:
        asked = parse_cpus(text)
    except ValueError as error:
        return set(), [
            {
                "setting": CPUS,
                "value": text,
                "allowed": "up to %s" % (format_cpus(most) or "none"),
                "advice": str(error),
            }
        ]
    faults = _absent(topology, asked, online)
    if topology.boot_cpu in asked:
        faults.append("CPU %d is the boot CPU, which can not be isolated" % topology.boot_cpu)
    short: Dict[int, List[int]] = {}
    for node in sorted(cores):
        split = [group for group in cores[node] if asked & set(group) and not set(group) <= asked]
        faults += ["the SMT siblings %s are split: name all or none" % format_cpus(group) for group in split]
        kept = sum(1 for group in cores[node] if not asked & set(group))
        if kept < keep:
            short.setdefault(kept, []).append(node)
    for kept, nodes in short.items():
        faults.append(
            "node %s would keep %s for housekeeping, of %d needed"
            % (format_cpus(nodes), _count(kept, "core"), keep)
        )
    if not faults:
        return asked, []
    return set(), [
        {
            "setting": CPUS,
            "value": text,
            "allowed": "up to %s" % (format_cpus(most) or "none"),
            "advice": "; ".join(faults),
        }
    ]


def _absent(topology: Topology, asked: Set[int], online: Set[int]) -> List[str]:
    present = {cpu.cpu for cpu in topology.cpus}
    missing, offline = asked - present, (asked & present) - set(topology.online)
    doomed = asked & set(topology.online) - online
    said = []
    if missing:
        said.append("there is no CPU %s (CPUs: %s)" % (format_cpus(missing), format_cpus(present)))
    if offline:
        said.append("offline: %s" % format_cpus(offline))
    if doomed:
        said.append("power_smt=false takes %s offline" % format_cpus(doomed))
    return said


def _interrupts(
    intent: Dict[str, Any], housekeeping: Set[int], isolated: Set[int], topology: Topology
) -> Tuple[Set[int], List[Problem]]:
    online = housekeeping | isolated
    asked = intent["irq_affinity_cpus"] if intent["irq_affinity_enabled"] else ""
    if asked in ("", "none"):
        return online, []
    if asked == "auto":
        return housekeeping, []
    try:
        cpus = parse_cpus(asked)
        faults = _absent(topology, cpus, online)
    except ValueError as error:
        cpus, faults = housekeeping, [str(error)]
    if not faults:
        return cpus, []
    return housekeeping, [
        {
            "setting": "irq_affinity_cpus",
            "value": asked,
            "allowed": "CPUs among %s" % format_cpus(online),
            "advice": "; ".join(faults),
        }
    ]


def _threads(cores: Dict[int, List[List[int]]], engine: Set[int]) -> List[Dict[str, int]]:
    """One engine thread a physical core, on its first CPU, node after node."""
    places = []
    for node in sorted(cores):
        for group in cores[node]:
            own = sorted(set(group) & engine)
            if own:
                places.append((node, own[0]))
    return [{"thread": number, "cpu": cpu, "node": node} for number, (node, cpu) in enumerate(sorted(places))]


def _count(number: int, noun: str) -> str:
    return "%d %s%s" % (number, noun, "" if number == 1 else "s")
