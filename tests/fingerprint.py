"""What a host looks like: configuration files, packages, accounts, kernel settings, mounts and units, in one document.

Three uses: run on a host (`python3 fingerprint.py` prints the document as JSON), taken through a testinfra host by
`take(host)`, and compared by `differences(before, after)`. Standard library only, Python 3.8 or newer.
"""

from __future__ import annotations

import fnmatch
import grp
import hashlib
import json
import os
import pwd
import stat
import subprocess
import time
from pathlib import Path
from typing import Any, Dict, List, Tuple

Section = Dict[str, str]
Fingerprint = Dict[str, Section]

# /boot and /usr/local: boot loader and what is built on the host; /var/lib/dpkg/alternatives: what /etc/alternatives
# chose by hand or by priority; the kernel's modules that are not its own, and its list of all.
MODULES = f"/usr/lib/modules/{os.uname().release}"
ROOTS = (
    "/etc",
    "/usr/local",
    "/opt",
    "/boot",
    "/var/lib/dkms",
    "/var/lib/dpkg/alternatives",
    "/var/lib/tcp-performance",
    f"{MODULES}/modules.dep",
    f"{MODULES}/updates",
)

# Every kernel setting that a role may touch, and what the kernel was started with; what a machine lacks is left out.
KERNEL = (
    "/proc/cmdline",
    "/proc/irq/default_smp_affinity",
    "/proc/sys/kernel/nmi_watchdog",
    "/proc/sys/kernel/numa_balancing",
    "/proc/sys/kernel/perf_event_paranoid",
    "/proc/sys/kernel/sched_rt_period_us",
    "/proc/sys/kernel/sched_rt_runtime_us",
    "/proc/sys/kernel/soft_watchdog",
    "/proc/sys/kernel/timer_migration",
    "/proc/sys/kernel/watchdog",
    "/proc/sys/vm/compaction_proactiveness",
    "/proc/sys/vm/hugetlb_shm_group",
    "/proc/sys/vm/nr_hugepages",
    "/proc/sys/vm/nr_overcommit_hugepages",
    "/proc/sys/vm/stat_interval",
    "/proc/sys/vm/swappiness",
    "/proc/sys/vm/zone_reclaim_mode",
    "/sys/devices/system/cpu/cpu*/cpufreq/energy_performance_preference",
    "/sys/devices/system/cpu/cpu*/cpufreq/scaling_governor",
    "/sys/devices/system/cpu/cpu*/online",
    "/sys/devices/system/cpu/cpufreq/boost",
    "/sys/devices/system/cpu/intel_pstate/no_turbo",
    "/sys/devices/system/cpu/smt/control",
    "/sys/devices/system/node/node*/hugepages/hugepages-*/nr_hugepages",
    "/sys/devices/virtual/workqueue/cpumask",
    "/sys/kernel/mm/ksm/run",
    "/sys/kernel/mm/transparent_hugepage/defrag",
    "/sys/kernel/mm/transparent_hugepage/enabled",
    "/sys/kernel/mm/transparent_hugepage/khugepaged/defrag",
)

# A login by ssh is a unit of its own where logins are sessions.
SESSIONS = {"units:session-*.scope": "the session of whoever looked at the machine"}

# What was read, by all that any write changes. Two writes within a tick of the clock have the same time of change.
HASHES: Dict[Tuple[str, int, int, int, int], str] = {}
SETTLED_NS = 2_000_000_000


def owner_of(status: os.stat_result) -> str:
    try:
        user = pwd.getpwuid(status.st_uid).pw_name
    except KeyError:
        user = str(status.st_uid)
    try:
        group = grp.getgrgid(status.st_gid).gr_name
    except KeyError:
        group = str(status.st_gid)
    return f"{user}:{group}"


def content_hash(path: str, status: os.stat_result) -> str:
    """SHA-256 of a file; one that has not changed since it was read is not read again."""
    identity = (path, status.st_dev, status.st_ino, status.st_size, status.st_ctime_ns)
    if identity not in HASHES:
        HASHES[identity] = hashlib.sha256(Path(path).read_bytes()).hexdigest()
    if time.time_ns() - status.st_ctime_ns < SETTLED_NS:
        return HASHES.pop(identity)
    return HASHES[identity]


