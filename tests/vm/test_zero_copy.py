"""The ring's device on a real kernel: who may open it, what it refuses, events in order whatever dies or is spoilt.

The exercises are one C program, kernels/kmod/tests, compiled on the machine and run as nobody in the ring's group.
"""

from __future__ import annotations

import base64
import io
import re
import tarfile
from collections.abc import Iterator

import pytest

from tcp_performance.playbooks import ROOT
from tests.host.state import State
from tests.vm.machine import Machine

KERNELS = ROOT / "kernels"
FOLDER = "/var/tmp/tcp-performance-ring"
PROGRAM = f"{FOLDER}/ring_exercise"
LOADED = "/sys/module/tcpk_ring"
MARK = "tcp-performance: the ring is tried from here on"
SEED = 20261128
EXERCISES = ("roles", "mappings", "commands", "waiting", "stream", "deaths", "hostile")
# What the kernel writes when something of it went wrong, the allocator's checks among it.
TROUBLE = re.compile(
    "WARNING|BUG|Oops|Call Trace|general protection|rcu.*(stall|detected)"
    "|Redzone|Poison overwritten|Object already free|refcount_t"
)
# A module that is not the kernel's own, without a signature: nothing else may have tainted it.
OUT_OF_TREE, UNSIGNED = 1 << 12, 1 << 13

# The installed package between two processes: one publishes, the other reads, all of it and in order.
PACKAGE = """
import os, sys
import numpy as np
from tcpkernels import Ring
n = 20000
agents = np.arange(n, dtype=np.uint32)
keys = agents.astype(np.uint64) * np.uint64(0x9E3779B97F4A7C15)
features = (agents[:, None] + np.arange(24, dtype=np.uint32)).astype(np.uint8)
with Ring.open("/dev/tcpk_ring") as ring, ring.reader() as reader:
    assert ring.info()["kind"] == "device", ring.info()
    if os.fork() == 0:
        with Ring.open("/dev/tcpk_ring") as other, other.writer() as writer:
            written = writer.publish(agents, keys, features, timeout=60)
        os._exit(written != n)
    first = 0
    while first < n:
        ids, commands, rows, _ = reader.read(most=4096, timeout=60)
        part = slice(first, first + len(ids))
        assert len(ids) and (ids == agents[part]).all() and (commands == keys[part]).all(), first
        assert (rows == features[part]).all(), first
        first += len(ids)
    sys.exit(os.waitstatus_to_exitcode(os.wait()[1]))
"""


def packed() -> str:
    """The program's sources, for a script."""
    stream = io.BytesIO()
    with tarfile.open(fileobj=stream, mode="w:gz") as archive:
        for source in sorted((KERNELS / "kmod/tests").glob("*.[ch]")):
            archive.add(source, source.name)
        archive.add(KERNELS / "include/tcpk/ring_layout.h", "tcpk/ring_layout.h")
    return base64.b64encode(stream.getvalue()).decode()


def as_member(group: str, *names: str) -> str:
    words = " ".join(names)
    return f"setpriv --reuid=nobody --regid=nogroup --groups={group} {PROGRAM} --seed {SEED} {words} 2>&1"


@pytest.fixture(scope="module")
def group(sound: State, machine: Machine) -> Iterator[str]:
    """The ring's group, with the program in place and the kernel's log marked."""
    if not sound.plan["zero_copy"]:
        reasons = [entry["reason"] for entry in sound.plan["not_applicable"] if entry["role"] == "zero_copy"]
        pytest.skip(reasons[0] if reasons else "switched off: zero_copy_enabled is false")
    machine.root(
        f"mkdir -p {FOLDER}; cd {FOLDER}; echo {packed()} | base64 -d | tar xz; echo '{MARK}' >/dev/kmsg\n"
        f"gcc -std=gnu11 -O1 -D_GNU_SOURCE -I. -o {PROGRAM} *.c"
    )
    yield str(sound.plan["intent"]["zero_copy_group"])
    machine.root(f"rm -r {FOLDER}")


def test_a_stranger_is_refused_before_anything_else(machine: Machine, group: str) -> None:
    refused = machine.try_root(f"setpriv --reuid=nobody --regid=nogroup --clear-groups {PROGRAM} roles 2>&1")
    assert refused.rc == 1
    assert "open /dev/tcpk_ring (errno 13, Permission denied)" in refused.stdout


