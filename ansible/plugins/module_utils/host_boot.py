# mypy: disable-error-code="no-redef"
"""Boot arguments, and what the administrator's own ones have to say about them."""

from __future__ import annotations

import json
import re
import shlex
from typing import Any, Dict, List, Optional, Tuple

try:
    from cpu_list import format_cpus, parse_cpus
    from host_draft import Draft
    from host_features import GRUB, SYSTEMD_BOOT
    from host_files import Files
    from host_isolation import Placement
except ImportError:
    from ansible.module_utils.cpu_list import format_cpus, parse_cpus
    from ansible.module_utils.host_draft import Draft
    from ansible.module_utils.host_features import GRUB, SYSTEMD_BOOT
    from ansible.module_utils.host_files import Files
    from ansible.module_utils.host_isolation import Placement

DROP_IN = "/etc/default/grub.d/60-tcp-performance.cfg"
LAST_PLAN = "/var/lib/tcp-performance/plan.json"
# What role cpu_isolation put into systemd-boot's one line, by role.
RECORD = "/var/lib/tcp-performance/boot-arguments.json"
# COMMAND_LINE_SIZE of x86 and arm64; the kernel cuts off the rest in silence.
LONGEST = 2047

# The variable to change when an argument of this name is disputed.
OWNERS = {
    "isolcpus": "cpu_isolation_cpus",
    "nohz_full": "cpu_isolation_cpus",
    "rcu_nocbs": "cpu_isolation_cpus",
    "skew_tick": "cpu_isolation_cpus",
    "irqaffinity": "irq_affinity_cpus",
    "transparent_hugepage": "huge_pages_thp",
    "mitigations": "power_mitigations",
    "nmi_watchdog": "power_watchdogs",
}
# An argument under whose name nothing is ours, and the one of ours that has no effect beside it.
_UNDOES = {"nohz=off": "nohz_full"}
_LISTS = ("isolcpus", "nohz_full", "rcu_nocbs", "irqaffinity")
_PAGE_VARIABLE = {"2M": "huge_pages_2m_per_node", "1G": "huge_pages_1g_per_node"}


def plan_boot(draft: Draft, placement: Placement) -> None:
    """Add the arguments that isolation and power need, and judge all of them."""
    intent = draft.intent
    if placement.isolated:
        cpus = format_cpus(placement.isolated)
        draft.add_boot(
            "cpu_isolation",
            "isolcpus=managed_irq,domain,%s" % cpus,
            "nohz_full=%s" % cpus,
            "rcu_nocbs=%s" % cpus,
        )
        if intent["irq_affinity_enabled"] and placement.interrupts != placement.all:
            draft.add_boot("cpu_isolation", "irqaffinity=%s" % format_cpus(placement.interrupts))
        # All timer ticks at the same instant would contend for the same locks.
        draft.add_boot("cpu_isolation", "skew_tick=1")
    if draft.asked("huge_pages_thp"):
        draft.add_boot("huge_pages", "transparent_hugepage=%s" % intent["huge_pages_thp"])
    if draft.asked("power_smt") and not intent["power_smt"] and draft.has("smt_control"):
        draft.add_boot("power", "nosmt")
    if draft.asked("power_watchdogs") and not intent["power_watchdogs"]:
        draft.add_boot("power", "nowatchdog", "nmi_watchdog=0")
    if draft.asked("power_mitigations"):
        draft.add_boot("power", "mitigations=%s" % intent["power_mitigations"])
    _conflicts(draft)
    _length(draft)


def arguments(draft: Draft) -> List[str]:
    """All boot arguments. The pages of one size follow each other, as the kernel wants it."""
    return [
        argument for role in ("cpu_isolation", "huge_pages", "power") for argument in draft.boot.get(role, [])
    ]


def administrators(files: Files) -> List[Tuple[str, str]]:
    """The arguments that others have set: pairs of file and argument.

    What we wrote ourselves does not count. The running kernel's own line counts only on a host that we
    have never provisioned: afterwards it holds our arguments, perhaps those of an earlier intent.
    """
    found: List[Tuple[str, str]] = []
    for name in [GRUB] + [
        "/etc/default/grub.d/" + n for n in files.names("/etc/default/grub.d") if n.endswith(".cfg")
    ]:
        if name != DROP_IN:
            found += [(name, argument) for argument in _grub(files.read(name) or "")]
    ours = _ours(files)
    found += [
        (SYSTEMD_BOOT, argument)
        for argument in (files.read(SYSTEMD_BOOT) or "").split()
        if argument not in (ours or [])
    ]
    if ours is None and not files.exists(DROP_IN):
        known = {argument for _, argument in found}
        found += [
            ("/proc/cmdline", argument)
            for argument in (files.read("/proc/cmdline") or "").split()
            if argument not in known
        ]
    return found


