"""How each thing that a setting looks at can be broken: what the mutation tests make of a host that is as planned.

A mutant changes one thing, as a hand, another tool or an upgrade would. The key is the first word of a
setting's subject (tests/host/verdict.py); a subject without a mutant fails the tests.
"""

from __future__ import annotations

import json
from fnmatch import fnmatch
from typing import Any, Callable, Iterator

Raw = dict[str, Any]
Subject = tuple[str, ...]
Mutant = tuple[str, Callable[[Raw], None]]
GRUB_MENU = "/boot/grub/grub.cfg"


def sysctls(subject: Subject) -> Iterator[Mutant]:
    name = subject[1]
    yield "another value", lambda raw: raw["sysctls"].update({name: "12345"})
    yield "gone", lambda raw: raw["sysctls"].update({name: None})


def sysctl_files(subject: Subject) -> Iterator[Mutant]:
    later = {"path": "/etc/sysctl.d/99-other.conf", "settings": {subject[1]: "12345"}}
    yield "a later file overrides it", lambda raw: raw["sysctl_files"].append(later)
    yield "no file sets it", lambda raw: raw["sysctl_files"].clear()


def values(subject: Subject) -> Iterator[Mutant]:
    path = subject[1]
    yield "gone", lambda raw: raw["values"].update({path: None})
    if path.endswith("/schemata"):
        yield "another share", lambda raw: raw["values"].update({path: "L3:0=1;1=1\nMB:0=7;1=7"})
    elif path == "/sys/devices/system/cpu/isolated" or path.endswith(("cpus_list", "nohz_full")):
        yield "a CPU too many", lambda raw: raw["values"].update({path: raw["values"][path] + ",40"})
    else:
        yield (
            "another value",
            lambda raw: raw["values"].update({path: "3" if raw["values"][path] != "3" else "5"}),
        )


def without(text: str, word: str) -> str:
    return "".join(line for line in text.splitlines(keepends=True) if word not in line)


def edit(raw: Raw, path: str, change: Callable[[str], str]) -> None:
    raw["files"][path]["text"] = change(raw["files"][path]["text"])


def tmpfiles(subject: Subject) -> Iterator[Mutant]:
    _, path, word = subject
    yield "no line for the next boot", lambda raw: edit(raw, path, lambda text: without(text, f" {word} "))
    yield "no file for the next boot", lambda raw: raw["files"].update({path: None})


def boot(subject: Subject) -> Iterator[Mutant]:
    ours = " ".join(subject[1:])
    key = subject[-1].partition("=")[0]

    def running(raw: Raw, change: Callable[[str], str]) -> None:
        raw["values"]["/proc/cmdline"] = change(raw["values"]["/proc/cmdline"])

    def never(raw: Raw) -> None:
        running(raw, lambda text: text.replace(f" {ours}", ""))
        edit(raw, GRUB_MENU, lambda text: text.replace(f" {ours}", ""))

    yield "neither running nor next", never
    yield "gone at the next boot", lambda raw: edit(raw, GRUB_MENU, lambda text: text.replace(f" {ours}", ""))
    yield "one entry lacks it", lambda raw: edit(raw, GRUB_MENU, lambda text: text.replace(f" {ours}", "", 1))
    if len(subject) == 2 and "=" in subject[1]:

        def overridden(raw: Raw) -> None:
            running(raw, lambda text: f"{text} {key}=99")
            edit(raw, GRUB_MENU, lambda text: text.replace(f" {ours}", f" {ours} {key}=99"))

        yield "a later one overrides it", overridden


def file(subject: Subject) -> Iterator[Mutant]:
    def found(raw: Raw) -> str:
        return next(str(path) for path in raw["files"] if fnmatch(path, subject[1]))

    yield "gone", lambda raw: raw["files"].update({found(raw): None})
    yield "writable for all", lambda raw: raw["files"][found(raw)].update(mode="0666")
    yield "another owner", lambda raw: raw["files"][found(raw)].update(owner="mallory")


def header(subject: Subject) -> Iterator[Mutant]:
    yield "replaced", lambda raw: raw["files"][subject[1]].update(text="# mine now\n")


def groups(subject: Subject) -> Iterator[Mutant]:
    yield "gone", lambda raw: raw["groups"].update({subject[1]: None})


def members(subject: Subject) -> Iterator[Mutant]:
    yield "left the group", lambda raw: raw["groups"][subject[1]]["members"].remove(subject[2])


