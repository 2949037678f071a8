from __future__ import annotations

from typing import Any

import pytest
from cpu_list import parse_cpus

CPUS = "cpu_isolation_cpus"
HOUSEKEEPING = "cpu_isolation_housekeeping_cores_per_node"


def problem(plan: dict[str, Any], setting: str) -> dict[str, Any]:
    found = [entry for entry in plan["problems"] if entry["setting"] == setting]
    assert len(found) == 1, plan["problems"]
    one: dict[str, Any] = found[0]
    return one


def test_one_core_of_each_node_keeps_house(epyc: Any) -> None:
    plan = epyc.plan()
    assert plan["housekeeping_cpus"] == "0,32,64,96"
    assert plan["isolated_cpus"] == "1-31,33-63,65-95,97-127"
    assert plan["irq_cpus"] == plan["housekeeping_cpus"]
    assert plan["engine_cpus"] == plan["isolated_cpus"]
    assert plan["problems"] == []


def test_more_cores_may_keep_house(xeon: Any) -> None:
    assert xeon.plan(**{HOUSEKEEPING: "3"})["housekeeping_cpus"] == "0-2,8-10"


def test_the_engine_has_a_thread_a_physical_core_node_after_node(epyc: Any) -> None:
    threads = epyc.plan()["engine_threads"]
    assert [thread["thread"] for thread in threads] == list(range(62))
    assert [thread["cpu"] for thread in threads] == [*range(1, 32), *range(33, 64)]
    assert [thread["node"] for thread in threads] == [0] * 31 + [1] * 31


def test_efficiency_cores_keep_house(laptop: Any) -> None:
    plan = laptop.plan()
    assert plan["isolated_cpus"] == "2-7"
    assert plan["housekeeping_cpus"] == "0-1,8-15"
    assert any("efficiency cores 8-15" in warning for warning in plan["warnings"])


def test_a_list_may_name_efficiency_cores(laptop: Any) -> None:
    assert laptop.plan(**{CPUS: "8-15"})["isolated_cpus"] == "8-15"


def test_one_cpu_isolates_nothing_and_says_why(single: Any) -> None:
    plan = single.plan(huge_pages_2m_per_node=4)
    assert plan["isolated_cpus"] == ""
    assert plan["housekeeping_cpus"] == plan["engine_cpus"] == plan["irq_cpus"] == "0"
    assert plan["engine_threads"] == [{"thread": 0, "cpu": 0, "node": 0}]
    assert plan["problems"] == []
    reasons = {entry["setting"]: entry["reason"] for entry in plan["not_applicable"]}
    assert "no core is left" in reasons["cpu_isolation.cpus"]
    assert not [argument for argument in plan["boot_arguments"] if argument.startswith("isolcpus")]


def test_a_node_too_small_to_isolate_is_named(machine: Any) -> None:
    plan = machine.build({0: [(0,), (1,), (2,)], 1: [(3,)]}).plan()
    assert plan["isolated_cpus"] == "1-2"
    assert any(warning.startswith("node 1 has 1 core,") for warning in plan["warnings"])


def test_a_node_without_cpus_needs_no_housekeeping(machine: Any) -> None:
    plan = machine.build({0: [(0,), (1,)], 1: []}).plan()
    assert plan["isolated_cpus"] == "1"
    assert plan["problems"] == []


@pytest.mark.parametrize("asked", ["none", ""])
def test_nothing_is_isolated_when_nothing_is_asked(xeon: Any, asked: str) -> None:
    plan = xeon.plan(**{CPUS: asked})
    assert plan["isolated_cpus"] == ""
    assert plan["engine_cpus"] == "0-15"
    assert len(plan["engine_threads"]) == 8


def test_a_capability_that_is_off_isolates_nothing(xeon: Any) -> None:
    plan = xeon.plan(cpu_isolation_enabled=False, cpu_isolation_cpus="0-63")
    assert plan["isolated_cpus"] == ""
    assert plan["problems"] == []


def test_a_good_list_is_taken_as_it_is(xeon: Any) -> None:
    plan = xeon.plan(**{CPUS: "4-7,12-15"})
    assert plan["isolated_cpus"] == "4-7,12-15"
    assert plan["problems"] == []


