from __future__ import annotations

from typing import Any

import pytest


def feature(machine: Any, name: str, live: bool = True) -> dict[str, Any]:
    found: dict[str, Any] = machine.plan(live=live)["features"][name]
    return found


def namespaces(machine: Any, pid: int) -> None:
    folder = machine.root / "proc/self/ns"
    folder.mkdir(parents=True)
    for kind, number in (("pid", pid), ("uts", 4026531838), ("ipc", 4026531839)):
        (folder / kind).symlink_to(f"{kind}:[{number}]")


def test_every_missing_feature_says_why(single: Any) -> None:
    features = single.plan(live=True, huge_pages_2m_per_node="")["features"]
    missing = {name: feature for name, feature in features.items() if not feature["available"]}
    assert len(missing) > 15
    assert all(feature["reason"] for feature in missing.values())


def test_a_plain_server_is_recognised(cloud: Any) -> None:
    features = cloud.plan(live=True)["features"]
    for name in ("systemd", "boot_loader", "irq_affinity", "ksm", "thp", "workqueue", "hugetlb_1g"):
        assert features[name]["available"], name
    assert features["boot_loader"]["kind"] == "grub"


@pytest.mark.parametrize(
    ("file", "text", "kind"),
    [
        ("run/.containerenv", "", "podman"),
        (".dockerenv", "", "docker"),
        ("proc/1/environ", "TERM=x\0container=lxc\0", "lxc"),
        ("run/systemd/container", "systemd-nspawn", "systemd-nspawn"),
        ("proc/1/cgroup", "0::/docker/0123456789abcdef", "docker"),
    ],
)
def test_a_container_is_recognised(cloud: Any, file: str, text: str, kind: str) -> None:
    assert not feature(cloud, "container")["available"]
    cloud.write(file, text)
    found = feature(cloud, "container")
    assert (found["available"], found["kind"]) == (True, kind)


def test_a_disk_made_from_an_image_is_no_container(cloud: Any) -> None:
    cloud.write(".dockerenv", "")
    namespaces(cloud, pid=4026531836)
    assert not feature(cloud, "container")["available"]


def test_a_process_in_its_own_namespace_is_in_a_container(cloud: Any) -> None:
    namespaces(cloud, pid=4026532999)
    assert feature(cloud, "container")["available"]


def test_in_a_container_the_kernel_is_left_alone(cloud: Any) -> None:
    cloud.write(".dockerenv", "")
    plan = cloud.plan(live=True)
    assert plan["sysctls"] == {}
    assert plan["sysfs"] == plan["proc"] == plan["boot_arguments"] == plan["mounts"] == []
    assert plan["limits"]
    assert plan["groups"]
    reasons = {entry["setting"]: entry["reason"] for entry in plan["not_applicable"]}
    assert reasons["numa.vm.swappiness"] == "container: the kernel belongs to its host"


def test_in_a_container_the_engine_stays_on_the_cpus_it_is_given(cloud: Any) -> None:
    cloud.write(".dockerenv", "").write("sys/fs/cgroup/cpuset.cpus.effective", "3")
    plan = cloud.plan(live=True)
    assert plan["engine_cpus"] == "3"
    assert plan["engine_threads"] == [{"thread": 0, "cpu": 3, "node": 0}]


def test_a_virtual_machine_is_named(cloud: Any) -> None:
    found = feature(cloud, "virtual_machine")
    assert (found["available"], found["kind"]) == (True, "QEMU")


def test_a_hypervisor_flag_is_enough(machine: Any) -> None:
    machine.build({0: [(0,)]}, flags="pse lm hypervisor")
    assert feature(machine, "virtual_machine", live=False)["available"]


def test_bare_metal_of_a_cloud_is_bare_metal(xeon: Any) -> None:
    xeon.write("sys/class/dmi/id/sys_vendor", "Amazon EC2").write("sys/class/dmi/id/product_name", "c5.metal")
    assert not feature(xeon, "virtual_machine")["available"]


def test_msr_may_come_from_a_module(cloud: Any) -> None:
    assert "no msr module" in feature(cloud, "msr")["reason"]
    cloud.write("lib/modules/6.1.0-40-amd64/modules.dep", "kernel/arch/x86/kernel/msr.ko:")
    assert feature(cloud, "msr")["available"]


def test_a_read_only_file_is_not_ours_to_set(cloud: Any) -> None:
    (cloud.root / "proc/sys/vm/swappiness").chmod(0o444)
    plan = cloud.plan(live=True)
    assert "vm.swappiness" not in plan["sysctls"]
    reasons = {entry["setting"]: entry["reason"] for entry in plan["not_applicable"]}
    assert reasons["numa.vm.swappiness"] == "/proc/sys/vm/swappiness is read-only"


def test_a_capture_is_taken_for_a_plain_machine_and_says_so(xeon: Any) -> None:
    plan = xeon.plan()
    assert plan["features"]["systemd"]["available"]
    assert plan["features"]["boot_loader"]["kind"] == "grub"
    assert not plan["features"]["container"]["available"]
    assert any("captured machine" in warning for warning in plan["warnings"])
    assert plan["sysctls"]["vm.swappiness"] == "10"
