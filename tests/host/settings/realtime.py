"""Limits of a login session, RT throttling, and the kernel."""

from __future__ import annotations

from typing import Any, Iterator

from tests.host.settings.common import Request, kept_files, managed_file, shared
from tests.host.state import Plan, State
from tests.host.verdict import NOT_APPLICABLE, Judgement, Setting, compliant, drifted, reboot_pending

ROLE = "realtime"
LIMITS = "/etc/security/limits.d/60-tcp-performance.conf"
RT_KERNELS = "/boot/vmlinuz-*-rt*"
REQUEST = Request(files=(LIMITS, RT_KERNELS))


def effective(item: str, text: str) -> str:
    """A limit of /proc/PID/limits in the unit of limits.conf."""
    if not text.lstrip("-").isdecimal():
        return text
    if item == "memlock":
        return str(int(text) // 1024)
    return str(20 - int(text)) if item == "nice" else text


def limit(entry: dict[str, str]) -> Setting:
    """What PAM grants a member: the lines that it reads, and a real session."""
    domain, item, expected = entry["domain"], entry["item"], entry["value"]
    group = domain.lstrip("@")

    def judge(state: State) -> Judgement:
        lines = [
            line for line in state.raw["limit_lines"] if (line["domain"], line["item"]) == (domain, item)
        ]
        if not lines:
            return drifted("no line", f"no file of pam_limits has a line for {domain} {item}")
        if lines[-1]["value"] != expected:
            return drifted(lines[-1]["value"], f"{lines[-1]['path']} says so and is read last")
        return in_session(state.raw["login"].get(group, {}), item, expected)

    subjects = (("limit_lines", domain, item), ("login", group, item))
    return Setting(f"{ROLE}.limit.{domain}.{item}", ROLE, expected, judge, subjects)


def in_session(login: dict[str, Any], item: str, expected: str) -> Judgement:
    """What a member gets at a login. Where no session can be had, or none can be given more, the reason stands."""
    found = login.get("limits", {}).get(item, {})
    granted = {kind: effective(item, text) for kind, text in found.items()}
    if set(granted.values()) == {expected}:
        return compliant(expected, f"in a session of {login['user']}")
    if not login.get("can_raise"):
        reason = "its line is there, but root lacks CAP_SYS_RESOURCE here: no session can be given more"
        return Judgement(NOT_APPLICABLE, "", reason)
    if granted:
        actual = ", ".join(f"{kind} {value}" for kind, value in granted.items())
        return drifted(actual, f"a session of {login['user']}, a member, does not get it")
    if login.get("user"):
        return drifted("no session", login["reason"])
    return Judgement(
        NOT_APPLICABLE, "", f"its line is there, but no session could be asked: {login.get('reason')}"
    )


def kernel() -> Setting:
    def judge(state: State) -> Judgement:
        if state.value("/sys/kernel/realtime") == "1":
            return compliant("PREEMPT_RT")
        installed = sorted(
            path for path in state.raw["files"] if path.startswith("/boot/vmlinuz-") and "-rt" in path
        )
        if installed:
            return reboot_pending(
                "not PREEMPT_RT", f"{installed[-1]} is installed: it runs after the next boot"
            )
        return drifted("not PREEMPT_RT", "neither runs nor is installed a kernel with PREEMPT_RT")

    return Setting(
        f"{ROLE}.preempt_rt_kernel", ROLE, "PREEMPT_RT", judge, (("values", "/sys/kernel/realtime"),)
    )


def settings(plan: Plan) -> Iterator[Setting]:
    yield from shared(plan, ROLE)
    yield from kept_files(plan, ROLE)
    for entry in plan["limits"]:
        yield limit(entry)
    if plan["limits"]:
        yield managed_file(ROLE, LIMITS)
    if plan["intent"].get("realtime_preempt_rt_kernel") is True:
        yield kernel()
