"""Kernel values, mounts, units and alternatives, and who is told of files that came back."""

from __future__ import annotations

from pathlib import Path
from typing import Dict, List, Sequence

import pytest
import snapshot_values
from snapshot_host import Host, Outcome, Result
from snapshot_restore import Restoration, record
from snapshot_store import Store

from .conftest import FakeCommands

THP = "/sys/kernel/mm/transparent_hugepage/enabled"


def snapshot(host: Host, **wanted: List[str]) -> None:
    store = Store(host)
    record(host, store, "tests", dict(wanted))
    store.save()


def revert(host: Host, check: bool = False) -> List[Outcome]:
    return Restoration(host, Store(host), check).run()


def write(root: Path, name: str, text: str) -> Path:
    path = root / name.lstrip("/")
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(text)
    return path


def test_the_selected_word_is_what_comes_back(host: Host, tmp_path: Path) -> None:
    path = write(tmp_path, THP, "always [madvise] never\n")
    snapshot(host, values=[THP])
    path.write_text("[always] madvise never\n")
    # A plain file does not select: it holds what was written, which is what is to be seen.
    assert [outcome.detail for outcome in revert(host)] == ["always -> madvise"]
    assert path.read_text() == "madvise\n"


def test_a_sysctl_comes_back(host: Host, tmp_path: Path) -> None:
    path = write(tmp_path, "/proc/sys/vm/swappiness", "60\n")
    snapshot(host, sysctls=["vm.swappiness"])
    path.write_text("10\n")
    assert [outcome[:3] for outcome in revert(host)] == [("sysctls", "vm.swappiness", "restored")]
    assert path.read_text() == "60\n"


def test_a_value_that_is_as_it_was_is_not_written(host: Host, tmp_path: Path) -> None:
    path = write(tmp_path, "/proc/sys/vm/swappiness", "60\n")
    snapshot(host, sysctls=["vm.swappiness"])
    before = path.stat().st_mtime_ns
    assert revert(host) == []
    assert path.stat().st_mtime_ns == before


def test_a_value_that_is_gone_needs_nothing(host: Host, tmp_path: Path) -> None:
    path = write(tmp_path, "/sys/devices/some/value", "1\n")
    snapshot(host, values=["/sys/devices/some/value", "/sys/never/there"])
    path.unlink()
    assert revert(host) == []


def test_the_thread_switch_comes_before_the_values_of_the_threads(host: Host, tmp_path: Path) -> None:
    names = ["/sys/devices/system/cpu/cpu1/power", "/sys/devices/system/cpu/smt/control"]
    for name in names:
        write(tmp_path, name, "on\n")
    snapshot(host, values=names)
    for name in names:
        write(tmp_path, name, "off\n")
    assert [outcome.name for outcome in revert(host)] == names[::-1]


