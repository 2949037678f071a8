"""Packages from a hash-locked list of their own, in a folder of the checkout: what few tasks need."""

from __future__ import annotations

import fcntl
import shutil
import subprocess
import sys
from pathlib import Path

from invoke import Exit


def folder(name: Path) -> Path:
    """Where this interpreter's packages of that purpose lie: an extension module is for one version of Python."""
    return name / f"{sys.version_info.major}.{sys.version_info.minor}"


def install(requirements: Path, target: Path) -> None:
    """Put them there, once for each list of versions; exit 1 when they cannot be had."""
    target.parent.mkdir(parents=True, exist_ok=True)
    with target.with_name(f"{target.name}.lock").open("w") as handle:
        fcntl.flock(handle, fcntl.LOCK_EX)  # two stages may want them at once
        _install(requirements, target)


def _install(requirements: Path, target: Path) -> None:
    stamp = target / "requirements.txt"
    wanted = requirements.read_text()
    if stamp.is_file() and stamp.read_text() == wanted:
        return
    # What an interrupted installation left, or an older list, is not mixed with this one.
    shutil.rmtree(target, ignore_errors=True)
    uv = str(Path(sys.executable).parent / "uv")
    where = ["--python", sys.executable, "--target", str(target)]
    command = [uv, "pip", "install", "-q", "--require-hashes", *where, "-r", str(requirements)]
    if subprocess.run(command).returncode:
        raise Exit(
            f"the packages of {requirements.name} could not be installed; the reason stands above", code=1
        )
    stamp.write_text(wanted)
