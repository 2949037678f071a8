"""Governor, energy preference, idle states, turbo, SMT, watchdogs, timers, mitigations."""

from __future__ import annotations

from typing import Iterator

from tests.host.settings.common import Request, enabled_unit, entries, kept_files, managed_file, shared
from tests.host.state import Plan
from tests.host.verdict import Setting

ROLE = "power"
UNIT = "tcp-performance-power.service"
UNIT_FILE = f"/etc/systemd/system/{UNIT}"
REQUEST = Request(files=(UNIT_FILE,), units=(UNIT,))


def settings(plan: Plan) -> Iterator[Setting]:
    yield from shared(plan, ROLE)
    yield from kept_files(plan, ROLE)
    if entries(plan, ROLE) and plan["features"]["systemd"]["available"]:
        yield managed_file(ROLE, UNIT_FILE)
        yield enabled_unit(ROLE, UNIT)
