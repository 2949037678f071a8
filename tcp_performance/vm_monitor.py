"""Talks to a QEMU process (QMP) and to the agent inside its machine (qemu-guest-agent), over the sockets QEMU opens.

Both speak one JSON object a line and answer in order.
"""

from __future__ import annotations

import base64
import contextlib
import json
import os
import random
import socket
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

Answer = Any


class MachineError(RuntimeError):
    """A virtual machine cannot be made, or does not do what it is told; the message says what and why."""


@contextlib.contextmanager
def connected(path: Path, seconds: float) -> Iterator[socket.socket]:
    """A connection to a Unix socket. Its folder is opened first: a socket's address has room for 107 bytes only."""
    folder = os.open(path.parent, os.O_PATH | os.O_DIRECTORY)
    try:
        with socket.socket(socket.AF_UNIX) as connection:
            connection.settimeout(seconds)
            connection.connect(f"/proc/self/fd/{folder}/{path.name}")
            yield connection
    except OSError as error:
        raise MachineError(f"{path}: {error}") from error
    finally:
        os.close(folder)


def send(connection: socket.socket, command: str, arguments: dict[str, Any], prefix: bytes = b"") -> None:
    request = {"execute": command, **({"arguments": arguments} if arguments else {})}
    connection.sendall(prefix + json.dumps(request).encode() + b"\n")


def receive(connection: socket.socket, lines: Iterator[bytes], command: str) -> Answer:
    """The next answer; events are passed over."""
    for line in lines:
        answer = json.loads(line)
        if "error" in answer:
            raise MachineError(f"{command}: {answer['error'].get('desc', answer['error'])}")
        if "return" in answer:
            return answer["return"]
    raise MachineError(f"{command}: the connection was closed")


def lines_of(connection: socket.socket) -> Iterator[bytes]:
    rest = b""
    while received := connection.recv(65536):
        *whole, rest = (rest + received).split(b"\n")
        yield from whole


class Monitor:
    """Commands to QEMU itself."""

    def __init__(self, path: Path) -> None:
        self.path = path

    def ask(self, command: str, seconds: float = 60, **arguments: Any) -> Answer:
        """Give one QMP command and return its answer; underscores of argument names stand for hyphens."""
        named = {name.replace("_", "-"): value for name, value in arguments.items()}
        with connected(self.path, seconds) as connection:
            lines = lines_of(connection)
            next(lines)  # the greeting
            send(connection, "qmp_capabilities", {})
            receive(connection, lines, "qmp_capabilities")
            send(connection, command, named)
            return receive(connection, lines, command)

    def human(self, line: str) -> str:
        """A command of the human monitor, for the few things QMP has no command for."""
        return str(self.ask("human-monitor-command", command_line=line))


class Agent:
    """Commands to the agent inside the machine, which runs them as root."""

    def __init__(self, path: Path) -> None:
        self.path = path

    def ask(self, command: str, seconds: float = 30, **arguments: Any) -> Answer:
        named = {name.replace("_", "-"): value for name, value in arguments.items()}
        with connected(self.path, seconds) as connection:
            # Half a command of an earlier connection may still lie in the agent: 0xff and the number clear that up.
            number = random.getrandbits(31)
            send(connection, "guest-sync-delimited", {"id": number}, prefix=b"\xff")
            lines = lines_of(connection)
            if not any(line.endswith(f'"return": {number}}}'.encode()) for line in lines):
                raise MachineError(f"{command}: the agent's connection was closed")
            send(connection, command, named)
            return receive(connection, lines, command)

    def is_there(self, seconds: float) -> bool:
        try:
            self.ask("guest-ping", seconds)
        except MachineError:
            return False
        return True

    def wait(self, seconds: float) -> None:
        """Until the agent answers, which it does early in a boot; MachineError after `seconds`."""
        deadline = time.monotonic() + seconds
        while not self.is_there(min(5, seconds)):
            if time.monotonic() > deadline:
                raise MachineError(f"the machine's agent has not answered within {seconds:.0f} s")
            time.sleep(0.2)

    def run(self, script: str, seconds: float) -> str:
        """Run a shell script as root and return what it printed; MachineError when it fails or takes longer."""
        deadline = time.monotonic() + seconds
        started = self.ask(
            "guest-exec", seconds, path="/bin/sh", arg=["-ec", f"exec 2>&1\n{script}"], capture_output=True
        )
        while (left := deadline - time.monotonic()) > 0:
            state = self.ask("guest-exec-status", left, pid=started["pid"])
            if state["exited"]:
                output = base64.b64decode(state.get("out-data", "")).decode(errors="replace")
                if state.get("exitcode") != 0:
                    raise MachineError(f"exit {state.get('exitcode')} in the machine:\n{script}\n{output}")
                return output
            time.sleep(0.3)
        raise MachineError(f"not done within {seconds:.0f} s in the machine:\n{script}")
