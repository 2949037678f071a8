"""GPUs in the plan: what stands on the bus, what does not apply, and what the kernels are built with."""

from __future__ import annotations

from pathlib import Path

import pytest

from tests.unit.plan.conftest import Machine

ONE_CORE = {0: [(0,), (1,)]}


def machine(root: Path, vendor: str = "", kind: str = "0x030200") -> Machine:
    made = Machine(root).build(ONE_CORE, memory_mib={0: 4096})
    if vendor:
        made.write("sys/bus/pci/devices/0000:01:00.0/vendor", vendor)
        made.write("sys/bus/pci/devices/0000:01:00.0/class", kind)
    return made


@pytest.mark.parametrize(
    ("role", "vendor", "driver"),
    [
        ("cuda", "0x10de", "proc/driver/nvidia/version"),
        ("rocm", "0x1002", "sys/class/kfd/x"),
    ],
)
def test_a_device_is_seen_and_whether_its_driver_runs(
    tmp_path: Path, role: str, vendor: str, driver: str
) -> None:
    made = machine(tmp_path, vendor)
    feature = made.plan("workstation")["features"][f"gpu_{role}"]
    assert feature["devices"] == ["0000:01:00.0"]
    assert feature["available"]
    assert not feature["driver"]
    made.write(driver, "")
    assert made.plan("workstation")["features"][f"gpu_{role}"]["driver"]


@pytest.mark.parametrize(("vendor", "kind"), [("", ""), ("0x8086", "0x030000"), ("0x10de", "0x040300")])
def test_another_vendor_s_or_a_sound_device_is_no_gpu(tmp_path: Path, vendor: str, kind: str) -> None:
    plan = machine(tmp_path, vendor, kind).plan("workstation", cuda_enabled=True)
    assert plan["features"]["gpu_cuda"]["reason"] == "no NVIDIA GPU on the PCI bus"
    (skipped,) = [entry for entry in plan["not_applicable"] if entry["setting"] == "cuda.device"]
    assert skipped["reason"] == "no NVIDIA GPU on the PCI bus"


def test_the_kernels_are_built_with_what_the_roles_install(tmp_path: Path) -> None:
    made = machine(tmp_path)
    assert made.plan("workstation")["gpu_build_options"] == []
    plan = made.plan("workstation", cuda_enabled=True, cuda_source="vendor", rocm_enabled=True)
    assert plan["gpu_build_options"] == [
        "-DTCPK_CUDA_COMPILER=/usr/local/cuda/bin/nvcc",
        "-DTCPK_HIP_COMPILER=/usr/bin/hipcc",
    ]
    assert made.plan("workstation", cuda_enabled=True, cuda_source="")["gpu_compilers"] == {}


def test_a_source_that_is_not_there_is_a_problem_with_what_is_allowed(tmp_path: Path) -> None:
    (problem,) = machine(tmp_path).plan("workstation", rocm_source="pypi")["problems"]
    assert (problem["setting"], problem["allowed"]) == ("rocm_source", "vendor, distribution")