def mounts(subject: Subject) -> Iterator[Mutant]:
    def change(raw: Raw, old: str, new: str) -> None:
        for entry in raw["mounts"]:
            if entry["path"] == subject[1]:
                entry["options"] = entry["options"].replace(old, new)

    yield "not mounted", lambda raw: raw["mounts"].clear()
    yield "another mode", lambda raw: change(raw, "mode=1770", "mode=1777")
    yield "another group", lambda raw: change(raw, "gid=901", "gid=0")
    yield "another page size", lambda raw: change(raw, "pagesize=", "pagesize=6")


def kept_mount(subject: Subject) -> Iterator[Mutant]:
    yield "not mounted at the next boot", lambda raw: raw["units"][subject[1]].update(enabled="disabled")


def affinity_file(subject: Subject) -> Iterator[Mutant]:
    yield "no line", lambda raw: edit(raw, subject[1], lambda text: without(text, "CPUAffinity"))
    yield (
        "other CPUs",
        lambda raw: edit(raw, subject[1], lambda text: text.replace("Affinity=", "Affinity=3 ")),
    )


def interrupts(subject: Subject) -> Iterator[Mutant]:
    yield "on every CPU", lambda raw: raw["interrupts"][1].update(cpus="0-15")


def occupants(subject: Subject) -> Iterator[Mutant]:
    astray = {"said": "pid 77 (make) on CPU 3", "bound": False}
    yield "somebody was moved there", lambda raw: raw["occupants"].append(astray)


def irqbalance(subject: Subject) -> Iterator[Mutant]:
    yield "nothing banned", lambda raw: raw["files"].update({subject[1]: None})
    yield "one CPU banned", lambda raw: edit(raw, subject[1], lambda text: 'IRQBALANCE_BANNED_CPULIST="3"\n')


def limit_lines(subject: Subject) -> Iterator[Mutant]:
    _, domain, item = subject
    later = {
        "path": "/etc/security/limits.d/99.conf",
        "domain": domain,
        "type": "-",
        "item": item,
        "value": "7",
    }

    def drop(raw: Raw) -> None:
        raw["limit_lines"] = [line for line in raw["limit_lines"] if line["item"] != item]

    yield "no line", drop
    yield "a later file overrides it", lambda raw: raw["limit_lines"].append(later)


def login(subject: Subject) -> Iterator[Mutant]:
    _, group, item = subject

    def lower(kind: str) -> Callable[[Raw], None]:
        return lambda raw: raw["login"][group]["limits"][item].update({kind: "1024"})

    yield "a lower soft limit", lower("soft")
    yield "a lower hard limit", lower("hard")


def devices(subject: Subject) -> Iterator[Mutant]:
    yield "gone", lambda raw: raw["devices"].clear()
    yield "readable for all", lambda raw: raw["devices"]["/dev/cpu/7/msr"].update(mode="0644")
    yield "another group", lambda raw: raw["devices"]["/dev/cpu/7/msr"].update(gid=0)


def allowlist(subject: Subject) -> Iterator[Mutant]:
    yield "a register more", lambda raw: edit(raw, subject[1], lambda text: text + "0x1a4\n")
    yield "a register fewer", lambda raw: edit(raw, subject[1], lambda text: without(text, "0x10"))
    yield "nonsense", lambda raw: edit(raw, subject[1], lambda text: text + "all\n")


def capabilities(subject: Subject) -> Iterator[Mutant]:
    yield "no capability", lambda raw: raw["files"][subject[1]].update(capabilities=[])
    yield "one too many", lambda raw: raw["files"][subject[1]]["capabilities"].append(21)


def link(subject: Subject) -> Iterator[Mutant]:
    yield "another program", lambda raw: raw["files"][subject[1]].update(real="/usr/bin/true")


def commands(subject: Subject) -> Iterator[Mutant]:
    yield (
        "gone",
        lambda raw: raw["commands"].update({subject[1]: {"status": 127, "output": "", "errors": "no such"}}),
    )


def versions(subject: Subject) -> Iterator[Mutant]:
    old = {"status": 0, "output": "perf version 2.6, cmake version 2.6, 2.6", "errors": ""}
    yield "too old", lambda raw: raw["commands"].update({subject[1]: old})


def openmp(subject: Subject) -> Iterator[Mutant]:
    yield "does not compile", lambda raw: raw["openmp"][subject[1]].update(status=1, output="")
    yield "one thread", lambda raw: raw["openmp"][subject[1]].update(output="threads 1")


