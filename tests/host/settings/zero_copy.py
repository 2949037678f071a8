"""The ring's module: built for this kernel, loaded as it was built, its device a group's, all of it at each boot."""

from __future__ import annotations

import re
from typing import Iterator

from tests.host.settings.common import Request, managed_file, shared
from tests.host.state import Plan, State
from tests.host.verdict import Judgement, Setting, Subject, compliant, drifted

ROLE = "zero_copy"
DEVICE = "/dev/tcpk_ring"
LOADED = "/sys/module/tcpk_ring"
FILES = (
    "/etc/modprobe.d/60-tcp-performance-zero_copy.conf",
    "/etc/modules-load.d/60-tcp-performance-zero_copy.conf",
    "/etc/udev/rules.d/60-tcp-performance-zero_copy.rules",
)
STATUS, INSTALLED = "dkms", "tcpk_ring"
REQUEST = Request(
    files=(*FILES, DEVICE),
    commands={
        STATUS: (ROLE, ["dkms", "status", "-m", "tcp-performance-ring"]),
        INSTALLED: (ROLE, ["modinfo", "-F", "srcversion", "tcpk_ring"]),
    },
)


def build(package: str, version: str) -> Setting:
    """DKMS has built the planned version for the kernel that runs."""

    def judge(state: State) -> Judgement:
        run = state.command(STATUS)
        release = state.value("/proc/sys/kernel/osrelease") or ""
        if run.status:
            return drifted("unknown", run.said)
        pattern = rf"^{re.escape(package)}(?:/|, ){re.escape(version)}, {re.escape(release)}, \S+: (\S+)"
        found = re.search(pattern, run.output, re.MULTILINE)
        actual = found.group(1) if found else "not built"
        if actual != "installed":
            return drifted(actual, f"DKMS says of {release}: {run.output or 'nothing'}")
        return compliant(actual)

    subjects: tuple[Subject, ...] = (("commands", STATUS), ("dkms", package, version))
    return Setting(f"{ROLE}.dkms", ROLE, "installed", judge, subjects)


def module(version: str) -> Setting:
    """The planned version is loaded, and it is the one that the next boot would load."""

    def judge(state: State) -> Judgement:
        actual, sources = state.value(f"{LOADED}/version"), state.value(f"{LOADED}/srcversion")
        installed = state.command(INSTALLED)
        if actual is None:
            return drifted("absent", "the module tcpk_ring is not loaded")
        if actual != version:
            return drifted(actual, f"{LOADED}/version says otherwise")
        if installed.status:
            return drifted(f"{actual} until the next boot", installed.said)
        if installed.output != sources:
            return drifted(
                f"{actual} of other sources", f"loaded is {sources}, installed {installed.output or 'none'}"
            )
        return compliant(actual)

    subjects = (("values", f"{LOADED}/version"), ("values", f"{LOADED}/srcversion"), ("commands", INSTALLED))
    return Setting(f"{ROLE}.module", ROLE, version, judge, subjects)


def slots(planned: int) -> Setting:
    path = f"{LOADED}/parameters/slots"

    def judge(state: State) -> Judgement:
        actual = state.value(path)
        if actual != str(planned):
            return drifted(actual or "absent", f"{path} says otherwise")
        return compliant(actual)

    return Setting(f"{ROLE}.slots", ROLE, str(planned), judge, (("values", path),))


def device(group: str) -> Setting:
    """A device, and of nobody else's."""
    mode, owner = ("0660", group) if group else ("0600", "root")
    expected = f"{mode} root:{owner}"

    def judge(state: State) -> Judgement:
        found = state.file(DEVICE)
        if found is None:
            return drifted("absent", f"there is no {DEVICE}")
        actual = f"{found.mode} {found.owner}:{found.group}"
        if found.kind != "device":
            return drifted(f"{actual}, a {found.kind}", f"{DEVICE} is no device")
        if actual != expected:
            return drifted(actual, f"mode or owner of {DEVICE} was changed")
        return compliant(actual)

    return Setting(f"{ROLE}.device", ROLE, expected, judge, (("files", DEVICE),))


def settings(plan: Plan) -> Iterator[Setting]:
    yield from shared(plan, ROLE)
    planned = plan["zero_copy"]
    if not planned:
        return
    yield build(planned["package"], planned["version"])
    yield module(planned["version"])
    if planned["slots"]:
        yield slots(planned["slots"])
    yield device(plan["intent"]["zero_copy_group"])
    for path in FILES:
        yield managed_file(ROLE, path)
