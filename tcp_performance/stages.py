"""The stages of ./invoke test: each one a name, what it proves, and a function; a summary at the end."""

from __future__ import annotations

import time
from dataclasses import dataclass
from typing import Callable

from invoke import Exit
from rich.console import Console
from rich.table import Table

from tcp_performance.stage_steps import (
    Skipped,
    bindings,
    controllers,
    host,
    kernels,
    kernels_sanitized,
    linting,
    molecule,
    page,
    readme,
    unit,
)


@dataclass(frozen=True)
class Stage:
    name: str
    proves: str
    steps: Callable[[bool], None]


STAGES = (
    Stage("lint", "sources, formats, generated files", linting),
    Stage("unit", "the plan, the snapshot, the verifier's mutants, the report", unit),
    Stage("controllers", "syntax and unit tests on every Python from 3.10 to 3.13", controllers),
    Stage("kernels", "CTest of the C library, every variant against generic", kernels),
    Stage("sanitizers", "the same under ASan and UBSan", kernels_sanitized),
    Stage("bindings", "one suite, once for each backend and variant", bindings),
    Stage("page", "the report page in headless Chromium", page),
    Stage("host", "provision, break, verify, revert on this very machine", host),
    Stage("molecule", "containers with systemd: check, converge, idempotence, verify, revert", molecule),
    Stage("readme", "every command in README.md", readme),
)


@dataclass
class Result:
    stage: Stage
    outcome: str
    seconds: float
    note: str = ""


def run_stage(stage: Stage, long: bool, number: int, total: int) -> Result:
    print(f"\n== [{number}/{total}] {stage.name}: {stage.proves}", flush=True)
    begin = time.monotonic()
    try:
        stage.steps(long)
        outcome, note = "passed", ""
    except Skipped as reason:
        outcome, note = "skipped", str(reason)
    except Exit as failure:
        outcome, note = "failed", str(failure.message or f"exit {failure.code}")
    seconds = time.monotonic() - begin
    print(f"== {stage.name}: {outcome} in {seconds:.0f} s {note}", flush=True)
    return Result(stage, outcome, seconds, note)


def summary(results: list[Result]) -> None:
    table = Table(title="What ran")
    for heading in ("stage", "result", "seconds", "note"):
        table.add_column(heading, justify="right" if heading == "seconds" else "left")
    for result in results:
        table.add_row(result.stage.name, result.outcome, f"{result.seconds:.0f}", result.note)
    Console().print(table)
    counts = {
        outcome: sum(r.outcome == outcome for r in results) for outcome in ("passed", "failed", "skipped")
    }
    print(f"{counts['passed']} passed, {counts['failed']} failed, {counts['skipped']} skipped", flush=True)


def run(only: str | None, long: bool, list_only: bool) -> int:
    chosen = [stage for stage in STAGES if only in (None, stage.name)]
    if not chosen:
        raise Exit(f"--only {only!r}: the stages are {', '.join(stage.name for stage in STAGES)}", code=2)
    if list_only:
        for stage in chosen:
            print(f"{stage.name:12} {stage.proves}")
        return 0
    results = [run_stage(stage, long, number, len(chosen)) for number, stage in enumerate(chosen, 1)]
    summary(results)
    return 1 if any(result.outcome == "failed" for result in results) else 0
