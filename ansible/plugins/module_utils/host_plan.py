# mypy: disable-error-code="no-redef"
"""The plan of a host: every concrete value that its topology and the user's intent come to.

    make_plan(Files("/"), profile, values, platform) -> dict

Nothing is changed. What is impossible comes back in `problems`, all at once, each as
{"setting", "value", "allowed", "advice"}; what this host lacks comes back in `not_applicable` with the
reason. The plan depends on the machine and the intent alone, not on whether it was carried out before.
"""

from __future__ import annotations

from typing import Any, Dict, List, Set

try:
    from cpu_list import format_cpus, parse_cpus
    from host_boot import arguments, plan_boot
    from host_draft import Draft
    from host_features import read_features
    from host_files import Files
    from host_gpu import build_options, compilers, plan_gpus, read_gpus
    from host_intent import CAPABILITIES, INTENT, read_intent
    from host_isolation import Placement, place
    from host_memory import plan_huge_pages, plan_resctrl
    from host_settings import (
        isolation_warnings,
        plan_access,
        plan_groups,
        plan_limits,
        plan_masks,
        plan_memory_policy,
        plan_power,
        plan_sysctls,
    )
    from host_topology import read_topology
    from host_zero_copy import module_plan, plan_zero_copy, read_modules
except ImportError:
    from ansible.module_utils.cpu_list import format_cpus, parse_cpus
    from ansible.module_utils.host_boot import arguments, plan_boot
    from ansible.module_utils.host_draft import Draft
    from ansible.module_utils.host_features import read_features
    from ansible.module_utils.host_files import Files
    from ansible.module_utils.host_gpu import build_options, compilers, plan_gpus, read_gpus
    from ansible.module_utils.host_intent import CAPABILITIES, INTENT, read_intent
    from ansible.module_utils.host_isolation import Placement, place
    from ansible.module_utils.host_memory import plan_huge_pages, plan_resctrl
    from ansible.module_utils.host_settings import (
        isolation_warnings,
        plan_access,
        plan_groups,
        plan_limits,
        plan_masks,
        plan_memory_policy,
        plan_power,
        plan_sysctls,
    )
    from ansible.module_utils.host_topology import read_topology
    from ansible.module_utils.host_zero_copy import module_plan, plan_zero_copy, read_modules

__all__ = ["CAPABILITIES", "INTENT", "PROFILES", "SCHEMA", "Files", "make_plan"]

SCHEMA = 1
PROFILES = ("workstation", "lowlatency", "container")


def make_plan(files: Files, profile: str, values: Dict[str, Any], platform: str = "") -> Dict[str, Any]:
    """Plan one machine. Raises ValueError when the tree shows no CPU, or for an unknown profile."""
    if profile not in PROFILES:
        raise ValueError("profile %r: allowed are %s" % (profile, ", ".join(PROFILES)))
    topology = read_topology(files)
    features = dict(read_features(files, topology), **read_gpus(files))
    features.update(read_modules(files, features["container"]["available"]))
    intent, problems = read_intent(values)
    draft = Draft(files, topology, features, intent, profile)
    draft.problems += problems
    if not files.live:
        draft.warnings.append(
            "planned for a captured machine: what the capture can not tell (init system, boot "
            "loader, writable kernel settings) is taken as on a plain machine with systemd and GRUB"
        )
    placement = place(topology, intent, _usable(files, draft))
    draft.problems += placement.problems
    draft.warnings += placement.warnings
    if placement.reason:
        draft.warnings.append(placement.reason)
        draft.skip("cpus", "cpu_isolation", placement.reason)
    _write(draft, placement)
    draft.warnings += isolation_warnings(draft, placement)
    return _as_dict(draft, placement, profile, platform)


def _write(draft: Draft, placement: Placement) -> None:
    plan_groups(draft)
    plan_limits(draft)
    plan_huge_pages(draft)
    plan_memory_policy(draft)
    plan_sysctls(draft)
    plan_power(draft, placement.engine)
    plan_masks(draft, placement)
    plan_access(draft)
    plan_gpus(draft)
    plan_zero_copy(draft)
    plan_resctrl(draft, placement.isolated)
    plan_boot(draft, placement)


def _usable(files: Files, draft: Draft) -> Set[int]:
    """The CPUs a container may run on; on a machine of one's own these are all that are online."""
    if draft.container:
        for name in (
            "/sys/fs/cgroup/cpuset.cpus.effective",
            "/sys/fs/cgroup/cpuset/cpuset.effective_cpus",
            "/sys/fs/cgroup/cpuset/cpuset.cpus",
        ):
            text = files.read(name)
            if text:
                return parse_cpus(text)
    return draft.online


def _as_dict(draft: Draft, placement: Placement, profile: str, platform: str) -> Dict[str, Any]:
    boot: List[str] = arguments(draft)
    return {
        "schema": SCHEMA,
        "profile": profile,
        "platform": platform,
        "capabilities": {name: draft.intent["%s_enabled" % name] is True for name in CAPABILITIES},
        "features": draft.features,
        "topology": draft.topology.as_dict(),
        "isolated_cpus": format_cpus(placement.isolated),
        "housekeeping_cpus": format_cpus(placement.housekeeping),
        "irq_cpus": format_cpus(placement.interrupts),
        "engine_cpus": format_cpus(placement.engine),
        "engine_threads": placement.threads,
        "boot_arguments": boot,
        "boot_arguments_by_role": {role: list(found) for role, found in draft.boot.items()},
        "huge_pages": draft.huge_pages,
        "limits": draft.limits,
        "sysctls": draft.sysctls,
        "sysctl_roles": draft.sysctl_roles,
        "sysfs": draft.sysfs,
        "proc": draft.proc,
        "groups": draft.groups,
        "mounts": draft.mounts,
        "gpu_compilers": compilers(draft.intent),
        "gpu_build_options": build_options(draft.intent),
        "zero_copy": module_plan(draft),
        "resctrl": draft.resctrl,
        "not_applicable": draft.not_applicable,
        "intent": draft.intent,
        "warnings": draft.warnings,
        "problems": draft.problems,
    }
