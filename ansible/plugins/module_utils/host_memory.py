# mypy: disable-error-code="no-redef"
"""Huge pages of each NUMA node, their mounts, and the share of the last-level cache and bandwidth."""

from __future__ import annotations

import re
from typing import Any, Dict, List, Set

try:
    from cpu_list import format_cpus
    from host_draft import CONTAINER, Draft
    from host_topology import CPU, NODE, Node
except ImportError:
    from ansible.module_utils.cpu_list import format_cpus
    from ansible.module_utils.host_draft import CONTAINER, Draft
    from ansible.module_utils.host_topology import CPU, NODE, Node

ROLE = "huge_pages"
PAGES = {
    2048: ("huge_pages_2m_per_node", "hugetlb_2m", "2M"),
    1048576: ("huge_pages_1g_per_node", "hugetlb_1g", "1G"),
}
GROUP = "tcp-performance"  # the resctrl group that the engine's CPUs belong to


def plan_huge_pages(draft: Draft) -> None:
    """Reserve pages on every node that has CPUs: engine threads allocate on their own node."""
    wanted = {size: draft.intent[PAGES[size][0]] for size in PAGES if draft.asked(PAGES[size][0])}
    if draft.container:
        for size in wanted:
            draft.skip("%s.reservation" % PAGES[size][2], ROLE, CONTAINER)
        return
    for size in sorted(wanted):
        if not draft.has(PAGES[size][1]):
            _missing_size(draft, size, wanted.pop(size))
    nodes = [node for node in draft.topology.nodes if node.cpus]
    poor = [node for node in nodes if node.memory_kib == 0]
    for node in poor:
        for size in wanted:
            draft.skip("node%d.%dkib" % (node.node, size), ROLE, "node %d has no memory" % node.node)
    rich = [node for node in nodes if node not in poor]
    _judge(draft, rich, wanted)
    for size, count in sorted(wanted.items()):
        for node in rich:
            path = "%s/node%d/hugepages/hugepages-%dkB/nr_hugepages" % (NODE, node.node, size)
            if len(draft.topology.nodes) == 1 and draft.files.live and not draft.files.exists(path):
                # A kernel without NUMA has the one folder only.
                path = "/sys/kernel/mm/hugepages/hugepages-%dkB/nr_hugepages" % size
            draft.set_file("node%d.%dkib" % (node.node, size), ROLE, path, str(count))
            if count:
                draft.huge_pages.append({"node": node.node, "size_kib": size, "count": count})
        if count and rich:
            _boot(draft, rich, size, count)
            options = "pagesize=%s,mode=1770" % PAGES[size][2]
            group = draft.intent["huge_pages_group"]
            draft.mounts.append(
                {
                    "role": ROLE,
                    "path": "/dev/hugepages-%s" % PAGES[size][2],
                    "type": "hugetlbfs",
                    "options": options + (",gid=%s" % group if group else ""),
                }
            )


def _missing_size(draft: Draft, size: int, count: int) -> None:
    variable, feature, name = PAGES[size]
    reason = draft.features[feature]["reason"]
    if count and size == 1048576:
        draft.problem(variable, count, "0", "%s; use %s instead" % (reason, PAGES[2048][0]))
    else:
        draft.skip("%s.reservation" % name, ROLE, reason)


