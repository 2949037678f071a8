"""Tools that measure, and the group that may measure the whole system."""

from __future__ import annotations

from typing import Iterator

from tests.host.settings.common import Request, kept_files, privileged_program, shared, version
from tests.host.state import Plan, State
from tests.host.verdict import Judgement, Setting, compliant, drifted, not_applicable

ROLE = "perf_tools"
PROGRAM = "/usr/local/bin/tcp-perf"
CAPABILITIES = {"cap_sys_ptrace": 19, "cap_syslog": 34, "cap_perfmon": 38}
REQUEST = Request(
    files=(PROGRAM,),
    commands={
        "perf": (ROLE, ["perf", "--version"]),
        # It has no option for its version; its help names it.
        "cyclictest": (ROLE, ["cyclictest", "--help"]),
        "numactl": (ROLE, ["numactl", "--show"]),
        "cycles": (ROLE, ["perf", "stat", "-x,", "-e", "cycles", "true"]),
    },
)


def works(command: str, word: str) -> Setting:
    def judge(state: State) -> Judgement:
        run = state.command(command)
        if word not in run.output + run.errors or run.status == 127:
            return drifted("does not run", run.said)
        return compliant("runs")

    return Setting(f"{ROLE}.{command}", ROLE, "runs", judge, (("commands", command),))


def counters() -> Setting:
    """The processor's own counters count; perf prints what was counted first, or that nothing was."""

    def judge(state: State) -> Judgement:
        run = state.command("cycles")
        counted = run.errors.splitlines()[-1].partition(",")[0] if run.errors else ""
        if run.status or not counted.isdecimal():
            return drifted(counted or "does not run", f"perf counts no cycles: {run.said}")
        return compliant("count")

    return Setting(f"{ROLE}.hardware_counters", ROLE, "count", judge, (("commands", "cycles"),))


def settings(plan: Plan) -> Iterator[Setting]:
    yield from shared(plan, ROLE)
    yield from kept_files(plan, ROLE)
    yield version(ROLE, "perf", "perf", r"perf version ([0-9]+\.[0-9]+)", (5, 15))
    yield works("cyclictest", "cyclictest V")
    yield works("numactl", "cpubind")
    if plan["features"]["perf_counters"]["available"]:
        yield counters()
    group = plan["intent"].get("perf_tools_group")
    if not group:
        return
    if plan["features"]["container"]["available"]:
        reason = "container: a program with capabilities that it may not have cannot be started there"
        yield not_applicable(f"{ROLE}.program.{PROGRAM}", ROLE, reason)
    else:
        yield privileged_program(ROLE, PROGRAM, group, CAPABILITIES)
