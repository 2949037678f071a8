"""NUMA balancing, zone reclaim, swappiness."""

from __future__ import annotations

from typing import Iterator

from tests.host.settings.common import Request, kept_files, shared
from tests.host.state import Plan
from tests.host.verdict import Setting

ROLE = "numa"
REQUEST = Request()


def settings(plan: Plan) -> Iterator[Setting]:
    yield from shared(plan, ROLE)
    yield from kept_files(plan, ROLE)
