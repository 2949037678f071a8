"""Packages: written down before they come, purged on revert, and nobody else's package goes with them."""

from __future__ import annotations

from typing import Dict, List, Sequence, Set

import pytest
from snapshot_host import Host, Result, SnapshotError
from snapshot_packages import missing, record_packages, restore_packages, simulate
from snapshot_store import Store

from .conftest import FakeCommands


class Apt:
    """A small apt: what depends on what, what is installed, and what was asked for by hand."""

    def __init__(self, commands: FakeCommands) -> None:
        self.needs: Dict[str, List[str]] = {"gcc": ["cpp", "libc"], "cpp": ["libc"], "make": [], "libc": []}
        self.installed: Set[str] = {"libc"}
        self.left: Set[str] = set()
        self.by_hand: Set[str] = {"libc"}
        self.upgrades: Dict[str, str] = {}
        self.conflicts: Set[str] = set()
        answers = {
            "apt-get -s": self.simulate,
            "apt-get remove": self.remove,
            "apt-mark showmanual": lambda words: Result(0, "\n".join(self.by_hand), ""),
            "apt-mark auto": self.mark,
            "dpkg --print-architecture": lambda words: Result(0, "amd64\n", ""),
            "dpkg --configure -a": lambda words: Result(0, "", ""),
            "dpkg-query -W": self.states,
            "uname -r": lambda words: Result(0, "6.1.0-rt\n", ""),
        }
        commands.answers.update(answers)

    def closure(self, name: str) -> List[str]:
        found = [name]
        for other in self.needs[name]:
            found += self.closure(other)
        return list(dict.fromkeys(found))

    def names(self, words: Sequence[str]) -> List[str]:
        return [word for word in words if word in self.needs]

    def going(self, names: List[str]) -> List[str]:
        return [p for p in sorted(self.installed) if set(self.closure(p)) & set(names)]

    def simulate(self, words: Sequence[str]) -> Result:
        lines = []
        if "purge" in words:
            lines = ["Purg %s [1]" % name for name in self.going(self.names(words))]
        else:
            lines = ["Remv %s [1]" % name for name in self.conflicts]
            wanted = [p for name in self.names(words) for p in self.closure(name)]
            for name in dict.fromkeys(wanted):
                if name not in self.installed:
                    lines.append("Inst %s (2 Debian:12 [amd64])" % name)
                elif name in self.upgrades:
                    lines.append("Inst %s [1] (%s Debian:12 [amd64])" % (name, self.upgrades[name]))
        return Result(0, "Reading...\n" + "\n".join(lines) + "\nConf x (2)\n", "")

    def install(self, *names: str) -> None:
        self.installed |= {p for name in names for p in self.closure(name)}
        self.by_hand |= set(names)

    def remove(self, words: Sequence[str]) -> Result:
        going = set(self.going(self.names(words)))
        self.installed -= going
        self.left = self.left - going if "--purge" in words else self.left | going
        return Result(0, "", "")

    def mark(self, words: Sequence[str]) -> Result:
        self.by_hand -= set(words)
        return Result(0, "", "")

    def states(self, words: Sequence[str]) -> Result:
        lines = ["%s amd64 installed" % name for name in self.installed]
        lines += ["%s amd64 config-files" % name for name in self.left - self.installed]
        return Result(0, "\n".join(lines), "")


@pytest.fixture
def apt(commands: FakeCommands) -> Apt:
    return Apt(commands)


def provision(host: Host, apt: Apt, *names: str) -> Store:
    store = Store(host)
    record_packages(host, store, list(names), "tests")
    apt.install(*names)
    return store


def test_lines_of_a_simulation_are_told_apart(host: Host, commands: FakeCommands) -> None:
    text = (
        "Inst new:i386 (2:1.0-1+b1 Debian:12.15/oldstable [i386]) []\n"
        "Inst old [1.0] (1.1 Debian-Security:12/oldstable-security [amd64]) [more:amd64 ]\n"
        "Remv gone [3]\nPurg rest [4]\nConf new:i386 (2:1.0-1+b1 Debian:12 [i386])\n"
    )
    commands.say("apt-get -s", text)
    found = simulate(host, "install", "new")
    assert found.new == {"new:i386": "2:1.0-1+b1"}
    assert found.upgraded == {"old": ("1.0", "1.1")}
    assert found.removed == {"gone", "rest"}


