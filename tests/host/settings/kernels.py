"""The kernels: installed, proving themselves, on the best variant for this CPU, through each Python backend."""

from __future__ import annotations

import json
from fnmatch import fnmatch
from pathlib import Path
from typing import Any, Iterator

from tests.host.settings.common import Request
from tests.host.state import Plan, State
from tests.host.verdict import Judgement, Setting, compliant, drifted

ROLE = "kernels"
COMMAND = "/usr/local/bin/tcp_behavioral_engine"
# The same test that the role ends with: the command and all backends agree on a registry made there and then.
SELF_TEST = (Path(__file__).parents[3] / "roles/kernels/files/self_test.py").read_text(encoding="utf-8")
PATH_FILES = "/usr/local/lib/python3.*/dist-packages/tcpkernels.pth"
REQUEST = Request(
    files=(COMMAND, PATH_FILES),
    prefixed_files=(
        "{prefix}/lib/libtcpk.so",
        "{prefix}/bin/tcp_behavioral_engine",
        "{prefix}/include/tcpk/*.h",
    ),
    commands={"self_test": (ROLE, ["/usr/bin/python3", "-c", SELF_TEST])},
)
BACKENDS = ("cython", "ctypes", "numpy")
# The best first, each with what /proc/cpuinfo says of a CPU that has it.
VARIANTS = {
    "avx512": {"avx512f", "avx512bw", "avx512dq", "avx512vl"},
    "avx2": {"avx2", "bmi1", "popcnt"},
    "neon": {"asimd"},
    "generic": set[str](),
}


def info(state: State, backend: str) -> tuple[dict[str, Any], str]:
    """What tcpkernels says of itself with a backend asked for; or why it says nothing."""
    run = State.run(state.raw["python"].get(backend))
    try:
        return (json.loads(run.output), "") if run.status == 0 else ({}, run.said)
    except ValueError:
        return {}, run.said


def self_test() -> Setting:
    def judge(state: State) -> Judgement:
        run = state.command("self_test")
        if run.status:
            return drifted(f"exit {run.status}", run.said)
        return compliant("passed")

    return Setting(f"{ROLE}.self_test", ROLE, "passed", judge, (("commands", "self_test"),))


def command(prefix: str) -> Setting:
    """The command that a user types is the one below the prefix, and everybody may run it."""
    target = f"{prefix}/bin/tcp_behavioral_engine"

    def judge(state: State) -> Judgement:
        found = state.file(COMMAND)
        if found is None:
            return drifted("absent", f"there is no {COMMAND}")
        if found.real != target:
            return drifted(found.real, f"{COMMAND} is not the one that was installed")
        if (found.mode, found.owner) != ("0755", "root"):
            return drifted(f"{found.mode} {found.owner}", f"mode or owner of {target} was changed")
        return compliant(f"{target} 0755 root")

    return Setting(
        f"{ROLE}.command", ROLE, f"{target} 0755 root", judge, (("files", COMMAND), ("link", COMMAND))
    )


def roots_alone(name: str, path: str) -> Setting:
    """A file that every process loads: anybody who could write it could be anybody."""

    def judge(state: State) -> Judgement:
        found = [file for known in state.raw["files"] if fnmatch(known, path) and (file := state.file(known))]
        if not found:
            return drifted("absent", f"there is no {path}")
        for file in found:
            if file.owner != "root" or int(file.mode, 8) & 0o022:
                return drifted(
                    f"{file.mode} {file.owner}:{file.group}", f"others than root may write {file.real}"
                )
        return compliant(f"{found[-1].mode} root:{found[-1].group}")

    return Setting(f"{ROLE}.{name}", ROLE, "root's alone to write", judge, (("files", path),))


def backend(name: str, prefix: str) -> Setting:
    """Python loads the kernels through this backend, and does not fall back to another one."""

    def judge(state: State) -> Judgement:
        found, reason = info(state, name)
        if found.get("backend") != name:
            return drifted(found.get("backend", "does not load"), reason or "another backend was taken")
        library = str(found.get("library", ""))
        if name != "numpy" and not library.startswith(f"{prefix}/"):
            return drifted(f"{name} with {library}", f"the library is not the one below {prefix}")
        return compliant(name, library)

    return Setting(f"{ROLE}.backend.{name}", ROLE, name, judge, (("python", name),))


def variant() -> Setting:
    """The best variant that the library was built with and the CPU has is the one in use."""

    def judge(state: State) -> Judgement:
        found, reason = info(state, "ctypes")
        actual = str(found.get("variant", "none"))
        available = found.get("available_variants", [])
        fitting = [name for name, flags in VARIANTS.items() if flags <= state.cpu_flags]
        best = next((name for name in fitting if name in available), "none")
        if actual != best or actual == "none":
            return drifted(
                actual, reason or f"the CPU has {', '.join(fitting)}, the library {', '.join(available)}"
            )
        return compliant(actual)

    return Setting(f"{ROLE}.variant", ROLE, "the best for this CPU", judge, (("variant",),))


def settings(plan: Plan) -> Iterator[Setting]:
    prefix = plan["intent"].get("kernels_prefix") or "/opt/tcp-performance"
    yield self_test()
    yield command(prefix)
    yield roots_alone("library", f"{prefix}/lib/libtcpk.so")
    yield roots_alone("package_path", PATH_FILES)
    for name in BACKENDS:
        yield backend(name, prefix)
    yield variant()
