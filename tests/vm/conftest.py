"""A provisioned and restarted machine: reached through an Ansible inventory, its state collected once.

    python -m pytest tests/vm --ansible-inventory=FILE [--hosts=ansible://NAME]

The machine is broken and mended again by these tests: never one that is in use.
"""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest
from rich.console import Console
from rich.table import Table
from testinfra.utils.ansible_runner import AnsibleRunner

from tcp_performance.verify import show
from tests.host.state import State
from tests.vm.machine import Machine, judge

CONNECTED_SECONDS = 600
MUTANTS: pytest.StashKey[list[tuple[str, ...]]] = pytest.StashKey()
SOUND: pytest.StashKey[State] = pytest.StashKey()
SAID: pytest.StashKey[list[str]] = pytest.StashKey()


@pytest.fixture(scope="session")
def machine(request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory) -> Machine:
    options = request.config.option
    if not options.ansible_inventory:
        pytest.fail("--ansible-inventory=FILE: which machine may be broken?")
    pattern = (options.hosts or "all").rpartition("://")[2]
    runner = AnsibleRunner.get_runner(options.ansible_inventory)
    names = list(runner.get_hosts(pattern))
    if len(names) != 1:
        pytest.fail(f"{options.ansible_inventory}, hosts {pattern}: one machine, not {len(names)}")
    # What testinfra's `ansible://` wraps. One connection for all: a login takes an emulated machine four seconds.
    host = runner.get_host(names[0])
    assert host is not None
    assert host.backend.NAME == "ssh", f"{names[0]}: reached by {host.backend.NAME}, allowed is ssh"
    host.backend.controlpath = str(tmp_path_factory.mktemp("ssh") / "connection")
    host.backend.controlpersist = CONNECTED_SECONDS
    # An emulated machine on a busy one takes its time to answer.
    host.backend.timeout = CONNECTED_SECONDS
    return Machine(host, names[0], Path(options.ansible_inventory).resolve())


@pytest.fixture(scope="session")
def sound(machine: Machine, request: pytest.FixtureRequest) -> State:
    """The machine as it was provisioned; its verdicts are shown at the end."""
    state = request.config.stash[SOUND] = machine.state()
    return state


@pytest.fixture(scope="session")
def table(request: pytest.FixtureRequest) -> list[tuple[str, ...]]:
    """Rows to be shown at the end: setting, mutant, verdict."""
    return request.config.stash.setdefault(MUTANTS, [])


@pytest.fixture(scope="session")
def said(request: pytest.FixtureRequest) -> list[str]:
    """Lines to be shown at the end."""
    return request.config.stash.setdefault(SAID, [])


def pytest_terminal_summary(terminalreporter: Any, config: pytest.Config) -> None:
    console = Console(width=160, highlight=False)
    if SOUND in config.stash:
        state = config.stash[SOUND]
        content = {"profile": state.plan["profile"], "verdicts": list(judge(state).values())}
        show(console, "as it was provisioned", content)
    for line in config.stash.get(SAID, []):
        console.print(line, markup=False)
    rows = config.stash.get(MUTANTS, [])
    if not rows:
        return
    shown = Table(
        "setting", "mutant", "verdict", title=f"{len(rows)} mutants", box=None, title_justify="left"
    )
    for row in rows:
        shown.add_row(*row)
    console.print(shown, markup=False)
