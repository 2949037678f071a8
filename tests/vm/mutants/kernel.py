"""What the running kernel has, and what it will be started with: values, arguments, mounts, interrupts."""

from __future__ import annotations

import re
from collections.abc import Iterator

from tests.host.cpus import expand, is_mask_file, meaning
from tests.host.state import GRUB_MENU, State
from tests.host.verdict import Setting, Subject
from tests.vm.mutants.model import Mutant
from tests.vm.mutants.shell import edit, literal, quote

CMDLINE = "/proc/cmdline"
# Nobody can write these; the kernel has them from its start.
FIXED = ("/sys/devices/system/cpu/isolated", "/sys/devices/system/cpu/nohz_full")
REALTIME = "/sys/kernel/realtime"
# A page of 1 GiB that was given back may not come together again, so its number is not really changed.
SELDOM_REGAINED = "hugepages-1048576kB/nr_hugepages"
CHOICES = {"madvise": "always", "always": "never", "never": "madvise", "performance": "powersave"}

# Lands on the first CPU and stays there, although it may run elsewhere too: an isolated CPU is balanced with no other.
ASTRAY = """
import os, sys, time
os.sched_setaffinity(0, {%d})
os.sched_setaffinity(0, {%d, %d})
print(os.getpid(), flush=True)
os.close(1)
end = time.monotonic() + 120
while time.monotonic() < end: pass
"""


def another(path: str, value: str, state: State) -> str:
    """A value that the kernel takes and that is not this one."""
    if value in CHOICES:
        return CHOICES[value]
    if is_mask_file(path):
        return f"{sum(1 << cpu for cpu in expand(state.value('/sys/devices/system/cpu/online') or '')):x}"
    if path.endswith("sched_rt_runtime_us"):
        return "950000"
    if path.endswith("pm_qos_resume_latency_us"):
        return "20"
    if path.endswith("nr_hugepages"):
        return str(max(0, int(value) - 1))
    return "0" if value != "0" else "1"


def sysctls(setting: Setting, subject: Subject, state: State) -> Iterator[Mutant]:
    name = subject[1]
    path, value = "/proc/sys/" + name.replace(".", "/"), state.sysctl(name) or ""
    yield Mutant("another value", f"swap {path} {another(path, value, state)} {quote(value)}")


def values(setting: Setting, subject: Subject, state: State) -> Iterator[Mutant]:
    path = subject[1]
    text = state.value(path) or ""
    value = meaning(path, text)
    if path in FIXED:
        first, *rest = sorted(expand(text))
        yield Mutant("a CPU fewer", f"cover {path} {quote(','.join(map(str, rest)))}")
        yield Mutant("a CPU too many", f"cover {path} {quote(f'{text},{first + 1000}')}")
    elif path == REALTIME:
        # One that is installed would run after the next boot: the verdict says so.
        absent = 'for kernel in /boot/vmlinuz-*-rt*; do spare "$kernel"; rm -f "$kernel"; done'
        yield Mutant("another kernel, and no such one installed", f"cover {path} 0; {absent}")
    elif path.endswith(SELDOM_REGAINED):
        yield Mutant("another value", f"cover {path} {another(path, value, state)}")
    else:
        yield Mutant("another value", f"swap {path} {another(path, value, state)} {quote(value)}")


def boot(setting: Setting, subject: Subject, state: State) -> Iterator[Mutant]:
    words = literal(" ".join(subject[1:]))
    drop = f"s| {words}||g"
    running = f'cover {CMDLINE} "$(sed {quote(drop)} {CMDLINE})"'
    yield Mutant("gone at the next boot", edit(GRUB_MENU, drop), named=GRUB_MENU)
    # The first entry that has it, with what is before it.
    yield Mutant("one entry lacks it", edit(GRUB_MENU, f"0,\\| {words}|s| {words}||"), named=GRUB_MENU)
    yield Mutant("neither running nor next", f"{running}; {edit(GRUB_MENU, drop)}")
    key, equals, value = subject[-1].partition("=")
    if len(subject) == 2 and equals:
        other = f" {key}={99 if value[:1].isdecimal() or ',' in value else 'other'}"
        add = f"s| {words}|&{other}|g"
        over = f'cover {CMDLINE} "$(sed {quote(add)} {CMDLINE})"'
        yield Mutant("a later one overrides it", f"{over}; {edit(GRUB_MENU, add)}")


def mounts(setting: Setting, subject: Subject, state: State) -> Iterator[Mutant]:
    path = subject[1]
    options = next(mount["options"] for mount in state.raw["mounts"] if mount["path"] == path)
    back = f"umount -q {path}; mount -t hugetlbfs -o {options} hugetlbfs {path}"
    yield Mutant("not mounted", f"umount {path}; later {quote(back)}")
    for what, old, new in (
        ("open to all", r"mode=1770", "mode=1777"),
        ("another group", r"gid=\d+", "gid=0"),
        ("another page size", r"pagesize=\w+", "pagesize=1G" if "pagesize=2M" in options else "pagesize=2M"),
    ):
        changed = re.sub(old, new, options)
        assert changed != options, (what, options)
        yield Mutant(what, f"umount {path}; mount -t hugetlbfs -o {changed} none {path}; later {quote(back)}")


def interrupts(setting: Setting, subject: Subject, state: State) -> Iterator[Mutant]:
    everywhere = state.value("/sys/devices/system/cpu/online") or ""
    tried = [
        f"p=/proc/irq/{entry['irq']}/smp_affinity_list; echo {everywhere} >$p 2>/dev/null && "
        f'[ "$(cat $p)" != {quote(entry["cpus"])} ] && later "echo {entry["cpus"]} >$p"'
        for entry in state.raw["interrupts"]
        if entry["movable"]
    ]
    yield Mutant("one may go to every CPU", " || \\\n".join(f"{{ {line}; }}" for line in tried))


def occupants(setting: Setting, subject: Subject, state: State) -> Iterator[Mutant]:
    cpu, home = min(expand(state.plan["isolated_cpus"])), min(expand(state.plan["housekeeping_cpus"]))
    spin = quote(ASTRAY % (cpu, home, cpu))
    start = f'setsid /usr/bin/python3 -c {spin} >"$store/astray" </dev/null 2>/dev/null &'
    started = 'until [ -s "$store/astray" ]; do sleep 0.1; done; later "kill $(cat "$store/astray")"'
    yield Mutant("somebody was moved there", f"{start}\n{started}", named=f"on CPU {cpu}")


MAKERS = {
    "boot": boot,
    "interrupts": interrupts,
    "mounts": mounts,
    "occupants": occupants,
    "sysctls": sysctls,
    "values": values,
}
