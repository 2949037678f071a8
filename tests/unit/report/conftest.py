"""One report of a two-socket machine, shared: a test that changes it takes a copy."""

from __future__ import annotations

import copy
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from tcp_performance.report import document
from tests import report_samples as samples

Report = dict[str, Any]


@pytest.fixture(scope="session")
def whole(tmp_path_factory: pytest.TempPathFactory) -> Report:
    plan = samples.plan(samples.SHAPES[64], tmp_path_factory.mktemp("machine"))
    return document.assemble(plan, samples.verdicts(plan), samples.bench())


@pytest.fixture
def report(whole: Report) -> Report:
    return copy.deepcopy(whole)


@pytest.fixture
def lay_out(tmp_path: Path) -> Callable[..., Path]:
    """Write inputs for these hosts as planning, verifying and measuring do; returns the build folder."""

    def write(*hosts: str) -> Path:
        build = tmp_path / "build"
        plan = samples.plan(samples.SHAPES[2], tmp_path / "machine", "workstation")
        for host in hosts:
            samples.write_json(build / f"plan/{host}.json", plan)
            samples.write_json(build / f"verdicts/{host}.json", samples.verdicts(plan, host))
        samples.write_json(build / "bench/bench.json", samples.bench(operations=2))
        return build

    return write
