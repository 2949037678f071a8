# mypy: disable-error-code="no-redef"
"""The values of limits, groups, sysctls and files in /sys and /proc, capability by capability."""

from __future__ import annotations

import pwd
from typing import List, Optional, Set, Tuple

try:
    from cpu_list import format_cpus, format_mask
    from host_draft import Draft
    from host_features import boost
    from host_isolation import Placement
    from host_topology import CPU
except ImportError:
    from ansible.module_utils.cpu_list import format_cpus, format_mask
    from ansible.module_utils.host_draft import Draft
    from ansible.module_utils.host_features import boost
    from ansible.module_utils.host_isolation import Placement
    from ansible.module_utils.host_topology import CPU

_GROUPS = ("huge_pages", "realtime", "msr_access", "perf_tools", "zero_copy")
_SWITCH = {True: "1", False: "0"}

# variable, role, sysctl
_SYSCTLS: Tuple[Tuple[str, str, str], ...] = (
    ("realtime_rt_throttling_us", "realtime", "kernel.sched_rt_runtime_us"),
    ("numa_balancing", "numa", "kernel.numa_balancing"),
    ("numa_zone_reclaim_mode", "numa", "vm.zone_reclaim_mode"),
    ("numa_swappiness", "numa", "vm.swappiness"),
    ("power_watchdogs", "power", "kernel.watchdog"),
    ("power_watchdogs", "power", "kernel.nmi_watchdog"),
    ("power_timer_migration", "power", "kernel.timer_migration"),
    ("perf_tools_paranoid", "perf_tools", "kernel.perf_event_paranoid"),
)


def plan_groups(draft: Draft) -> None:
    """Access groups and their members; a member has to be a user of this host."""
    for role in _GROUPS:
        if not draft.asked("%s_group" % role):
            continue
        members = draft.intent["%s_members" % role] or []
        strangers = _strangers(draft, members)
        if strangers:
            draft.problem(
                "%s_members" % role,
                members,
                "users of this host",
                "there is no user %s: create it first, or take it off the list" % ", ".join(strangers),
            )
        draft.add_group(role, draft.intent["%s_group" % role], members)
    if draft.asked("huge_pages_group"):
        # Its value is the group's number, which only the host knows once the group is there.
        draft.set_sysctl("huge_pages", "vm.hugetlb_shm_group", "gid:%s" % draft.intent["huge_pages_group"])


def _strangers(draft: Draft, members: List[str]) -> List[str]:
    if not draft.files.whole:
        return []
    return [name for name in members if not _is_user(name)]


def _is_user(name: str) -> bool:
    try:
        pwd.getpwnam(name)
    except KeyError:
        return False
    return True


def plan_limits(draft: Draft) -> None:
    """What pam_limits grants to the members of the realtime group."""
    if not draft.asked("realtime_group"):
        return
    domain = "@%s" % draft.intent["realtime_group"]
    for variable, item in (
        ("realtime_rtprio", "rtprio"),
        ("realtime_memlock_kib", "memlock"),
        ("realtime_nice", "nice"),
    ):
        if draft.asked(variable):
            draft.limits.append(
                {"domain": domain, "type": "-", "item": item, "value": str(draft.intent[variable])}
            )


def plan_sysctls(draft: Draft) -> None:
    for variable, role, name in _SYSCTLS:
        if not draft.asked(variable):
            continue
        value = draft.intent[variable]
        if name == "kernel.nmi_watchdog" and value is True and not draft.has("perf_counters"):
            draft.skip(name, role, draft.features["perf_counters"]["reason"])
            continue
        draft.set_sysctl(role, name, _SWITCH[value] if isinstance(value, bool) else str(value))


def plan_memory_policy(draft: Draft) -> None:
    """Transparent huge pages and the merging of equal pages."""
    if draft.asked("huge_pages_thp") and not draft.skip_without("thp", "thp", "huge_pages"):
        draft.set_file(
            "thp", "huge_pages", "/sys/kernel/mm/transparent_hugepage/enabled", draft.intent["huge_pages_thp"]
        )
    if draft.asked("huge_pages_ksm") and not draft.skip_without("ksm", "ksm", "huge_pages"):
        draft.set_file("ksm", "huge_pages", "/sys/kernel/mm/ksm/run", _SWITCH[draft.intent["huge_pages_ksm"]])


