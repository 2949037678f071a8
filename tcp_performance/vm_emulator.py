"""Which QEMU runs the machines: this system's, or where that one loses code, a later Debian's beside the images."""

from __future__ import annotations

import fcntl
import functools
import os
import re
import shutil
import subprocess
import sys
from pathlib import Path

from tcp_performance import system_packages
from tcp_performance.vm_monitor import MachineError

PROGRAM = "qemu-system-x86_64"
# An older one, where several processors are emulated at once, may go on with an instruction that another processor has
# replaced meanwhile. Linux replaces instructions of its own while it starts: now and then a start ends there, all
# processors in the breakpoint that was to be gone. Since 8.1 a page's lock is held while its code is translated.
OLDEST = (8, 1)
SUITE = "trixie"
PACKAGE = "qemu-system-x86"
LIBRARIES = "usr/lib/x86_64-linux-gnu"


def cache() -> Path:
    """Where images lie, and what runs them."""
    base = Path(os.environ.get("XDG_CACHE_HOME") or Path.home() / ".cache")
    return base / "tcp-performance" / "vm"


def version_of(command: tuple[str, ...]) -> str:
    answer = subprocess.run([*command, "--version"], capture_output=True, text=True, check=True).stdout
    return answer.splitlines()[0]


def is_sound(version: str) -> bool:
    """Whether it keeps its translations in step with the code, by what `--version` says."""
    found = re.search(r"version (\d+)\.(\d+)", version)
    return found is not None and (int(found[1]), int(found[2])) >= OLDEST


@functools.cache
def emulator() -> tuple[str, ...]:
    """The command that starts it, to be followed by the machine's arguments."""
    if is_sound(version_of((PROGRAM,))):
        return (PROGRAM,)
    root = cache() / f"qemu-{SUITE}"
    cache().mkdir(parents=True, exist_ok=True)
    with (cache() / f".qemu-{SUITE}.lock").open("w") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)
        if not root.is_dir():
            unpack(root)
    return command_in(root)


def unpack(root: Path) -> None:
    """The package and all that it needs, under its name when it is there whole."""
    if os.geteuid() != 0:
        old = ".".join(map(str, OLDEST))
        raise MachineError(
            f"only root can unpack {PACKAGE} of {SUITE}: this system's QEMU is older than {old}"
        )
    print(
        f"{version_of((PROGRAM,))} is too old; unpacking {SUITE}'s into {root}", file=sys.stderr, flush=True
    )
    partial = root.with_name(f".{root.name}.partial")
    shutil.rmtree(partial, ignore_errors=True)
    if failed := system_packages.unpack(PACKAGE, SUITE, partial):
        raise MachineError(failed)
    partial.rename(root)


def command_in(root: Path) -> tuple[str, ...]:
    """With its own C library and its own firmware, whatever this system has."""
    return (
        *("env", f"QEMU_MODULE_DIR={root / LIBRARIES / 'qemu'}"),
        *(str(root / "usr/lib64/ld-linux-x86-64.so.2"), "--argv0", PROGRAM),
        *("--library-path", str(root / LIBRARIES), str(root / "usr/bin" / PROGRAM)),
        *("-L", str(root / "usr/share/qemu"), "-L", str(root / "usr/share/seabios")),
    )
