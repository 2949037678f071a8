"""Settings that several capabilities have: sysctls, kernel values, boot arguments, groups, managed files, commands."""

from __future__ import annotations

import re
from dataclasses import dataclass, field
from typing import Any, Iterator

from tests.host.cpus import expand, meaning
from tests.host.state import GRUB_MENU, SYSTEMD_BOOT, Plan, State
from tests.host.verdict import Judgement, Setting, Subject, compliant, drifted, reboot_pending

MANAGED = "Managed by tcp-performance"
TMPFILES = "/etc/tmpfiles.d/60-tcp-performance-{}.conf"
CPU_LISTS = ("isolcpus=", "nohz_full=", "rcu_nocbs=", "irqaffinity=")
GRUB_DROP_IN = "/etc/default/grub.d/60-tcp-performance.cfg"


@dataclass(frozen=True)
class Request:
    """What the collectors must read: files by path or pattern, systemd units, commands by name."""

    files: tuple[str, ...] = ()
    prefixed_files: tuple[str, ...] = ()
    units: tuple[str, ...] = ()
    commands: dict[str, tuple[str, list[str]]] = field(default_factory=dict)

    def __add__(self, other: Request) -> Request:
        return Request(
            self.files + other.files,
            self.prefixed_files + other.prefixed_files,
            self.units + other.units,
            {**self.commands, **other.commands},
        )

    def as_dict(self) -> dict[str, Any]:
        commands = {name: {"role": role, "argv": argv} for name, (role, argv) in self.commands.items()}
        return {
            "files": self.files,
            "prefixed_files": self.prefixed_files,
            "units": self.units,
            "commands": commands,
        }


COMMON = Request(
    files=(
        TMPFILES.format("*"),
        "/etc/sysctl.d/60-tcp-performance-*.conf",
        GRUB_DROP_IN,
        GRUB_MENU,
        SYSTEMD_BOOT,
        "/boot/loader/entries/*.conf",
    )
)


def entries(plan: Plan, role: str) -> list[dict[str, str]]:
    """The plan's values below /sys and /proc of one role."""
    return [entry for entry in plan["sysfs"] + plan["proc"] if entry["role"] == role]


def skipped(plan: Plan, setting: str) -> str:
    """Why the plan says that a setting does not apply; empty when it does not say so."""
    reasons = [entry["reason"] for entry in plan["not_applicable"] if entry["setting"] == setting]
    return reasons[0] if reasons else ""


def shared(plan: Plan, role: str) -> Iterator[Setting]:
    """All of a role's sysctls, kernel values, boot arguments and groups."""
    for name, owner in plan["sysctl_roles"].items():
        if owner == role:
            yield sysctl(role, name, plan["sysctls"][name])
    for entry in entries(plan, role):
        yield kernel_value(plan, entry)
    yield from boot_arguments(plan, role)
    for group in plan["groups"]:
        if group["role"] == role:
            yield access_group(role, group)


def sysctl(role: str, name: str, planned: str) -> Setting:
    """A sysctl, now and at the next boot; a file that is read after ours is named."""

    def judge(state: State) -> Judgement:
        expected = planned
        if planned.startswith("gid:"):
            group = state.group(planned[4:])
            if group is None:
                return drifted("no such group", f"there is no group {planned[4:]}")
            expected = str(group[0])
        actual = state.sysctl(name)
        writers = state.sysctl_writers(name)
        wrong_file = f"{writers[-1][0]} sets it to {writers[-1][1]} and is read last" if writers else ""
        if actual != expected:
            overridden = bool(writers) and writers[-1][1] != expected
            reason = wrong_file if overridden else "the running kernel says otherwise"
            return drifted(actual if actual is not None else "absent", reason)
        if not writers:
            return drifted(f"{actual} until the next boot", "no file under sysctl.d sets it at boot")
        if writers[-1][1] != expected:
            return drifted(f"{actual} until the next boot", wrong_file)
        return compliant(actual)

    subjects: tuple[Subject, ...] = (("sysctls", name), ("sysctl_files", name))
    return Setting(f"{role}.{name}", role, planned, judge, subjects)


