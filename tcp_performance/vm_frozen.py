"""What machines are started from: a disk and the memory of a machine that ran from it, in one folder."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from dataclasses import dataclass
from pathlib import Path

from tcp_performance import vm_hardware
from tcp_performance.vm_monitor import MachineError


def this_board() -> tuple[str, ...]:
    return (vm_hardware.version(), *vm_hardware.board())


@dataclass(frozen=True)
class Image:
    """A disk and the memory of a machine that runs from it: what machines are started from."""

    folder: Path
    user: str
    host_key: str  # public key of the machine's sshd, "TYPE BASE64"
    board: tuple[str, ...]  # QEMU's version and arguments, for which alone the memory is of use

    @property
    def disk(self) -> Path:
        return self.folder / "disk.qcow2"

    @property
    def memory(self) -> Path:
        return self.folder / "memory"

    def make_overlay(self, disk: Path) -> None:
        """A disk that holds only what differs from the image's."""
        formats = ["-f", "qcow2", "-F", "qcow2", "-b", str(self.disk)]
        subprocess.run(["qemu-img", "create", "-q", *formats, str(disk)], check=True, stdout=sys.stderr)

    def save(self) -> None:
        record = {"user": self.user, "host_key": self.host_key, "board": self.board}
        (self.folder / "image.json").write_text(json.dumps(record, indent=1))

    @classmethod
    def load(cls, folder: Path) -> Image:
        """The image in a folder; MachineError when there is none, or when it is another QEMU's."""
        path = folder.resolve() / "image.json"
        if not path.is_file():
            raise MachineError(f"{folder}: no image there; ./invoke build-vm makes one")
        record = json.loads(path.read_text())
        image = cls(path.parent, record["user"], record["host_key"], tuple(record["board"]))
        if image.board != this_board():
            raise MachineError(f"{folder}: its snapshot was made by {image.board[0]} with other hardware")
        os.utime(path)  # in use today
        return image
