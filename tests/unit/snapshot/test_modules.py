"""Kernel modules: what we loaded goes, what is in use stays recorded, what others have is left alone."""

from __future__ import annotations

from pathlib import Path
from typing import List, Sequence

from snapshot_host import Host, Outcome, Result
from snapshot_restore import Restoration, record
from snapshot_store import Store

from .conftest import FakeCommands

MODULE = "sys/module/ring"


def snapshot(host: Host) -> None:
    store = Store(host)
    record(host, store, "tests", {"modules": ["ring"], "dkms": ["package"]})
    store.save()


def revert(host: Host, check: bool = False) -> List[Outcome]:
    return Restoration(host, Store(host), check).run()


def test_a_module_that_was_not_loaded_is_unloaded(host: Host, tmp_path: Path, commands: FakeCommands) -> None:
    snapshot(host)
    folder = tmp_path / MODULE
    folder.mkdir(parents=True)

    def unload(words: Sequence[str]) -> Result:
        folder.rmdir()
        return Result(0, "", "")

    commands.answers["rmmod ring"] = unload
    assert revert(host, check=True) == [Outcome("modules", "ring", "restored", "unloaded")]
    assert folder.exists()
    assert revert(host) == [Outcome("modules", "ring", "restored", "unloaded")]
    assert not folder.exists()


def test_a_module_that_was_loaded_stays(host: Host, tmp_path: Path) -> None:
    (tmp_path / MODULE).mkdir(parents=True)
    snapshot(host)
    assert revert(host) == []


def test_a_module_in_use_is_said_and_stays_recorded(
    host: Host, tmp_path: Path, commands: FakeCommands
) -> None:
    snapshot(host)
    (tmp_path / MODULE).mkdir(parents=True)
    commands.say("rmmod", status=1, errors="rmmod: ERROR: Module ring is in use\n")
    assert revert(host) == [Outcome("modules", "ring", "failed", "rmmod: ERROR: Module ring is in use")]
    assert Store(host).has("modules", "ring")


def test_versions_that_were_not_there_are_taken_from_dkms(
    host: Host, tmp_path: Path, commands: FakeCommands
) -> None:
    folder = tmp_path / "var/lib/dkms/package"
    (folder / "0.9.0").mkdir(parents=True)
    snapshot(host)
    (folder / "1.0.0").mkdir()
    (folder / "kernel-6.1.0-amd64").symlink_to("1.0.0")
    commands.say("dkms remove package/1.0.0 --all")
    assert revert(host) == [Outcome("dkms", "package", "restored", "removed 1.0.0")]
    assert commands.asked == ["dkms remove package/1.0.0 --all"]


def test_nothing_is_asked_of_dkms_where_there_is_nothing(host: Host, commands: FakeCommands) -> None:
    snapshot(host)
    assert revert(host) == []
    assert commands.asked == []
