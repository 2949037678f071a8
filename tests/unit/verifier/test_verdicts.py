"""What lies between compliant and drifted: waiting for a reboot, not applicable; and what a verdict has to name."""

from __future__ import annotations

import copy
from typing import Any

import pytest

from tests.host.collectors.software import mount_unit
from tests.host.settings import settings
from tests.host.settings.common import effective, given
from tests.host.state import State
from tests.host.verdict import COMPLIANT, DRIFTED, NOT_APPLICABLE, REBOOT_PENDING
from tests.unit.verifier import synthetic

Row = dict[str, Any]
PAIR = ["hugepagesz=2M", "hugepages=4"]


@pytest.fixture(scope="module")
def plan(tmp_path_factory: pytest.TempPathFactory) -> Row:
    return synthetic.plan(tmp_path_factory.mktemp("machine"))


@pytest.fixture
def raw(plan: Row) -> Row:
    return copy.deepcopy(synthetic.state(plan))


def judge(raw: Row) -> dict[str, Row]:
    return {setting.name: setting.row(State(raw)) for setting in settings(raw["plan"])}


def before_reboot(raw: Row) -> None:
    """Everything is written, nothing has been started again."""
    raw["values"]["/proc/cmdline"] = "BOOT_IMAGE=/vmlinuz root=/dev/sda1"
    raw["values"]["/sys/devices/system/cpu/isolated"] = ""
    raw["values"]["/sys/devices/system/cpu/nohz_full"] = None
    raw["pid1_cpus"] = "0-15"


def test_what_only_a_reboot_brings_is_pending(raw: Row) -> None:
    before_reboot(raw)
    rows = judge(raw)
    pending = {name for name, row in rows.items() if row["verdict"] == REBOOT_PENDING}
    arguments = {name for name in rows if ".boot_argument." in name}
    assert pending == arguments | {
        "cpu_isolation.isolated",
        "cpu_isolation.nohz_full",
        "cpu_isolation.cpu_affinity",
    }
    assert all(rows[name]["reason"] for name in pending)


def test_huge_pages_that_the_boot_brings_are_pending_until_then(raw: Row) -> None:
    name = "huge_pages.node1.1048576kib"
    entry = next(entry for entry in raw["plan"]["sysfs"] if entry["setting"] == name)
    raw["values"][entry["path"]] = "1"
    assert judge(raw)[name]["verdict"] == DRIFTED
    before_reboot(raw)
    row = judge(raw)[name]
    assert row["verdict"] == REBOOT_PENDING
    assert "asked for 2, got 1" in row["reason"]


def test_a_realtime_kernel_that_is_installed_is_pending(raw: Row) -> None:
    raw["values"]["/sys/kernel/realtime"] = None
    assert judge(raw)["realtime.preempt_rt_kernel"]["verdict"] == DRIFTED
    raw["files"]["/boot/vmlinuz-6.1.0-41-rt-amd64"] = synthetic.file("")
    assert judge(raw)["realtime.preempt_rt_kernel"]["verdict"] == REBOOT_PENDING


def test_a_later_sysctl_file_is_named(raw: Row) -> None:
    later = "/etc/sysctl.d/99-administrator.conf"
    raw["sysctl_files"].append({"path": later, "settings": {"vm.swappiness": "60"}})
    row = judge(raw)["numa.vm.swappiness"]
    assert row["verdict"] == DRIFTED
    # The running value is still ours: only the next boot would lose it.
    assert row["actual"] == "10 until the next boot"
    assert later in row["reason"]


def test_a_recovery_entry_does_without_our_arguments(raw: Row) -> None:
    assert "single" in raw["files"]["/boot/grub/grub.cfg"]["text"]
    assert judge(raw)["cpu_isolation.boot_argument.isolcpus"]["verdict"] == COMPLIANT


def test_systemd_boot_is_judged_by_its_entries(raw: Row) -> None:
    raw["plan"] = {**raw["plan"], "features": copy.deepcopy(raw["plan"]["features"])}
    raw["plan"]["features"]["boot_loader"]["kind"] = "systemd-boot"
    words = raw["values"]["/proc/cmdline"]
    entry = "/boot/loader/entries/6.1.0-41-amd64.conf"
    raw["files"][entry] = synthetic.file(f"title Debian\noptions {words}\n")
    assert judge(raw)["cpu_isolation.boot_argument.nohz_full"]["verdict"] == COMPLIANT
    raw["files"][entry] = synthetic.file("title Debian\noptions root=/dev/sda1\n")
    assert judge(raw)["cpu_isolation.boot_argument.nohz_full"]["verdict"] == DRIFTED


def test_an_interrupt_that_cannot_be_moved_is_listed_and_no_error(raw: Row) -> None:
    row = judge(raw)["irq_affinity.live"]
    assert row["verdict"] == COMPLIANT
    assert "0 (timer)" in row["reason"]


def test_an_interrupt_astray_is_named_with_its_handler(raw: Row) -> None:
    raw["interrupts"][1]["cpus"] = "0-15"
    assert "24 (nvme0q0): 0-15" in judge(raw)["irq_affinity.live"]["actual"]


