"""Packages that are better taken from the distribution's backports: a newer QEMU on Debian 12.

The controller's own sources stay as they are; the suite is named to apt for one installation, on the mirror they name.
"""

from __future__ import annotations

import os
import platform
import subprocess
import tempfile
from pathlib import Path

# Emulated machines restart twice as fast with QEMU 10 as with 7.2, and do the rest in three quarters of the time:
# 7.2 clears pages a word at a time, and looks at all it ever translated in a page before it may write there.
BY_RELEASE = {"bookworm": ("qemu-system-x86", "qemu-utils")}
MARK = "~bpo"  # in the version of what came from there
KEYRING = "/usr/share/keyrings/debian-archive-keyring.gpg"


def release() -> str:
    """The distribution's code name; empty where it has none."""
    try:
        return platform.freedesktop_os_release().get("VERSION_CODENAME", "")
    except OSError:
        return ""


def wanted(packages: tuple[str, ...], code_name: str) -> list[str]:
    """Those of the packages that backports have newer, and that are not from there yet."""
    listed = [package for package in packages if package in BY_RELEASE.get(code_name, ())]
    query = ["dpkg-query", "-W", "-f", "${Package} ${Version} ${db:Status-Status}\n", *listed]
    answer = subprocess.run(query, capture_output=True, text=True).stdout if listed else ""
    newer = {line.split()[0] for line in answer.splitlines() if MARK in line and line.endswith(" installed")}
    return [package for package in listed if package not in newer]


def mirror(code_name: str) -> str:
    """Where the controller has this release from; empty where no source says so."""
    command = ["apt-get", "indextargets", "--format", "$(REPO_URI)"]
    command += ["Created-By: Packages", f"Codename: {code_name}", "Component: main"]
    found = subprocess.run(command, capture_output=True, text=True).stdout.split()
    return found[0] if found else ""


def install(packages: list[str], code_name: str) -> bool:
    """Install them as root from backports; False, with nothing changed, where they cannot be had."""
    source = mirror(code_name)
    if not source:
        return False
    suite = f"{code_name}-backports"
    with tempfile.TemporaryDirectory() as folder:
        parts = Path(folder)
        parts.chmod(0o755)  # apt reads it as a user of its own
        for part in Path("/etc/apt/sources.list.d").glob("*"):
            (parts / part.name).symlink_to(part)
        (parts / f"{suite}.list").write_text(f"deb [signed-by={KEYRING}] {source} {suite} main\n")
        apt = ["apt-get", "-q", "-o", f"Dir::Etc::SourceParts={parts}", "-o", "DPkg::Lock::Timeout=600"]
        env = dict(os.environ, DEBIAN_FRONTEND="noninteractive")
        for step in (["update"], ["install", "-y", "--no-install-recommends", "-t", suite, *packages]):
            done = subprocess.run([*apt, *step], env=env, stdout=subprocess.DEVNULL, check=False)
            if done.returncode != 0:
                return False
    return True
