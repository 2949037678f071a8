"""The stage kmod of ./invoke test: the kernel module compiled against the distribution's headers, no warning allowed.

What the module does is tried on a virtual machine, in the stage molecule-host; this shows a breakage in seconds.
"""

from __future__ import annotations

import platform
import shutil
import subprocess
from pathlib import Path

from invoke import Exit

from tcp_performance.playbooks import BUILD, ROOT
from tcp_performance.stage_steps import Skipped

# By machine, the distribution's newest headers; and a second reader of the sources, for address spaces and locks.
HEADERS = {"x86_64": "linux-headers-amd64", "aarch64": "linux-headers-arm64"}
PACKAGES = ("gcc", "make", "libc6-dev", "sparse", HEADERS.get(platform.machine(), "linux-headers-generic"))
SOURCES = ROOT / "kernels/kmod"
LAYOUT = ROOT / "kernels/include/tcpk/ring_layout.h"
BUILT = BUILD / "kmod"
MODULES = Path("/lib/modules")


def headers() -> list[Path]:
    """Every kernel that modules can be built for here."""
    return sorted(found.resolve() for found in MODULES.glob("*/build") if (found / "Makefile").is_file())


def require_silence(command: list[str], folder: Path) -> None:
    """Run a build; a failure and a single warning are the same."""
    done = subprocess.run(command, cwd=folder, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True)
    print(done.stdout, end="", flush=True)
    said = [line for line in done.stdout.splitlines() if "warning:" in line or "error:" in line]
    if done.returncode or said:
        raise Exit(said[0] if said else f"{' '.join(command)}: exit {done.returncode}", code=1)


def lay_out(folder: Path) -> None:
    """The sources as DKMS finds them on a host."""
    shutil.rmtree(folder, ignore_errors=True)
    shutil.copytree(SOURCES, folder)
    (folder / "include/tcpk").mkdir(parents=True)
    shutil.copy(LAYOUT, folder / "include/tcpk")


def module(long: bool) -> None:
    kernels = headers()
    if not kernels:
        raise Skipped(f"no headers of a kernel in {MODULES}/*/build")
    for kernel in kernels:
        lay_out(BUILT)
        # W=1: the kernel's own stricter warnings; C=1: sparse.
        require_silence(["make", f"KERNEL={kernel}", "W=1", "C=1", "KCFLAGS=-Werror"], BUILT)
        told = subprocess.run(
            ["modinfo", "-F", "vermagic", str(BUILT / "tcpk_ring.ko")], capture_output=True, text=True
        )
        print(f"built for {told.stdout.strip()}", flush=True)
    exercise = ["gcc", "-std=gnu11", "-O2", "-Wall", "-Wextra", "-Wshadow", "-D_GNU_SOURCE", "-Iinclude"]
    programs = sorted(str(source) for source in (BUILT / "tests").glob("*.c"))
    require_silence([*exercise, "-o", "ring_exercise", *programs], BUILT)
