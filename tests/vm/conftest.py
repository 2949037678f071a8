"""A provisioned and restarted machine: reached through an Ansible inventory, its state collected once.

    python -m pytest tests/vm --hosts=ansible://NAME --ansible-inventory=FILE

The machine is broken and mended again by these tests: never one that is in use.
"""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest
import testinfra
from rich.console import Console
from rich.table import Table

from tests.host.state import State
from tests.vm.machine import Machine

MUTANTS: pytest.StashKey[list[tuple[str, ...]]] = pytest.StashKey()


@pytest.fixture(scope="session")
def machine(request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory) -> Machine:
    options = request.config.option
    if not options.hosts or not options.ansible_inventory:
        pytest.fail("--hosts=ansible://NAME --ansible-inventory=FILE: which machine may be broken?")
    found: list[Any] = testinfra.get_hosts([options.hosts], ansible_inventory=options.ansible_inventory)
    if len(found) != 1:
        pytest.fail(f"--hosts {options.hosts}: one machine, not {len(found)}")
    backend = found[0].backend
    if backend.NAME == "ssh" and not backend.controlpath:
        # One connection for all: without a path of its own, testinfra's wish for that comes to nothing.
        backend.controlpath = str(tmp_path_factory.mktemp("ssh") / "connection")
    name = options.hosts.rpartition("://")[2]
    return Machine(found[0], name, Path(options.ansible_inventory).resolve())


@pytest.fixture(scope="session")
def sound(machine: Machine) -> State:
    """The machine as it was provisioned."""
    return machine.state()


@pytest.fixture(scope="session")
def table(request: pytest.FixtureRequest) -> list[tuple[str, ...]]:
    """Rows to be shown at the end: setting, mutant, verdict."""
    return request.config.stash.setdefault(MUTANTS, [])


def pytest_terminal_summary(terminalreporter: Any, config: pytest.Config) -> None:
    rows = config.stash.get(MUTANTS, [])
    if not rows:
        return
    shown = Table(
        "setting", "mutant", "verdict", title=f"{len(rows)} mutants", box=None, title_justify="left"
    )
    for row in rows:
        shown.add_row(*row)
    Console(width=160, highlight=False).print(shown, markup=False)