def kernel_value(plan: Plan, entry: dict[str, str]) -> Setting:
    """A value below /sys or /proc, now and, where systemd runs, at the next boot."""
    path, role = entry["path"], entry["role"]
    expected = meaning(path, entry["value"])
    systemd = plan["features"]["systemd"]["available"]

    def judge(state: State) -> Judgement:
        text = state.value(path)
        if text is None:
            return drifted("absent", f"the kernel has no {path} any more")
        actual = meaning(path, text)
        kept = re.search(
            rf"^w[+!]*\s+{re.escape(path)}\s+-\s+-\s+-\s+-\s+(.*)$", state.text(TMPFILES.format(role)), re.M
        )
        if actual != expected:
            return drifted(actual, f"{path} says otherwise")
        if systemd and (kept is None or meaning(path, kept.group(1)) != expected):
            return drifted(
                f"{actual} until the next boot", f"{TMPFILES.format(role)} does not set it at boot"
            )
        return compliant(actual)

    subjects: tuple[Subject, ...] = (("values", path),)
    if systemd:
        subjects += (("tmpfiles", TMPFILES.format(role), path),)
    return Setting(entry["setting"], role, entry["value"], judge, subjects)


def boot_arguments(plan: Plan, role: str) -> Iterator[Setting]:
    words = plan["boot_arguments_by_role"].get(role, [])
    position = 0
    while position < len(words):
        # The number of pages belongs to the size before it.
        length = 2 if words[position].startswith("hugepagesz=") else 1
        yield boot_argument(role, words[position : position + length])
        position += length


def boot_argument(role: str, words: list[str]) -> Setting:
    """A boot argument: in the running kernel, and in every entry of the boot loader."""
    name = words[0].partition("=")[0]
    if len(words) == 2:
        name = f"hugepages_{words[0].partition('=')[2]}"
    expected = " ".join(words)

    def judge(state: State) -> Judgement:
        running = effective(state.running_arguments, words)
        missing = [where for where, found in state.next_boots.items() if not given(found, words)]
        runs = given(state.running_arguments, words)
        if runs and missing:
            return drifted("gone at the next boot", f"{missing[0]} does not have it")
        if runs:
            return compliant(running)
        if missing or not state.next_boots:
            return drifted(running or "absent", "neither the running kernel nor the boot loader has it")
        return reboot_pending(running or "absent", "the boot loader has it: it takes hold at the next boot")

    return Setting(f"{role}.boot_argument.{name}", role, expected, judge, (("boot", *words),))


def effective(found: list[str], words: list[str]) -> str:
    """What an argument comes to on a whole command line: the last one of its kind, empty when there is none."""
    if len(words) == 2:
        pairs = [" ".join(pair) for pair in zip(found, found[1:]) if pair[0] == words[0]]
        return pairs[-1] if pairs else ""
    key = words[0].partition("=")[0]
    same = [word for word in found if word.partition("=")[0] == key]
    return same[-1] if same else ""


def given(found: list[str], words: list[str]) -> bool:
    """Whether a command line gives an argument. A later one may repeat a list of CPUs: flags add up."""
    last = effective(found, words)
    if last == " ".join(words):
        return True
    repeated = words[0] in found and words[0].startswith(CPU_LISTS)
    return repeated and expand(last.partition("=")[2]) == expand(words[0].partition("=")[2])


def access_group(role: str, group: dict[str, Any]) -> Setting:
    """A group that grants access, and the members that the plan names. Others may be in it too."""
    name, members = group["name"], group["members"]

    def judge(state: State) -> Judgement:
        found = state.group(name)
        if found is None:
            return drifted("absent", f"there is no group {name}")
        missing = sorted(set(members) - set(found[1]))
        actual = f"{name}: {', '.join(found[1]) or 'no members'}"
        if missing:
            return drifted(actual, f"not in the group: {', '.join(missing)}")
        return compliant(actual)

    subjects = (("groups", name), *(("members", name, member) for member in members))
    expected = f"{name}: {', '.join(members) or 'exists'}"
    return Setting(f"{role}.group.{name}", role, expected, judge, subjects)


