"""Makes the base images that no registry has to supply: mmdebstrap builds a Debian tree, the engine imports it.

An image is cached by the hash of all that went into it, as a label of the image and in the name of its archive under
~/.cache/tcp-performance (XDG_CACHE_HOME is respected); it is made anew only when its inputs have changed.

    python -m tcp_performance.base_image NAME...      # names: images/manifest.yml
"""

from __future__ import annotations

import argparse
import hashlib
import json
import os
import shutil
import subprocess
import sys
import time
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import docker
import yaml
from docker.errors import ImageNotFound

IMAGES = Path(__file__).resolve().parent.parent / "images"
LABEL = "tcp-performance.inputs"


class ImageError(RuntimeError):
    """The image cannot be made; the message says what to do."""


def say(text: str) -> None:
    print(f"base image: {text}", file=sys.stderr, flush=True)


@dataclass(frozen=True)
class Base:
    """One image that the project makes itself."""

    name: str
    suite: str
    packages: tuple[str, ...]
    masks: tuple[str, ...]
    command: tuple[str, ...]

    def inputs_hash(self) -> str:
        """The same for the same content, whatever the order of the lists in the specification."""
        inputs = [self.suite, sorted(self.packages), sorted(self.masks), self.command]
        return hashlib.sha256(json.dumps(inputs).encode()).hexdigest()[:16]

    def archive(self) -> Path:
        """Where the tree is kept: an engine whose store was emptied imports it without a download.

        Not compressed: that would take a third of the time that making the tree does.
        """
        cache = Path(os.environ.get("XDG_CACHE_HOME") or Path.home() / ".cache")
        return cache / "tcp-performance" / f"{self.name.replace('/', '-')}-{self.inputs_hash()}.tar"


def load(name: str, images: Path = IMAGES) -> Base:
    """The base called `name` in images/manifest.yml; ImageError lists the known ones when there is none."""
    manifest: dict[str, Any] = yaml.safe_load((images / "manifest.yml").read_text())
    made_here = {entry["name"]: entry for entry in manifest["bases"] if "spec" in entry}
    if name not in made_here:
        raise ImageError(f"{name} is not made by this project; these are: {', '.join(sorted(made_here))}")
    entry = made_here[name]
    spec: dict[str, Any] = yaml.safe_load((images / entry["spec"]).read_text())
    variant = spec["variants"][entry["variant"]]
    return Base(
        name, spec["suite"], tuple(variant["packages"]), tuple(variant["masks"]), tuple(variant["command"])
    )


def require_mmdebstrap() -> None:
    """mmdebstrap and the archive's keys; installed when missing, which only root on Debian or Ubuntu can do."""
    if shutil.which("mmdebstrap") and Path("/usr/share/keyrings/debian-archive-keyring.gpg").is_file():
        return
    packages = ["mmdebstrap", "debian-archive-keyring"]
    if os.geteuid() != 0 or not shutil.which("apt-get"):
        raise ImageError(f"making a base image needs {' and '.join(packages)}: install them and run again")
    say(f"installing {' and '.join(packages)}")
    apt = ["apt-get", "-q", "-y", "-o", "DPkg::Lock::Timeout=600"]
    environment = {**os.environ, "DEBIAN_FRONTEND": "noninteractive"}
    for action in (["update"], ["install", "--no-install-recommends", *packages]):
        subprocess.run([*apt, *action], check=True, env=environment, stdout=sys.stderr)


def bootstrap_command(base: Base, target: Path) -> list[str]:
    masks = [f'--customize-hook=ln -s /dev/null "$1/etc/systemd/system/{unit}"' for unit in base.masks]
    return [
        "mmdebstrap",
        "--quiet",
        "--variant=minbase",
        f"--include={','.join(base.packages)}",
        *masks,
        # One machine id for all containers would make them one machine to systemd; each makes its own at its start.
        '--customize-hook=: > "$1/etc/machine-id"',
        '--customize-hook=rm -f "$1/etc/hostname" "$1/etc/resolv.conf"',
        base.suite,
        str(target),
    ]


def bootstrap(base: Base) -> Path:
    """The archive of the tree, from the cache or made now; a half-made one is never kept."""
    archive = base.archive()
    if archive.is_file():
        say(f"{base.name}: taking {archive}")
        return archive
    require_mmdebstrap()
    archive.parent.mkdir(parents=True, exist_ok=True)
    unfinished = archive.with_name(f".{os.getpid()}-{archive.name}")
    say(f"{base.name}: mmdebstrap makes {base.suite} with {len(base.packages)} packages and what they need")
    begin = time.monotonic()
    try:
        done = subprocess.run(
            bootstrap_command(base, unfinished),
            stdout=sys.stderr,
            stderr=subprocess.PIPE,
            text=True,
            check=False,
        )
        if done.returncode != 0:
            last_words = "\n".join(done.stderr.splitlines()[-10:])
            raise ImageError(f"mmdebstrap could not make {base.suite}; its last words:\n{last_words}")
        unfinished.replace(archive)
    finally:
        unfinished.unlink(missing_ok=True)
    for older in archive.parent.glob(f"{base.name.replace('/', '-')}-{'?' * 16}.tar"):
        if older != archive:
            older.unlink()
    say(f"{base.name}: made in {time.monotonic() - begin:.0f} s, {archive.stat().st_size / 1e6:.0f} MB")
    return archive


def is_current(client: docker.DockerClient, base: Base) -> bool:
    try:
        image = client.images.get(base.name)
    except ImageNotFound:
        return False
    return bool((image.labels or {}).get(LABEL) == base.inputs_hash())


def ensure(name: str) -> bool:
    """Make sure that the engine has the image as specified; True when it had to be made or imported."""
    base = load(name)
    client = docker.from_env(timeout=600)
    try:
        if is_current(client, base):
            return False
        archive = bootstrap(base)
        say(f"{name}: importing")
        changes = [f"LABEL {LABEL}={base.inputs_hash()}", f"CMD {json.dumps(base.command)}"]
        client.api.import_image_from_file(str(archive), repository=name, tag="latest", changes=changes)
        if not is_current(client, base):
            raise ImageError(f"the engine did not take {archive} as {name}")
        return True
    finally:
        client.close()


def main() -> int:
    parser = argparse.ArgumentParser(prog="base_image", description=__doc__)
    parser.add_argument(
        "names", nargs="+", metavar="NAME", help="an image of images/manifest.yml that has a spec"
    )
    try:
        with ThreadPoolExecutor() as pool:
            changed = list(pool.map(ensure, parser.parse_args().names))
    except ImageError as error:
        say(str(error))
        return 1
    print("changed" if any(changed) else "unchanged")
    return 0


if __name__ == "__main__":
    sys.exit(main())
