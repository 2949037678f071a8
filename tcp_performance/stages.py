"""The stages of ./invoke test: each one a name, what it proves, what it needs, and a function.

python -m tcp_performance.stages NAME [--long]    # one stage, as ./invoke test runs it beside others
"""

from __future__ import annotations

import contextlib
import dataclasses
import functools
import os
import sys
import time
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Callable

from invoke import Exit
from rich.console import Console
from rich.table import Table

from tcp_performance import (
    emulated_cpu,
    fpga_stage,
    gpu_stage,
    image_buildx,
    image_stage,
    kernel_stages,
    kmod_stage,
    system_packages,
    variant_stages,
)
from tcp_performance import stage_steps as steps
from tcp_performance.base_image import ImageError
from tcp_performance.docker_engine import DockerEngine, EngineError
from tcp_performance.playbooks import ROOT
from tcp_performance.side_by_side import SKIPPED, Result, SideBySide, interruptible

KERNELS = system_packages.BUILD + system_packages.CHECK
CONTAINERS = system_packages.CONTAINERS
OUTCOMES = ("passed", "failed", "skipped", "interrupted")
# What nobody waits for and takes minutes does not begin when an hour is nearly over.
NEARLY_AN_HOUR = 55 * 60.0


@dataclass(frozen=True)
class Stage:
    """A step of the test suite: `packages` of the distribution are there, and `after` has ended, when it begins."""

    name: str
    proves: str
    run: Callable[[bool], None]
    packages: tuple[str, ...] = ()
    engine: bool = False  # a Docker engine
    prepare: Callable[[], None] | None = None  # puts on this machine what no package does; raises ImageError
    weight: int = 1  # an emulated machine keeps a CPU busy, and some more: it counts for two
    after: tuple[str, ...] = ()
    latest: float | None = None  # seconds of a run; later it is left out, unless with --long


# The longest way first: what others wait for, then what takes longest, so that nothing long begins at the end.
STAGES = (
    Stage(
        "molecule-host",
        "Debian 12 on a virtual machine: boot arguments, reboot, effective state, rights, mutants, revert",
        steps.machine,
        system_packages.MACHINES,
        weight=2,
    ),
    Stage(
        "interruptions-machine",
        "provisioning of virtual machines cut off at random points, their power, too",
        steps.interruptions_machine,
        system_packages.MACHINES,
        weight=2,
        latest=25 * 60.0,  # the run is to stay under an hour, and this takes a third of it
    ),
    Stage("kernels", "CTest of the C library, every variant against generic", steps.kernels, KERNELS),
    # Both build into kernels/build/release.
    Stage(
        "bindings",
        "one suite, once for each backend and variant",
        steps.bindings,
        KERNELS,
        after=("kernels",),
    ),
    # Early, and on the slowest machine, too: what it leaves out is another release of Debian, and the FPGA.
    Stage(
        "avx512",
        "the AVX-512 kernels on emulated CPUs, with VNNI and without; wrong constants in them and in AVX2",
        variant_stages.avx512,
        KERNELS + emulated_cpu.PACKAGES,
        after=("kernels", "bindings"),
    ),
    Stage(
        "variants",
        "CTest of the NEON kernels under qemu-user, and wrong constants in them",
        variant_stages.neon,
        KERNELS + variant_stages.NEON_PACKAGES,
    ),
    Stage(
        "molecule-default",
        "Debian 12 in containers with systemd: check, converge, idempotence, verify, break, revert",
        functools.partial(steps.molecule, "default"),
        CONTAINERS,
        engine=True,
    ),
    Stage(
        "interruptions",
        "provisioning of a container cut off in the same way: nothing is lost, and a revert still leads back",
        steps.interruptions,
        CONTAINERS,
        engine=True,
    ),
    Stage(
        "images",
        "every container image out of the roles, run without rights; a broken kernel test ends the build",
        image_stage.images,
        image_stage.PACKAGES,
        engine=True,
        prepare=image_buildx.require,
    ),
    Stage("controllers", "syntax and unit tests on every Python from 3.10 to 3.13", steps.controllers),
    Stage("unit", "the plan, the snapshot, the verifier's mutants, the report", steps.unit),
    # It measures with the newest build in the checkout, which must not be a half-made one; and some unit tests look at
    # the machine, which must not change under them. A container of an image gets there what the plan gives.
    Stage(
        "host",
        "provision, break, verify, revert on this very machine",
        steps.host,
        after=("kernels", "bindings", "unit", "controllers", "images"),
    ),
    Stage(
        "molecule-debian-13",
        "the same on Debian 13, with systemd and in a bare container",
        functools.partial(steps.molecule, "debian-13"),
        CONTAINERS,
        engine=True,
        latest=NEARLY_AN_HOUR,
    ),
    Stage("sanitizers", "the C library under ASan and UBSan", steps.kernels_sanitized, KERNELS),
    Stage("gpu", "fat binaries for every target, by nvcc and hipcc", gpu_stage.binaries, gpu_stage.PACKAGES),
    Stage(
        "gpu-device",
        "a million agents on a GPU against generic, under compute-sanitizer, and its figures",
        gpu_stage.on_device,
        after=("gpu", "bindings"),
    ),
    # It uses the release build and the bindings of those stages.
    Stage(
        "attacks",
        "instruction counts, peers, a recording, races, fuzzing of the C library",
        kernel_stages.attacks,
        KERNELS + kernel_stages.PACKAGES,
        after=("kernels", "bindings"),
    ),
    # It compares with the bindings.
    Stage(
        "fpga",
        "the lookup pipeline: simulated with the whole registry, proven, placed and routed, mutants refused",
        fpga_stage.fpga,
        KERNELS + fpga_stage.PACKAGES,
        after=("bindings",),
        latest=NEARLY_AN_HOUR,
    ),
    Stage(
        "kmod",
        "the ring's kernel module compiled against the distribution's headers, without a warning",
        kmod_stage.module,
        kmod_stage.PACKAGES,
    ),
    Stage("page", "the report page in headless Chromium", steps.page, system_packages.PAGE),
    Stage("lint", "sources, formats, generated files", steps.linting),
    Stage("engine", "a Docker engine started by hand, and stopped without a trace", steps.engine, CONTAINERS),
    Stage("readme", "every command in README.md", steps.readme, after=("host", "images")),
)