def plan_masks(draft: Draft, placement: Placement) -> None:
    """Keep unbound kernel work and interrupts off the isolated CPUs."""
    size = draft.topology.possible
    if draft.intent["cpu_isolation_enabled"] and placement.isolated:
        mask = format_mask(placement.housekeeping, size)
        for name, setting in (("cpumask", "workqueue"), ("writeback/cpumask", "workqueue_writeback")):
            draft.set_file(setting, "cpu_isolation", "/sys/devices/virtual/workqueue/%s" % name, mask)
    if draft.asked("irq_affinity_cpus") and draft.intent["irq_affinity_cpus"] != "none":
        if placement.interrupts == placement.all:
            draft.skip("default_mask", "irq_affinity", "every CPU takes interrupts: none is isolated")
        elif not draft.skip_without("irq_affinity", "default_mask", "irq_affinity"):
            draft.set_file(
                "default_mask",
                "irq_affinity",
                "/proc/irq/default_smp_affinity",
                format_mask(placement.interrupts, size),
            )


def plan_power(draft: Draft, engine: Set[int]) -> None:
    _governor(draft)
    _preference(draft)
    if draft.asked("power_cstate_latency_us") and not draft.skip_without(
        "cpuidle", "cstate_latency", "power"
    ):
        latency = draft.intent["power_cstate_latency_us"]
        for cpu in sorted(engine):
            # In this file 0 means "no limit" and "n/a" means "not a microsecond".
            draft.set_file(
                "cstate_latency.cpu%d" % cpu,
                "power",
                "%s/cpu%d/power/pm_qos_resume_latency_us" % (CPU, cpu),
                str(latency) if latency else "n/a",
            )
    if draft.asked("power_turbo"):
        switch = boost(draft.files)
        if draft.container or switch is None:
            draft.skip_without("boost", "turbo", "power")
        else:
            draft.set_file(
                "turbo", "power", switch[0], switch[1] if draft.intent["power_turbo"] else switch[2]
            )
    if draft.asked("power_smt") and not draft.skip_without("smt_control", "smt", "power"):
        draft.set_file("smt", "power", CPU + "/smt/control", "on" if draft.intent["power_smt"] else "off")


def _governor(draft: Draft) -> None:
    if not draft.asked("power_governor") or draft.skip_without("cpufreq", "governor", "power"):
        return
    value = draft.intent["power_governor"]
    available = _words(draft, "scaling_available_governors")
    if available is not None and value not in available:
        draft.problem(
            "power_governor",
            value,
            ", ".join(sorted(available)),
            "the cpufreq driver of this host has no governor of that name",
        )
        return
    for cpu in draft.topology.online:
        draft.set_file(
            "governor.cpu%d" % cpu, "power", "%s/cpu%d/cpufreq/scaling_governor" % (CPU, cpu), value
        )


def _preference(draft: Draft) -> None:
    if not draft.asked("power_epp") or draft.skip_without("epp", "epp", "power"):
        return
    value = draft.intent["power_epp"]
    available = _words(draft, "energy_performance_available_preferences")
    if available is not None and value not in available:
        draft.problem(
            "power_epp", value, ", ".join(sorted(available)), "the processor has no such preference"
        )
        return
    if draft.intent["power_governor"] == "performance" and value != "performance":
        draft.problem(
            "power_epp",
            value,
            "performance",
            "under the governor performance the kernel refuses every other preference",
        )
        return
    for cpu in draft.topology.online:
        draft.set_file(
            "epp.cpu%d" % cpu, "power", "%s/cpu%d/cpufreq/energy_performance_preference" % (CPU, cpu), value
        )


def _words(draft: Draft, name: str) -> Optional[Set[str]]:
    text = draft.files.read("%s/cpu%d/cpufreq/%s" % (CPU, draft.topology.boot_cpu, name))
    return set(text.split()) if text is not None else None


def plan_access(draft: Draft) -> None:
    """Registers and counters that are not there can not be granted."""
    if draft.intent["msr_access_enabled"]:
        draft.skip_without("msr", "device", "msr_access")
    if draft.intent["perf_tools_enabled"] and not draft.has("perf_counters"):
        draft.skip("hardware_counters", "perf_tools", draft.features["perf_counters"]["reason"])


def isolation_warnings(draft: Draft, placement: Placement) -> List[str]:
    """What a user should know about isolation that rests on less than boot arguments."""
    if not placement.isolated or draft.boot.get("cpu_isolation"):
        return []
    return [
        "no boot arguments: CPUs %s are kept free by placement only, the scheduler still sees them"
        % format_cpus(placement.isolated)
    ]
