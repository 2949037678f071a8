"""Model-specific registers: who may open the devices, which registers may be read, and by which program."""

from __future__ import annotations

from typing import Iterator

from tests.host.settings.common import Request, managed_file, privileged_program, shared
from tests.host.state import Plan, State
from tests.host.verdict import Judgement, Setting, compliant, drifted

ROLE = "msr_access"
ALLOWLIST = "/etc/tcp-performance/msr-allowlist"
MODULES = "/etc/modules-load.d/60-tcp-performance.conf"
RULES = "/etc/udev/rules.d/60-tcp-performance-msr.rules"
PROGRAM = "/usr/local/bin/tcp-msr-read"
CAPABILITIES = {"cap_sys_rawio": 17}
REQUEST = Request(files=(ALLOWLIST, MODULES, RULES, PROGRAM))


def devices(group: str) -> Setting:
    """Every device is the group's to read, and nobody else's."""

    def judge(state: State) -> Judgement:
        found = state.raw["devices"]
        if not found:
            return drifted("absent", "there is no /dev/cpu/*/msr: the module msr is not loaded")
        number = (state.group(group) or (-1, []))[0]
        for path, device in found.items():
            if (device["mode"], device["uid"], device["gid"]) != ("0640", 0, number):
                return drifted(f"{device['mode']} group {device['gid']}", f"{path} has another mode or owner")
        return compliant(f"{len(found)} devices, 0640 root:{group}")

    return Setting(f"{ROLE}.devices", ROLE, f"0640 root:{group}", judge, (("devices",),))


def allowlist(registers: list[str]) -> Setting:
    wanted = {int(register, 0) for register in registers}

    def judge(state: State) -> Judgement:
        lines = [line.strip() for line in state.text(ALLOWLIST).splitlines()]
        try:
            found = {int(line, 0) for line in lines if line and not line.startswith("#")}
        except ValueError as error:
            return drifted("unreadable", f"{ALLOWLIST}: {error}")
        actual = ", ".join(hex(register) for register in sorted(found))
        if found != wanted:
            more, fewer = sorted(found - wanted), sorted(wanted - found)
            return drifted(actual or "none", f"not planned: {names(more)}; missing: {names(fewer)}")
        return compliant(actual)

    return Setting(f"{ROLE}.allowlist", ROLE, ", ".join(registers), judge, (("allowlist", ALLOWLIST),))


def names(registers: list[int]) -> str:
    return ", ".join(hex(register) for register in registers) or "none"


def settings(plan: Plan) -> Iterator[Setting]:
    yield from shared(plan, ROLE)
    group = plan["intent"].get("msr_access_group")
    if not group or not plan["features"]["msr"]["available"]:
        return
    yield devices(group)
    yield allowlist(plan["intent"].get("msr_access_allowlist") or [])
    yield privileged_program(ROLE, PROGRAM, group, CAPABILITIES)
    for path in (ALLOWLIST, MODULES, RULES):
        yield managed_file(ROLE, path)
