"""The state of a host as tests/host/collectors found it, with typed access."""

from __future__ import annotations

import re
from dataclasses import dataclass
from typing import Any, cast

from tests.host.cpus import expand

Plan = dict[str, Any]
GRUB_MENU = "/boot/grub/grub.cfg"
# How Debian and Ubuntu mark the entries that come up without what a rescuer does not need.
RECOVERY = {"single", "recovery"}
SYSTEMD_BOOT = "/etc/kernel/cmdline"
SYSTEMD_BOOT_ENTRIES = "/boot/loader/entries/"


def grub_entries(menu: str) -> dict[str, list[str]]:
    """The arguments of the menu's entries for this system's kernels, apart from those for recovery.

    Memory tests and other systems have sections of their own, and nothing to do with our arguments.
    """
    section = re.search(r"### BEGIN \S*/10_linux ###\n(.*?)### END", menu, re.DOTALL)
    lines = re.findall(r"^\s*linux(?:efi)?\s+(\S+)(.*)$", section.group(1) if section else menu, re.MULTILINE)
    entries = {
        f"{GRUB_MENU}, entry {n} ({image})": words.split() for n, (image, words) in enumerate(lines, 1)
    }
    return {where: words for where, words in entries.items() if not RECOVERY & set(words)} or entries


@dataclass(frozen=True)
class File:
    """What there is under a name, links followed."""

    kind: str
    mode: str
    owner: str
    group: str
    link: str | None
    real: str
    text: str | None
    sha256: str | None
    capabilities: tuple[int, ...]


@dataclass(frozen=True)
class Run:
    """How a command ended on the host."""

    status: int
    output: str
    errors: str

    @property
    def said(self) -> str:
        """The last line of what it had to say, for a verdict."""
        lines = (self.errors or self.output).splitlines()
        return lines[-1] if lines else f"exit {self.status}"


class State:
    """One host's state. `raw` is the collectors' JSON; whatever is missing in it reads as absent."""

    def __init__(self, raw: dict[str, Any]) -> None:
        self.raw = raw

    @property
    def plan(self) -> Plan:
        return cast(Plan, self.raw["plan"])

    def file(self, path: str) -> File | None:
        found = self.raw["files"].get(path)
        return None if found is None else File(**dict(found, capabilities=tuple(found["capabilities"])))

    def text(self, path: str) -> str:
        """A file's text; empty where there is no such file."""
        found = self.file(path)
        return (found.text or "") if found else ""

    def value(self, path: str) -> str | None:
        """A file in /sys or /proc as it reads; None where the kernel has none."""
        return cast("str | None", self.raw["values"].get(path))

    def sysctl(self, name: str) -> str | None:
        value = self.raw["sysctls"].get(name)
        return None if value is None else " ".join(value.split())

    def sysctl_writers(self, name: str) -> list[tuple[str, str]]:
        """The files that set a sysctl at boot and the value of each, in order: the last one wins."""
        return [
            (entry["path"], " ".join(entry["settings"][name].split()))
            for entry in self.raw["sysctl_files"]
            if name in entry["settings"]
        ]

    def group(self, name: str) -> tuple[int, list[str]] | None:
        """A group's number and its members."""
        found = self.raw["groups"].get(name)
        return None if found is None else (found["gid"], found["members"])

    def command(self, name: str) -> Run:
        return self.run(self.raw["commands"].get(name))

    @staticmethod
    def run(found: dict[str, Any] | None) -> Run:
        return Run(**found) if found else Run(127, "", "was not run")

    def unit(self, name: str) -> dict[str, str]:
        return cast("dict[str, str]", self.raw["units"].get(name, {}))

    @property
    def cpu_flags(self) -> frozenset[str]:
        found = re.search(r"^(?:flags|Features)\s*:(.*)$", self.value("/proc/cpuinfo") or "", re.MULTILINE)
        return frozenset(found.group(1).split()) if found else frozenset()

    @property
    def running_arguments(self) -> list[str]:
        """The arguments that the running kernel was booted with."""
        return (self.value("/proc/cmdline") or "").split()

    @property
    def next_boots(self) -> dict[str, list[str]]:
        """The arguments of every entry that the boot loader may start next, by where they stand."""
        kind = self.plan["features"]["boot_loader"].get("kind")
        if kind == "grub":
            return grub_entries(self.text(GRUB_MENU))
        found = {}
        for path in self.raw["files"]:
            if path.startswith(SYSTEMD_BOOT_ENTRIES):
                options = re.findall(r"^options\s+(.*)$", self.text(path), re.MULTILINE)
                found[path] = " ".join(options).split()
        return found or {SYSTEMD_BOOT: self.text(SYSTEMD_BOOT).split()}

    @property
    def pid1_cpus(self) -> set[int]:
        return expand(self.raw["pid1_cpus"])
