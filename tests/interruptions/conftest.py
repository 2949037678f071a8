"""Provisioning that is cut off, on hosts of its own.

python -m pytest tests/interruptions -s [--on machine|container] [--cuts N] [--seed SEED]
"""

from __future__ import annotations

import secrets

import pytest

from tests.interruptions.hosts import HOSTS

# So many that later ones find a host with traces of earlier ones, so few that there is something left to cut off.
CUTS_A_HOST = 5


def pytest_addoption(parser: pytest.Parser) -> None:
    group = parser.getgroup("tcp-performance")
    group.addoption(
        "--on",
        choices=tuple(HOSTS),
        default="machine",
        help="what on: a virtual machine, as slow as its emulation, or a container with systemd (default machine)",
    )
    group.addoption("--cuts", type=int, default=3, help="how many times to cut off (default 3)")
    group.addoption("--seed", help="repeat the run that named this seed")


def pytest_generate_tests(metafunc: pytest.Metafunc) -> None:
    """One test a host; each host is cut off a few times before it is let through."""
    if "cuts" in metafunc.fixturenames:
        wanted = metafunc.config.option.cuts
        shares = [min(CUTS_A_HOST, wanted - done) for done in range(0, wanted, CUTS_A_HOST)]
        seed = metafunc.config.option.seed or secrets.token_hex(4)
        metafunc.parametrize(
            ("seed", "cuts"), [(f"{seed}-{index}", cuts) for index, cuts in enumerate(shares)]
        )
