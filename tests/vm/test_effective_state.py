"""After the reboot the running kernel has what was planned, read without the verifier's help; the verifier agrees."""

from __future__ import annotations

import re

import pytest

from tests.host.cpus import expand, meaning
from tests.host.state import State
from tests.host.verdict import COMPLIANT, NOT_APPLICABLE
from tests.vm.machine import SPARE_ACCOUNTS, Machine, judge
from tests.vm.mutants.shell import UNDO


def test_the_verdict_is_compliant(sound: State) -> None:
    found = judge(sound)
    assert [row for row in found.values() if row["verdict"] not in (COMPLIANT, NOT_APPLICABLE)] == []


def test_every_argument_reached_the_kernel_once(machine: Machine, sound: State) -> None:
    words = machine.read("/proc/cmdline")[0].split()
    assert sound.plan["boot_arguments"]
    for argument in set(sound.plan["boot_arguments"]):
        assert words.count(argument) == sound.plan["boot_arguments"].count(argument), argument


def test_the_planned_cpus_are_isolated(machine: Machine, sound: State) -> None:
    names = ("isolated", "nohz_full")
    found = machine.read(*(f"/sys/devices/system/cpu/{name}" for name in names))
    assert [expand(text) for text in found] == [expand(sound.plan["isolated_cpus"])] * 2


def test_unbound_work_and_new_interrupts_stay_off_them(machine: Machine, sound: State) -> None:
    names = ("/proc/irq/default_smp_affinity", "/sys/devices/virtual/workqueue/cpumask")
    wanted = (sound.plan["irq_cpus"], sound.plan["housekeeping_cpus"])
    for path, text, cpus in zip(names, machine.read(*names), wanted):
        mask = int(meaning(path, text).replace(",", ""), 16)
        assert {cpu for cpu in range(mask.bit_length()) if mask >> cpu & 1} == expand(cpus), path


def test_pid_1_keeps_to_the_housekeeping_cpus(machine: Machine, sound: State) -> None:
    found = re.search(r"^Cpus_allowed_list:\s*(\S+)", machine.read("/proc/1/status")[0], re.MULTILINE)
    assert found
    assert expand(found.group(1)) == expand(sound.plan["housekeeping_cpus"])


def test_each_node_has_its_huge_pages_of_each_size(machine: Machine, sound: State) -> None:
    wanted = {(page["node"], page["size_kib"]): page["count"] for page in sound.plan["huge_pages"]}
    assert wanted
    paths = [
        f"/sys/devices/system/node/node{node}/hugepages/hugepages-{size}kB/nr_hugepages"
        for node, size in wanted
    ]
    assert [int(text) for text in machine.read(*paths)] == list(wanted.values())


def test_the_mounts_belong_to_the_group_that_may_use_them(machine: Machine, sound: State) -> None:
    assert {mount["path"].rpartition("-")[2] for mount in sound.plan["mounts"]} == {
        {2048: "2M", 1048576: "1G"}[page["size_kib"]] for page in sound.plan["huge_pages"]
    }
    group = sound.plan["intent"]["huge_pages_group"]
    for mount in sound.plan["mounts"]:
        said = machine.root(f"stat --format '%a %U %G' {mount['path']}; stat -f --format %T {mount['path']}")
        assert said.splitlines() == [f"1770 root {group}", "hugetlbfs"]


def test_a_member_who_logs_in_has_the_limits(machine: Machine, sound: State) -> None:
    """By number of the resource, as the kernel has it for a process of a session."""
    if not sound.plan["limits"]:
        pytest.skip("the plan has no limits")
    group = sound.plan["limits"][0]["domain"].lstrip("@")
    user = "tcp-limits"
    text = machine.root(
        f"{SPARE_ACCOUNTS}\nuseradd --no-create-home --shell /bin/sh --groups {group} {user}\n"
        f"su -l {user} -c 'prlimit --raw --noheadings --output RESOURCE,SOFT,HARD' 2>/dev/null\nuserdel {user}\n"
        f"{UNDO}"
    )
    found = {name: (soft, hard) for name, soft, hard in (line.split() for line in text.splitlines())}
    for limit in sound.plan["limits"]:
        value = str(limit["value"])
        if limit["item"] == "nice":
            value = str(20 - int(value))
        elif limit["item"] == "memlock" and value.isdecimal():
            value = str(int(value) * 1024)
        assert found[limit["item"].upper()] == (value, value), limit["item"]


def test_what_the_machine_lacks_is_not_applicable_with_its_reason(sound: State) -> None:
    rows, features = judge(sound), sound.plan["features"]
    for feature, setting in (
        ("boost", "power.turbo"),
        ("resctrl", "memory_bandwidth.cat_ways"),
        ("perf_counters", "perf_tools.hardware_counters"),
        ("cpufreq", "power.governor"),
    ):
        if features[feature]["available"] or not sound.plan["intent"].get(setting.replace(".", "_"), True):
            continue
        assert rows[setting]["verdict"] == NOT_APPLICABLE
        assert rows[setting]["reason"] == features[feature]["reason"] != ""


def test_interrupts_that_cannot_be_moved_are_listed(machine: Machine, sound: State) -> None:
    allowed, row = expand(sound.plan["irq_cpus"]), judge(sound)["irq_affinity.live"]
    astray = [entry for entry in sound.raw["interrupts"] if not expand(entry["cpus"]) <= allowed]
    assert row["verdict"] == COMPLIANT
    assert f"{len(astray)} immovable" in row["actual"]
    for entry in astray:
        assert f"{entry['irq']} ({', '.join(entry['handlers'])})" in row["reason"]
