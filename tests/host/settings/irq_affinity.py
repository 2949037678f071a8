"""Interrupts: every live one on the CPUs that are to take them, the immovable ones tolerated and listed."""

from __future__ import annotations

import re
from typing import Iterator

from tests.host.cpus import expand
from tests.host.settings.common import Request, enabled_unit, kept_files, managed_file, shared, skipped
from tests.host.state import Plan, State
from tests.host.verdict import Judgement, Setting, compliant, drifted, not_applicable

ROLE = "irq_affinity"
IRQBALANCE = "/etc/default/irqbalance"
PROGRAM = "/usr/local/lib/tcp-performance/irq-affinity"
RULES = "/etc/udev/rules.d/60-tcp-performance-irq-affinity.rules"
UNIT = "tcp-performance-irq-affinity.service"
UNIT_FILE = f"/etc/systemd/system/{UNIT}"
REQUEST = Request(
    files=(IRQBALANCE, "/usr/sbin/irqbalance", PROGRAM, RULES, UNIT_FILE), units=("irqbalance.service", UNIT)
)


def live(plan: Plan) -> Setting:
    allowed = expand(plan["irq_cpus"])

    def judge(state: State) -> Judgement:
        astray = [entry for entry in state.raw["interrupts"] if not expand(entry["cpus"]) <= allowed]
        movable = [
            f"{entry['irq']} ({', '.join(entry['handlers'])}): {entry['cpus']}"
            for entry in astray
            if entry["movable"]
        ]
        immovable = [
            f"{entry['irq']} ({', '.join(entry['handlers'])})" for entry in astray if not entry["movable"]
        ]
        note = f"immovable, so left where they are: {', '.join(immovable)}" if immovable else ""
        if movable:
            return drifted("; ".join(movable), f"these can be moved and are not. {note}".strip())
        return compliant(f"{len(state.raw['interrupts'])} interrupts, {len(immovable)} immovable", note)

    return Setting(f"{ROLE}.live", ROLE, f"on {plan['irq_cpus']}", judge, (("interrupts",),))


def moved_again(plan: Plan) -> Iterator[Setting]:
    """Drivers of network cards place their interrupts themselves: what moves them again, at each boot."""
    if plan["features"]["systemd"]["available"]:
        yield managed_file(ROLE, PROGRAM, mode="0755")
        yield managed_file(ROLE, RULES)
        yield managed_file(ROLE, UNIT_FILE)
        yield enabled_unit(ROLE, UNIT)


def banned(plan: Plan) -> Setting:
    """irqbalance, where it is installed, keeps off the isolated CPUs."""
    expected = expand(plan["isolated_cpus"])

    def judge(state: State) -> Judgement:
        lines = re.findall(
            r"^\s*IRQBALANCE_BANNED_CPULIST=[\"']?([^\"'\n]*)", state.text(IRQBALANCE), re.MULTILINE
        )
        actual = lines[-1] if lines else ""
        if not expected <= expand(actual):
            if state.file("/usr/sbin/irqbalance") is None:
                return compliant(
                    "not installed", "irqbalance is not installed: nothing moves interrupts back"
                )
            return drifted(actual or "none", f"{IRQBALANCE} lets irqbalance use CPUs of the engine")
        return compliant(actual)

    return Setting(
        f"{ROLE}.irqbalance", ROLE, f"banned: {plan['isolated_cpus']}", judge, (("irqbalance", IRQBALANCE),)
    )


def settings(plan: Plan) -> Iterator[Setting]:
    yield from shared(plan, ROLE)
    yield from kept_files(plan, ROLE)
    reason = skipped(plan, f"{ROLE}.default_mask")
    if reason:
        yield not_applicable(f"{ROLE}.live", ROLE, reason)
    elif plan["irq_cpus"] and plan["intent"].get("irq_affinity_cpus") not in ("", "none"):
        yield live(plan)
        yield from moved_again(plan)
        if plan["intent"].get("irq_affinity_ban_irqbalance") is True and plan["isolated_cpus"]:
            yield banned(plan)
