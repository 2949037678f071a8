"""The ring's module in the plan: where one can be loaded, what its signature takes, how large the ring may be."""

from __future__ import annotations

import re
from typing import Any

import host_zero_copy
import pytest

from tests.unit.plan.conftest import ROOT, Machine

LOCKDOWN = "sys/kernel/security/lockdown"
PACKAGED = "var/lib/dpkg/info/linux-image-6.1.0-40-amd64.list"


def plan(machine: Machine, **intent: Any) -> dict[str, Any]:
    return machine.plan("workstation", live=True, **{"zero_copy_enabled": True, **intent})


def reasons(made: dict[str, Any]) -> list[str]:
    return [entry["reason"] for entry in made["not_applicable"] if entry["role"] == "zero_copy"]


def test_names_and_version_are_those_that_are_shipped() -> None:
    text = (ROOT / "kernels/kmod/dkms.conf").read_text()
    said = dict(re.findall(r'^(\w+)(?:\[0\])?="(.*)"$', text, re.MULTILINE))
    assert said["PACKAGE_NAME"] == host_zero_copy.PACKAGE
    assert said["PACKAGE_VERSION"] == host_zero_copy.VERSION
    assert said["BUILT_MODULE_NAME"] == host_zero_copy.MODULE


@pytest.mark.parametrize("name", ["workstation", "lowlatency", "container"])
def test_no_profile_loads_a_module_unasked(cloud: Machine, name: str) -> None:
    made = cloud.plan(name, live=True)
    assert made["capabilities"]["zero_copy"] is False
    assert made["zero_copy"] == {}
    assert reasons(made) == []


def test_what_is_asked_for_is_planned(cloud: Machine) -> None:
    made = plan(cloud, zero_copy_slots="1024", zero_copy_group="ring")
    assert made["problems"] == []
    assert made["zero_copy"]["slots"] == 1024
    assert {"name": "ring", "role": "zero_copy", "members": []} in made["groups"]
    assert plan(cloud, zero_copy_slots="")["zero_copy"]["slots"] is None


def test_a_kernel_of_ones_own_needs_its_headers(cloud: Machine) -> None:
    (cloud.root / PACKAGED).unlink()
    made = plan(cloud)
    assert made["zero_copy"] == {}
    assert reasons(made) == [
        "the running kernel 6.1.0-40-amd64 comes from no package, "
        "and there are no headers in /lib/modules/6.1.0-40-amd64/build"
    ]
    cloud.write("lib/modules/6.1.0-40-amd64/build/Makefile", "")
    assert reasons(plan(cloud)) == []


def test_a_kernel_without_modules_has_no_ring(cloud: Machine) -> None:
    cloud.write("proc/sys/kernel/modules_disabled", 1)
    assert "until the next boot" in reasons(plan(cloud))[0]
    (cloud.root / "proc/modules").unlink()
    assert "there is no /proc/modules" in reasons(plan(cloud))[0]


def test_in_a_container_the_kernel_is_its_hosts(cloud: Machine) -> None:
    cloud.write("run/systemd/container", "docker")
    made = plan(cloud)
    assert made["zero_copy"] == {}
    assert reasons(made) == ["container: the kernel belongs to its host"]


@pytest.mark.parametrize(
    ("path", "text"),
    [
        (LOCKDOWN, "none [integrity] confidentiality"),
        (LOCKDOWN, "none integrity [confidentiality]"),
        ("sys/module/module/parameters/sig_enforce", "Y"),
    ],
)
def test_a_signature_that_nobody_can_make_is_a_problem(cloud: Machine, path: str, text: str) -> None:
    cloud.write(path, text)
    (problem,) = plan(cloud)["problems"]
    assert problem["setting"] == "zero_copy_enabled"
    assert "mokutil --import /var/lib/dkms/mok.pub" in problem["advice"]
    cloud.write(
        "proc/keys", "0e56 I------ 1 perm 1f030000 0 0 asymmetri DKMS module signing key: X509.rsa a1 []"
    )
    made = plan(cloud)
    assert made["problems"] == []
    assert made["features"]["module_signatures"]["available"]


def test_without_lockdown_no_signature_is_asked_for(cloud: Machine) -> None:
    cloud.write(LOCKDOWN, "[none] integrity confidentiality")
    made = plan(cloud)
    assert made["problems"] == []
    assert not made["features"]["module_signatures"]["available"]


@pytest.mark.parametrize("slots", [32, 100, 1 << 25, "64k", True, -64])
def test_a_size_that_no_ring_has_is_a_problem(cloud: Machine, slots: object) -> None:
    (problem,) = plan(cloud, zero_copy_slots=slots)["problems"]
    assert problem["allowed"] == "a power of two, 64 to 16777216"


def test_a_ring_larger_than_half_of_the_memory_is_a_problem(cloud: Machine) -> None:
    cloud.write("sys/devices/system/node/node0/meminfo", "Node 0 MemTotal: 1048576 kB")
    cloud.write("proc/meminfo", "MemTotal: 1048576 kB")
    assert plan(cloud, zero_copy_slots=1 << 23)["problems"] == []
    (problem,) = plan(cloud, zero_copy_slots=1 << 24)["problems"]
    assert problem["allowed"] == "at most 8388608"
