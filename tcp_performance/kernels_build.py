"""Builds the C library, the command and the Python bindings in the checkout."""

from __future__ import annotations

import json
import subprocess
import sys
from pathlib import Path

from invoke import Exit

from tcp_performance import system_packages
from tcp_performance.playbooks import ROOT

KERNELS = ROOT / "kernels"


def presets() -> list[str]:
    text = json.loads((KERNELS / "CMakePresets.json").read_text())
    return [preset["name"] for preset in text["configurePresets"] if not preset.get("hidden")]


def build_directory(preset: str) -> Path:
    return KERNELS / "build" / preset


def run(command: list[str]) -> int:
    print(f"$ {' '.join(command)}", flush=True)
    return subprocess.run(command, cwd=KERNELS).returncode


def compile_library(preset: str) -> int:
    if preset not in presets():
        raise Exit(f"--preset {preset!r}: allowed are {', '.join(presets())}", code=2)
    system_packages.ensure(system_packages.BUILD + system_packages.CHECK)
    return run(["cmake", "--preset", preset]) or run(["cmake", "--build", str(build_directory(preset))])


def install_bindings() -> int:
    """The package tcpkernels into the environment that runs this."""
    uv = str(Path(sys.executable).parent / "uv")
    command = [uv, "pip", "install", "-q", "--python", sys.executable, "--no-build-isolation", "--no-deps"]
    return run([*command, "--reinstall-package", "tcpkernels", str(KERNELS / "python")])


def build(preset: str) -> int:
    return 1 if compile_library(preset) or install_bindings() else 0
