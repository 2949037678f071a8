"""Shares of the last-level cache and of the memory bandwidth, as resctrl has them."""

from __future__ import annotations

from typing import Iterator

from tests.host.cpus import expand
from tests.host.settings.common import Request, enabled_unit, managed_file, shared
from tests.host.state import Plan, State
from tests.host.verdict import Judgement, Setting, compliant, drifted

ROLE = "memory_bandwidth"
UNIT = "tcp-performance-memory-bandwidth.service"
UNIT_FILE = f"/etc/systemd/system/{UNIT}"
DIVISION = "/etc/tcp-performance/memory-bandwidth.json"
PROGRAM = "/usr/local/lib/tcp-performance/memory-bandwidth"
REQUEST = Request(files=(UNIT_FILE, DIVISION, PROGRAM), units=(UNIT,))
ROOT = "/sys/fs/resctrl"


def parse(text: str) -> dict[str, dict[str, str]]:
    """Schemata by resource and domain; masks and numbers without leading zeros."""
    found: dict[str, dict[str, str]] = {}
    for line in text.splitlines():
        resource, _, domains = line.strip().partition(":")
        pairs = (domain.partition("=") for domain in domains.split(";"))
        found[resource] = {number.strip(): value.strip().lstrip("0") or "0" for number, _, value in pairs}
    return found


def schemata(name: str, path: str, lines: list[str]) -> Setting:
    expected = parse("\n".join(lines))

    def judge(state: State) -> Judgement:
        text = state.value(path)
        if text is None:
            return drifted("absent", f"there is no {path}")
        actual = parse(text)
        for resource, domains in expected.items():
            for number, value in domains.items():
                if actual.get(resource, {}).get(number) != value:
                    return drifted(
                        text.replace("\n", " "), f"{path} gives domain {number} another share of {resource}"
                    )
        return compliant(" ".join(lines))

    return Setting(f"{ROLE}.{name}", ROLE, " ".join(lines), judge, (("values", path),))


def cpus(path: str, expected: str) -> Setting:
    def judge(state: State) -> Judgement:
        actual = state.value(path)
        if actual is None:
            return drifted("absent", f"there is no {path}")
        if expand(actual) != expand(expected):
            return drifted(actual or "none", f"{path} says otherwise")
        return compliant(actual)

    return Setting(f"{ROLE}.cpus", ROLE, expected, judge, (("values", path),))


def settings(plan: Plan) -> Iterator[Setting]:
    yield from shared(plan, ROLE)
    planned = plan.get("resctrl")
    if not planned:
        return
    group = f"{ROOT}/{planned['group']}"
    yield cpus(f"{group}/cpus_list", planned["cpus"])
    yield schemata("engine", f"{group}/schemata", planned["schemata"])
    yield schemata("others", f"{ROOT}/schemata", planned["default_schemata"])
    # JSON has no comments, so it cannot say that it is managed.
    yield managed_file(ROLE, DIVISION, header=False)
    yield managed_file(ROLE, PROGRAM, mode="0755")
    if plan["features"]["systemd"]["available"]:
        yield managed_file(ROLE, UNIT_FILE)
        yield enabled_unit(ROLE, UNIT)
