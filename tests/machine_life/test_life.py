"""The life of a virtual machine: started side by side from one image, cut off, frozen, and gone without a trace."""

from __future__ import annotations

import time
from collections.abc import Iterator
from pathlib import Path

import pytest

from tcp_performance import vm_image
from tcp_performance.process import start_time
from tcp_performance.vm_frozen import Image
from tcp_performance.vm_guest import Machine
from tcp_performance.vm_machine import start


@pytest.fixture(scope="module")
def image() -> Image:
    return vm_image.ensure("debian-12")


@pytest.fixture
def machine(image: Image, tmp_path: Path) -> Iterator[Machine]:
    started = start(image, "first", tmp_path / "first")
    yield started
    started.stop()


def said(machine: Machine, command: str) -> str:
    done = machine.ssh(command)
    assert done.returncode == 0, done.stderr
    return done.stdout.strip()


def test_machines_from_one_image_are_strangers(machine: Machine, image: Image, tmp_path: Path) -> None:
    second = start(image, "second", tmp_path / "second")
    try:
        said(machine, "echo mine > ~/note")
        assert second.ssh("test -e ~/note").returncode == 1
        assert machine.port != second.port
        machine.key.replace(second.key)
        assert "Permission denied" in second.ssh("true").stderr
    finally:
        second.stop()


def test_machine_has_nodes_and_a_boot_loader_and_the_right_time(machine: Machine) -> None:
    assert said(machine, "cat /sys/devices/system/node/node*/cpulist").split() == ["0-1", "2-3"]
    assert "BOOT_IMAGE=/boot/vmlinuz" in said(machine, "cat /proc/cmdline")
    # Restored from a snapshot it would show the time of that: the image's age.
    before = time.time()
    now = int(said(machine, "date +%s"))
    assert before - 60 < now < time.time() + 60


def test_power_cut_loses_what_was_in_memory_alone(machine: Machine) -> None:
    before = machine.boot_id()
    said(machine, "echo kept > ~/note && sync && sudo touch /run/lost")
    machine.power_cut()
    assert not machine.is_on()
    machine.power_on()
    assert said(machine, "cat ~/note; test ! -e /run/lost") == "kept"
    assert machine.boot_id() not in (before, "")


def test_machine_without_its_first_process_is_looked_into(machine: Machine) -> None:
    assert machine.trouble() == ""
    said(machine, "sudo kill -SEGV 1")
    told = machine.trouble()
    assert "Failed to query system state" in told
    assert told.count("CPU 3: ") == 3


def test_frozen_machine_goes_on_where_it_was(machine: Machine, tmp_path: Path) -> None:
    before = machine.boot_id()
    said(machine, "sudo touch /run/kept")
    frozen = machine.freeze(tmp_path / "frozen")
    assert not machine.is_on()
    again = start(frozen, "again", tmp_path / "again")
    try:
        assert again.boot_id() == before
        said(again, "test -e /run/kept")
    finally:
        again.stop()


def test_stopped_machine_leaves_no_trace(image: Image, tmp_path: Path) -> None:
    machine = start(image, "brief", tmp_path / "brief")
    process = machine.pid
    machine.stop()
    assert start_time(process) == ""
    assert not (tmp_path / "brief").exists()
