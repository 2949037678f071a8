"""The stage of ./invoke test for the lookup pipeline: simulated, proven, placed and routed."""

from __future__ import annotations

import os
import sys
from importlib.util import find_spec
from pathlib import Path

from invoke import Exit

from tcp_performance import kernels_build, wheels
from tcp_performance.bench import REAL_REGISTRY
from tcp_performance.playbooks import BUILD, ROOT, environment
from tcp_performance.stage_steps import shell

PACKAGES = (
    "yosys",  # synthesis, and the proof's way to a solver
    "z3",  # the solver
    "iverilog",  # the simulator under cocotb
    "verilator",  # lint
    "nextpnr-ice40",  # place and route; that for ECP5 comes from PyPI
    "fpga-icestorm",  # iCE40's timing
)
FPGA = ROOT / "kernels/fpga"
REQUIREMENTS = FPGA / "requirements.lock"
BUILT = BUILD / "fpga"
WHEELS = wheels.folder(BUILT / "wheels")
COMMANDS = 1567  # as many as the published registry has
# One seed shows that it can be built and how fast it is about; a table of seeds takes minutes each.
QUICK = ["--seeds", "1", "--only", "speed grade 8", "--only", "iCE40"]
LONG = ["--seeds", "5"]


def registry() -> Path:
    """The published registry: TCPK_REGISTRY, or beside the checkout; else one of as many generated commands."""
    given = os.environ.get("TCPK_REGISTRY")
    if given and not Path(given).is_file():
        raise Exit(f"TCPK_REGISTRY={given!r} is no file; allowed: the path of a registry", code=2)
    found = Path(given) if given else REAL_REGISTRY
    if found.is_file():
        return found.resolve()
    import tcpkernels

    print(
        f"{found} is not there: {COMMANDS} generated commands instead of the published registry", flush=True
    )
    risks = ("SAFE", "LOW", "MEDIUM", "HIGH", "CRITICAL")
    commands = {f"command-{number}": risks[number % len(risks)] for number in range(COMMANDS)}
    generated = BUILT / "generated.tcpdb"
    generated.parent.mkdir(parents=True, exist_ok=True)
    tcpkernels.Registry.from_commands(list(commands), commands, time=0).save(generated)
    return generated


def fpga(long: bool) -> None:
    """Lint, the whole bench, the proof, mutants against both, and place and route, figures into build/fpga."""
    wheels.install(REQUIREMENTS, WHEELS)
    if find_spec("tcpkernels") is None and kernels_build.install_bindings():
        raise Exit("the bindings could not be built", code=1)
    variables = {
        "PYTHONPATH": str(WHEELS),
        "PATH": os.pathsep.join((str(WHEELS / "bin"), environment()["PATH"])),
    }

    def python(script: str, *arguments: str) -> None:
        shell([sys.executable, str(FPGA / script), *arguments], **variables)

    path, built = str(registry()), str(BUILT)
    shell(["make", "-C", str(FPGA), "lint"], **variables)
    python("formal/prove.py", built)
    python("formal/prove.py", built, "--mutants")
    python("bench/run.py", path, built)
    python("bench/run.py", path, built, "--mutants")
    python("synth.py", path, str(BUILT / "synth.json"), *(LONG if long else QUICK))