def _judge(draft: Draft, nodes: List[Node], wanted: Dict[int, int]) -> None:
    """Compare what is wanted with what the smallest node has, less its reserve."""
    unknown = [node.node for node in nodes if node.memory_kib is None]
    if unknown and any(wanted.values()):
        draft.warnings.append(
            "the memory of node %s is unknown: whether the huge pages fit was not judged"
            % format_cpus(unknown)
        )
    known = [(node.memory_kib, node.node) for node in nodes if node.memory_kib is not None]
    if not known:
        return
    memory, number = min(known)
    reserve = draft.intent["huge_pages_reserve_mib"] or 0
    room = max(0, memory - reserve * 1024)
    if sum(size * count for size, count in wanted.items()) <= room:
        return
    for size, count in sorted(wanted.items()):
        others = sum(other * wanted[other] for other in wanted if other != size)
        most = (room - others if others <= room else room) // size
        if count > most:
            draft.problem(
                PAGES[size][0],
                count,
                "0 to %d" % most,
                "node %d has %d MiB and keeps %d MiB of it (huge_pages_reserve_mib): %d pages of %s "
                "are the most it can give" % (number, memory // 1024, reserve, most, PAGES[size][2]),
            )


def _boot(draft: Draft, nodes: List[Node], size: int, count: int) -> None:
    """Reserve at boot, when memory is whole: later 1 GiB pages seldom come about."""
    with_memory = [node for node in draft.topology.nodes if node.memory_kib != 0]
    release = re.match(r"(\d+)\.(\d+)", draft.files.read("/proc/sys/kernel/osrelease") or "")
    if len(with_memory) == 1:
        amount = str(count)
    elif release and (int(release.group(1)), int(release.group(2))) < (5, 16):
        # Per-node counts came with Linux 5.16; before, the kernel spreads a total evenly.
        amount = str(count * len(with_memory))
    else:
        amount = ",".join("%d:%d" % (node.node, count) for node in nodes)
    draft.add_boot(ROLE, "hugepagesz=%s" % PAGES[size][2], "hugepages=%s" % amount)


def plan_resctrl(draft: Draft, isolated: Set[int]) -> None:
    """Divide the last-level cache and the bandwidth between the engine's CPUs and all others."""
    role = "memory_bandwidth"
    asked = [name for name in ("cat_ways", "mba_percent") if draft.asked("%s_%s" % (role, name))]
    for name in list(asked):
        reason = "" if isolated else "no CPU is isolated: there is nobody to guard from the others"
        flag = "cat_l3" if name == "cat_ways" else "mba"
        if draft.container:
            reason = CONTAINER
        elif not draft.has("resctrl"):
            reason = draft.features["resctrl"]["reason"]
        elif flag not in draft.topology.flags:
            reason = "the CPU has no %s" % ("L3 CAT" if flag == "cat_l3" else "memory bandwidth allocation")
        elif name == "mba_percent" and "AMD" in draft.topology.model:
            reason = "AMD processors limit bandwidth in absolute units, not per cent"
        if reason:
            draft.skip(name, role, reason)
            asked.remove(name)
    domains = _domains(draft)
    if not asked or not domains:
        return
    engine: List[str] = []
    others: List[str] = []
    if "cat_ways" in asked:
        _cache(draft, domains, engine, others)
    if "mba_percent" in asked:
        _bandwidth(draft, domains, engine, others)
    draft.resctrl = {
        "group": GROUP,
        "cpus": format_cpus(isolated),
        "schemata": engine,
        "default_schemata": others,
    }


def _domains(draft: Draft) -> List[int]:
    """The identifiers of the last-level caches, as resctrl numbers them."""
    found = set()
    for cpu in draft.topology.online:
        text = draft.files.read("%s/cpu%d/cache/index3/id" % (CPU, cpu))
        if text and text.isdecimal():
            found.add(int(text))
    return sorted(found)


def _ways(draft: Draft) -> int:
    mask = draft.files.read("/sys/fs/resctrl/info/L3/cbm_mask")
    if mask:
        return bin(int(mask, 16)).count("1")
    return int(
        draft.files.read("%s/cpu%d/cache/index3/ways_of_associativity" % (CPU, draft.topology.boot_cpu)) or 0
    )


def _cache(draft: Draft, domains: List[int], engine: List[str], others: List[str]) -> None:
    ways, asked = _ways(draft), draft.intent["memory_bandwidth_cat_ways"]
    if ways < 2:
        draft.skip("cat_ways", "memory_bandwidth", "the number of cache ways is unknown")
        return
    mine = ways // 2 if asked == "auto" else asked
    if mine >= ways:
        draft.problem(
            "memory_bandwidth_cat_ways",
            asked,
            "auto, or 1 to %d" % (ways - 1),
            "the last-level cache has %d ways and the other CPUs need one" % ways,
        )
        return
    # The engine gets the low ways: devices write into the high ones (DDIO).
    low = (1 << mine) - 1
    engine.append(_line("L3", domains, "%x" % low))
    others.append(_line("L3", domains, "%x" % ((1 << ways) - 1 - low)))


def _bandwidth(draft: Draft, domains: List[int], engine: List[str], others: List[str]) -> None:
    percent: Any = draft.intent["memory_bandwidth_mba_percent"]
    least = int(draft.files.read("/sys/fs/resctrl/info/MB/min_bandwidth") or 10)
    if percent < least:
        draft.problem(
            "memory_bandwidth_mba_percent",
            percent,
            "%d to 100" % least,
            "the processor throttles to %d per cent at most" % least,
        )
        return
    engine.append(_line("MB", domains, "100"))
    others.append(_line("MB", domains, str(percent)))


def _line(resource: str, domains: List[int], value: str) -> str:
    return "%s:%s" % (resource, ";".join("%d=%s" % (domain, value) for domain in domains))
