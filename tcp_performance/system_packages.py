"""The distribution's packages that building and testing need on the controller, installed when they are missing."""

from __future__ import annotations

import os
import shutil
import subprocess
from pathlib import Path

from invoke import Exit

# One list a purpose, each package for what stands behind it.
BUILD = (
    "gcc",  # the compiler that ships
    "g++",
    "cmake",
    "make",
    "ninja-build",  # the presets' generator
    "pkg-config",
    "libc6-dev",
    "libopenblas-dev",  # headers and the default BLAS
)
CHECK = (
    "clang",  # sanitizers, fuzzers, the second compiler
    "libomp-dev",  # clang's OpenMP runtime
    "libcmocka-dev",  # the C tests
)
HIP = ("hipcc", "libamdhip64-dev")  # compiler and runtime for AMD GPUs, 41 MB to download on Debian 12
PAGE = ("chromium", "chromium-driver")  # the report page, looked at as a person would
MACHINES = (
    "qemu-system-x86",
    "qemu-utils",  # qemu-img: disks
    "mmdebstrap",
    "debian-archive-keyring",
    "e2fsprogs",  # mkfs.ext4 -d: a file system from a tree, without mounting it
    "fdisk",  # sfdisk
    "openssh-client",
)
CONTAINERS = ("docker.io", "mmdebstrap", "iptables")


def missing(packages: tuple[str, ...]) -> list[str]:
    query = ["dpkg-query", "-W", "-f", "${Package} ${db:Status-Status}\n", *packages]
    answer = subprocess.run(query, capture_output=True, text=True).stdout
    installed = {line.split()[0] for line in answer.splitlines() if line.endswith(" installed")}
    return [package for package in packages if package not in installed]


def ensure(packages: tuple[str, ...]) -> None:
    """Install what is missing; exit 2 with the command to run where this user may not."""
    if not shutil.which("dpkg-query"):
        return  # another distribution: the build's own checks name what they lack
    wanted = missing(packages)
    if not wanted:
        return
    command = ["apt-get", "install", "-y", "-q", "--no-install-recommends", "-o", "DPkg::Lock::Timeout=600"]
    if os.geteuid() != 0:
        raise Exit(f"missing packages; run: sudo {' '.join(command[:3])} {' '.join(wanted)}", code=2)
    print(f"installing {' '.join(wanted)}", flush=True)
    env = dict(os.environ, DEBIAN_FRONTEND="noninteractive")
    if subprocess.run([*command, *wanted], env=env, stdout=subprocess.DEVNULL).returncode == 0:
        return
    subprocess.run(["apt-get", "update", "-q"], env=env, stdout=subprocess.DEVNULL, check=False)
    if subprocess.run([*command, *wanted], env=env, stdout=subprocess.DEVNULL).returncode != 0:
        raise Exit(f"apt-get could not install {' '.join(wanted)}; its reason stands above", code=2)


def unpack(package: str, suite: str, target: Path) -> str:
    """A package of another suite and all that it needs, in a folder or a tar archive: downloaded and verified by apt,
    nothing of it installed. Returns why it cannot be had; empty when it is there."""
    command = ["mmdebstrap", "--quiet", "--variant=extract", f"--include={package}", suite, str(target)]
    done = subprocess.run(command, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True, check=False)
    if done.returncode == 0:
        return ""
    last_words = "\n".join(done.stdout.splitlines()[-10:])
    return f"the package {package} of {suite} cannot be had; its last words:\n{last_words}"
