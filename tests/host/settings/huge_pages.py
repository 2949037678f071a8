"""Huge pages: asked and got on each node, their mounts, and the group that may use them."""

from __future__ import annotations

import re
from typing import Any, Iterator

from tests.host.collectors.software import mount_unit
from tests.host.settings.common import (
    Request,
    boot_argument,
    effective,
    kept_files,
    kernel_value,
    managed_file,
    shared,
)
from tests.host.state import Plan, State
from tests.host.verdict import DRIFTED, Judgement, Setting, Subject, compliant, drifted, reboot_pending

ROLE = "huge_pages"
UNITS_KIB = {"K": 1, "M": 1024, "G": 1024 * 1024}
REQUEST = Request(files=("/etc/fstab", "/etc/systemd/system/*.mount"))


def reservation(plan: Plan, entry: dict[str, str]) -> Setting:
    """The pages of one size that one node has; after a reboot it may have more than now."""
    plain = kernel_value(plan, entry)
    size = "1G" if "1048576kB" in entry["path"] else "2M"
    words = plan["boot_arguments_by_role"].get(ROLE, [])
    ours = [list(pair) for pair in zip(words, words[1:]) if pair[0] == f"hugepagesz={size}"]

    def judge(state: State) -> Judgement:
        found = plain.judge(state)
        got = state.value(entry["path"])
        if found.verdict != DRIFTED or got is None or got == entry["value"]:
            return found
        if ours and not effective(state.running_arguments, ours[0]):
            pending = boot_argument(ROLE, ours[0]).judge(state)
            if pending.verdict != DRIFTED:
                return reboot_pending(
                    got, f"asked for {entry['value']}, got {got}; the boot loader has the rest"
                )
        return drifted(
            got, f"asked for {entry['value']}, got {got}: the node could not give them, or gave them back"
        )

    return Setting(plain.name, ROLE, plain.expected, judge, plain.subjects)


def mount(plan: Plan, entry: dict[str, str]) -> Setting:
    path, group = entry["path"], plan["intent"].get("huge_pages_group", "")
    systemd = plan["features"]["systemd"]["available"]
    wanted = dict(option.partition("=")[::2] for option in entry["options"].split(","))

    def judge(state: State) -> Judgement:
        found = [m for m in state.raw["mounts"] if m["path"] == path and m["type"] == entry["type"]]
        if not found:
            return drifted("not mounted", f"there is no {entry['type']} at {path}")
        options = dict(option.partition("=")[::2] for option in found[-1]["options"].split(","))
        actual = ",".join(f"{key}={options.get(key, '')}" for key in sorted(wanted))
        numbers = state.group(group) if group else None
        for key, value in wanted.items():
            expected = str(numbers[0]) if key == "gid" and numbers else value
            if plain(key, options.get(key, "")) != plain(key, expected):
                return drifted(actual, f"{path} is mounted with {key}={options.get(key, 'nothing')}")
        if systemd and not kept(state, path):
            return drifted(
                f"{actual} until the next boot", "neither a mount unit nor /etc/fstab mounts it at boot"
            )
        return compliant(actual)

    subjects: tuple[Subject, ...] = (("mounts", path),)
    if systemd:
        subjects += (("kept_mount", mount_unit(path)),)
    return Setting(f"{ROLE}.mount.{path}", ROLE, f"{entry['type']} {entry['options']}", judge, subjects)


def plain(key: str, value: str) -> str:
    """A mount option in one spelling: the kernel prints 1G as 1024M, and a mode as it likes."""
    number, unit = value[:-1], value[-1:]
    if key == "pagesize" and number.isdecimal() and unit in UNITS_KIB:
        return str(int(number) * UNITS_KIB[unit])
    return value.lstrip("0")


def kept(state: State, path: str) -> bool:
    """Whether something mounts it again at boot."""
    if re.search(rf"^\S+\s+{re.escape(path)}\s", state.text("/etc/fstab"), re.MULTILINE):
        return True
    return state.unit(mount_unit(path)).get("enabled") == "enabled"


def settings(plan: Plan) -> Iterator[Setting]:
    for setting in shared(plan, ROLE):
        pages: list[dict[str, Any]] = [
            entry
            for entry in plan["sysfs"]
            if entry["setting"] == setting.name and entry["path"].endswith("/nr_hugepages")
        ]
        yield reservation(plan, pages[0]) if pages else setting
    yield from kept_files(plan, ROLE)
    for entry in plan["mounts"]:
        yield mount(plan, entry)
        if plan["features"]["systemd"]["available"]:
            yield managed_file(ROLE, f"/etc/systemd/system/{mount_unit(entry['path'])}")
