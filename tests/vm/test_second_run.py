"""Provisioning again: nothing changes, nothing is restarted, moved or reset, nobody is disturbed."""

from __future__ import annotations

import json
import re
import time
from typing import Any

import pytest

from tests.host.cpus import expand
from tests.host.state import State
from tests.vm.machine import Machine

# What comes and goes by itself: sessions of whoever looks, and what starts by the clock.
PASSING = re.compile(r"^(session-|user@|user-runtime-dir@|run-|systemd-tmpfiles-clean)")
SPIN = "import os, time\nos.sched_setaffinity(0, {%d})\nwhile True: time.sleep(0.01)"


def observe(machine: Machine) -> dict[str, Any]:
    """What a restart, a move or a reset would show in."""
    script = """
cat /proc/sys/kernel/random/boot_id
systemctl list-units --type=service,mount,socket --state=active --plain --no-legend --full | cut -d' ' -f1 |
    xargs -d '\\n' systemctl show --property=Id,InvocationID,ActiveEnterTimestampMonotonic -- |
    paste -sd' ' | sed 's/  */ /g'
for device in /sys/class/net/*; do
    echo "$(basename $device) $(cat $device/ifindex $device/operstate $device/carrier_changes | paste -sd' ')"
done | paste -sd';'
for irq in /proc/irq/[0-9]*; do echo "$(basename $irq) $(cat $irq/smp_affinity_list)"; done | paste -sd';'
"""
    boot, units, network, interrupts = machine.root(script).splitlines()
    invocations = dict(re.findall(r"Id=(\S+)(.*?)(?=Id=|$)", units))
    return {
        "boot": boot,
        "units": {name: said for name, said in invocations.items() if not PASSING.match(name)},
        "network": network,
        "interrupts": interrupts,
    }


@pytest.fixture(scope="module")
def again(machine: Machine, sound: State, said: list[str]) -> dict[str, Any]:
    """A second run while a process is busy on an isolated CPU: what was before and after, and what it said."""
    cpu = min(expand(sound.plan["isolated_cpus"]))
    start = f"setsid /usr/bin/python3 -c '{SPIN % cpu}' </dev/null >/dev/null 2>&1 & echo $!"
    pid = machine.root(start)
    try:
        before = observe(machine)
        begin = time.monotonic()
        run = machine.play("site")
        said.append(f"the second run took {time.monotonic() - begin:.0f} s")
        after = observe(machine)
        verdict = machine.state(sound.plan, ("kernel",)).raw["occupants"]
        alive = machine.root(f"grep Cpus_allowed_list: /proc/{pid}/status").split()[1]
    finally:
        machine.root(f"kill {pid}")
    found = {"cpu": cpu, "pid": int(pid), "alive": alive, "occupants": verdict, "run": run}
    return {"before": before, "after": after, **found}


def test_nothing_changes(again: dict[str, Any], machine: Machine) -> None:
    assert again["run"].returncode == 0, again["run"].stdout
    recap = next(line for line in again["run"].stdout.splitlines() if line.startswith(f"{machine.name} "))
    assert "changed=0" in recap
    assert "failed=0" in recap


@pytest.mark.parametrize("what", ["boot", "units", "network", "interrupts"])
def test_nothing_is_restarted_moved_or_reset(again: dict[str, Any], what: str) -> None:
    before, after = again["before"][what], again["after"][what]
    assert before
    if what == "units":
        # One that has ended since was stopped; one that is new was started by somebody else.
        after = {name: after.get(name) for name in before}
    assert after == before


def test_who_is_busy_on_an_isolated_cpu_is_named_and_left_alone(again: dict[str, Any]) -> None:
    said = f"pid {again['pid']} (python3) on CPU {again['cpu']}, bound there"
    assert said in json.dumps(again["run"].stdout)
    assert said in [occupant["said"] for occupant in again["occupants"]]
    assert again["alive"] == str(again["cpu"])
