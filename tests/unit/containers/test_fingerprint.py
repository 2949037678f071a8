"""The fingerprint sees every kind of change."""

from __future__ import annotations

import copy
from collections.abc import Callable
from pathlib import Path

import pytest

from tests import fingerprint


@pytest.fixture
def root(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    (tmp_path / "file").write_text("one\n")
    (tmp_path / "link").symlink_to("file")
    monkeypatch.setattr(fingerprint, "ROOTS", (str(tmp_path),))
    return tmp_path


CHANGES: dict[str, Callable[[Path], object]] = {
    "content": lambda root: (root / "file").write_text("two\n"),
    "mode": lambda root: (root / "file").chmod(0o600),
    "new file": lambda root: (root / "new").touch(),
    "new folder": lambda root: (root / "folder").mkdir(),
    "gone": lambda root: (root / "file").unlink(),
    "link": lambda root: (root / "link").rename(root / "renamed"),
}


@pytest.mark.parametrize("change", CHANGES)
def test_every_change_of_a_file_is_seen(root: Path, change: str) -> None:
    (root / "file").chmod(0o644)
    before = fingerprint.files()
    CHANGES[change](root)
    assert fingerprint.differences({"files": before}, {"files": fingerprint.files()})


def test_reading_changes_nothing(root: Path) -> None:
    assert fingerprint.files() == fingerprint.files()


def test_differences_name_section_and_entry() -> None:
    before = {"accounts": {"group msr": "101 alice"}, "kernel": {"/proc/sys/vm/swappiness": "60"}}
    after = copy.deepcopy(before)
    after["accounts"]["group msr"] = "101 alice,bob"
    del after["kernel"]["/proc/sys/vm/swappiness"]
    assert fingerprint.differences(before, after) == {
        "accounts:group msr": "101 alice -> 101 alice,bob",
        "kernel:/proc/sys/vm/swappiness": "60 -> absent",
    }


def test_this_machine_has_all_sections_that_need_no_distribution() -> None:
    assert fingerprint.accounts()["user root"].startswith("0 0")
    assert "/" in fingerprint.mounts()


def test_kernel_settings_of_the_machine_outside_are_left_out(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(fingerprint, "is_read_only", lambda path: False)
    assert "/proc/sys/vm/swappiness" in fingerprint.kernel()
    monkeypatch.setattr(fingerprint, "is_read_only", lambda path: path.parts[1] == "proc")
    assert "/proc/sys/vm/swappiness" not in fingerprint.kernel()
    assert fingerprint.kernel()
