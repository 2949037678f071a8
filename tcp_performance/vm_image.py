"""Makes the images of virtual machines: a stock system with its own boot loader, booted once and kept as it then was.

mmdebstrap makes the tree, mkfs.ext4 the disk; a first boot installs GRUB from within, a second one goes through GRUB,
and its memory is kept beside the disk, so that a machine is ready in seconds. An image lies in
~/.cache/tcp-performance/vm (XDG_CACHE_HOME is respected) under the hash of all that goes into it.

    python -m tcp_performance.vm_image NAME|all...      # names: images/manifest.yml
"""

from __future__ import annotations

import argparse
import contextlib
import fcntl
import os
import shutil
import subprocess
import sys
import time
from collections import deque
from collections.abc import Iterator
from pathlib import Path

from tcp_performance import system_packages, vm_hardware
from tcp_performance.side_by_side import interruptible
from tcp_performance.vm_emulator import cache
from tcp_performance.vm_frozen import Image
from tcp_performance.vm_guest import BOOT_SECONDS, Machine
from tcp_performance.vm_monitor import MachineError
from tcp_performance.vm_spec import (
    FIRST_SECTOR,
    KERNEL_ARGUMENTS,
    LABEL,
    SEAL,
    SEALED,
    SECTOR,
    Spec,
    bootstrap_command,
    entries,
    files,
    load,
    partitions,
)

SHOW_SECONDS = 10
UNUSED_SECONDS = 24 * 3600


def say(text: str) -> None:
    print(text, file=sys.stderr, flush=True)


class Steps:
    """Progress: which step of how many, what it does, and how long the last one took."""

    def __init__(self, name: str, count: int) -> None:
        self.name, self.count, self.number = name, count, 0
        self.begin = time.monotonic()

    @contextlib.contextmanager
    def step(self, what: str) -> Iterator[None]:
        self.number += 1
        begin = time.monotonic()
        say(f"{self.name} {self.number}/{self.count}: {what} ...")
        yield
        now = time.monotonic()
        say(f"{self.name} {self.number}/{self.count}: {now - begin:.0f} s, {now - self.begin:.0f} s so far")


def quietly(command: list[str], given: str = "") -> None:
    """Run a command: now and then a line of what it prints shows how far it is; its last ones are the error's text."""
    last: deque[str] = deque(maxlen=10)
    begin = shown = time.monotonic()
    with subprocess.Popen(
        command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True
    ) as process:
        assert process.stdin is not None
        assert process.stdout is not None
        try:
            process.stdin.write(given)
            process.stdin.close()
            for line in process.stdout:
                last.append(line.rstrip())
                if time.monotonic() - shown > SHOW_SECONDS:
                    shown = time.monotonic()
                    say(f"    {shown - begin:4.0f} s: {line.strip()[:90]}")
        except BaseException:
            process.terminate()  # it tidies up
            raise
    if process.returncode != 0:
        last_words = "\n".join(last)
        raise MachineError(f"{command[0]} failed, exit {process.returncode}; its last words:\n{last_words}")


def make_tree(spec: Spec, tree: Path) -> None:
    quietly(["mmdebstrap", "--verbose", *bootstrap_command(spec, tree)[1:]])
    for path, content in files(spec).items():
        (tree / path).parent.mkdir(parents=True, exist_ok=True)
        (tree / path).write_text(content)
    (tree / f"etc/sudoers.d/{spec.user}").chmod(0o440)
    (tree / "seal").write_text(SEAL)
    (tree / "seal").chmod(0o700)


def make_disk(spec: Spec, tree: Path, disk: Path) -> None:
    """One partition with the tree as its file system; nothing boots from it yet."""
    raw = disk.with_suffix(".raw")
    with raw.open("wb") as handle:
        handle.truncate(spec.disk_mib << 20)
    quietly(["sfdisk", "--quiet", str(raw)], given=partitions())
    offset = FIRST_SECTOR * SECTOR
    kib = (spec.disk_mib << 10) - offset // 1024
    options = ["-q", "-F", "-L", LABEL, "-d", str(tree), "-E", f"offset={offset}"]
    quietly(["mkfs.ext4", *options, str(raw), f"{kib}k"])
    quietly(["qemu-img", "convert", "-f", "raw", "-O", "qcow2", str(raw), str(disk)])
    raw.unlink()


