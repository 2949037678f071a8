"""Who may do what: groups, their members, limits of a session, devices, programs with capabilities."""

from __future__ import annotations

from collections.abc import Iterator

from tests.host.state import State
from tests.host.verdict import Setting, Subject
from tests.vm.mutants.model import Mutant
from tests.vm.mutants.shell import edit, put, quote

GROUPS = "/etc/group"
LIMITS = "/etc/security/limits.d/60-tcp-performance.conf"
LATER_LIMITS = "/etc/security/limits.d/99-other.conf"
# What is less than any plan grants, in the unit of pam_limits.
LITTLE = {"rtprio": "0", "memlock": "32", "nice": "5"}
ONE_MORE = "cap_sys_admin"


def groups(setting: Setting, subject: Subject, state: State) -> Iterator[Mutant]:
    # Whatever belongs to the group belongs to nobody then.
    yield Mutant("gone", edit(GROUPS, f"/^{subject[1]}:/d"), also=(f"{setting.role}.*",))


def members(setting: Setting, subject: Subject, state: State) -> Iterator[Mutant]:
    _, group, member = subject
    change = rf"/^{group}:/s/\([:,]\){member}\(,\|$\)/\1/"
    yield Mutant("left the group", edit(GROUPS, change), named=member)


def limit_lines(setting: Setting, subject: Subject, state: State) -> Iterator[Mutant]:
    _, domain, item = subject
    yield Mutant("no line", edit(LIMITS, rf"/^{domain} \S* {item} /d"))
    line = f"{domain} - {item} {LITTLE[item]}"
    later = f"spare {LATER_LIMITS}; echo {quote(line)} >>{LATER_LIMITS}"
    yield Mutant("a later file overrides it", later, named=LATER_LIMITS)


def login(setting: Setting, subject: Subject, state: State) -> Iterator[Mutant]:
    """A line for the user alone counts more than one for a group."""
    _, group, item = subject
    user = state.raw["login"][group]["user"]
    path = f"/etc/security/limits.d/99-{item}.conf"
    for kind in ("soft", "hard"):
        yield Mutant(f"a lower {kind} limit", put(path, f"{user} {kind} {item} {LITTLE[item]}"), named=user)


def devices(setting: Setting, subject: Subject, state: State) -> Iterator[Mutant]:
    path = sorted(state.raw["devices"])[-1]
    gid = state.raw["devices"][path]["gid"]
    yield Mutant("readable for all", f"chmod 644 {path}; later 'chmod 640 {path}'", named=path)
    yield Mutant("another group", f"chgrp root {path}; later 'chgrp {gid} {path}'", named=path)
    back = "modprobe msr; udevadm settle"
    yield Mutant("gone", f"modprobe -r msr; later {quote(back)}")


def capabilities(setting: Setting, subject: Subject, state: State) -> Iterator[Mutant]:
    path = subject[1]
    yield Mutant("no capability", f"spare {path}; setcap -r {path}")
    held = f"$(getcap {path} | sed 's/.* //; s/=.*//; s/+.*//')"
    yield Mutant("one too many", f'spare {path}; setcap "{held},{ONE_MORE}=ep" {path}')


MAKERS = {
    "capabilities": capabilities,
    "devices": devices,
    "groups": groups,
    "limit_lines": limit_lines,
    "login": login,
    "members": members,
}
