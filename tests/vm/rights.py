"""What each access group is for, tried by members of one group alone and by a stranger, in sessions of their own.

Each probe is a program that ends with 0 when the user could do it. A user's run one after the other in one session,
all in one round trip; the accounts are made for it and removed again.
"""

from __future__ import annotations

import base64
from dataclasses import dataclass

from tests.host.state import Plan
from tests.vm.machine import SPARE_ACCOUNTS, Machine
from tests.vm.mutants.shell import UNDO

# Not below /run, where nothing may be executed.
FOLDER = "/var/tmp/tcp-performance-rights"
STRANGER = "tcp-stranger"
# Beyond what any session may lock by default, which systemd takes from the size of memory.
BEYOND_KIB = 4096
# IA32_MISC_ENABLE: there on many CPUs, and nothing that a latency figure needs.
FORBIDDEN = 0x1A0

MLOCK = """#!/usr/bin/python3
import ctypes, mmap, sys
libc = ctypes.CDLL(None, use_errno=True)
size = {kib} * 1024
memory = mmap.mmap(-1, size)
start = ctypes.addressof(ctypes.c_char.from_buffer(memory))
sys.exit(libc.mlock(ctypes.c_void_p(start), ctypes.c_size_t(size)) and "mlock: errno %d" % ctypes.get_errno())
"""
MAP_FILE = """#!/usr/bin/python3
import mmap, os
path = "{mount}/tcp-rights-%d" % os.getpid()
handle = os.open(path, os.O_RDWR | os.O_CREAT | os.O_EXCL, 0o600)
try:
    os.ftruncate(handle, {size})
    memory = mmap.mmap(handle, {size})
    memory[0:1] = b"x"
    memory.close()
finally:
    os.unlink(path)
"""
SHARED = """#!/usr/bin/python3
import ctypes, sys
IPC_CREAT, IPC_RMID, SHM_HUGETLB, SHM_HUGE_2MB = 0o1000, 0, 0o4000, 21 << 26
libc = ctypes.CDLL(None, use_errno=True)
segment = libc.shmget(0, 2 << 20, IPC_CREAT | SHM_HUGETLB | SHM_HUGE_2MB | 0o600)
if segment < 0:
    sys.exit("shmget: errno %d" % ctypes.get_errno())
libc.shmctl(segment, IPC_RMID, None)
"""
ANONYMOUS = """#!/usr/bin/python3
import mmap
MAP_HUGETLB, MAP_HUGE_2MB = 0x40000, 21 << 26
memory = mmap.mmap(-1, 2 << 20, flags=mmap.MAP_PRIVATE | mmap.MAP_ANONYMOUS | MAP_HUGETLB | MAP_HUGE_2MB)
memory[0:1] = b"x"
"""


@dataclass(frozen=True)
class Probe:
    """`role` is the capability whose group may do it; "" for what nobody may, "all" for what everybody may."""

    role: str
    program: str


@dataclass(frozen=True)
class Attempt:
    status: int
    output: str


def shell(command: str) -> str:
    return f"#!/bin/sh\n{command}\n"


def default_memlock_kib(machine: Machine) -> int:
    """What a session of anybody may lock."""
    return int(machine.root("su -s /bin/sh nobody -c 'ulimit -H -l'"))


def lock_probes(granted: str, default_kib: int) -> dict[str, Probe]:
    """The group's limit is of use only where it is more than everybody has."""
    if granted == "unlimited":
        return {"lock more than others": Probe("realtime", MLOCK.format(kib=default_kib + BEYOND_KIB))}
    kib = int(granted)
    whose = "realtime" if kib > default_kib else "all"
    # A page of the process's own may be locked besides.
    found = {"lock the allowed size": Probe(whose, MLOCK.format(kib=kib - 4))}
    if kib > default_kib:
        found["lock more than allowed"] = Probe("", MLOCK.format(kib=kib + 4))
    return found


