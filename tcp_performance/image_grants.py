"""What a container of the engine gets from the plan of its host, and whether the host can give it now."""

from __future__ import annotations

import grp
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

from tests.host.collectors import accounts

Plan = dict[str, Any]


@dataclass(frozen=True)
class Grants:
    """The part of a plan that concerns a container; CPU lists and node lists as the kernel writes them."""

    cpus: str
    nodes: str
    ulimits: dict[str, int]  # -1: unlimited
    groups: tuple[str, ...]
    huge_pages: tuple[tuple[int, int, int], ...]  # node, size in KiB, count

    def huge_page_bytes(self, size_kib: int) -> int:
        return sum(size * count * 1024 for _, size, count in self.huge_pages if size == size_kib)


def expand(cpus: str) -> list[int]:
    """The members of a list such as 2-5,8."""
    found: list[int] = []
    for part in filter(None, cpus.split(",")):
        first, _, last = part.partition("-")
        found += range(int(first), int(last or first) + 1)
    return found


def compact(numbers: list[int]) -> str:
    return ",".join(str(number) for number in sorted(set(numbers)))


def ulimits(limits: list[dict[str, str]]) -> dict[str, int]:
    """The plan's limits as setrlimit counts them: nice as 20 less the value, memlock in bytes."""
    found = {}
    for limit in limits:
        item, value = limit["item"], limit["value"]
        if value == "unlimited":
            found[item] = -1
        else:
            found[item] = {"nice": 20 - int(value), "memlock": int(value) * 1024}.get(item, int(value))
    return found


def from_plan(plan: Plan) -> Grants:
    roles = ("huge_pages", "realtime")
    return Grants(
        cpus=plan["engine_cpus"],
        nodes=compact([thread["node"] for thread in plan["engine_threads"]]),
        ulimits=ulimits(plan["limits"]),
        groups=tuple(group["name"] for group in plan["groups"] if group["role"] in roles),
        huge_pages=tuple((pages["node"], pages["size_kib"], pages["count"]) for pages in plan["huge_pages"]),
    )


def group_ids(names: tuple[str, ...], file: Path = Path("/etc/group")) -> dict[str, int | None]:
    """The ids of the host's groups: an image knows none of their names."""
    if file == Path("/etc/group"):
        known = {entry.gr_name: entry.gr_gid for entry in grp.getgrall()}
    else:
        lines = [line.split(":") for line in file.read_text().splitlines()]
        known = {fields[0]: int(fields[2]) for fields in lines}
    return {name: known.get(name) for name in names}


def shortfalls(grants: Grants, root: Path = Path("/")) -> list[str]:
    """What the plan gives and the host does not have now, each with what to do; empty when all is there."""
    missing = []
    online = expand((root / "sys/devices/system/cpu/online").read_text().strip())
    absent = sorted(set(expand(grants.cpus)) - set(online))
    if absent:
        missing.append(f"CPUs {compact(absent)} of the plan are not online; online are {compact(online)}")
    for node, size, count in grants.huge_pages:
        folder = root / f"sys/devices/system/node/node{node}/hugepages/hugepages-{size}kB"
        free = int((folder / "free_hugepages").read_text()) if folder.is_dir() else 0
        if free < count:
            missing.append(
                f"node {node} has {free} free huge pages of {size} KiB, the plan gives {count}: "
                "provision the host again, or stop what uses them"
            )
    for name, number in group_ids(grants.groups, root / "etc/group").items():
        if number is None:
            missing.append(f"there is no group {name}: provision the host")
    return missing


def without_refused_limits(
    grants: Grants, engine: int, root: Path = Path("/")
) -> tuple[Grants, dict[str, str]]:
    """The grants less the limits that the engine may not set, and the reason for each of those.

    `engine` is its process. Without CAP_SYS_RESOURCE, as where the machine is a container itself, it can give nothing
    above its own hard limits, and a container that is to have more does not start.
    """
    process = root / "proc" / str(engine)
    if accounts.can_raise((process / "status").read_text()):
        return grants, {}
    own = accounts.limits_in((process / "limits").read_text())
    refused = {}
    for item, wanted in grants.ulimits.items():
        hard = own[item]["hard"]
        if hard != "unlimited" and (wanted == -1 or wanted > int(hard)):
            refused[item] = (
                f"the engine, process {engine}, lacks CAP_SYS_RESOURCE and its own hard limit is {hard}"
            )
    given = {item: value for item, value in grants.ulimits.items() if item not in refused}
    return replace(grants, ulimits=given), refused