def install_boot_loader(machine: Machine, tree: Path) -> None:
    """Boot the tree's kernel by hand, and let the system install its boot loader; it switches itself off."""
    kernel, initial = (str((tree / name).resolve()) for name in ("vmlinuz", "initrd.img"))
    arguments = f"root=LABEL={LABEL} rw init=/seal {KERNEL_ARGUMENTS} quiet"
    machine.launch(extra=["-kernel", kernel, "-initrd", initial, "-append", arguments])
    ended = machine.wait_until_off(BOOT_SECONDS)
    if not ended or SEALED not in machine.last_words():
        raise MachineError(f"{machine.name}: the boot loader could not be installed\n{machine.last_words()}")


def boot(machine: Machine) -> None:
    """Through GRUB, until everything has started."""
    machine.power_on()
    machine.agent.run("systemctl is-system-running --wait", seconds=BOOT_SECONDS)


def remove_tree(tree: Path) -> None:
    """Remove a folder, unless a broken mmdebstrap left this machine's own /dev and /proc mounted in it."""
    mounts = [line.split()[1] for line in Path("/proc/self/mounts").read_text().splitlines()]
    inside = [mount for mount in mounts if mount.startswith(f"{tree}/")]
    if inside:
        raise MachineError(f"unmount {', '.join(inside)} and remove {tree}: making the image broke off there")
    shutil.rmtree(tree, ignore_errors=True)


@contextlib.contextmanager
def scratch_folder(name: str) -> Iterator[Path]:
    """A folder to build in, gone afterwards; what a killed build left there goes first."""
    folder = cache() / f".build-{name}"
    remove_tree(folder)
    folder.mkdir()
    try:
        yield folder
    finally:
        remove_tree(folder)


def build(spec: Spec) -> Image:
    """Make the image; a broken build leaves nothing behind."""
    require_tools()
    steps = Steps(spec.name, 5)
    with scratch_folder(spec.name) as scratch:
        tree, folder = scratch / "tree", scratch / "machine"
        folder.mkdir()
        what = f"mmdebstrap makes {spec.suite} with {spec.kernel} and {len(spec.packages)} packages"
        with steps.step(what):
            make_tree(spec, tree)
        with steps.step(f"a disk of {spec.disk_mib} MiB"):
            make_disk(spec, tree, folder / "disk.qcow2")
        host_key = " ".join((tree / "etc/ssh/ssh_host_ed25519_key.pub").read_text().split()[:2])
        machine = Machine(folder, spec.name, spec.user, host_key)
        try:
            with steps.step(f"first boot ({vm_hardware.accelerator()}): GRUB is installed from within"):
                install_boot_loader(machine, tree)
            with steps.step("second boot, through GRUB"):
                machine.make_key()
                boot(machine)
            with steps.step("snapshot of the booted machine"):
                return machine.freeze(spec.folder())
        finally:
            machine.kill()


def require_tools() -> None:
    system_packages.ensure(system_packages.MACHINES)
    if os.geteuid() != 0:
        raise MachineError("only root can make an image: its files belong to the system's users")


@contextlib.contextmanager
def one_at_a_time(name: str) -> Iterator[None]:
    cache().mkdir(parents=True, exist_ok=True)
    with (cache() / f".{name}.lock").open("w") as handle:
        fcntl.flock(handle, fcntl.LOCK_EX)
        yield


def remove_unused(name: str) -> None:
    """Remove former images of this name after a day unused: until then machines that were started from one need it."""
    for record in cache().glob(f"{name}-{'?' * 16}/image.json"):
        if time.time() - record.stat().st_mtime > UNUSED_SECONDS:
            shutil.rmtree(record.parent)


def ensure(name: str) -> Image:
    """The image called `name`, from the cache or made now."""
    load(name)  # a wrong name is told before anything is installed
    system_packages.ensure(system_packages.MACHINES)
    spec = load(name)
    with one_at_a_time(name):
        if spec.folder().is_dir():
            say(f"{name}: taken from {spec.folder()}")
            return Image.load(spec.folder())
        image = build(spec)
        remove_unused(name)
    size = sum(path.stat().st_size for path in image.folder.iterdir()) / 1e6
    say(f"{name}: made, {size:.0f} MB in {image.folder}")
    return image


def run(names: list[str]) -> int:
    """Have all images of these names (or `all`): 0, or 1 with the reason when one cannot be made."""
    try:
        with interruptible():
            for name in entries() if names == ["all"] else names:
                ensure(name)
    except MachineError as error:
        say(str(error))
        return 1
    except KeyboardInterrupt:
        say("interrupted; what was begun is removed")
        return 1
    return 0


def main() -> int:
    parser = argparse.ArgumentParser(prog="vm_image", description=__doc__)
    parser.add_argument("names", nargs="+", metavar="NAME", help="a machine of images/manifest.yml, or all")
    return run(parser.parse_args().names)


if __name__ == "__main__":
    sys.exit(main())
