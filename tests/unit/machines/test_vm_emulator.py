"""Which QEMU runs the machines."""

from __future__ import annotations

import os
from pathlib import Path

import pytest

from tcp_performance import vm_emulator
from tcp_performance.vm_monitor import MachineError

DEBIAN_12 = "QEMU emulator version 7.2.22 (Debian 1:7.2+dfsg-7+deb12u18+b3)"
DEBIAN_13 = "QEMU emulator version 10.0.13 (Debian 1:10.0.13+ds-0+deb13u1)"


@pytest.fixture(autouse=True)
def cached(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> Path:
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path))
    vm_emulator.emulator.cache_clear()
    return tmp_path / "tcp-performance/vm"


@pytest.mark.parametrize(
    ("version", "sound"),
    [
        (DEBIAN_12, False),
        ("QEMU emulator version 8.0.9", False),
        ("QEMU emulator version 8.1.0", True),
        (DEBIAN_13, True),
        ("something else", False),
    ],
)
def test_older_ones_lose_code(version: str, sound: bool) -> None:
    assert vm_emulator.is_sound(version) == sound


def test_a_sound_one_of_the_system_is_used(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(vm_emulator, "version_of", lambda command: DEBIAN_13)
    assert vm_emulator.emulator() == (vm_emulator.PROGRAM,)


def test_another_one_is_unpacked_once(monkeypatch: pytest.MonkeyPatch, cached: Path) -> None:
    monkeypatch.setattr(vm_emulator, "version_of", lambda command: DEBIAN_12)
    unpacked: list[Path] = []

    def unpack(root: Path) -> None:
        root.mkdir()
        unpacked.append(root)

    monkeypatch.setattr(vm_emulator, "unpack", unpack)
    first = vm_emulator.emulator()
    vm_emulator.emulator.cache_clear()
    assert vm_emulator.emulator() == first
    assert unpacked == [cached / "qemu-trixie"]
    assert str(unpacked[0] / "usr/bin" / vm_emulator.PROGRAM) in first


def test_who_may_not_unpack_is_told_why(monkeypatch: pytest.MonkeyPatch, cached: Path) -> None:
    monkeypatch.setattr(vm_emulator, "version_of", lambda command: DEBIAN_12)
    monkeypatch.setattr(os, "geteuid", lambda: 1000)
    with pytest.raises(
        MachineError, match=r"only root can unpack qemu-system-x86 of trixie.*older than 8\.1"
    ):
        vm_emulator.emulator()
    assert not (cached / "qemu-trixie").exists()


def test_what_cannot_be_had_leaves_nothing_under_its_name(
    monkeypatch: pytest.MonkeyPatch, cached: Path, tmp_path: Path
) -> None:
    failing = tmp_path / "bin/mmdebstrap"
    failing.parent.mkdir()
    failing.write_text("#!/bin/sh\necho E: no such suite\nexit 25\n")
    failing.chmod(0o755)
    monkeypatch.setenv("PATH", f"{failing.parent}:{os.environ['PATH']}")
    monkeypatch.setattr(vm_emulator, "version_of", lambda command: DEBIAN_12)
    monkeypatch.setattr(os, "geteuid", lambda: 0)
    with pytest.raises(MachineError, match=r"(?s)cannot be had.*no such suite"):
        vm_emulator.emulator()
    assert not (cached / "qemu-trixie").exists()