def describe(path: str) -> str:
    """Type, mode, owner and content (hash or link target) of one path; no times, they change without a change."""
    status = os.lstat(path)
    if stat.S_ISLNK(status.st_mode):
        return f"link to {os.readlink(path)}"
    head = f"{stat.S_IMODE(status.st_mode):04o} {owner_of(status)}"
    if stat.S_ISREG(status.st_mode):
        return f"file {head} sha256 {content_hash(path, status)}"
    return f"{'directory' if stat.S_ISDIR(status.st_mode) else 'special'} {head}"


def files() -> Section:
    found = {}
    for root in ROOTS:
        if os.path.lexists(root):
            found[root] = describe(root)
        for directory, folders, names in os.walk(root):
            for name in folders + names:
                path = f"{directory}/{name}"
                found[path] = describe(path)
    return found


def lines_of(command: List[str]) -> List[str]:
    """Output lines of a command; none where the host has no such command (a container without systemd)."""
    try:
        answer = subprocess.run(command, stdout=subprocess.PIPE, stderr=subprocess.DEVNULL, check=False)
    except OSError:
        return []
    return answer.stdout.decode(errors="replace").splitlines()


def packages() -> Section:
    form = "${binary:Package}\t${db:Status-Abbrev}\t${Version}\n"
    rows = [line.split("\t") for line in lines_of(["dpkg-query", "--show", f"--showformat={form}"])]
    by_hand = set(lines_of(["apt-mark", "showmanual"]))
    return {
        name: f"{status.strip()} {version} {'manual' if name.split(':')[0] in by_hand else 'automatic'}"
        for name, status, version in rows
    }


def accounts() -> Section:
    found = {
        f"group {group.gr_name}": f"{group.gr_gid} {','.join(sorted(group.gr_mem))}"
        for group in grp.getgrall()
    }
    for user in pwd.getpwall():
        found[f"user {user.pw_name}"] = f"{user.pw_uid} {user.pw_gid} {user.pw_dir} {user.pw_shell}"
    return found


def is_read_only(path: Path) -> bool:
    return bool(os.statvfs(path).f_flag & os.ST_RDONLY)


def kernel() -> Section:
    """Kernel settings that can be changed from here: a container sees those of the machine outside, read-only."""
    found = {}
    for pattern in KERNEL:
        for path in Path("/").glob(pattern[1:]):
            if is_read_only(path):
                continue
            try:
                found[str(path)] = path.read_text().strip()
            except OSError as error:
                found[str(path)] = f"unreadable: {error.strerror}"
    return found


def mounts() -> Section:
    rows = [line.split() for line in Path("/proc/self/mounts").read_text().splitlines()]
    return {target: f"{kind} {options}" for _, target, kind, options, *_ in rows}


def units() -> Section:
    command = ["systemctl", "list-unit-files", "--no-legend", "--no-pager", "--plain"]
    return {row[0]: row[1] for row in (line.split() for line in lines_of(command)) if len(row) > 1}


def collect() -> Fingerprint:
    """The fingerprint of the machine that this runs on."""
    return {
        "files": files(),
        "packages": packages(),
        "accounts": accounts(),
        "kernel": kernel(),
        "mounts": mounts(),
        "units": units(),
    }


def take(host: Any) -> Fingerprint:
    """The fingerprint of a testinfra host, in one round trip; the host needs python3 and nothing else."""
    source = Path(__file__).read_text()
    document: Fingerprint = json.loads(host.check_output("python3 -c %s", source))
    return document


def differences(before: Fingerprint, after: Fingerprint) -> Dict[str, str]:
    """`section:name` -> what changed, for everything that appeared, vanished or changed."""
    found = {}
    for section in sorted(set(before) | set(after)):
        old, new = before.get(section, {}), after.get(section, {})
        for name in sorted(set(old) | set(new)):
            if old.get(name) != new.get(name):
                found[f"{section}:{name}"] = f"{old.get(name, 'absent')} -> {new.get(name, 'absent')}"
    return found


def unexplained(before: Fingerprint, after: Fingerprint, exceptions: Dict[str, str]) -> Dict[str, str]:
    """The differences, less those that match a pattern of `exceptions`: these are printed with its reason."""
    found = differences(before, after)
    for pattern, reason in exceptions.items():
        for name in fnmatch.filter(list(found), pattern):
            print(f"named exception: {name}: {found.pop(name)} ({reason})")
    return found


if __name__ == "__main__":
    print(json.dumps(collect()))