def probes(plan: Plan, default_kib: int) -> dict[str, Probe]:
    """Every probe that applies to what the plan grants, by name; `default_kib` is what anybody may lock."""
    granted = {limit["item"]: limit["value"] for limit in plan["limits"]}
    found: dict[str, Probe] = {}
    if "rtprio" in granted:
        most = int(granted["rtprio"])
        found["fifo"] = Probe("realtime", shell(f"exec chrt -f {most} true"))
        found["round robin"] = Probe("realtime", shell("exec chrt -r 1 true"))
        if most < 99:
            found["fifo above the limit"] = Probe("", shell(f"exec chrt -f {most + 1} true"))
    if "nice" in granted:
        found["nice"] = Probe(
            "realtime", shell(f"test $(nice -n {granted['nice']} nice) = {granted['nice']}")
        )
    if "memlock" in granted:
        found |= lock_probes(granted["memlock"], default_kib)
    for mount in plan["mounts"]:
        size = mount["path"].rpartition("-")[2]
        program = MAP_FILE.format(mount=mount["path"], size={"2M": 2 << 20, "1G": 1 << 30}[size])
        found[f"map a page of {size}"] = Probe("huge_pages", program)
    if any(page["size_kib"] == 2048 for page in plan["huge_pages"]):
        found["share a huge page"] = Probe("huge_pages", SHARED)
        found["map an anonymous huge page"] = Probe("all", ANONYMOUS)
    if plan["features"]["msr"]["available"]:
        allowed = plan["intent"]["msr_access_allowlist"][0]
        found["read an allowed register"] = Probe("msr_access", shell(f"exec tcp-msr-read 0 {allowed}"))
        found["read another register"] = Probe("", shell(f"exec tcp-msr-read 0 {FORBIDDEN:#x}"))
        found["open the device"] = Probe("", shell("exec dd if=/dev/cpu/0/msr bs=8 count=1 of=/dev/null"))
    if plan["zero_copy"]:
        found["open the ring"] = Probe("zero_copy", shell("exec 3<>/dev/tcpk_ring"))
        found["look at the ring"] = Probe("zero_copy", shell("exec 3</dev/tcpk_ring"))
    if plan["intent"]["perf_tools_group"]:
        count = "stat -a -e context-switches -x, true"
        found["count system-wide"] = Probe("perf_tools", shell(f"exec tcp-perf {count}"))
        found["count system-wide with the plain perf"] = Probe("", shell(f"exec perf {count}"))
        found["count one's own"] = Probe("all", shell("exec perf stat -e task-clock:u -x, true"))
    return found


def users(plan: Plan) -> dict[str, str]:
    """A user for each group, by the role that has it; and a stranger, by ""."""
    named = {group["role"]: f"tcp-{group['name']}" for group in plan["groups"]}
    return {**named, "": STRANGER}


def attempts(machine: Machine, plan: Plan, tried: dict[str, Probe]) -> dict[tuple[str, str], Attempt]:
    """What came of each probe, by role of the user and name of the probe."""
    people = users(plan)
    groups = {group["role"]: group["name"] for group in plan["groups"]}
    lines = [SPARE_ACCOUNTS, f"mkdir -p {FOLDER}"]
    for number, probe in enumerate(tried.values()):
        packed = base64.b64encode(probe.program.encode()).decode()
        lines.append(f"echo {packed} | base64 -d > {FOLDER}/{number}; chmod 755 {FOLDER}/{number}")
    for role, user in people.items():
        more = f"--groups {groups[role]}" if role else ""
        lines.append(f"useradd --no-create-home --shell /bin/sh {more} {user}")
    each = (
        f"for number in $(seq 0 {len(tried) - 1}); do\n"
        f"said=$({FOLDER}/$number 2>&1 </dev/null); status=$?\n"
        'echo "$1 $number $status $(echo "$said" | base64 -w0)"\ndone'
    )
    packed = base64.b64encode(shell(each).encode()).decode()
    lines.append(f"echo {packed} | base64 -d > {FOLDER}/each; chmod 755 {FOLDER}/each")
    lines += [f"su -l {user} -c '{FOLDER}/each {role or '-'}'" for role, user in people.items()]
    lines += [f"userdel {user}" for user in people.values()] + [f"rm -r {FOLDER}"]
    try:
        printed = machine.root("\n".join(lines))
    finally:
        gone = [f"userdel {user}" for user in people.values()]
        machine.try_root("\n".join([*gone, f"rm -rf {FOLDER}", UNDO]))
    names = list(tried)
    found = {}
    for line in printed.splitlines():
        role, which, status, said = [*line.split(" "), ""][:4]
        text = base64.b64decode(said).decode("utf-8", "replace").strip()
        found[("" if role == "-" else role, names[int(which)])] = Attempt(int(status), text)
    return found
