"""The stage of ./invoke test for the instruction sets that the controller may lack: NEON under qemu-user."""

from __future__ import annotations

import os
import subprocess
from pathlib import Path

from invoke import Exit

from tcp_performance.kernels_build import KERNELS
from tcp_performance.playbooks import BUILD
from tcp_performance.stage_steps import Skipped, shell

PACKAGES = ("gcc-aarch64-linux-gnu", "g++-aarch64-linux-gnu", "libc6-dev-arm64-cross", "qemu-user")
# Of the target, unpacked into a folder: dpkg of the controller need not know another architecture.
TARGET_PACKAGES = ("libcmocka-dev", "libcmocka0", "libblas3", "liblapack3", "libgfortran5")
PROGRAMS = "^(test_|generate_registry|command_(validate|variant|unknown_variant))"


def target_root(home: Path) -> Path:
    """The folder with the target's libraries, made at the first call."""
    root, state = home / "root", home / "apt"
    if root.is_dir():
        return root
    debs = state / "packages"
    for folder in (debs, state / "state/lists/partial", state / "cache/archives/partial"):
        folder.mkdir(parents=True, exist_ok=True)
    (state / "state/status").touch()
    options: dict[str, object] = {
        "APT::Architecture": "arm64",
        "APT::Architectures": "arm64",
        "APT::Sandbox::User": "root",
        "Dir::State": state / "state",
        "Dir::State::status": state / "state/status",
        "Dir::Cache": state / "cache",
    }
    apt = ["apt-get", "-q", *(word for name, value in options.items() for word in ("-o", f"{name}={value}"))]
    for command in ([*apt, "update"], [*apt, "download", *TARGET_PACKAGES]):
        if subprocess.run(command, cwd=debs).returncode:
            raise Exit(f"apt-get could not fetch {', '.join(TARGET_PACKAGES)} for arm64", code=1)
    partial = home / "root.partial"
    for package in sorted(debs.glob("*.deb")):
        shell(["dpkg-deb", "-x", str(package), str(partial)])
    return partial.rename(root)


def variants(long: bool) -> None:
    """CTest of every variant of aarch64."""
    if os.uname().machine == "aarch64":
        raise Skipped("this is aarch64: the stage kernels runs NEON itself")
    home = BUILD / "aarch64"
    home.mkdir(parents=True, exist_ok=True)
    toolchain = KERNELS / "cmake/aarch64.cmake"
    build = str(home / "build")
    options: dict[str, object] = {
        "CMAKE_BUILD_TYPE": "Release",
        "TCPK_TESTS": "ON",
        "CMAKE_TOOLCHAIN_FILE": toolchain,
    }
    options["TCPK_SYSROOT"] = target_root(home)
    defined = [f"-D{name}={value}" for name, value in options.items()]
    shell(["cmake", "-S", str(KERNELS), "-B", build, "-G", "Ninja", *defined])
    shell(["cmake", "--build", build])
    shell(["ctest", "--test-dir", build, "-j2", "--output-on-failure", "-R", PROGRAMS])
