"""Files that a role wrote: gone, writable for all, somebody else's, overridden, without the line that counts."""

from __future__ import annotations

from collections.abc import Iterator
from fnmatch import fnmatch

from tests.host.settings.common import MANAGED
from tests.host.state import State
from tests.host.verdict import Setting, Subject
from tests.vm.mutants.model import Mutant
from tests.vm.mutants.shell import edit, literal, program, put, quote, remove


def file(setting: Setting, subject: Subject, state: State) -> Iterator[Mutant]:
    path = next(known for known in state.raw["files"] if fnmatch(known, subject[1]))
    described = state.file(path)
    assert described is not None
    real = quote(described.real)
    spared = f"spare {quote(path)}; spare {real}"
    yield Mutant("gone", remove(path), also=dependents(setting.role, path), spoilt=subject[1])
    yield Mutant("writable for all", f"{spared}; chmod 666 {real}")
    yield Mutant("another owner", f"{spared}; chown nobody {real}")


def dependents(role: str, path: str) -> tuple[str, ...]:
    """What else looks at something that comes from the file."""
    if path.endswith(".mount"):
        return (f"{role}.mount.*",)
    if path.endswith(".service"):
        return (f"{role}.unit.*",)
    if "/sysctl.d/" in path:
        return (f"{role}.kernel.*", f"{role}.vm.*")
    if "/limits.d/" in path:
        return (f"{role}.limit.*",)
    return ()


def header(setting: Setting, subject: Subject, state: State) -> Iterator[Mutant]:
    yield Mutant("not ours any more", edit(subject[1], f"/{MANAGED}/d"))


def sysctl_files(setting: Setting, subject: Subject, state: State) -> Iterator[Mutant]:
    name = subject[1]
    later = f"/etc/sysctl.d/99-{name}.conf"
    ours = f"/etc/sysctl.d/60-tcp-performance-{setting.role}.conf"
    yield Mutant("a later file overrides it", put(later, f"{name} = 12345"), named=later)
    yield Mutant("no file sets it", edit(ours, rf"\|^{literal(name)} |d"))


def tmpfiles(setting: Setting, subject: Subject, state: State) -> Iterator[Mutant]:
    _, path, target = subject
    yield Mutant("no line for the next boot", edit(path, rf"\| {literal(target)} |d"))


def affinity_file(setting: Setting, subject: Subject, state: State) -> Iterator[Mutant]:
    yield Mutant("no line", edit(subject[1], "/^CPUAffinity=/d"))
    yield Mutant("another CPU too", edit(subject[1], f"s/^CPUAffinity=/&{state.plan['isolated_cpus']},/"))


def irqbalance(setting: Setting, subject: Subject, state: State) -> Iterator[Mutant]:
    there = program("/usr/sbin/irqbalance", "#!/bin/sh")
    yield Mutant("installed later, nothing banned", f"{there}; {remove(subject[1])}")
    one = state.plan["isolated_cpus"].split("-")[0].split(",")[0]
    yield Mutant("one CPU banned", f"{there}; {put(subject[1], f'IRQBALANCE_BANNED_CPULIST={one}')}")


def link(setting: Setting, subject: Subject, state: State) -> Iterator[Mutant]:
    path = quote(subject[1])
    yield Mutant("another program", f"spare {path}; ln -sfn /usr/bin/true {path}")


def kept_mount(setting: Setting, subject: Subject, state: State) -> Iterator[Mutant]:
    yield disabled("not mounted at the next boot", subject[1])


def units(setting: Setting, subject: Subject, state: State) -> Iterator[Mutant]:
    yield disabled("disabled", subject[1])


def disabled(what: str, unit: str) -> Mutant:
    command = f"systemctl --quiet --no-reload {{}} {quote(unit)}"
    return Mutant(what, f"{command.format('disable')}; later {quote(command.format('enable'))}")


def allowlist(setting: Setting, subject: Subject, state: State) -> Iterator[Mutant]:
    path = subject[1]
    first = state.plan["intent"]["msr_access_allowlist"][0]
    yield Mutant("a register more", edit(path, "$a 0x1a4"), named="0x1a4")
    yield Mutant("a register fewer", edit(path, f"/^{first}$/d"), named=first)
    yield Mutant("nonsense", edit(path, "$a all"), named="all")


MAKERS = {
    "affinity_file": affinity_file,
    "allowlist": allowlist,
    "files": file,
    "header": header,
    "irqbalance": irqbalance,
    "kept_mount": kept_mount,
    "link": link,
    "sysctl_files": sysctl_files,
    "tmpfiles": tmpfiles,
    "units": units,
}
