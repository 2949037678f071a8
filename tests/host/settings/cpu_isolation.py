"""Isolated CPUs: what the running kernel isolates, and where PID 1, and so every service, may run."""

from __future__ import annotations

import re
from typing import Iterator

from tests.host.cpus import expand
from tests.host.settings.common import Request, kept_files, managed_file, shared, skipped
from tests.host.state import Plan, State
from tests.host.verdict import Judgement, Setting, compliant, drifted, not_applicable, reboot_pending

ROLE = "cpu_isolation"
DROP_IN = "/etc/systemd/system.conf.d/60-tcp-performance.conf"
REQUEST = Request(files=(DROP_IN,))
EFFECTIVE = {"isolated": "isolcpus", "nohz_full": "nohz_full"}


def in_effect(plan: Plan, name: str, argument: str) -> Setting:
    """A CPU list that the kernel shows in sysfs, against the isolated CPUs of the plan."""
    path = f"/sys/devices/system/cpu/{name}"
    expected = plan["isolated_cpus"]
    ours = [word for word in plan["boot_arguments_by_role"][ROLE] if word.startswith(f"{argument}=")]

    def judge(state: State) -> Judgement:
        actual = state.value(path) or ""
        if expand(actual) == expand(expected):
            return compliant(actual)
        boots = state.next_boots.values()
        if boots and all(ours[0] in words for words in boots) and ours[0] not in state.running_arguments:
            return reboot_pending(actual or "none", "the boot loader has it: it takes hold at the next boot")
        return drifted(actual or "none", f"{path} says otherwise")

    return Setting(f"{ROLE}.{name}", ROLE, expected, judge, (("values", path),))


def occupants(argument: str) -> Setting:
    """Who runs on the isolated CPUs: whoever is bound there may; the scheduler puts nobody else there."""

    def judge(state: State) -> Judgement:
        astray = [entry["said"] for entry in state.raw["occupants"] if not entry["bound"]]
        settled = [entry["said"] for entry in state.raw["occupants"] if entry["bound"]]
        if astray and argument not in state.running_arguments:
            return reboot_pending(
                "; ".join(astray), f"runs there until the kernel is started with {argument}"
            )
        if astray:
            return drifted(
                "; ".join(astray), "runs there and is not bound there: it was moved there from elsewhere"
            )
        return compliant("; ".join(settled) or "nobody", "placed there by its owner" if settled else "")

    return Setting(f"{ROLE}.occupants", ROLE, "nobody who is not bound there", judge, (("occupants",),))


def cpu_affinity(plan: Plan) -> Setting:
    """CPUAffinity of systemd: PID 1 itself, and the file that says so at its next start."""
    expected = plan["housekeeping_cpus"]

    def judge(state: State) -> Judgement:
        lines = re.findall(r"^CPUAffinity=(.*)$", state.text(DROP_IN), re.MULTILINE)
        configured = expand(lines[-1].replace(" ", ",")) if lines else set()
        running = state.raw["pid1_cpus"]
        if configured != expand(expected):
            return drifted(f"PID 1 runs on {running}", f"{DROP_IN} does not keep services on {expected}")
        if state.pid1_cpus != expand(expected):
            return reboot_pending(f"PID 1 runs on {running}", "systemd takes its own affinity when it starts")
        return compliant(running)

    return Setting(f"{ROLE}.cpu_affinity", ROLE, expected, judge, (("affinity_file", DROP_IN),))


def settings(plan: Plan) -> Iterator[Setting]:
    yield from shared(plan, ROLE)
    yield from kept_files(plan, ROLE)
    if not plan["isolated_cpus"]:
        return
    for name, argument in EFFECTIVE.items():
        if any(word.startswith(f"{argument}=") for word in plan["boot_arguments_by_role"].get(ROLE, [])):
            yield in_effect(plan, name, argument)
        else:
            reason = skipped(plan, f"{ROLE}.boot_argument.{argument}") or "no boot argument asks for it"
            yield not_applicable(f"{ROLE}.{name}", ROLE, reason)
    isolating = [
        word for word in plan["boot_arguments_by_role"].get(ROLE, []) if word.startswith("isolcpus=")
    ]
    if isolating:
        yield occupants(isolating[0])
    else:
        reason = skipped(plan, f"{ROLE}.boot_argument.isolcpus") or "no boot argument asks for it"
        yield not_applicable(f"{ROLE}.occupants", ROLE, reason)
    systemd = plan["features"]["systemd"]
    if systemd["available"]:
        yield cpu_affinity(plan)
        yield managed_file(ROLE, DROP_IN)
    else:
        yield not_applicable(f"{ROLE}.cpu_affinity", ROLE, systemd["reason"])
