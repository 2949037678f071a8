from __future__ import annotations

from typing import Any

import pytest

TWO, ONE = "huge_pages_2m_per_node", "huge_pages_1g_per_node"
NODE = "/sys/devices/system/node"


def named(plan: dict[str, Any], setting: str) -> dict[str, Any]:
    found = [entry for entry in plan["problems"] if entry["setting"] == setting]
    assert len(found) == 1, plan["problems"]
    one: dict[str, Any] = found[0]
    return one


def boot(plan: dict[str, Any]) -> list[str]:
    return [argument for argument in plan["boot_arguments"] if argument.startswith("hugepages")]


def test_each_node_gets_its_pages(epyc: Any) -> None:
    plan = epyc.plan(**{TWO: "512", ONE: "2"})
    assert plan["huge_pages"] == [
        {"node": 0, "size_kib": 2048, "count": 512},
        {"node": 1, "size_kib": 2048, "count": 512},
        {"node": 0, "size_kib": 1048576, "count": 2},
        {"node": 1, "size_kib": 1048576, "count": 2},
    ]
    assert boot(plan) == ["hugepagesz=2M", "hugepages=0:512,1:512", "hugepagesz=1G", "hugepages=0:2,1:2"]
    assert [mount["path"] for mount in plan["mounts"]] == ["/dev/hugepages-2M", "/dev/hugepages-1G"]
    files = {entry["setting"]: (entry["path"], entry["value"]) for entry in plan["sysfs"]}
    assert files["huge_pages.node1.1048576kib"] == (
        f"{NODE}/node1/hugepages/hugepages-1048576kB/nr_hugepages",
        "2",
    )


def test_one_node_needs_no_node_number(xeon: Any) -> None:
    assert boot(xeon.plan(**{TWO: 512})) == ["hugepagesz=2M", "hugepages=512"]


def test_a_kernel_before_per_node_counts_gets_the_total(epyc: Any) -> None:
    epyc.write("proc/sys/kernel/osrelease", "5.15.0-91-generic")
    assert boot(epyc.plan(**{TWO: 512})) == ["hugepagesz=2M", "hugepages=1024"]


def test_more_than_a_node_holds_is_refused_with_the_most_it_can_give(machine: Any) -> None:
    machine.build({0: [(0,), (1,)], 1: [(2,), (3,)]}, memory_mib={0: 16384, 1: 8192})
    plan = machine.plan(**{TWO: 999999999})
    # The smaller node decides: 8192 MiB less 1024 MiB.
    assert named(plan, TWO)["allowed"] == "0 to 3584"
    assert "node 1 has 8192 MiB" in named(plan, TWO)["advice"]
    assert machine.plan(**{TWO: 3584})["problems"] == []
    assert named(machine.plan(**{TWO: 3585}), TWO)["value"] == 3585


def test_the_reserve_is_the_users(machine: Any) -> None:
    machine.build({0: [(0,), (1,)]}, memory_mib={0: 8192})
    plan = machine.plan(huge_pages_reserve_mib="4096", **{TWO: 3000})
    assert named(plan, TWO)["allowed"] == "0 to 2048"


def test_both_sizes_share_the_memory(machine: Any) -> None:
    machine.build({0: [(0,), (1,)]}, memory_mib={0: 8192})
    plan = machine.plan(**{TWO: 2000, ONE: 6})
    assert named(plan, TWO)["allowed"] == "0 to 512"
    assert named(plan, ONE)["allowed"] == "0 to 3"


def test_unknown_memory_is_a_warning(machine: Any) -> None:
    plan = machine.build({0: [(0,), (1,)]}).plan(**{TWO: 999999999})
    assert plan["problems"] == []
    assert any("memory of node 0 is unknown" in warning for warning in plan["warnings"])


def test_large_pages_need_a_cpu_that_has_them(machine: Any) -> None:
    plan = machine.build({0: [(0,), (1,)]}, {0: 65536}, flags="pse lm msr").plan(**{ONE: 1})
    assert named(plan, ONE)["allowed"] == "0"
    assert "pdpe1gb" in named(plan, ONE)["advice"]


def test_a_node_without_cpus_gets_no_pages(machine: Any) -> None:
    plan = machine.build({0: [(0,), (1,)], 1: []}, {0: 8192, 1: 65536}).plan(**{TWO: 16})
    assert [pages["node"] for pages in plan["huge_pages"]] == [0]
    # A total would be spread over the node without CPUs as well.
    assert "hugepages=0:16" in plan["boot_arguments"]


def test_a_node_without_memory_is_not_applicable(machine: Any) -> None:
    plan = machine.build({0: [(0,), (1,)], 1: [(2,), (3,)]}, {0: 8192, 1: 0}).plan(**{TWO: 16})
    assert [pages["node"] for pages in plan["huge_pages"]] == [0]
    assert {
        "setting": "huge_pages.node1.2048kib",
        "role": "huge_pages",
        "reason": "node 1 has no memory",
    } in plan["not_applicable"]


def test_an_empty_value_reserves_nothing(epyc: Any) -> None:
    plan = epyc.plan(**{TWO: "", ONE: ""})
    assert plan["huge_pages"] == plan["mounts"] == boot(plan) == []


def test_a_container_reserves_nothing_and_is_not_refused(cloud: Any) -> None:
    cloud.write("run/.containerenv", "")
    plan = cloud.plan(live=True, **{TWO: 999999999})
    assert plan["problems"] == plan["huge_pages"] == []
    assert "huge_pages.2M.reservation" in [entry["setting"] for entry in plan["not_applicable"]]


def test_the_cache_is_divided_between_the_engine_and_the_rest(xeon: Any) -> None:
    assert xeon.plan(memory_bandwidth_cat_ways="4")["resctrl"] == {
        "group": "tcp-performance",
        "cpus": "1-7,9-15",
        "schemata": ["L3:0=f", "MB:0=100"],
        "default_schemata": ["L3:0=7f0", "MB:0=50"],
    }


def test_the_mounted_resctrl_knows_its_ways_better(xeon: Any) -> None:
    xeon.write("sys/fs/resctrl/info/L3/cbm_mask", "fff")
    resctrl = xeon.plan(memory_bandwidth_cat_ways="auto")["resctrl"]
    assert (resctrl["schemata"][0], resctrl["default_schemata"][0]) == ("L3:0=3f", "L3:0=fc0")


@pytest.mark.parametrize(
    ("setting", "value", "allowed"),
    [
        ("memory_bandwidth_cat_ways", 11, "auto, or 1 to 10"),
        ("memory_bandwidth_mba_percent", 5, "10 to 100"),
    ],
)
def test_the_rest_needs_a_share_too(xeon: Any, setting: str, value: int, allowed: str) -> None:
    assert named(xeon.plan(**{setting: value}), setting)["allowed"] == allowed


def test_bandwidth_in_per_cent_is_not_for_amd(epyc: Any) -> None:
    reasons = {entry["setting"]: entry["reason"] for entry in epyc.plan()["not_applicable"]}
    assert "absolute units" in reasons["memory_bandwidth.mba_percent"]


def test_without_isolation_there_is_nobody_to_guard(xeon: Any) -> None:
    plan = xeon.plan(cpu_isolation_cpus="none")
    assert plan["resctrl"] == {}
    reasons = {entry["setting"]: entry["reason"] for entry in plan["not_applicable"]}
    assert "no CPU is isolated" in reasons["memory_bandwidth.cat_ways"]
