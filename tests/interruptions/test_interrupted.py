"""Provisioning cut off at random points: the host boots, the next run completes, and a revert leads back."""

from __future__ import annotations

import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
import yaml

from tcp_performance.playbooks import ROOT
from tests import fingerprint
from tests.interruptions.cut import choose, cut_off
from tests.interruptions.hosts import HOSTS, Host


def roles_of_site() -> list[str]:
    """In the order in which they run."""
    play: dict[str, Any] = yaml.safe_load((ROOT / "ansible/site.yml").read_text())[0]
    imported = [
        task["ansible.builtin.import_role"]["name"]
        for task in play["tasks"]
        if "ansible.builtin.import_role" in task
    ]
    return [entry["role"] for entry in play["roles"]] + imported


@pytest.fixture
def host(request: pytest.FixtureRequest, tmp_path: Path) -> Iterator[Host]:
    with HOSTS[request.config.option.on](tmp_path) as host:
        yield host


def say(text: str, begin: float) -> None:
    print(f"{time.monotonic() - begin:6.0f} s  {text}", flush=True)


def test_no_interruption_is_lost(host: Host, seed: str, cuts: int) -> None:
    begin, roles = time.monotonic(), roles_of_site()
    say(f"seed {seed}", begin)
    host.ready()
    before = host.fingerprint()
    for cut in choose(seed, roles, cuts, host.TASK_SECONDS):
        last = cut_off(host, cut, roles)
        say(f"{cut}: {last}", begin)
        if not host.is_on():
            host.power_on()
            say("it boots", begin)
    host.play("site")
    say("the next run completed", begin)
    assert host.drifted() == []
    say("all as planned", begin)
    host.play("revert")
    host.restart()
    assert fingerprint.unexplained(before, host.fingerprint(), fingerprint.SESSIONS) == {}
    say("reverted and started again: as before", begin)
