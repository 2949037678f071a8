"""What an image of a virtual machine is made from, and what makes it be made anew."""

from __future__ import annotations

import dataclasses
from pathlib import Path
from typing import Any

import pytest

from tcp_performance import vm_hardware, vm_spec
from tcp_performance.vm_monitor import MachineError


@pytest.fixture(autouse=True)
def emulated(monkeypatch: pytest.MonkeyPatch) -> None:
    """QEMU need not be installed to tell what an image is made from."""
    monkeypatch.setattr(vm_hardware, "version", lambda: "QEMU emulator version 7.2.0")
    monkeypatch.setattr(vm_hardware, "accelerator", lambda: "tcg")


@pytest.mark.parametrize("name", list(vm_spec.entries()))
def test_specification_is_complete(name: str) -> None:
    spec = vm_spec.load(name)
    command = vm_spec.bootstrap_command(spec, Path("tree"))
    assert command[-2:] == [spec.suite, "tree"]
    included = (
        next(word for word in command if word.startswith("--include=")).removeprefix("--include=").split(",")
    )
    assert spec.kernel in included
    assert {"grub-pc", "openssh-server", "python3", "sudo", "qemu-guest-agent"} <= set(included)
    assert f"{spec.user} ALL=(ALL) NOPASSWD: ALL\n" in vm_spec.files(spec).values()


def test_realtime_image_has_the_realtime_kernel() -> None:
    assert vm_spec.load("debian-12").kernel == "linux-image-amd64"
    assert vm_spec.load("debian-12-rt").kernel == "linux-image-rt-amd64"


def test_unknown_name_lists_the_known_ones() -> None:
    with pytest.raises(MachineError, match=r"'debian-11'.*debian-12, debian-12-rt"):
        vm_spec.load("debian-11")


@pytest.mark.parametrize(
    "change",
    [
        {"suite": "sid"},
        {"kernel": "linux-image-cloud-amd64"},
        {"packages": ("dbus",)},
        {"masks": ("a.service",)},
        {"initial_modules": ("ext4",)},
        {"user": "admin"},
        {"disk_mib": 1024},
    ],
    ids=lambda change: next(iter(change)),
)
def test_hash_follows_every_input(change: dict[str, Any]) -> None:
    spec = vm_spec.load("debian-12")
    assert dataclasses.replace(spec, **change).inputs_hash() != spec.inputs_hash()


def test_hash_follows_qemu_and_its_accelerator(monkeypatch: pytest.MonkeyPatch) -> None:
    spec = vm_spec.load("debian-12")
    emulated = spec.inputs_hash()
    monkeypatch.setattr(vm_hardware, "accelerator", lambda: "kvm")
    accelerated = spec.inputs_hash()
    monkeypatch.setattr(vm_hardware, "version", lambda: "QEMU emulator version 8.2.0")
    assert len({emulated, accelerated, spec.inputs_hash()}) == 3


def test_image_lies_in_the_users_cache(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path))
    folder = vm_spec.load("debian-12").folder()
    assert folder.parent == tmp_path / "tcp-performance" / "vm"
    assert folder.name.startswith("debian-12-")
