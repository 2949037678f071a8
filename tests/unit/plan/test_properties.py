"""What holds for every machine and every intent."""

from __future__ import annotations

import json
import tempfile
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from cpu_list import format_cpus, parse_cpus
from hypothesis import given
from hypothesis import strategies as st

HOUSEKEEPING = "cpu_isolation_housekeeping_cores_per_node"


@st.composite
def machines(draw: st.DrawFn) -> tuple[dict[int, list[tuple[int, ...]]], set[int]]:
    """Nodes with gaps in their numbers, cores of one or two CPUs in any order, some CPUs offline."""
    nodes = sorted(draw(st.sets(st.integers(0, 9), min_size=1, max_size=4)))
    sizes = draw(st.lists(st.integers(1, 2), min_size=1, max_size=16))
    numbers = iter(draw(st.permutations(range(sum(sizes)))))
    cores = [tuple(sorted(next(numbers) for _ in range(size))) for size in sizes]
    placed: dict[int, list[tuple[int, ...]]] = {node: [] for node in nodes}
    for core in cores:
        placed[draw(st.sampled_from(nodes))].append(core)
    cpus = [cpu for core in cores for cpu in core if cpu != 0]
    return placed, draw(st.sets(st.sampled_from(cpus))) if cpus else set()


INTENT = st.fixed_dictionaries(
    {},
    optional={
        "cpu_isolation_cpus": st.sampled_from(["auto", "none", "", "0-63", "1"])
        | st.sets(st.integers(0, 20), min_size=1).map(format_cpus),
        HOUSEKEEPING: st.integers(1, 6),
        "power_smt": st.booleans(),
        "huge_pages_2m_per_node": st.integers(0, 4000),
        "huge_pages_1g_per_node": st.integers(0, 5),
        "irq_affinity_cpus": st.sampled_from(["auto", "none", "0", "3"]),
    },
)


MACHINES = machines()


@pytest.fixture(scope="session")
def planned(machine_at: Callable[[Path], Any]) -> Callable[..., dict[str, Any]]:
    def plan(
        shape: tuple[dict[int, list[tuple[int, ...]]], set[int]], intent: dict[str, Any]
    ) -> dict[str, Any]:
        with tempfile.TemporaryDirectory() as folder:
            nodes, offline = shape
            machine = machine_at(Path(folder)).build(nodes, dict.fromkeys(nodes, 4096), offline)
            result: dict[str, Any] = machine.plan(**intent)
            return result

    return plan


Plan = Callable[..., dict[str, Any]]


@given(shape=MACHINES, intent=INTENT)
def test_isolated_and_housekeeping_cpus_divide_what_is_online(planned: Plan, shape: Any, intent: Any) -> None:
    plan = planned(shape, intent)
    isolated, keeping = parse_cpus(plan["isolated_cpus"]), parse_cpus(plan["housekeeping_cpus"])
    cores = {cpu["core"]: cpu["cpu"] for cpu in reversed(plan["topology"]["cpus"]) if cpu["online"]}
    online = {cpu["cpu"] for cpu in plan["topology"]["cpus"] if cpu["online"]}
    # With SMT to be off only the first CPU of each core is there to be divided.
    assert isolated | keeping == (set(cores.values()) if intent.get("power_smt") is False else online)
    assert not isolated & keeping


@given(shape=MACHINES, intent=INTENT)
def test_siblings_stay_together_and_the_boot_cpu_keeps_house(planned: Plan, shape: Any, intent: Any) -> None:
    plan = planned(shape, intent)
    isolated, keeping = parse_cpus(plan["isolated_cpus"]), parse_cpus(plan["housekeeping_cpus"])
    for cpu in plan["topology"]["cpus"]:
        siblings = parse_cpus(cpu["siblings"]) & (isolated | keeping)
        assert siblings <= isolated or siblings <= keeping
    assert plan["topology"]["boot_cpu"] not in isolated


@given(shape=MACHINES, intent=INTENT)
def test_each_node_with_cpus_keeps_the_cores_that_were_asked_for(
    planned: Plan, shape: Any, intent: Any
) -> None:
    plan = planned(shape, intent)
    keeping = parse_cpus(plan["housekeeping_cpus"])
    asked = intent.get(HOUSEKEEPING, 1)
    if plan["problems"] or not plan["isolated_cpus"]:
        asked = 1
    for node in plan["topology"]["nodes"]:
        cpus = parse_cpus(node["cpus"])
        cores = {cpu["core"] for cpu in plan["topology"]["cpus"] if cpu["cpu"] in cpus & keeping}
        assert len(cores) >= asked or not cpus


@given(shape=MACHINES, intent=INTENT)
def test_the_engine_has_one_thread_a_core_on_its_own_cpus(planned: Plan, shape: Any, intent: Any) -> None:
    plan = planned(shape, intent)
    engine = parse_cpus(plan["engine_cpus"])
    core_of = {cpu["cpu"]: cpu["core"] for cpu in plan["topology"]["cpus"]}
    used = [thread["cpu"] for thread in plan["engine_threads"]]
    assert engine
    assert set(used) <= engine
    assert sorted(core_of[cpu] for cpu in used) == sorted({core_of[cpu] for cpu in engine})


@given(shape=MACHINES, intent=INTENT)
def test_boot_arguments_name_the_isolated_cpus_and_no_others(planned: Plan, shape: Any, intent: Any) -> None:
    plan = planned(shape, intent)
    lists = [
        a.rpartition("=")[2] for a in plan["boot_arguments"] if a.startswith(("nohz_full=", "rcu_nocbs="))
    ]
    assert lists == ([plan["isolated_cpus"]] * 2 if plan["isolated_cpus"] else [])


@given(shape=MACHINES, intent=INTENT)
def test_huge_pages_never_exceed_memory_without_a_problem(planned: Plan, shape: Any, intent: Any) -> None:
    plan = planned(shape, intent)
    for node in plan["topology"]["nodes"]:
        taken = sum(p["size_kib"] * p["count"] for p in plan["huge_pages"] if p["node"] == node["node"])
        judged = [p for p in plan["problems"] if p["setting"].startswith("huge_pages")]
        assert taken <= node["memory_kib"] - 1024 * 1024 or judged


@given(shape=MACHINES, intent=INTENT)
def test_what_a_problem_allows_is_accepted(planned: Plan, shape: Any, intent: Any) -> None:
    problems = planned(shape, intent)["problems"]
    for problem in problems:
        low, _, most = problem["allowed"].removeprefix("up to ").partition(" to ")
        if problem["setting"] == "cpu_isolation_cpus":
            allowed: dict[str, Any] = {"cpu_isolation_cpus": low}
            if HOUSEKEEPING in [other["setting"] for other in problems]:
                allowed[HOUSEKEEPING] = 1
        elif problem["setting"] == "irq_affinity_cpus":
            allowed = {"irq_affinity_cpus": low.removeprefix("CPUs among ")}
        else:
            allowed = {problem["setting"]: int(most)}
        again = planned(shape, {**intent, **allowed})
        assert problem["setting"] not in [p["setting"] for p in again["problems"]]


@given(shape=MACHINES, intent=INTENT)
def test_a_plan_is_json_and_the_same_each_time(planned: Plan, shape: Any, intent: Any) -> None:
    plan = planned(shape, intent)
    assert json.loads(json.dumps(plan)) == planned(shape, intent)
