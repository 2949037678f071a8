"""Collects each host's state once, makes one test a setting, and writes the verdicts to a file.

    python -m pytest tests/host --hosts=ansible://HOST --ansible-inventory=FILE [--verdicts FILE] [--plan FILE]

Exit status: 0 as planned, 1 something has drifted, 2 the host cannot be judged.
"""

from __future__ import annotations

import json
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest
import testinfra

from tests.host.collect import NotProvisioned, collect
from tests.host.settings import settings
from tests.host.state import State
from tests.host.verdict import Setting

CASES: pytest.StashKey[list[Case]] = pytest.StashKey()
ROWS: pytest.StashKey[list[dict[str, Any]]] = pytest.StashKey()


@dataclass(frozen=True)
class Case:
    """A setting, and the state of the host that it is judged on."""

    host: str
    state: State
    setting: Setting


def pytest_addoption(parser: pytest.Parser) -> None:
    group = parser.getgroup("tcp-performance")
    group.addoption("--verdicts", metavar="FILE", help="write the verdicts of one host there, as JSON")
    group.addoption("--plan", metavar="FILE", help="judge by this plan, not by the one stored on the host")


def find_hosts(config: pytest.Config) -> list[Any]:
    options = config.option
    found: list[Any] = testinfra.get_hosts(
        options.hosts.split(",") if options.hosts else ["local://"],
        connection=options.connection,
        ssh_config=options.ssh_config,
        ssh_identity_file=options.ssh_identity_file,
        sudo=options.sudo,
        sudo_user=options.sudo_user,
        ansible_inventory=options.ansible_inventory,
        force_ansible=options.force_ansible,
    )
    return found


def name_of(host: Any) -> str:
    return str(getattr(host.backend, "host", None) or host.backend.get_hostname())


def find_cases(config: pytest.Config) -> list[Case]:
    """One case for each setting of each host. Ends the run with status 2 when a host cannot be judged."""
    plan = json.loads(Path(config.option.plan).read_text()) if config.option.plan else None
    hosts = find_hosts(config)
    if not hosts:
        pytest.exit(f"no host matches {config.option.hosts}", returncode=2)
    if config.option.verdicts and len(hosts) > 1:
        pytest.exit("--verdicts FILE holds one host: name one in --hosts", returncode=2)
    cases = []
    for host in hosts:
        try:
            state = collect(host, plan)
        except (NotProvisioned, RuntimeError) as reason:
            pytest.exit(f"{name_of(host)}: {reason}", returncode=2)
        cases += [Case(name_of(host), state, setting) for setting in settings(state.plan)]
    return cases


def pytest_sessionstart(session: pytest.Session) -> None:
    session.config.stash[CASES] = find_cases(session.config)
    session.config.stash[ROWS] = []


def pytest_generate_tests(metafunc: pytest.Metafunc) -> None:
    if "case" not in metafunc.fixturenames:
        return
    cases = metafunc.config.stash[CASES]
    several = len({case.host for case in cases}) > 1
    ids = [f"{case.host}:{case.setting.name}" if several else case.setting.name for case in cases]
    metafunc.parametrize("case", cases, ids=ids)


@pytest.fixture
def row(case: Case, request: pytest.FixtureRequest) -> dict[str, Any]:
    """The verdict on one setting, noted for the verdict file."""
    verdict = case.setting.row(case.state)
    request.config.stash[ROWS].append(verdict)
    return verdict


def pytest_sessionfinish(session: pytest.Session) -> None:
    path, rows = session.config.option.verdicts, session.config.stash.get(ROWS, [])
    if not path or not rows:
        return
    case = session.config.stash[CASES][0]
    content = {"host": case.host, "profile": case.state.plan["profile"], "verdicts": rows}
    Path(path).parent.mkdir(parents=True, exist_ok=True)
    Path(path).write_text(json.dumps(content, indent=1) + "\n")