def _grub(text: str) -> List[str]:
    """The arguments in GRUB_CMDLINE_LINUX and GRUB_CMDLINE_LINUX_DEFAULT of a shell fragment."""
    found: List[str] = []
    for line in text.splitlines():
        match = re.match(r"\s*(?:export\s+)?GRUB_CMDLINE_LINUX(?:_DEFAULT)?\+?=(.*)$", line)
        if match:
            try:
                words = shlex.split(match.group(1), comments=True)
            except ValueError:
                words = [match.group(1).strip("\"' ")]
            found += [
                argument for word in words[:1] for argument in word.split() if not argument.startswith("$")
            ]
    return found


def _ours(files: Files) -> Optional[List[str]]:
    """The arguments that an earlier provisioning handed over; None on a host that is new.

    The last plan alone does not do: a run that stopped half-way recorded its plan and applied nothing.
    """
    found: List[str] = []
    known = False
    for name in (LAST_PLAN, RECORD):
        try:
            document = json.loads(files.read(name) or "null")
            lists = [document["boot_arguments"]] if name == LAST_PLAN else list(document.values())
        except (ValueError, TypeError, KeyError, AttributeError):
            continue
        known = True
        found += [str(argument) for arguments in lists for argument in arguments]
    return found if known else None


def _conflicts(draft: Draft) -> None:
    theirs = administrators(draft.files)
    wanted = {
        key: value for key, value in (_pair(argument) for argument in arguments(draft)) if key in OWNERS
    }
    for where, argument in theirs:
        key, value = _pair(argument)
        key = _UNDOES.get(argument, key)
        if key in wanted and not _same(key, value, wanted[key]):
            _dispute(draft, OWNERS[key], "%s=%s" % (key, wanted[key]), argument, where)
    pages = _pages(arguments(draft))
    for where in sorted({where for where, _ in theirs}):
        for size, amount in _pages([argument for place, argument in theirs if place == where]).items():
            if pages.get(size, amount) != amount:
                _dispute(
                    draft,
                    _PAGE_VARIABLE[size],
                    "hugepagesz=%s hugepages=%s" % (size, pages[size]),
                    "hugepages=%s (of %s)" % (amount, size),
                    where,
                )


def _dispute(draft: Draft, setting: str, ours: str, theirs: str, where: str) -> None:
    draft.problem(
        setting,
        ours,
        theirs,
        "the administrator set %s in %s: remove it there, or make %s agree with it, "
        "or leave it empty to leave the host alone" % (theirs, where, setting),
    )


def _pair(argument: str) -> Tuple[str, str]:
    key, _, value = argument.partition("=")
    return key.replace("-", "_"), value.strip('"')


def _same(key: str, theirs: str, ours: str) -> bool:
    return theirs == ours or (key in _LISTS and _cpus(theirs) == _cpus(ours))


def _cpus(value: str) -> Any:
    """The CPUs of a list, without the flags (managed_irq, domain, nohz) before it."""
    numbers = ",".join(part for part in value.split(",") if part[:1].isdecimal())
    try:
        return parse_cpus(numbers)
    except ValueError:
        return value


def _pages(found: List[str]) -> Dict[str, str]:
    """Page size -> amount; `hugepages=` belongs to the size named before it, else to 2M."""
    pages: Dict[str, str] = {}
    size = "2M"
    for argument in found:
        key, value = _pair(argument)
        if key in ("hugepagesz", "default_hugepagesz"):
            size = {"2048K": "2M", "1024M": "1G"}.get(value.upper(), value.upper())
        elif key == "hugepages" and size in _PAGE_VARIABLE:
            pages[size] = value
    return pages


def _length(draft: Draft) -> None:
    line = " ".join([argument for _, argument in administrators(draft.files)] + arguments(draft))
    if len(line) > LONGEST:
        draft.problem(
            "cpu_isolation_cpus",
            "%d characters of boot arguments" % len(line),
            "%d" % LONGEST,
            "the kernel would cut the line off: isolate CPUs whose numbers follow each other",
        )
