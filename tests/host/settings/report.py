"""The plan on the host, which every report and every verdict rests on."""

from __future__ import annotations

from typing import Iterator

from tests.host.settings.common import Request, managed_file
from tests.host.state import Plan
from tests.host.verdict import Setting

ROLE = "report"
PLAN = "/var/lib/tcp-performance/plan.json"
REQUEST = Request(files=(PLAN,))


def settings(plan: Plan) -> Iterator[Setting]:
    # JSON has no comments, so it cannot say that it is managed.
    yield managed_file(ROLE, PLAN, header=False)
