"""A node that has no memory left cannot give its huge pages: what was asked and got is said for each node."""

from __future__ import annotations

from collections.abc import Iterator

import pytest

from tests.host.state import State
from tests.host.verdict import DRIFTED
from tests.vm.machine import Machine, judge

NODE = "/sys/devices/system/node/node{}"
# Keeps all but some memory of its node, in one piece after another, until it is killed.
HOARD = """
import ctypes, mmap, re, sys, time
free = int(re.search(r"MemFree:\\s*(\\d+)", open("/sys/devices/system/node/node%d/meminfo").read()).group(1)) * 1024
MAP_POPULATE = 0x8000
kept = mmap.mmap(-1, free - (%d << 20), flags=mmap.MAP_PRIVATE | mmap.MAP_ANONYMOUS | MAP_POPULATE)
print("full", flush=True)
time.sleep(300)
"""
# Less than the pages that were given back; what files take of it is given back too, when it is asked for.
LEFT_MIB = 48


@pytest.fixture
def short(machine: Machine, sound: State) -> Iterator[int]:
    """The last node without the memory for its pages of 2 MiB; afterwards it has them again."""
    node = max(page["node"] for page in sound.plan["huge_pages"] if page["size_kib"] == 2048)
    wanted = next(p["count"] for p in sound.plan["huge_pages"] if (p["node"], p["size_kib"]) == (node, 2048))
    pages = f"{NODE.format(node)}/hugepages/hugepages-2048kB/nr_hugepages"
    hoard = HOARD % (node, LEFT_MIB)
    pid = machine.root(
        f"echo 0 >{pages}; sync; echo 3 >/proc/sys/vm/drop_caches\n"
        f"setsid numactl --membind={node} /usr/bin/python3 -c '{hoard}' </dev/null >/run/tcp-hoard 2>&1 & pid=$!\n"
        "until [ -s /run/tcp-hoard ]; do sleep 0.2; done\ncat /run/tcp-hoard >&2; echo $pid"
    )
    yield node
    machine.root(
        f"kill {pid}; while [ -e /proc/{pid} ]; do sleep 0.1; done; rm /run/tcp-hoard\n"
        f"echo 1 >/proc/sys/vm/compact_memory; echo {wanted} >{pages}"
    )


def test_the_shortfall_is_an_error_that_names_the_node(machine: Machine, sound: State, short: int) -> None:
    run = machine.play("site", "--tags", "huge_pages")
    got = machine.read(f"{NODE.format(short)}/hugepages/hugepages-2048kB/nr_hugepages")[0]
    setting = f"huge_pages.node{short}.2048kib"
    row = judge(machine.state(sound.plan))[setting]
    assert run.returncode == 2
    # Started with the reservation already: another restart would bring no more.
    assert "Reboot pending" not in run.stdout
    assert f"{setting}: asked for {row['expected']}, got {got}" in run.stdout
    assert int(got) < int(row["expected"])
    assert row["verdict"] == DRIFTED
    assert f"asked for {row['expected']}, got {got}" in row["reason"]
