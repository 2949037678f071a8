from __future__ import annotations

import json
from typing import Any

import pytest

GRUB = "etc/default/grub"


def test_isolation_reaches_the_kernel(xeon: Any) -> None:
    cpus = "1-7,9-15"
    assert xeon.plan()["boot_arguments_by_role"]["cpu_isolation"] == [
        f"isolcpus=managed_irq,domain,{cpus}",
        f"nohz_full={cpus}",
        f"rcu_nocbs={cpus}",
        "irqaffinity=0,8",
        "skew_tick=1",
    ]


def test_the_arguments_of_all_roles_stand_in_one_list(xeon: Any) -> None:
    plan = xeon.plan()
    by_role = [argument for found in plan["boot_arguments_by_role"].values() for argument in found]
    assert sorted(plan["boot_arguments"]) == sorted(by_role)


@pytest.mark.parametrize(
    ("variable", "value", "arguments"),
    [
        ("power_smt", "off", ["nosmt"]),
        ("power_mitigations", "off", ["mitigations=off"]),
        ("power_watchdogs", False, ["nowatchdog", "nmi_watchdog=0"]),
        ("power_watchdogs", True, []),
        ("power_smt", True, []),
    ],
)
def test_power_arguments_come_only_when_asked(
    xeon: Any, variable: str, value: object, arguments: list[str]
) -> None:
    plan = xeon.plan(**{"power_watchdogs": "", variable: value})
    assert plan["boot_arguments_by_role"].get("power", []) == arguments


def test_safety_is_given_up_only_when_asked(xeon: Any) -> None:
    assert not {"mitigations=off", "nosmt"} & set(xeon.plan()["boot_arguments"])


@pytest.mark.parametrize("profile", ["workstation", "container"])
def test_other_profiles_have_no_boot_arguments(cloud: Any, profile: str) -> None:
    assert cloud.plan(profile, live=True)["boot_arguments"] == []


def test_a_workstation_has_none_even_when_asked(cloud: Any) -> None:
    plan = cloud.plan("workstation", live=True, cpu_isolation_enabled=True, cpu_isolation_cpus="auto")
    assert plan["boot_arguments"] == []
    reasons = {entry["setting"]: entry["reason"] for entry in plan["not_applicable"]}
    assert "never touches boot arguments" in reasons["cpu_isolation.boot_argument.isolcpus"]


def test_without_a_boot_loader_each_argument_is_not_applicable(cloud: Any) -> None:
    (cloud.root / GRUB).unlink()
    plan = cloud.plan(live=True)
    reasons = {entry["setting"]: entry["reason"] for entry in plan["not_applicable"]}
    assert plan["boot_arguments"] == []
    assert "no GRUB" in reasons["cpu_isolation.boot_argument.nohz_full"]
    assert any("placement only" in warning for warning in plan["warnings"])


def test_another_administrators_list_is_a_problem(cloud: Any) -> None:
    cloud.write(GRUB, 'GRUB_CMDLINE_LINUX="isolcpus=3 quiet"  # ours')
    problems = cloud.plan(live=True)["problems"]
    assert [(p["setting"], p["value"], p["allowed"]) for p in problems] == [
        ("cpu_isolation_cpus", "isolcpus=managed_irq,domain,2-3", "isolcpus=3")
    ]
    assert "/etc/default/grub" in problems[0]["advice"]


@pytest.mark.parametrize(
    ("theirs", "setting"),
    [
        ("nohz_full=1", "cpu_isolation_cpus"),
        ("rcu_nocbs=0-1", "cpu_isolation_cpus"),
        ("nohz=off", "cpu_isolation_cpus"),
        ("skew_tick=0", "cpu_isolation_cpus"),
        ("irqaffinity=3", "irq_affinity_cpus"),
        ("transparent_hugepage=always", "huge_pages_thp"),
        ("nmi_watchdog=1", "power_watchdogs"),
    ],
)
@pytest.mark.parametrize("place", [GRUB, "etc/default/grub.d/90-site.cfg"])
def test_whatever_undoes_ours_is_named_with_its_place(
    cloud: Any, theirs: str, setting: str, place: str
) -> None:
    cloud.write(place, f'GRUB_CMDLINE_LINUX_DEFAULT="quiet {theirs} console=ttyS0"')
    problems = cloud.plan(live=True)["problems"]
    assert [(p["setting"], p["allowed"]) for p in problems] == [(setting, theirs)]
    assert f"/{place}" in problems[0]["advice"]


