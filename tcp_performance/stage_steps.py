"""What each stage of ./invoke test does. A step that cannot run says why (Skipped); one that fails raises Exit."""

from __future__ import annotations

import functools
import os
import shutil
import signal
import subprocess
import sys
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Callable

from invoke import Exit

from tcp_performance import kernels_build, lint
from tcp_performance.playbooks import BUILD, ROOT, environment

PYTHONS = ("3.10", "3.11", "3.12", "3.13")
PYTEST = (sys.executable, "-m", "pytest", "-rs")  # a test that is skipped says why
BACKENDS = ("cython", "ctypes", "numpy")


class Skipped(Exception):
    """A stage that does not apply here; its text is the reason."""


def shell(command: list[str], **variables: str) -> None:
    """Run a command, its output passed on; a failure ends the stage."""
    assignments = [f"{name}={value}" for name, value in variables.items()]
    print("$", *assignments, *command, flush=True)
    process = subprocess.Popen(command, cwd=ROOT, env=dict(environment(), **variables))
    try:
        status = process.wait()
    except KeyboardInterrupt as interrupt:
        # A terminal, and the runner, send this one to all processes at once; the others reach the stage alone.
        if interrupt.args != (signal.SIGINT,):
            process.send_signal(signal.SIGINT)
        process.wait()  # it tidies up; subprocess.run would kill it
        raise
    if status:
        raise Exit(f"exit {status}: {' '.join(command)}", code=1)


def together(runs: dict[str, Callable[[], list[list[str]]]], variables: dict[str, dict[str, str]]) -> None:
    """Run named lists of commands, as many lists at once as there are CPUs; each one's output comes in one piece.

    The commands of a list are run in order and end at its first failure; the stage fails when any list did.
    """

    def one(name: str) -> tuple[str, str, bool]:
        output = []
        for command in runs[name]():
            done = subprocess.run(
                command,
                cwd=ROOT,
                env=dict(environment(), **variables.get(name, {})),
                stdout=subprocess.PIPE,
                stderr=subprocess.STDOUT,
                text=True,
            )
            output.append(f"$ {' '.join(command)}\n{done.stdout}")
            if done.returncode:
                return name, "".join(output), False
        return name, "".join(output), True

    failed = []
    with ThreadPoolExecutor(len(os.sched_getaffinity(0))) as pool:
        for name, output, passed in pool.map(one, runs):
            print(f"-- {name}\n{output}", end="", flush=True)
            failed += [] if passed else [name]
    if failed:
        raise Exit(f"failed: {', '.join(failed)}", code=1)


def pytest(*arguments: str, **variables: str) -> None:
    shell([*PYTEST, *arguments], **variables)


def linting(long: bool) -> None:
    if lint.run(None, fix=False):
        raise Exit("a check of ./invoke lint failed", code=1)


def unit(long: bool) -> None:
    pytest("tests/unit", HYPOTHESIS_PROFILE="long" if long else "default")


def find_python(version: str) -> str | None:
    """python3.N from PATH or from pyenv's folders."""
    candidates = [shutil.which(f"python{version}")]
    versions = Path(os.environ.get("PYENV_ROOT", Path.home() / ".pyenv")) / "versions"
    candidates += [str(path / "bin/python3") for path in sorted(versions.glob(f"{version}.*"))]
    for candidate in candidates:
        if candidate and subprocess.run([candidate, "-c", ""], capture_output=True).returncode == 0:
            return candidate
    return None


def environment_of(version: str, python: str) -> Path:
    """The folder of that Python's environment, made from the lock where it is not there."""
    venv = BUILD / "venvs" / version
    variables = dict(environment(), TCP_PERFORMANCE_PYTHON=python, TCP_PERFORMANCE_VENV=str(venv))
    made = subprocess.run(["./invoke", "--version"], cwd=ROOT, env=variables, capture_output=True, text=True)
    if made.returncode:
        raise Exit(f"no environment for Python {version}:\n{made.stderr}", code=1)
    return venv