def test_who_is_bound_to_an_isolated_cpu_is_named_and_no_error(raw: Row) -> None:
    row = judge(raw)["cpu_isolation.occupants"]
    assert (row["verdict"], row["actual"]) == (COMPLIANT, "pid 900 (engine) on CPU 1-3, bound there")


def test_who_runs_there_before_the_reboot_waits_for_it(raw: Row) -> None:
    before_reboot(raw)
    raw["occupants"].append({"said": "pid 77 (make) on CPU 3", "bound": False})
    row = judge(raw)["cpu_isolation.occupants"]
    assert (row["verdict"], row["actual"]) == (REBOOT_PENDING, "pid 77 (make) on CPU 3")


def test_limits_that_nobody_could_be_given_do_not_apply(raw: Row) -> None:
    raw["login"]["realtime"].update(limits={}, user="", reason="no view", can_raise=False)
    row = judge(raw)["realtime.limit.@realtime.rtprio"]
    assert row["verdict"] == NOT_APPLICABLE
    assert "CAP_SYS_RESOURCE" in row["reason"]


def test_a_member_who_cannot_log_in_is_a_drift(raw: Row) -> None:
    raw["login"]["realtime"].update(limits={}, user="alice", reason="no session for alice")
    assert judge(raw)["realtime.limit.@realtime.nice"]["verdict"] == DRIFTED


def test_a_counter_that_counts_nothing_is_a_drift(raw: Row) -> None:
    raw["commands"]["cycles"]["errors"] = "<not supported>,,cycles:u,0,100.00,,"
    row = judge(raw)["perf_tools.hardware_counters"]
    assert (row["verdict"], row["actual"]) == (DRIFTED, "<not supported>")


def test_other_members_of_a_group_are_none_of_our_business(raw: Row) -> None:
    raw["groups"]["msr"]["members"].append("bob")
    assert judge(raw)["msr_access.group.msr"]["verdict"] == COMPLIANT


def test_in_a_container_the_kernels_settings_do_not_apply(raw: Row) -> None:
    reason = "container: the kernel belongs to its host"
    skipped = [{"setting": "numa.vm.swappiness", "role": "numa", "reason": reason}]
    raw["plan"] = {**raw["plan"], "sysctls": {}, "sysctl_roles": {}, "not_applicable": skipped}
    row = judge(raw)["numa.vm.swappiness"]
    assert (row["verdict"], row["reason"]) == (NOT_APPLICABLE, reason)


def test_a_capability_that_is_switched_off_says_so(raw: Row) -> None:
    raw["plan"] = {**raw["plan"], "capabilities": {**raw["plan"]["capabilities"], "power": False}}
    rows = judge(raw)
    assert [name for name, row in rows.items() if row["role"] == "power"] == ["power.enabled"]
    assert rows["power.enabled"]["reason"] == "switched off: power_enabled is false"


def test_workstation_and_container_profiles_are_compliant_too(
    tmp_path_factory: pytest.TempPathFactory,
) -> None:
    for profile in ("workstation", "container"):
        asked = synthetic.machine(tmp_path_factory.mktemp(profile)).plan(profile, live=True)
        rows = judge(synthetic.state(asked))
        assert {row["verdict"] for row in rows.values()} == {COMPLIANT, NOT_APPLICABLE}
        assert all(row["reason"] for row in rows.values() if row["verdict"] == NOT_APPLICABLE)


@pytest.mark.parametrize(
    ("line", "words", "found"),
    [
        ("quiet isolcpus=1 isolcpus=2", ["isolcpus=1"], "isolcpus=2"),
        ("hugepagesz=2M hugepages=4 hugepagesz=1G hugepages=2", PAIR, " ".join(PAIR)),
        ("hugepages=4", PAIR, ""),
        ("quiet nosmt", ["nosmt"], "nosmt"),
        ("quiet", ["nosmt"], ""),
    ],
)
def test_the_last_argument_of_a_kind_counts(line: str, words: list[str], found: str) -> None:
    assert effective(line.split(), words) == found


@pytest.mark.parametrize(
    ("line", "word", "held"),
    [
        ("isolcpus=managed_irq,domain,2-3 isolcpus=2,3", "isolcpus=managed_irq,domain,2-3", True),
        ("isolcpus=2,3", "isolcpus=managed_irq,domain,2-3", False),
        ("nohz_full=2-3 nohz_full=2", "nohz_full=2-3", False),
        ("mitigations=off mitigations=auto", "mitigations=off", False),
    ],
)
def test_a_list_that_is_repeated_in_other_words_holds(line: str, word: str, held: bool) -> None:
    assert given(line.split(), [word]) is held


def test_a_page_size_is_the_same_in_other_units(raw: Row) -> None:
    mount = next(entry for entry in raw["mounts"] if entry["path"] == "/dev/hugepages-1G")
    assert "pagesize=1G" in mount["options"]
    mount["options"] = mount["options"].replace("pagesize=1G", "pagesize=1024M")
    assert judge(raw)["huge_pages.mount./dev/hugepages-1G"]["verdict"] == COMPLIANT


def test_a_mount_unit_is_named_as_systemd_does() -> None:
    assert mount_unit("/dev/hugepages-2M") == "dev-hugepages\\x2d2M.mount"
