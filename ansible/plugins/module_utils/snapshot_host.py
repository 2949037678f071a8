"""The host as a snapshot sees it: a folder that is the root, and a way to run commands there."""

from __future__ import annotations

import os
import subprocess
from typing import Any, Callable, Dict, List, NamedTuple, Optional, Sequence

Record = Dict[str, Any]


class Result(NamedTuple):
    """What a command came to."""

    status: int
    output: str
    errors: str


class Outcome(NamedTuple):
    """What became of one recorded thing.

    result: "restored"; "kept", a decision with its reason; or "failed", worth another try later.
    """

    kind: str
    name: str
    result: str
    detail: str


Runner = Callable[[Sequence[str]], Result]


class SnapshotError(RuntimeError):
    """Nothing was changed; the message says why and what to do."""


def run_command(command: Sequence[str]) -> Result:
    """Run a command untranslated and without questions; a command that is missing is status 127."""
    # needrestart would ask, or restart services, on Ubuntu.
    quiet = {"DEBIAN_FRONTEND": "noninteractive", "NEEDRESTART_MODE": "l"}
    environment = dict(os.environ, LC_ALL="C", **quiet)
    try:
        done = subprocess.run(
            list(command),
            env=environment,
            stdin=subprocess.DEVNULL,
            capture_output=True,
            text=True,
            check=False,
        )
    except OSError as error:
        return Result(127, "", "%s: %s" % (command[0], error.strerror))
    return Result(done.returncode, done.stdout, done.stderr)


class Host:
    """Files below `root` and commands by `runner`; tests give both, a module neither."""

    def __init__(self, root: str = "/", runner: Optional[Runner] = None) -> None:
        self.root = root
        self.runner = runner or run_command

    def path(self, name: str) -> str:
        return os.path.join(self.root, name.lstrip("/"))

    def run(self, *command: str) -> Result:
        return self.runner(command)

    def must(self, *command: str) -> str:
        """The output of a command; SnapshotError with its last words when it fails."""
        done = self.runner(command)
        if done.status != 0:
            words = (done.errors or done.output).strip().splitlines()[-3:]
            raise SnapshotError("%s: exit %d: %s" % (" ".join(command[:4]), done.status, " ".join(words)))
        return done.output

    def text(self, name: str) -> Optional[str]:
        """A file's text without the white space around it; None when it cannot be read."""
        try:
            with open(self.path(name), encoding="utf-8", errors="surrogateescape") as stream:
                return stream.read().strip()
        except OSError:
            return None

    def has_systemd(self) -> bool:
        return os.path.isdir(self.path("/run/systemd/system"))


def missing_parents(host: Host, name: str) -> List[str]:
    """The folders above `name` that do not exist, the outermost first."""
    missing: List[str] = []
    parent = os.path.dirname(name.rstrip("/"))
    while parent not in ("", "/") and not os.path.lexists(host.path(parent)):
        missing.insert(0, parent)
        parent = os.path.dirname(parent)
    return missing
