"""The engine's client with BuildKit: the buildx plugin, got when it is missing and root asks for it."""

from __future__ import annotations

import os
import shutil
import subprocess
import sys
import tempfile
from pathlib import Path

from tcp_performance import base_image, system_packages
from tcp_performance.base_image import ImageError

# Where every user's client looks for plugins, and no package puts any.
PLUGIN = Path("/usr/local/lib/docker/cli-plugins/docker-buildx")
PACKAGE = "docker-buildx"
# The first Debian that packages it; its program needs nothing but an older C library.
SUITE = "trixie"


def say(text: str) -> None:
    print(f"buildx: {text}", file=sys.stderr, flush=True)


def is_there() -> bool:
    """True when the client answers `docker buildx version`."""
    if not shutil.which("docker"):
        return False
    return subprocess.run(["docker", "buildx", "version"], capture_output=True, check=False).returncode == 0


def is_packaged() -> bool:
    done = subprocess.run(["apt-cache", "policy", PACKAGE], capture_output=True, text=True, check=False)
    return "Candidate:" in done.stdout and "Candidate: (none)" not in done.stdout


def install_package() -> None:
    apt = [
        "apt-get",
        "-q",
        "-y",
        "-o",
        "DPkg::Lock::Timeout=600",
        "install",
        "--no-install-recommends",
        PACKAGE,
    ]
    environment = {**os.environ, "DEBIAN_FRONTEND": "noninteractive"}
    subprocess.run(apt, check=True, env=environment, stdout=sys.stderr)


def unpack() -> None:
    """The plugin out of the package of a later Debian: nothing of it installed."""
    base_image.require_mmdebstrap()
    with tempfile.TemporaryDirectory(prefix="tcp-performance-buildx-") as name:
        tree = Path(name, "tree.tar")
        if failed := system_packages.unpack(PACKAGE, SUITE, tree):
            raise ImageError(failed)
        inside = "./usr/libexec/docker/cli-plugins/docker-buildx"
        subprocess.run(["tar", "--extract", "--file", tree, "--directory", name, inside], check=True)
        PLUGIN.parent.mkdir(parents=True, exist_ok=True)
        new = PLUGIN.with_name(f".{os.getpid()}-docker-buildx")
        shutil.copy2(Path(name, inside), new)
        new.replace(PLUGIN)


def require() -> None:
    """Make sure that `docker buildx` answers; ImageError says what to install where this user may not."""
    if is_there():
        return
    if os.geteuid() != 0 or not shutil.which("apt-get"):
        raise ImageError(
            "building images needs Docker's client with the buildx plugin, and `docker buildx version` fails here: "
            f"install {PACKAGE} (Debian 13, Ubuntu) or docker-buildx-plugin (Docker's own packages) and run again"
        )
    if is_packaged():
        say(f"installing {PACKAGE}")
        install_package()
    else:
        say(f"this system has no package {PACKAGE}; taking the plugin out of {SUITE}'s into {PLUGIN.parent}")
        unpack()
    if not is_there():
        raise ImageError(f"{PLUGIN} is there, and still `docker buildx version` fails")