def find(name: str) -> Stage:
    for stage in STAGES:
        if stage.name == name:
            return stage
    raise Exit(f"--only {name!r}: the stages are {', '.join(stage.name for stage in STAGES)}", code=2)


def run_here(stage: Stage, long: bool) -> Result:
    """Run one stage in this process, its output passed on."""
    print(f"== {stage.name}: {stage.proves}", flush=True)
    begin = time.monotonic()
    try:
        system_packages.ensure(stage.packages)
        stage.run(long)
        outcome, note = "passed", ""
    except steps.Skipped as reason:
        outcome, note = "skipped", str(reason)
    except Exit as failure:
        outcome, note = "failed", str(failure.message or f"exit {failure.code}")
    except KeyboardInterrupt:
        outcome, note = "interrupted", ""
    return Result(stage.name, outcome, time.monotonic() - begin, note)


def parallel(jobs: str | None) -> int:
    """How many stages at once. One more than there are CPUs: what installs and starts hosts waits half of its time."""
    if jobs is None:
        return len(os.sched_getaffinity(0)) + 1
    if not jobs.isdecimal() or int(jobs) == 0:
        raise Exit(f"--jobs {jobs!r}: allowed are whole numbers from 1", code=2)
    return int(jobs)


@contextlib.contextmanager
def prepared(stages: list[Stage]) -> Iterator[None]:
    """What several stages need, once, before the first of them looks at this machine."""
    if os.geteuid() == 0:  # else each stage says what it lacks
        wanted = dict.fromkeys(package for stage in stages for package in stage.packages)
        system_packages.ensure(tuple(wanted))
    with contextlib.ExitStack() as engine:
        if any(stage.engine for stage in stages):
            try:
                engine.enter_context(DockerEngine(f"test run in {ROOT}"))
            except EngineError as reason:  # the stages that want one say so too
                print(f"no Docker engine: {reason}", flush=True)
        for stage in stages:
            try:
                if stage.prepare:
                    stage.prepare()
            except ImageError as reason:
                print(f"{stage.name}: {reason}", flush=True)
        yield


def summary(results: list[Result], seconds: float) -> None:
    table = Table(title="What ran")
    for heading in ("stage", "result", "seconds", "note"):
        table.add_column(heading, justify="right" if heading == "seconds" else "left")
    order = [stage.name for stage in STAGES]
    for result in sorted(results, key=lambda result: order.index(result.name)):
        table.add_row(result.name, result.outcome, f"{result.seconds:.0f}", result.note)
    Console().print(table)
    counts = {outcome: sum(result.outcome == outcome for result in results) for outcome in OUTCOMES}
    told = [
        f"{counts[outcome]} {outcome}" for outcome in OUTCOMES if counts[outcome] or outcome != "interrupted"
    ]
    print(f"{', '.join(told)} in {seconds:.0f} s", flush=True)


def run_all(long: bool, jobs: int) -> list[Result]:
    """Run every stage and print what became of it; after that nothing that was started for them is left."""

    def command(name: str) -> list[str]:
        return [sys.executable, "-m", "tcp_performance.stages", name, *(["--long"] if long else [])]

    begin = time.monotonic()
    with prepared(list(STAGES)):
        stages = [dataclasses.replace(stage, latest=None) for stage in STAGES] if long else list(STAGES)
        results = SideBySide(stages, jobs, command).run()
        summary(results, time.monotonic() - begin)
    return results


def run(only: str | None, long: bool, list_only: bool, jobs: str | None = None) -> int:
    """0 when no stage failed, 1 otherwise; Exit with code 2 for a wrong option."""
    at_once = parallel(jobs)
    chosen = [find(only)] if only else list(STAGES)
    if list_only:
        for stage in chosen:
            print(f"{stage.name:21} {stage.proves}")
        return 0
    with interruptible():
        if only:
            results = [run_here(find(only), long)]
            summary(results, results[0].seconds)
        else:
            results = run_all(long, at_once)
    return 1 if any(result.outcome in ("failed", "interrupted") for result in results) else 0


def main(arguments: list[str]) -> int:
    """Run one stage; its exit status says how it ended, its last line why."""
    stage = find(arguments[0])
    with interruptible():
        result = run_here(stage, "--long" in arguments)
    if result.note:
        print(result.note, flush=True)
    return {"passed": 0, "skipped": SKIPPED}.get(result.outcome, 1)


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
