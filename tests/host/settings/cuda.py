"""CUDA: the toolkit and the device by a kernel of one's own, the container toolkit by what Docker says."""

from __future__ import annotations

import json
from typing import Iterator

from tests.host.settings import gpu
from tests.host.settings.common import Request
from tests.host.state import Plan, State
from tests.host.verdict import Judgement, Setting, compliant, drifted

ROLE = "cuda"
REQUEST = Request(commands={"docker_runtimes": (ROLE, ["docker", "info", "--format", "{{json .Runtimes}}"])})
RUNTIME = "nvidia"


def runtime(state: State) -> Judgement:
    run = state.command("docker_runtimes")
    if run.status:
        return drifted("Docker does not answer", run.said)
    try:
        names = sorted(json.loads(run.output))
    except (ValueError, TypeError):
        return drifted("nothing to be read", run.said)
    if RUNTIME not in names:
        return drifted(", ".join(names), "Docker knows no runtime that hands GPUs to containers")
    return compliant(RUNTIME)


def settings(plan: Plan) -> Iterator[Setting]:
    yield from gpu.settings(plan, ROLE)
    if plan["intent"].get("cuda_container_toolkit") is True:
        yield Setting(f"{ROLE}.container_toolkit", ROLE, RUNTIME, runtime, (("runtimes",),))