def test_what_the_kernel_does_not_take_stays_recorded(
    host: Host, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    write(tmp_path, "/proc/irq/1/smp_affinity", "3\n")
    snapshot(host, values=["/proc/irq/1/smp_affinity"])
    monkeypatch.setattr(snapshot_values, "read_value", lambda host, path: "1")
    assert [(o.result, o.detail) for o in revert(host)] == [("failed", "was 3, the kernel keeps 1")]
    assert Store(host).has("values", "/proc/irq/1/smp_affinity")


def test_what_was_not_mounted_is_unmounted(host: Host, tmp_path: Path, commands: FakeCommands) -> None:
    (tmp_path / "dev/pages").mkdir(parents=True)
    write(tmp_path, "/proc/self/mountinfo", "")
    snapshot(host, mounts=["/dev/pages"])
    line = "30 1 0:5 / /dev/pages rw - hugetlbfs none rw\n"
    mountinfo = write(tmp_path, "/proc/self/mountinfo", line)

    def unmount(words: Sequence[str]) -> Result:
        mountinfo.write_text("")
        return Result(0, "", "")

    commands.answers["umount /dev/pages"] = unmount
    assert [outcome[:3] for outcome in revert(host)] == [("mounts", "/dev/pages", "restored")]


def test_a_busy_mount_is_said_and_stays_recorded(host: Host, tmp_path: Path, commands: FakeCommands) -> None:
    write(tmp_path, "/proc/self/mountinfo", "")
    snapshot(host, mounts=["/dev/pages"])
    (tmp_path / "dev/pages").mkdir(parents=True)
    write(tmp_path, "/proc/self/mountinfo", "30 1 0:5 / /dev/pages rw - hugetlbfs none rw\n")
    commands.say("umount", status=32, errors="umount: /dev/pages: target is busy.")
    failed = [outcome for outcome in revert(host) if outcome.result == "failed"]
    assert failed[0] == Outcome("mounts", "/dev/pages", "failed", "umount: /dev/pages: target is busy.")
    assert Store(host).has("mounts", "/dev/pages")


class Systemd:
    """Units with their states, as systemctl shows and changes them."""

    def __init__(self, root: Path, commands: FakeCommands, **units: str) -> None:
        (root / "run/systemd/system").mkdir(parents=True)
        self.units: Dict[str, List[str]] = {name: state.split() for name, state in units.items()}
        commands.answers["systemctl"] = self.answer

    def answer(self, words: Sequence[str]) -> Result:
        verb, name = words[1], words[-1].partition(".")[0]
        unit = self.units.get(name)
        if verb == "show":
            load, enabled, active = ("loaded", *unit) if unit else ("not-found", "", "inactive")
            text = f"LoadState={load}\nUnitFileState={enabled}\nActiveState={active}\n"
            return Result(0, text, "")
        if unit and verb in ("enable", "disable"):
            unit[0] = verb + "d"
        if unit and (verb in ("stop", "start", "restart") or "--now" in words):
            unit[1] = "active" if verb in ("start", "restart") else "inactive"
        return Result(0, "", "")


@pytest.mark.parametrize(
    "before", ["enabled active", "disabled inactive", "enabled inactive", "disabled active"]
)
@pytest.mark.parametrize("after", ["enabled active", "disabled inactive"])
def test_a_unit_is_enabled_and_active_as_before(
    host: Host, tmp_path: Path, commands: FakeCommands, before: str, after: str
) -> None:
    systemd = Systemd(tmp_path, commands, irqbalance=before)
    snapshot(host, units=["irqbalance.service"])
    systemd.units["irqbalance"] = after.split()
    revert(host)
    assert systemd.units["irqbalance"] == before.split()


def test_a_unit_of_ours_is_stopped_though_only_its_file_was_recorded(
    host: Host, tmp_path: Path, commands: FakeCommands
) -> None:
    systemd = Systemd(tmp_path, commands)
    name = "/etc/systemd/system/ours.service"
    (tmp_path / "etc/systemd/system").mkdir(parents=True)
    snapshot(host, files=[name])
    write(tmp_path, name, "[Service]\n")
    systemd.units["ours"] = ["enabled", "active"]
    outcomes = revert(host)
    assert systemd.units["ours"] == ["disabled", "inactive"]
    assert [outcome[:2] for outcome in outcomes] == [("units", "ours.service"), ("files", name)]
    assert commands.asked[-1] == "systemctl daemon-reload"


def test_without_systemd_units_are_left_alone(host: Host, commands: FakeCommands) -> None:
    snapshot(host, units=["irqbalance.service"], files=["/etc/systemd/system/ours.service"])
    assert revert(host) == []
    assert commands.asked == []


QUERY = "Name: blas\nLink: /usr/lib/blas\nStatus: {}\nBest: /b\nValue: {}\n\nAlternative: /a\nPriority: 1\n"


@pytest.mark.parametrize(
    ("before", "after", "command"),
    [
        (("auto", "/b"), ("manual", "/a"), "update-alternatives --auto blas"),
        (("manual", "/a"), ("manual", "/b"), "update-alternatives --set blas /a"),
        (("manual", "/a"), ("auto", "/b"), "update-alternatives --set blas /a"),
        (("auto", "/b"), ("auto", "/c"), None),
    ],
)
def test_an_alternative_is_automatic_or_chosen_as_before(
    host: Host,
    commands: FakeCommands,
    before: tuple[str, str],
    after: tuple[str, str],
    command: str | None,
) -> None:
    commands.say("update-alternatives --query blas", QUERY.format(*before))
    commands.say("update-alternatives --auto")
    commands.say("update-alternatives --set")
    snapshot(host, alternatives=["blas"])
    commands.say("update-alternatives --query blas", QUERY.format(*after))
    commands.asked.clear()
    revert(host)
    assert [line for line in commands.asked if "query" not in line] == ([command] if command else [])


def test_the_boot_loader_is_told_when_its_file_came_back(
    host: Host, tmp_path: Path, commands: FakeCommands
) -> None:
    (tmp_path / "etc/default/grub.d").mkdir(parents=True)
    write(tmp_path, "/usr/sbin/update-grub", "")
    commands.say("update-grub")
    name = "/etc/default/grub.d/60-tcp-performance.cfg"
    snapshot(host, files=[name])
    write(tmp_path, name, "x")
    assert "update-grub" not in commands.asked
    assert revert(host)[-1].detail == "the next boot has the former boot arguments"
    assert commands.asked == ["update-grub"]


def test_one_thing_that_fails_does_not_stop_the_rest(
    host: Host, tmp_path: Path, commands: FakeCommands
) -> None:
    write(tmp_path, "/etc/some.conf", "before")
    snapshot(host, files=["/etc/some.conf"], alternatives=["blas"])
    store = Store(host)
    store.entries["alternatives"]["blas"] = {"status": "manual", "value": "/a", "role": "tests"}
    store.save()
    write(tmp_path, "/etc/some.conf", "after")
    commands.say("update-alternatives --query blas", QUERY.format("auto", "/b"))
    commands.say("update-alternatives --set", status=2, errors="no alternative /a")
    assert sorted(outcome.result for outcome in revert(host)) == ["failed", "restored"]
    assert (tmp_path / "etc/some.conf").read_text() == "before"
    left = Store(host)
    assert (left.has("alternatives", "blas"), left.has("files", "/etc/some.conf")) == (True, False)