def test_what_came_is_purged_with_its_dependencies(host: Host, apt: Apt) -> None:
    store = provision(host, apt, "gcc", "make")
    outcomes = restore_packages(host, store, check=False)
    assert apt.installed == {"libc"}
    assert sorted(outcome.name for outcome in outcomes) == ["cpp", "gcc", "make"]


def test_what_was_there_stays(host: Host, apt: Apt) -> None:
    apt.install("make")
    store = provision(host, apt, "gcc", "make")
    restore_packages(host, store, check=False)
    assert apt.installed == {"libc", "make"}


def test_what_a_later_package_needs_stays_with_the_reason(host: Host, apt: Apt) -> None:
    store = provision(host, apt, "gcc", "make")
    apt.needs["theirs"] = ["cpp"]
    apt.install("theirs")
    kept = [outcome for outcome in restore_packages(host, store, check=False) if outcome.result == "kept"]
    assert apt.installed == {"libc", "cpp", "theirs"}
    assert [(o.name, o.detail) for o in kept] == [("cpp", "theirs, installed since, needs it")]


def test_a_dependency_that_somebody_asked_for_since_stays(host: Host, apt: Apt) -> None:
    store = provision(host, apt, "gcc")
    apt.by_hand.add("cpp")
    outcomes = restore_packages(host, store, check=False)
    assert apt.installed == {"libc", "cpp"}
    assert ("cpp", "kept") in [(outcome.name, outcome.result) for outcome in outcomes]


def test_an_upgraded_package_is_named_and_stays(host: Host, apt: Apt) -> None:
    apt.upgrades["libc"] = "2"
    store = provision(host, apt, "gcc")
    outcomes = restore_packages(host, store, check=False)
    kept = [(o.name, o.detail) for o in outcomes if o.result == "kept"]
    assert kept == [("libc", "upgraded from 1; an older version is not brought back")]


def test_a_transaction_that_removes_a_package_is_refused(host: Host, apt: Apt) -> None:
    apt.conflicts.add("theirs")
    with pytest.raises(SnapshotError, match="would remove theirs"):
        record_packages(host, Store(host), ["gcc"], "tests")


def test_a_package_known_by_its_configuration_alone_keeps_that(host: Host, apt: Apt) -> None:
    apt.left.add("make")
    store = provision(host, apt, "make")
    restore_packages(host, store, check=False)
    assert apt.installed == {"libc"}
    assert apt.left == {"make"}


def test_an_automatic_mark_comes_back(host: Host, apt: Apt) -> None:
    apt.installed.add("cpp")
    store = provision(host, apt, "gcc", "cpp")
    assert "cpp" in apt.by_hand
    restore_packages(host, store, check=False)
    assert "cpp" not in apt.by_hand


def test_the_running_kernel_stays_and_is_tried_again_later(host: Host, apt: Apt) -> None:
    apt.needs["linux-image-6.1.0-rt"] = []
    store = provision(host, apt, "linux-image-6.1.0-rt")
    outcomes = restore_packages(host, store, check=False)
    assert [(o.name, o.result) for o in outcomes] == [("linux-image-6.1.0-rt", "failed")]
    assert "linux-image-6.1.0-rt" in apt.installed


def test_check_mode_only_simulates(host: Host, apt: Apt, commands: FakeCommands) -> None:
    store = provision(host, apt, "gcc")
    commands.asked.clear()
    announced = restore_packages(host, store, check=True)
    assert not [line for line in commands.asked if line.startswith(("apt-get remove", "apt-mark auto"))]
    assert restore_packages(host, store, check=False) == announced


def test_a_transaction_that_never_ran_needs_no_revert(host: Host, apt: Apt) -> None:
    store = Store(host)
    record_packages(host, store, ["gcc"], "tests")
    assert restore_packages(host, store, check=False) == []


def test_missing_packages_are_those_not_installed(host: Host, apt: Apt) -> None:
    apt.left.add("make")
    assert missing(host, ["libc", "make", "gcc"]) == ["make", "gcc"]