def managed_file(
    role: str, path: str, mode: str = "0644", group: str = "root", header: bool = True
) -> Setting:
    """A file that a role writes: there, root's, with its mode and its header."""
    expected = f"{mode} root:{group}" + (", managed" if header else "")

    def judge(state: State) -> Judgement:
        found = state.file(path)
        if found is None:
            return drifted("absent", f"there is no {path}")
        actual = f"{found.mode} {found.owner}:{found.group}"
        if (found.mode, found.owner, found.group) != (mode, "root", group):
            return drifted(actual, f"mode or owner of {path} was changed")
        if header and MANAGED not in (found.text or ""):
            return drifted(
                f"{actual}, not managed", f"{path} lacks the line {MANAGED!r}: somebody replaced it"
            )
        return compliant(f"{actual}, managed" if header else actual)

    subjects: tuple[Subject, ...] = (("files", path),) + ((("header", path),) if header else ())
    return Setting(f"{role}.file.{path}", role, expected, judge, subjects)


def kept_files(plan: Plan, role: str) -> Iterator[Setting]:
    """The files under sysctl.d and tmpfiles.d that a role has when the plan gives it such values."""
    if role in plan["sysctl_roles"].values():
        yield managed_file(role, f"/etc/sysctl.d/60-tcp-performance-{role}.conf")
    if entries(plan, role) and plan["features"]["systemd"]["available"]:
        yield managed_file(role, TMPFILES.format(role))


def version(role: str, name: str, command: str, pattern: str, at_least: tuple[int, int]) -> Setting:
    """A command that runs and is new enough."""
    wanted = ".".join(str(number) for number in at_least)

    def judge(state: State) -> Judgement:
        run = state.command(command)
        found = re.search(pattern, run.output)
        if run.status or not found:
            return drifted("does not run", run.said)
        numbers = tuple(int(number) for number in found.group(1).split(".")[:2])
        if numbers < at_least:
            return drifted(found.group(1), f"older than {wanted}")
        return compliant(found.group(1))

    subjects = (("commands", command), ("versions", command))
    return Setting(f"{role}.{name}", role, f"{wanted} or newer", judge, subjects)


def enabled_unit(role: str, unit: str) -> Setting:
    """A unit that systemd starts at each boot."""

    def judge(state: State) -> Judgement:
        found = state.unit(unit)
        actual = found.get("enabled") or "absent"
        if found.get("load") != "loaded" or actual != "enabled":
            return drifted(actual, f"systemd does not start {unit} at boot")
        return compliant(actual)

    return Setting(f"{role}.unit.{unit}", role, "enabled", judge, (("units", unit),))


def privileged_program(role: str, path: str, group: str, capabilities: dict[str, int]) -> Setting:
    """A program that only a group may run, with the capabilities it needs and no other."""
    wanted = sorted(capabilities.values())
    expected = f"0750 root:{group} {','.join(capabilities)}"

    def judge(state: State) -> Judgement:
        found = state.file(path)
        if found is None:
            return drifted("absent", f"there is no {path}")
        names = {number: name for name, number in capabilities.items()}
        held = ",".join(names.get(number, f"cap {number}") for number in found.capabilities)
        actual = f"{found.mode} {found.owner}:{found.group} {held}".strip()
        if (found.mode, found.owner, found.group) != ("0750", "root", group):
            return drifted(actual, f"mode or owner of {path} was changed")
        if sorted(found.capabilities) != wanted:
            return drifted(actual, f"{path} has other capabilities")
        return compliant(actual)

    return Setting(f"{role}.program.{path}", role, expected, judge, (("files", path), ("capabilities", path)))
