"""Building an image: what a broken build leaves, and which images stay."""

from __future__ import annotations

import json
import os
import time
from pathlib import Path

import pytest

from tcp_performance import system_packages, vm_emulator, vm_frozen, vm_hardware, vm_image, vm_spec
from tcp_performance.vm_monitor import MachineError


@pytest.fixture(autouse=True)
def cache(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> Path:
    monkeypatch.setattr(vm_hardware, "version", lambda: "QEMU emulator version 7.2.0")
    monkeypatch.setattr(vm_hardware, "accelerator", lambda: "tcg")
    monkeypatch.setattr(vm_image, "require_tools", lambda: None)
    monkeypatch.setattr(system_packages, "ensure", lambda packages: None)
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path / "cache"))
    folder = vm_emulator.cache()
    folder.mkdir(parents=True)
    return folder


def image(folder: Path) -> vm_frozen.Image:
    folder.mkdir()
    made = vm_frozen.Image(folder, "debian", "ssh-ed25519 AAAA", vm_frozen.this_board())
    made.save()
    return made


def test_failed_build_leaves_nothing(monkeypatch: pytest.MonkeyPatch, cache: Path, tmp_path: Path) -> None:
    fake = tmp_path / "bin" / "mmdebstrap"
    fake.parent.mkdir()
    fake.write_text('#!/bin/sh\nfor last; do :; done\nmkdir -p "$last"/etc\necho "no such suite"\nexit 1\n')
    fake.chmod(0o755)
    monkeypatch.setenv("PATH", f"{fake.parent}:/usr/bin:/bin")
    with pytest.raises(MachineError, match="no such suite"):
        vm_image.ensure("debian-12")
    assert [path.name for path in cache.iterdir()] == [".debian-12.lock"]


def test_image_in_the_cache_is_taken(cache: Path, capsys: pytest.CaptureFixture[str]) -> None:
    made = image(vm_spec.load("debian-12").folder())
    assert vm_image.ensure("debian-12") == made
    assert "taken from" in capsys.readouterr().err


def test_wrong_name_ends_the_task(capsys: pytest.CaptureFixture[str]) -> None:
    assert vm_image.run(["debian-11"]) == 1
    assert "debian-12, debian-12-rt" in capsys.readouterr().err


def test_only_images_unused_for_a_day_go(cache: Path) -> None:
    used, unused, other = (
        image(cache / name) for name in ("a-" + "1" * 16, "a-" + "2" * 16, "b-" + "3" * 16)
    )
    two_days_ago = time.time() - 2 * 24 * 3600
    for old in (used, unused, other):
        os.utime(old.folder / "image.json", (two_days_ago, two_days_ago))
    vm_frozen.Image.load(used.folder)
    vm_image.remove_unused("a")
    assert sorted(path.name for path in cache.iterdir()) == [used.folder.name, other.folder.name]


def test_snapshot_of_another_qemu_is_refused(cache: Path) -> None:
    made = image(cache / "mine")
    record = json.loads((made.folder / "image.json").read_text())
    record["board"][0] = "QEMU emulator version 6.0.0"
    (made.folder / "image.json").write_text(json.dumps(record))
    with pytest.raises(MachineError, match=r"QEMU emulator version 6\.0\.0"):
        vm_frozen.Image.load(made.folder)
