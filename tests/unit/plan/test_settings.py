from __future__ import annotations

import getpass
from typing import Any

import pytest
from host_plan import Files, make_plan

CPU = "sys/devices/system/cpu"


def value(plan: dict[str, Any], setting: str) -> str | None:
    found = [entry["value"] for entry in plan["sysfs"] + plan["proc"] if entry["setting"] == setting]
    assert len(found) <= 1
    return found[0] if found else None


def reason(plan: dict[str, Any], setting: str) -> str:
    return str({entry["setting"]: entry["reason"] for entry in plan["not_applicable"]}[setting])


@pytest.fixture
def clocked(xeon: Any) -> Any:
    """The Xeon with intel_pstate in active mode and idle states."""
    xeon.write(f"{CPU}/intel_pstate/no_turbo", 0).write(f"{CPU}/smt/control", "on")
    for cpu in range(16):
        folder = f"{CPU}/cpu{cpu}/cpufreq"
        xeon.write(f"{folder}/scaling_governor", "powersave")
        xeon.write(f"{folder}/scaling_available_governors", "performance powersave")
        xeon.write(f"{folder}/energy_performance_preference", "balance_performance")
        xeon.write(f"{folder}/energy_performance_available_preferences", "default performance power")
        xeon.write(f"{CPU}/cpu{cpu}/cpuidle/state1/name", "C1")
    return xeon


def test_clocks_are_set_on_every_cpu(clocked: Any) -> None:
    plan = clocked.plan()
    assert [value(plan, f"power.governor.cpu{cpu}") for cpu in range(16)] == ["performance"] * 16
    assert value(plan, "power.epp.cpu15") == "performance"


def test_idle_states_are_limited_where_the_engine_runs(clocked: Any) -> None:
    plan = clocked.plan(power_cstate_latency_us="5")
    assert value(plan, "power.cstate_latency.cpu1") == "5"
    assert value(plan, "power.cstate_latency.cpu0") is None


def test_no_latency_at_all_has_its_own_word(clocked: Any) -> None:
    assert value(clocked.plan(power_cstate_latency_us=0), "power.cstate_latency.cpu1") == "n/a"


@pytest.mark.parametrize(("asked", "no_turbo"), [("true", "0"), ("false", "1"), ("", None)])
def test_turbo_on_intel_is_the_other_way_round(clocked: Any, asked: str, no_turbo: str | None) -> None:
    assert value(clocked.plan(power_turbo=asked), "power.turbo") == no_turbo


def test_turbo_elsewhere(xeon: Any) -> None:
    xeon.write(f"{CPU}/cpufreq/boost", 1)
    assert value(xeon.plan(power_turbo="false"), "power.turbo") == "0"


def test_smt_is_switched_off_when_asked(clocked: Any) -> None:
    assert value(clocked.plan(), "power.smt") is None
    assert value(clocked.plan(power_smt=False), "power.smt") == "off"


@pytest.mark.parametrize(
    ("variable", "asked", "allowed"),
    [
        ("power_governor", "schedutil", "performance, powersave"),
        ("power_epp", "balance_power", "default, performance, power"),
        ("power_epp", "power", "performance"),
    ],
)
def test_what_the_driver_lacks_is_a_problem(clocked: Any, variable: str, asked: str, allowed: str) -> None:
    problems = clocked.plan(**{variable: asked})["problems"]
    assert [(p["setting"], p["value"], p["allowed"]) for p in problems] == [(variable, asked, allowed)]


def test_a_machine_without_clocks_says_so(cloud: Any) -> None:
    plan = cloud.plan(live=True, power_turbo="false", power_smt="false")
    for setting in ("governor", "epp", "turbo", "smt", "cstate_latency"):
        assert reason(plan, f"power.{setting}")


def test_kernel_work_is_kept_off_the_isolated_cpus(cloud: Any) -> None:
    plan = cloud.plan(live=True)
    assert value(plan, "cpu_isolation.workqueue") == "3"
    assert value(plan, "cpu_isolation.workqueue_writeback") == "3"
    assert value(plan, "irq_affinity.default_mask") == "3"


def test_limits_are_for_the_group(xeon: Any) -> None:
    assert xeon.plan("workstation", realtime_nice="")["limits"] == [
        {"domain": "@realtime", "type": "-", "item": "rtprio", "value": "98"},
        {"domain": "@realtime", "type": "-", "item": "memlock", "value": "unlimited"},
    ]


def test_sysctls_name_their_role(xeon: Any) -> None:
    plan = xeon.plan(numa_balancing="on", numa_swappiness="1")
    assert plan["sysctls"]["kernel.numa_balancing"] == "1"
    assert plan["sysctls"]["vm.swappiness"] == "1"
    assert set(plan["sysctls"]) == set(plan["sysctl_roles"])
    assert plan["sysctl_roles"]["vm.swappiness"] == "numa"


def test_a_workstation_sets_only_what_access_needs(cloud: Any) -> None:
    plan = cloud.plan("workstation", live=True)
    assert plan["sysctls"] == {"vm.hugetlb_shm_group": "gid:hugetlb"}
    assert plan["sysfs"] == plan["proc"] == plan["huge_pages"] == plan["mounts"] == []
    assert {group["name"] for group in plan["groups"]} == {"hugetlb", "realtime", "msr", "perf"}


def test_a_capability_that_is_off_plans_nothing(cloud: Any) -> None:
    enabled = [name for name in cloud.plan()["intent"] if name.endswith("_enabled")]
    plan = cloud.plan(live=True, **dict.fromkeys(enabled, False))
    for part in (
        "sysctls",
        "sysfs",
        "proc",
        "limits",
        "groups",
        "mounts",
        "huge_pages",
        "boot_arguments",
        "resctrl",
    ):
        assert not plan[part], part


def test_what_is_planned_is_not_also_called_not_applicable(cloud: Any, clocked: Any) -> None:
    for plan in (cloud.plan(live=True), clocked.plan()):
        planned = {entry["setting"] for entry in plan["sysfs"] + plan["proc"]}
        planned |= {f"{role}.{name}" for name, role in plan["sysctl_roles"].items()}
        assert not planned & {entry["setting"] for entry in plan["not_applicable"]}


def test_members_have_to_be_users_of_this_host() -> None:
    me = getpass.getuser()
    values = {
        "realtime_enabled": True,
        "realtime_group": "realtime",
        "realtime_members": [me, "no-such-user"],
    }
    problems = make_plan(Files("/"), "workstation", values)["problems"]
    assert [p["setting"] for p in problems] == ["realtime_members"]
    assert "no-such-user" in problems[0]["advice"]
    assert make_plan(Files("/"), "workstation", {**values, "realtime_members": [me]})["problems"] == []


def test_an_unknown_profile_is_refused(xeon: Any) -> None:
    with pytest.raises(ValueError, match="workstation, lowlatency, container"):
        make_plan(Files(str(xeon.root)), "fast", {})
