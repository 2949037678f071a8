"""A GPU's compiler, by compiling a kernel; its driver, by running it."""

from __future__ import annotations

from typing import Iterator

from tests.host.settings.common import skipped
from tests.host.state import Plan, State
from tests.host.verdict import Judgement, Setting, compliant, drifted

ANSWER = "kernel 42"


def toolkit(role: str) -> Setting:
    def judge(state: State) -> Judgement:
        run = State.run(state.raw["gpu"].get(role, {}).get("compiled"))
        return drifted("does not compile", run.said) if run.status else compliant("compiles a kernel")

    return Setting(f"{role}.toolkit", role, "compiles a kernel", judge, (("compiled", role),))


def device(role: str) -> Setting:
    def judge(state: State) -> Judgement:
        run = State.run(state.raw["gpu"].get(role, {}).get("executed"))
        if run.status or run.output != ANSWER:
            advice = (
                "a driver is installed by the administrator, by hand" if run.status else "it answers wrongly"
            )
            return drifted(run.output or "does not run", f"{run.said}; {advice}")
        return compliant(ANSWER)

    return Setting(f"{role}.device", role, ANSWER, judge, (("executed", role),))


def settings(plan: Plan, role: str) -> Iterator[Setting]:
    """What compiles and runs; a device that is not there is the plan's not-applicable."""
    if role in plan["gpu_compilers"]:
        yield toolkit(role)
        if not skipped(plan, f"{role}.device"):
            yield device(role)
