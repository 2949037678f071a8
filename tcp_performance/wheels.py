"""Packages from a hash-locked list of their own, in a folder of the checkout: what few tasks need."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

from invoke import Exit


def install(requirements: Path, folder: Path) -> None:
    """Put them there, once for each list of versions; exit 1 when they cannot be had."""
    stamp = folder / "requirements.txt"
    wanted = requirements.read_text()
    if stamp.is_file() and stamp.read_text() == wanted:
        return
    uv = str(Path(sys.executable).parent / "uv")
    where = ["--python", sys.executable, "--target", str(folder)]
    command = [uv, "pip", "install", "-q", "--require-hashes", "--reinstall", *where, "-r", str(requirements)]
    if subprocess.run(command).returncode:
        raise Exit(
            f"the packages of {requirements.name} could not be installed; the reason stands above", code=1
        )
    stamp.write_text(wanted)