def compiled(subject: Subject) -> Iterator[Mutant]:
    broken = {"status": 127, "output": "", "errors": "no such compiler"}
    yield "does not compile", lambda raw: raw["gpu"][subject[1]].update(compiled=broken)


def executed(subject: Subject) -> Iterator[Mutant]:
    lost = {"status": 1, "output": "", "errors": "no device"}
    yield "does not run", lambda raw: raw["gpu"][subject[1]].update(executed=lost)
    yield "not tried", lambda raw: raw["gpu"][subject[1]].pop("executed")
    wrong = {"status": 0, "output": "kernel 0", "errors": ""}
    yield "another answer", lambda raw: raw["gpu"][subject[1]].update(executed=wrong)


def dkms(subject: Subject) -> Iterator[Mutant]:
    def says(text: str) -> Callable[[Raw], None]:
        return lambda raw: raw["commands"]["dkms"].update(output=text)

    _, package, version = subject
    yield "built for another kernel", says(f"{package}/{version}, 6.1.0-9-amd64, x86_64: installed")
    yield "another version", says(f"{package}/0.9.0, 6.1.0-40-amd64, x86_64: installed")
    yield "built, not installed", says(f"{package}/{version}, 6.1.0-40-amd64, x86_64: built")
    yield "not known", says("")


def runtimes(subject: Subject) -> Iterator[Mutant]:
    others = {"status": 0, "output": '{"runc": {}}', "errors": ""}
    yield "only others", lambda raw: raw["commands"].update(docker_runtimes=others)
    yield (
        "no Docker",
        lambda raw: raw["commands"].update(docker_runtimes={**others, "status": 127, "output": ""}),
    )


def blas(subject: Subject) -> Iterator[Mutant]:
    yield (
        "reference",
        lambda raw: raw["blas"].update(output="/usr/lib/x86_64-linux-gnu/blas/libblas.so.3.11.0"),
    )
    yield (
        "another OpenBLAS",
        lambda raw: raw["blas"].update(output="/usr/lib/x/openblas-pthread/libblas.so.3"),
    )
    mixed = "/usr/lib/x/openblas-openmp/libblas.so.3\n/usr/lib/x/lapack/liblapack.so.3.11.0"
    yield "LAPACK of another", lambda raw: raw["blas"].update(output=mixed)
    yield "none", lambda raw: raw["blas"].update(status=1, output="")


def said(raw: Raw, asked: str, **changes: Any) -> None:
    found = raw["python"][asked]
    found["output"] = json.dumps({**json.loads(found["output"]), **changes})


def python(subject: Subject) -> Iterator[Mutant]:
    yield "does not import", lambda raw: raw["python"][subject[1]].update(status=1, output="")
    yield "another backend", lambda raw: said(raw, subject[1], backend="other")
    if subject[1] != "numpy":
        yield "another library", lambda raw: said(raw, subject[1], library="/home/mallory/libtcpk.so")


def variant(subject: Subject) -> Iterator[Mutant]:
    yield "generic on a better CPU", lambda raw: said(raw, "ctypes", variant="generic")
    yield "not loaded", lambda raw: raw["python"]["ctypes"].update(status=1, output="")


def units(subject: Subject) -> Iterator[Mutant]:
    yield "disabled", lambda raw: raw["units"][subject[1]].update(enabled="disabled")
    yield "gone", lambda raw: raw["units"].pop(subject[1])


MUTANTS: dict[str, Callable[[Subject], Iterator[Mutant]]] = {
    "affinity_file": affinity_file,
    "allowlist": allowlist,
    "blas": blas,
    "boot": boot,
    "capabilities": capabilities,
    "compiled": compiled,
    "commands": commands,
    "devices": devices,
    "dkms": dkms,
    "executed": executed,
    "files": file,
    "groups": groups,
    "header": header,
    "interrupts": interrupts,
    "irqbalance": irqbalance,
    "kept_mount": kept_mount,
    "limit_lines": limit_lines,
    "link": link,
    "login": login,
    "members": members,
    "mounts": mounts,
    "occupants": occupants,
    "openmp": openmp,
    "python": python,
    "runtimes": runtimes,
    "sysctl_files": sysctl_files,
    "sysctls": sysctls,
    "tmpfiles": tmpfiles,
    "units": units,
    "values": values,
    "variant": variant,
    "versions": versions,
}