@pytest.mark.parametrize(
    ("cpus", "said"),
    [
        ("0,8", "CPU 0 is the boot CPU"),
        ("4,5,13", "siblings 4,12 are split"),
        ("4,12,16-19", "there is no CPU 16-19"),
        ("0-15", "node 0 would keep 0 cores"),
        ("7-5", "'7-5' is no range"),
    ],
)
def test_a_bad_list_names_what_is_wrong_and_what_is_allowed(xeon: Any, cpus: str, said: str) -> None:
    plan = xeon.plan(**{CPUS: cpus})
    found = problem(plan, CPUS)
    assert said in found["advice"]
    assert found["allowed"] == "up to 1-7,9-15"
    assert plan["isolated_cpus"] == ""


def test_a_list_has_to_leave_as_many_cores_as_are_to_keep_house(xeon: Any) -> None:
    found = problem(xeon.plan(**{CPUS: "1-7,9-15", HOUSEKEEPING: 2}), CPUS)
    assert "node 0 would keep 1 core for housekeeping, of 2 needed" in found["advice"]
    assert found["allowed"] == "up to 2-7,10-15"


def test_the_core_of_the_boot_cpu_keeps_house_whatever_its_sibling(machine: Any) -> None:
    assert machine.build({0: [(1, 2), (0, 3)], 1: [(4, 5), (6, 7)]}).plan()["housekeeping_cpus"] == "0,3-5"


def test_an_offline_cpu_can_not_be_isolated(machine: Any) -> None:
    plan = machine.build({0: [(0,), (1,), (2,)]}, offline=[2]).plan(**{CPUS: "1-2"})
    assert "offline: 2" in problem(plan, CPUS)["advice"]


def test_all_faults_of_a_list_come_at_once(xeon: Any) -> None:
    advice = problem(xeon.plan(**{CPUS: "0,5,99"}), CPUS)["advice"]
    assert all(part in advice for part in ("no CPU 99", "boot CPU", "siblings 0,8", "siblings 5,13"))


def test_a_list_and_too_many_housekeeping_cores_are_both_named(xeon: Any) -> None:
    plan = xeon.plan(**{CPUS: "0-63", HOUSEKEEPING: "99"})
    assert {entry["setting"] for entry in plan["problems"]} == {CPUS, HOUSEKEEPING}
    assert problem(plan, HOUSEKEEPING)["allowed"] == "1 to 8"
    assert problem(plan, CPUS)["allowed"] == "up to 1-7,9-15"


def test_smt_off_counts_one_cpu_a_core_before_and_after_the_switch(xeon: Any, tmp_path: Any) -> None:
    before = xeon.plan(power_smt="false")
    after = type(xeon)(tmp_path / "after").build({0: [(c, c + 8) for c in range(8)]}, offline=range(8, 16))
    assert before["isolated_cpus"] == "1-7"
    assert after.plan(power_smt="false")["isolated_cpus"] == "1-7"
    assert (
        "power_smt=false takes 12 offline"
        in problem(xeon.plan(power_smt="false", **{CPUS: "4,12"}), CPUS)["advice"]
    )


def test_interrupts_go_where_the_user_says(xeon: Any) -> None:
    assert xeon.plan(irq_affinity_cpus="0-1,8-9")["irq_cpus"] == "0-1,8-9"
    assert xeon.plan(irq_affinity_cpus="none")["irq_cpus"] == "0-15"
    assert problem(xeon.plan(irq_affinity_cpus="44"), "irq_affinity_cpus")["allowed"] == "CPUs among 0-15"


def test_interrupts_on_isolated_cpus_are_remarked(xeon: Any) -> None:
    warnings = xeon.plan(irq_affinity_cpus="0-1")["warnings"]
    assert any("isolated CPUs 1" in warning for warning in warnings)


def test_a_captured_machine_keeps_siblings_together_and_a_core_a_node(capture: Any) -> None:
    plan = capture.plan()
    isolated = parse_cpus(plan["isolated_cpus"])
    assert plan["problems"] == []
    assert isolated
    for cpu in plan["topology"]["cpus"]:
        siblings = parse_cpus(cpu["siblings"])
        assert siblings <= isolated or not siblings & isolated
    for node in plan["topology"]["nodes"]:
        assert parse_cpus(node["cpus"]) - isolated
    assert any("unknown" in warning for warning in plan["warnings"])
    assert all(node["memory_kib"] is None for node in plan["topology"]["nodes"])


def test_a_captured_machine_names_both_problems(capture: Any) -> None:
    plan = capture.plan(**{CPUS: "0-63", HOUSEKEEPING: "99"})
    assert {entry["setting"] for entry in plan["problems"]} == {CPUS, HOUSEKEEPING}
    assert all(entry["allowed"] for entry in plan["problems"])
