"""Every setting of a plan, one module a capability, and what the collectors must read to judge them."""

from __future__ import annotations

from typing import Any, Iterator

from tests.host.settings import (
    blas,
    cpu_isolation,
    cuda,
    huge_pages,
    irq_affinity,
    kernels,
    memory_bandwidth,
    msr_access,
    numa,
    perf_tools,
    power,
    realtime,
    report,
    rocm,
    toolchain,
    zero_copy,
)
from tests.host.settings.common import COMMON, Request
from tests.host.state import Plan
from tests.host.verdict import Setting, not_applicable

CAPABILITIES = {
    "toolchain": toolchain,
    "blas": blas,
    "cpu_isolation": cpu_isolation,
    "irq_affinity": irq_affinity,
    "huge_pages": huge_pages,
    "realtime": realtime,
    "numa": numa,
    "power": power,
    "msr_access": msr_access,
    "memory_bandwidth": memory_bandwidth,
    "perf_tools": perf_tools,
    "cuda": cuda,
    "rocm": rocm,
    "zero_copy": zero_copy,
    "kernels": kernels,
    "report": report,
}


def request(plan: Plan | None = None, parts: tuple[str, ...] = ()) -> dict[str, Any]:
    """What to collect: everything, or some parts. A plan of one's own takes the place of the one stored on the host."""
    whole = COMMON
    for module in CAPABILITIES.values():
        whole = whole + module.REQUEST
    return {**whole.as_dict(), "plan": plan, "parts": parts}


def settings(plan: Plan) -> list[Setting]:
    """Every setting of the plan, each name once: what applies first, then what does not, with the reason."""
    found: dict[str, Setting] = {}
    for setting in _all(plan):
        found.setdefault(setting.name, setting)
    return list(found.values())


def _all(plan: Plan) -> Iterator[Setting]:
    for role, module in CAPABILITIES.items():
        if plan["capabilities"].get(role):
            yield from module.settings(plan)
    for entry in plan["not_applicable"]:
        yield not_applicable(entry["setting"], entry["role"], entry["reason"])
    for role in CAPABILITIES:
        if not plan["capabilities"].get(role):
            yield not_applicable(f"{role}.enabled", role, f"switched off: {role}_enabled is false")


__all__ = ["CAPABILITIES", "Request", "request", "settings"]
