"""The tasks of tcp-performance: ./invoke --list. Exit codes: 0 ok, 1 a check failed, 2 usage or bad input."""

from __future__ import annotations

import sys

from invoke import Collection, Context, Exit, task

INVENTORY = "inventory: a file, a folder, or a name under ansible/inventories (default: local, this machine)"
LIMIT = "only these hosts of the inventory"
VARIANT = "openblas, mkl or dev (default: openblas)"
BASE = "a base of images/manifest.yml (default: the first)"
TAG = "what stands before -VARIANT in the image's tag (default: latest)"
PROFILE = "workstation, lowlatency or container (default: what the inventory says)"


def _finish(code: int) -> None:
    if code:
        raise Exit(code=code)


@task(
    iterable=["set"],
    help={
        "sysroot": "plan for the machine captured in this folder instead of a host",
        "profile": PROFILE,
        "set": "KEY=VALUE, an intent variable; may be given several times",
        "json": "print the plan as JSON, nothing else",
        "inventory": INVENTORY,
        "limit": LIMIT,
    },
)
def plan(
    c: Context,
    set: list[str],
    sysroot: str | None = None,
    profile: str | None = None,
    json: bool = False,
    inventory: str | None = None,
    limit: str | None = None,
) -> None:
    """Show what provisioning would make of a host, or all that is impossible; changes nothing."""
    from tcp_performance import provisioning

    _finish(provisioning.plan(sysroot, profile, set, json, inventory, limit))


@task(
    iterable=["set"],
    help={
        "profile": PROFILE,
        "set": "KEY=VALUE, an intent variable; may be given several times",
        "inventory": INVENTORY,
        "limit": LIMIT,
        "check": "change nothing, show what would change",
    },
)
def provision(
    c: Context,
    set: list[str],
    profile: str | None = None,
    inventory: str | None = None,
    limit: str | None = None,
    check: bool = False,
) -> None:
    """Plan, apply, verify, measure and report: from a bare machine to a proven host."""
    from tcp_performance import provisioning

    _finish(provisioning.provision(profile, set, inventory, limit, check))


@task(help={"inventory": INVENTORY, "limit": LIMIT})
def verify(c: Context, inventory: str | None = None, limit: str | None = None) -> None:
    """Judge every setting by the effective state of the host: compliant, drifted, reboot-pending, not applicable."""
    from tcp_performance import provisioning

    _finish(provisioning.verify(inventory, limit))


@task(help={"inventory": INVENTORY, "limit": LIMIT, "check": "change nothing, show what would be restored"})
def revert(c: Context, inventory: str | None = None, limit: str | None = None, check: bool = False) -> None:
    """Bring back the state from before the first provisioning."""
    from tcp_performance import provisioning

    _finish(provisioning.revert(inventory, limit, check))


@task
def report(c: Context) -> None:
    """Write build/report/report.json and index.html from the last verdicts and figures."""
    from tcp_performance import provisioning

    _finish(provisioning.report())


@task(name="build-vm", help={"image": "debian-12, debian-12-rt, or all (default: debian-12)"})
def build_vm(c: Context, image: str = "debian-12") -> None:
    """Make the image of a virtual machine: its own kernel and boot loader, and a snapshot that starts in seconds."""
    from tcp_performance import vm_image

    _finish(vm_image.run([image]))


@task(name="build-image", help={"variant": VARIANT + ", or all", "base": BASE, "tag": TAG})
def build_image(
    c: Context, variant: str = "", base: str = "", tag: str = "latest", push: bool = False
) -> None:
    """Make the container images out of the roles; says what each stage cost and how large they are."""
    from tcp_performance import image_build

    _finish(image_build.run(variant, base, tag, push))


@task(name="run-image", help={"variant": VARIANT, "tag": TAG, "manifests": "write compose.yaml and a pod"})
def run_image(c: Context, variant: str = "", tag: str = "latest", manifests: bool = False) -> None:
    """Run the engine in a container with what the host's plan gives it: ./invoke run-image -- bench."""
    from tcp_performance import image_run

    _finish(image_run.run(variant, tag, c.remainder, manifests))


@task(help={"json": "print the rows as JSON, nothing else"})
def bench(c: Context, json: bool = False) -> None:
    """Measure the kernels against their targets, floors, NumPy and other libraries, all in one run."""
    from tcp_performance import bench as benchmark

    _finish(benchmark.run(json_output=json, others=True))


@task(
    name="build-kernels",
    help={"preset": "a preset of kernels/CMakePresets.json: release, debug, asan, native"},
)
def build_kernels(c: Context, preset: str = "release") -> None:
    """Build the C library, the command and the Python bindings in the checkout."""
    from tcp_performance import kernels_build

    _finish(kernels_build.build(preset))


@task(help={"update": "store what is counted now as intended"})
def instructions(c: Context, update: bool = False) -> None:
    """Hold the kernels' instruction counts under callgrind against the stored ones, within 2 %."""
    from tcp_performance import instructions as counts

    _finish(counts.run(write=update))


@task(
    help={
        "command": "a shell command, for example a build",
        "output": "OUTPUT.trace and OUTPUT.tcpdb are written",
    }
)
def record(c: Context, command: str, output: str = "build/recorded") -> None:
    """Record the commands that a command starts, to replay them with tcp_behavioral_engine replay."""
    from tcp_performance import recorder

    _finish(recorder.run(command, output))


@task
def timing(c: Context) -> None:
    """Welch's t-test: do the constant-time functions take a time that depends on the secret, do leaky twins."""
    from tcp_performance import kernels_build

    program = kernels_build.build_directory("release") / "bench/timing"
    _finish(kernels_build.compile_library("release") or kernels_build.run([str(program)]))


@task(help={"only": "one check by name", "fix": "rewrite what can be rewritten: formats and generated files"})
def lint(c: Context, only: str | None = None, fix: bool = False) -> None:
    """Check every source and every generated file; says each check's name and result."""
    from tcp_performance import lint as checks

    _finish(checks.run(only, fix))


@task(
    help={
        "only": "one stage by name",
        "long": "add what is too slow for every change",
        "list": "name the stages",
        "jobs": "so many stages at once (default: one more than there are CPUs)",
        "gpu": "a GPU has to be there: without one the stage gpu-device fails where it would say why it does not run",
    }
)
def test(
    c: Context,
    only: str | None = None,
    long: bool = False,
    list: bool = False,
    jobs: str | None = None,
    gpu: bool = False,
) -> None:
    """Run the whole test suite, or one stage of it, with a summary at the end."""
    from tcp_performance import gpu_stage, stages

    gpu_stage.demand(gpu)
    _finish(stages.run(only, long, list, jobs))


@task
def lock(c: Context) -> None:
    """Resolve requirements.in anew into requirements.lock, with hashes, for Python 3.10 to 3.13; the peers' too."""
    for folder in ("", "kernels/bench/"):
        c.run(
            "uv pip compile -q --universal --python-version 3.10 --generate-hashes --no-emit-index-url --no-header"
            f" --upgrade {folder}requirements.in -o {folder}requirements.lock"
        )


ns = Collection.from_module(sys.modules[__name__])
ns.configure({"run": {"echo": True}})
