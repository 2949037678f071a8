"""The GPU stages of ./invoke test: fat binaries for every target, and what runs only where there is a device.

That the kernels' source computes what the generic variant does is shown on the CPU, in the stages kernels and
sanitizers; here it is shown that both compilers take it, and on a device that what they made is right and clean.
"""

from __future__ import annotations

import json
import os
import platform
import re
import subprocess
import sys
import tempfile
from pathlib import Path

from invoke import Exit

from tcp_performance import kernels_build, system_packages, wheels
from tcp_performance.playbooks import BUILD, ROOT
from tcp_performance.stage_steps import Skipped, pytest, shell

# nvcc comes from PyPI.
PACKAGES = system_packages.BUILD + system_packages.CHECK + system_packages.HIP
REQUIREMENTS = ROOT / "kernels/gpu/requirements.txt"
WHEELS = BUILD / "cuda"
CUDA = WHEELS / "nvidia/cu13"
BUILT = ROOT / "kernels/build/gpu"
VARIANTS = ("cuda", "hip")
# What each library must hold, and the tool that lists it.
LISTED = {
    "cuda": (
        [str(CUDA / "bin/cuobjdump"), "--list-elf", "--list-ptx"],
        (r"sm_80\.cubin", r"sm_90\.cubin", r"\.ptx"),
    ),
    "hip": (["roc-obj-ls"], (r"gfx90a\b", r"gfx1030\b")),
}
AGENTS = 1_000_000
# A device is asked for, and its absence is a failure: ./invoke test --gpu.
DEMANDED = "TCP_PERFORMANCE_GPU"
STATES = "import json, tcpkernels; print(json.dumps(tcpkernels.info()['gpu']))"


def demand(wanted: bool) -> None:
    """Hand it on to the processes that run the stages."""
    if wanted:
        os.environ[DEMANDED] = "1"


def library(variant: str) -> Path:
    return BUILT / f"gpu/libtcpk_{variant}.so"


def program(name: str, variant: str) -> str:
    return str(BUILT / f"gpu/tests/{name}_{variant}")


def compilers() -> list[str]:
    return [f"-DTCPK_CUDA_COMPILER={CUDA / 'bin/nvcc'}", "-DTCPK_HIP_COMPILER=/usr/bin/hipcc"]


def check_targets(variant: str) -> None:
    """Every target's code is in the library, by a list that the compiler did not write."""
    command, targets = LISTED[variant]
    listed = subprocess.run([*command, str(library(variant))], capture_output=True, text=True).stdout
    absent = [target for target in targets if not re.search(target, listed)]
    print(
        f"{variant}: {', '.join(sorted(set(re.findall(r'sm_[0-9]+[.][a-z]+|gfx[0-9a-f]+', listed))))}",
        flush=True,
    )
    if absent:
        raise Exit(f"{library(variant).name} has no code for {', '.join(absent)}", code=1)


def state(variant: str) -> tuple[bool, str]:
    """Whether the package finds a device by this library, and its names or the reason."""
    done = subprocess.run(
        [sys.executable, "-c", STATES],
        env=dict(
            os.environ,
            TCPK_GPU_LIBRARY=str(library(variant)),
            PYTHONPATH=str(kernels_build.KERNELS / "python"),
        ),
        capture_output=True,
        text=True,
    )
    if done.returncode:
        raise Exit(f"tcpkernels.info() fails beside {library(variant).name}: {done.stderr}", code=1)
    (told,) = json.loads(done.stdout).values()
    return bool(told["available"]), ", ".join(told["devices"]) or str(told["reason"])


def binaries(long: bool) -> None:
    """Compile for every target, look into what came out, and load it on this machine."""
    if platform.machine() != "x86_64":
        raise Skipped(f"nvcc and hipcc are installed for x86-64 only; this is {platform.machine()}")
    wheels.install(REQUIREMENTS, WHEELS)
    options = ["-G", "Ninja", "-DCMAKE_BUILD_TYPE=Release", "-DTCPK_TESTS=ON", *compilers()]
    shell(["cmake", "-S", "kernels", "-B", str(BUILT), *options])
    programs = [f"{name}_{variant}" for name in ("test_gpu", "bench_gpu") for variant in VARIANTS]
    targets = [*(f"tcpk_{variant}" for variant in VARIANTS), *programs]
    # hipcc leaves folders behind where it keeps its temporary files.
    with tempfile.TemporaryDirectory() as folder:
        shell(["env", f"TMPDIR={folder}", "cmake", "--build", str(BUILT), "--target", *targets])
    for variant in VARIANTS:
        check_targets(variant)
        available, told = state(variant)
        print(f"{variant}: {told}", flush=True)
        # Without a device the runtime says so; a library that does not load says something else.
        if not available and "looking for devices failed" not in told and "there is no device" not in told:
            raise Exit(f"{library(variant).name}: {told}", code=1)


def on_device(long: bool) -> None:
    """Agreement on a million agents, the sanitizer, the package's tests and the figures, on each device there is."""
    told = {
        variant: state(variant) if library(variant).is_file() else (False, "not built")
        for variant in VARIANTS
    }
    found = [variant for variant in VARIANTS if told[variant][0]]
    if not found:
        reason = "; ".join(told[variant][1] for variant in VARIANTS)
        if os.environ.get(DEMANDED):
            raise Exit(f"no GPU: {reason}", code=1)
        raise Skipped(f"no GPU: {reason}")
    for variant in found:
        shell([program("test_gpu", variant)], TCPK_GPU_AGENTS=str(AGENTS))
        if variant == "cuda":
            for tool in ("memcheck", "racecheck", "initcheck", "synccheck"):
                sanitizer = [str(CUDA / "bin/compute-sanitizer"), "--tool", tool, "--error-exitcode", "9"]
                shell([*sanitizer, program("test_gpu", variant)])
        else:
            print(
                "hip: there is no counterpart of compute-sanitizer; the sanitizers ran on the CPU", flush=True
            )
        pytest("kernels/python/tests/test_gpu.py", TCPK_GPU_LIBRARY=str(library(variant)))
        shell([program("bench_gpu", variant), str(AGENTS)])
