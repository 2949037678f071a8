"""ROCm: the toolkit and the device, by a kernel of one's own."""

from __future__ import annotations

from typing import Iterator

from tests.host.settings import gpu
from tests.host.settings.common import Request
from tests.host.state import Plan
from tests.host.verdict import Setting

ROLE = "rocm"
REQUEST = Request()


def settings(plan: Plan) -> Iterator[Setting]:
    yield from gpu.settings(plan, ROLE)
