"""Collects the state of a host: one JSON object on standard output, packed.

Runs on the host itself, with its own Python and the standard library alone; changes nothing. The modules
beside this one are sent along (see tests/host/collect.py).
"""

from __future__ import annotations

import base64
import json
import os
import sys
import zlib
from pathlib import Path
from typing import Any, Dict

from tests.host.collectors import accounts, files, kernel, software

PLAN = "/var/lib/tcp-performance/plan.json"
# What may be asked for by itself; programs and libraries take longest, for they are tried out.
PARTS = {
    "files": files.collect,
    "kernel": kernel.collect,
    "accounts": accounts.collect,
    "units": software.collect_units,
    "programs": software.collect_programs,
    "libraries": software.collect_libraries,
}


def read_plan(request: Dict[str, Any]) -> Any:
    """The plan that was sent, or else the one that was stored when the host was provisioned."""
    if request.get("plan"):
        return request["plan"]
    try:
        return json.loads(Path(PLAN).read_text(encoding="utf-8"))
    except (OSError, ValueError):
        return None


def collect(request: Dict[str, Any]) -> Dict[str, Any]:
    state: Dict[str, Any] = {"uid": os.getuid(), "plan": read_plan(request)}
    plan = state["plan"]
    if not isinstance(plan, dict) or os.getuid() != 0:
        return state
    for part in request.get("parts") or PARTS:
        state.update(PARTS[part](request, plan))
    return state


def main(request: Dict[str, Any]) -> None:
    packed = zlib.compress(json.dumps(collect(request)).encode("utf-8"))
    sys.stdout.write(base64.b64encode(packed).decode("ascii"))