def test_arguments_that_say_nothing_of_ours_are_kept_without_a_word(cloud: Any) -> None:
    line = "quiet console=ttyS0 nohz=on nosmt=force intel_iommu=on audit=0"
    cloud.write(GRUB, f'GRUB_CMDLINE_LINUX_DEFAULT="{line}"').write("proc/cmdline", f"root=/dev/sda1 {line}")
    assert cloud.plan(live=True, power_smt="off")["problems"] == []


def test_the_same_list_in_other_words_is_none(cloud: Any) -> None:
    cloud.write(GRUB, "GRUB_CMDLINE_LINUX_DEFAULT='nohz_full=2,3 isolcpus=domain,2-3'")
    assert cloud.plan(live=True)["problems"] == []


def test_another_drop_in_counts_and_our_own_does_not(cloud: Any) -> None:
    line = 'GRUB_CMDLINE_LINUX="$GRUB_CMDLINE_LINUX isolcpus=1"'
    cloud.write("etc/default/grub.d/60-tcp-performance.cfg", line)
    assert cloud.plan(live=True)["problems"] == []
    cloud.write("etc/default/grub.d/50-site.cfg", line)
    assert "50-site.cfg" in cloud.plan(live=True)["problems"][0]["advice"]


def test_the_running_kernels_line_counts_on_a_host_that_is_new(cloud: Any) -> None:
    cloud.write("proc/cmdline", "root=/dev/sda1 irqaffinity=1")
    problems = cloud.plan(live=True)["problems"]
    assert [(p["setting"], p["allowed"]) for p in problems] == [("irq_affinity_cpus", "irqaffinity=1")]
    assert "/proc/cmdline" in problems[0]["advice"]


def test_the_running_kernels_line_is_ours_on_a_host_that_was_provisioned(cloud: Any) -> None:
    cloud.write("proc/cmdline", "root=/dev/sda1 isolcpus=managed_irq,domain,1")
    cloud.write("var/lib/tcp-performance/plan.json", json.dumps({"boot_arguments": []}))
    assert cloud.plan(live=True)["problems"] == []


@pytest.mark.parametrize(
    ("name", "content"),
    [("plan", {"boot_arguments": ["nohz_full=1"]}), ("boot-arguments", {"cpu_isolation": ["nohz_full=1"]})],
)
def test_on_systemd_boot_what_we_wrote_is_ours(cloud: Any, name: str, content: dict[str, Any]) -> None:
    (cloud.root / GRUB).unlink()
    cloud.write("etc/kernel/cmdline", "root=/dev/sda1 nohz_full=1 isolcpus=3").write(
        "usr/bin/kernel-install", ""
    )
    cloud.write(f"var/lib/tcp-performance/{name}.json", json.dumps(content))
    plan = cloud.plan(live=True)
    assert plan["features"]["boot_loader"]["kind"] == "systemd-boot"
    assert [p["allowed"] for p in plan["problems"]] == ["isolcpus=3"]


def test_another_reservation_of_pages_is_a_problem(cloud: Any) -> None:
    cloud.write(GRUB, 'GRUB_CMDLINE_LINUX="hugepagesz=1G hugepages=4 hugepagesz=2M hugepages=64"')
    problems = cloud.plan(live=True, huge_pages_1g_per_node=4, huge_pages_2m_per_node=8)["problems"]
    assert [(p["setting"], p["allowed"]) for p in problems] == [
        ("huge_pages_2m_per_node", "hugepages=64 (of 2M)")
    ]


def test_a_line_that_the_kernel_would_cut_off_is_a_problem(machine: Any) -> None:
    cores = [(cpu,) for cpu in range(1200)]
    machine.build({0: cores})
    # Every other CPU: no two numbers in a row, so the list can not be shortened.
    plan = machine.plan(cpu_isolation_cpus=",".join(str(cpu) for cpu in range(1, 1200, 2)))
    assert [(p["setting"], p["allowed"]) for p in plan["problems"]] == [("cpu_isolation_cpus", "2047")]
