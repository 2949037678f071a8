"""An engine started by hand: shared by name, stopped with its last user, without a trace.

The engine runs in namespaces of its own, with empty folders over /run and /var/lib/docker, so an engine of the
machine neither disturbs it nor notices it.
"""

from __future__ import annotations

import json
import os
import shutil
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest

PROJECT = Path(__file__).resolve().parents[3]

LIFE = """
import json, os, signal, subprocess, sys, time
from tcp_performance import docker_engine as engine
from tcp_performance.process import start_time

def machine():
    return {
        "bridge": engine.has_bridge(),
        "mounts": engine.engine_mounts(),
        "forward": engine.IP_FORWARD.read_text(),
        "docker rules": [line for rules in engine.packet_filter.save().values() for line in rules.splitlines()
                         if engine.packet_filter.DOCKERS.search(line)],
        "own rule": "192.0.2.9" in engine.packet_filter.save()["iptables"],
        "forward policy": engine.packet_filter.policies(engine.packet_filter.save()["iptables"])["filter", "FORWARD"],
        "answers": engine.is_running(),
        "processes": len([p for p in os.listdir("/proc") if p.isdigit() and start_time(int(p))]),
    }

engine.IP_FORWARD.write_text("0")
subprocess.run(["iptables", "-A", "INPUT", "-s", "192.0.2.9", "-j", "DROP"], check=True)
seen = {"before": machine()}
seen["started"] = [engine.start("one"), engine.start("two")]
seen["running"] = machine()
seen["stopped"] = [engine.stop("stranger"), engine.stop("one"), engine.is_running(), engine.stop("two")]
seen["after"] = machine()
engine.start("three")
os.kill(engine.load().pid, signal.SIGKILL)
time.sleep(2)
seen["stop of a dead one"] = engine.stop("three")
seen["after a death"] = machine()
print(json.dumps(seen))
"""

SCRIPT = """
set -eu
mount -t tmpfs tmpfs /run
for inner in $(awk '$2 ~ "^/var/lib/docker/" { print $2 }' /proc/mounts | sort -r); do umount "$inner"; done
mkdir -p /var/lib/docker
mount -t tmpfs tmpfs /var/lib/docker
ip link set lo up
exec "$@"
"""


@pytest.fixture(scope="module")
def life() -> dict[str, Any]:
    if os.geteuid() != 0:
        pytest.skip("starting an engine needs root")
    missing = [name for name in ("dockerd", "iptables", "unshare") if not shutil.which(name)]
    if missing:
        pytest.skip(f"not installed: {', '.join(missing)}")
    command = [
        *("unshare", "--mount", "--net", "--pid", "--fork", "--kill-child", "--mount-proc"),
        *("bash", "-c", SCRIPT, "bash", sys.executable, "-c", LIFE),
    ]
    done = subprocess.run(command, cwd=PROJECT, capture_output=True, text=True, timeout=240, check=False)
    assert done.returncode == 0, done.stderr
    found: dict[str, Any] = json.loads(done.stdout.splitlines()[-1])
    return found


def test_engine_answers_while_it_has_users(life: dict[str, Any]) -> None:
    assert life["started"] == [True, True]
    assert life["running"]["answers"]
    assert life["running"]["bridge"]
    assert life["running"]["docker rules"]


def test_last_user_stops_it(life: dict[str, Any]) -> None:
    assert life["stopped"] == [False, False, True, True]


def test_nothing_is_left_behind(life: dict[str, Any]) -> None:
    assert life["after"] == life["before"]


def test_engine_that_died_is_tidied_up_after(life: dict[str, Any]) -> None:
    assert life["after a death"] == life["before"]