@pytest.mark.parametrize("name", EXERCISES)
def test_a_member_s_exercise_holds(machine: Machine, group: str, said: list[str], name: str) -> None:
    done = machine.try_root(as_member(group, name))
    said.append(f"ring: {done.stdout.strip()}")
    assert done.rc == 0, done.stdout
    assert f"{name}: held" in done.stdout


@pytest.mark.parametrize("backend", ["cython", "numpy"])
def test_the_package_speaks_to_the_device(machine: Machine, sound: State, group: str, backend: str) -> None:
    """The library's side and the module's were written apart, from one header."""
    if not sound.plan["capabilities"]["kernels"]:
        pytest.skip("switched off: kernels_enabled is false")
    member = f"setpriv --reuid=nobody --regid=nogroup --groups={group}"
    script = base64.b64encode(PACKAGE.encode()).decode()
    done = machine.try_root(
        f"echo {script} | base64 -d | {member} env TCPK_BACKEND={backend} /usr/bin/python3 - 2>&1"
    )
    assert done.rc == 0, done.stdout


def test_a_module_that_is_mapped_cannot_be_unloaded(machine: Machine, group: str) -> None:
    """The mapping alone holds it: the file was closed."""
    done = machine.root(
        f"cd {FOLDER}; mkfifo end; {as_member(group, 'hold')} <end >said & exec 3>end\n"
        f"cd {FOLDER}; until grep -qs held said; do sleep 0.1; done\n"
        "rmmod tcpk_ring 2>&1 && echo unloaded\n"
        f"cat {LOADED}/refcnt; exec 3>&-; wait; rm end said; cat {LOADED}/refcnt"
    )
    assert "Module tcpk_ring is in use" in done
    assert "unloaded" not in done
    assert done.splitlines()[-2:] == ["1", "0"]


def test_unloaded_it_comes_back_as_the_next_boot_would_load_it(
    machine: Machine, sound: State, group: str
) -> None:
    look = f"udevadm settle; stat -c '%a %U:%G' /dev/tcpk_ring; cat {LOADED}/parameters/slots"
    done = machine.root(
        f"rmmod tcpk_ring; [ ! -e /dev/tcpk_ring ] && systemctl restart systemd-modules-load; {look}"
    )
    slots = sound.plan["zero_copy"]["slots"] or 65536
    assert done.splitlines() == [f"660 root:{group}", str(slots)]


def test_a_wrong_size_is_refused_with_what_is_allowed(machine: Machine, sound: State, group: str) -> None:
    try:
        for wrong in ("100", "32", "33554432", "0"):
            last = "dmesg | grep tcpk_ring: | tail -n 1"
            refused = machine.try_root(
                f"rmmod tcpk_ring; modprobe tcpk_ring slots={wrong}; status=$?; {last}; exit $status"
            )
            assert refused.rc != 0
            assert f"slots={wrong}: allowed are powers of two from 64 to 16777216" in refused.stdout
    finally:
        machine.root("modprobe tcpk_ring; udevadm settle")


@pytest.mark.parametrize("options", ["slots=64 huge=0", "slots=65536 huge=0"])
def test_small_rings_and_small_pages_hold_too(machine: Machine, group: str, options: str) -> None:
    try:
        done = machine.try_root(
            f"rmmod tcpk_ring; modprobe tcpk_ring {options}; udevadm settle; {as_member(group, 'mappings', 'waiting')}"
        )
        assert done.rc == 0, done.stdout
    finally:
        machine.root("rmmod tcpk_ring; modprobe tcpk_ring; udevadm settle")


def test_the_allocator_finds_nothing_overwritten(machine: Machine, group: str) -> None:
    """Where the kernel was started with slub_debug for the module's cache, as the tests' machines are."""
    folder = "/sys/kernel/slab/tcpk_ring_file"
    if "slub_debug=FZPU,tcpk_ring_file" not in machine.read("/proc/cmdline")[0].split():
        pytest.skip("the kernel was not started with slub_debug=FZPU,tcpk_ring_file")
    checks = " ".join(f"{folder}/{name}" for name in ("sanity_checks", "red_zone", "poison", "store_user"))
    assert machine.root(f"cat {checks} | paste -sd' '; echo 1 >{folder}/validate") == "1 1 1 1"


def test_the_kernel_has_nothing_to_complain_of(machine: Machine, group: str) -> None:
    log = machine.root(f"dmesg | sed -n '/{MARK}/,$p'")
    assert MARK in log
    assert [line for line in log.splitlines() if TROUBLE.search(line)] == []
    tainted = int(machine.read("/proc/sys/kernel/tainted")[0])
    assert tainted & ~(OUT_OF_TREE | UNSIGNED) == 0