def controller(version: str, python: str) -> list[list[str]]:
    """Make that Python's environment, then give the commands to run in it."""
    playbooks = [f"ansible/{name}.yml" for name in ("plan", "site", "verify", "revert")]
    if version == f"{sys.version_info.major}.{sys.version_info.minor}":
        # The stage "unit" runs the tests on this one.
        return [["ansible-playbook", "--syntax-check", *playbooks]]
    try:
        venv = environment_of(version, python)
    except Exit as reason:
        return [["echo", reason.message], ["false"]]
    return [
        [str(venv / "bin/ansible-playbook"), "--syntax-check", *playbooks],
        [str(venv / "bin/python"), "-m", "pytest", "-rs", "tests/unit"],
    ]


def controllers(long: bool) -> None:
    """Another interpreter changes what an example does for all of them or for none: a few do."""
    found = {version: find_python(version) for version in PYTHONS}
    absent = [version for version, python in found.items() if not python]
    if absent:
        print(f"not on this machine, so not tried: Python {', '.join(absent)}", flush=True)
    if len(absent) == len(PYTHONS):
        raise Skipped("no Python from 3.10 to 3.13 to be found by name")
    runs: dict[str, Callable[[], list[list[str]]]] = {
        f"Python {version}": functools.partial(controller, version, python)
        for version, python in found.items()
        if python
    }
    profile = {"HYPOTHESIS_PROFILE": "long" if long else "brief"}
    together(runs, dict.fromkeys(runs, profile))


def ctest(preset: str) -> None:
    if kernels_build.compile_library(preset):
        raise Exit(f"the {preset} build failed", code=1)
    shell(["ctest", "--test-dir", str(kernels_build.build_directory(preset)), "--output-on-failure"])


def kernels(long: bool) -> None:
    ctest("release")
    shell(["make", "-C", "kernels", "tcp-performance"])


def kernels_sanitized(long: bool) -> None:
    ctest("asan")


def bindings(long: bool) -> None:
    if kernels_build.build("release"):
        raise Exit("the bindings could not be built", code=1)
    chosen = {
        f"{backend} {variant}".strip(): {"TCPK_BACKEND": backend}
        | ({"TCPK_VARIANT": variant} if variant else {})
        for backend in BACKENDS
        for variant in (("",) if backend == "numpy" else ("generic", "avx2"))
    }
    suite = [[*PYTEST, "kernels/python/tests"]]
    together({name: lambda: suite for name in chosen}, chosen)


def page(long: bool) -> None:
    pytest("tests/page")


def host(long: bool) -> None:
    if os.geteuid() != 0:
        raise Skipped("needs root")
    if not os.environ.get("CI"):
        raise Skipped("provisions and reverts this very machine; set CI=true where that is welcome")
    pytest("tests/machine", "-s", "-x")


def molecule(scenario: str, long: bool) -> None:
    # Molecule's own choice of a folder is the same for all checkouts of one name.
    folder = {"MOLECULE_EPHEMERAL_DIRECTORY": str(BUILD / "molecule" / scenario)}
    try:
        shell(["molecule", "test", "--scenario-name", scenario], **folder)
    except KeyboardInterrupt:
        shell(["molecule", "destroy", "--scenario-name", scenario], **folder)
        raise


def machine(long: bool) -> None:
    """The same with PREEMPT_RT is a run of its own, as are the machines themselves."""
    molecule("host", long)
    if long:
        pytest("tests/machine_life")
        os.environ["TCP_PERFORMANCE_VM_IMAGE"] = "debian-12-rt"
        molecule("host", long)


def interruptions(long: bool) -> None:
    pytest("tests/interruptions", "-s", "--on", "container")


def interruptions_machine(long: bool) -> None:
    pytest("tests/interruptions", "-s", "--cuts", "20" if long else "3")


def engine(long: bool) -> None:
    if os.geteuid() != 0:
        raise Skipped("starting an engine needs root")
    pytest("tests/container/engine")


def readme(long: bool) -> None:
    pytest("tests/readme", "-s")
