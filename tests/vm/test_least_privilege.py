"""A member of a group can do what it is for, and nothing that another group is for; a stranger can do none of it."""

from __future__ import annotations

import pytest

from tests.host.state import State
from tests.vm import rights
from tests.vm.machine import Machine
from tests.vm.rights import Attempt, Probe

Probes = dict[str, Probe]
Attempts = dict[tuple[str, str], Attempt]


@pytest.fixture(scope="module")
def probes(machine: Machine, sound: State) -> Probes:
    return rights.probes(sound.plan, rights.default_memlock_kib(machine))


@pytest.fixture(scope="module")
def attempts(machine: Machine, sound: State, probes: Probes) -> Attempts:
    found = rights.attempts(machine, sound.plan, probes)
    assert len(found) == len(rights.users(sound.plan)) * len(probes)
    return found


def test_every_group_grants_something(sound: State, probes: Probes) -> None:
    granted = {probe.role for probe in probes.values()}
    assert {group["role"] for group in sound.plan["groups"]} <= granted


def test_members_can_do_what_their_group_is_for(attempts: Attempts, probes: Probes) -> None:
    refused = [
        f"a member of {probe.role}'s group could not {name}: {attempts[(probe.role, name)].output}"
        for name, probe in probes.items()
        if probe.role not in ("", "all") and attempts[(probe.role, name)].status != 0
    ]
    assert refused == []


def test_strangers_and_members_of_other_groups_cannot(attempts: Attempts, probes: Probes) -> None:
    could = [
        f"{'a stranger' if not role else f'a member of the group of {role}'} could {name}"
        for (role, name), attempt in attempts.items()
        if probes[name].role not in (role or "nobody", "all") and attempt.status == 0
    ]
    assert could == []


def test_a_register_outside_the_allowlist_is_refused_by_the_allowlist(
    attempts: Attempts, sound: State
) -> None:
    if not sound.plan["features"]["msr"]["available"]:
        pytest.skip(sound.plan["features"]["msr"]["reason"])
    refused = attempts[("msr_access", "read another register")]
    assert f"register {rights.FORBIDDEN:#x} is not in /etc/tcp-performance/msr-allowlist" in refused.output
    # The device itself asks for CAP_SYS_RAWIO, whatever its mode says.
    assert "Operation not permitted" in attempts[("msr_access", "open the device")].output


def test_what_needs_no_group_is_left_to_everybody(attempts: Attempts, probes: Probes) -> None:
    """Anonymous huge pages are not the group's to guard: the kernel knows no such right."""
    common = [name for name, probe in probes.items() if probe.role == "all"]
    refused = [
        (role, name) for (role, name), attempt in attempts.items() if name in common and attempt.status
    ]
    assert refused == []
