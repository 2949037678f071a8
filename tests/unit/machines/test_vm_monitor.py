"""The protocols of QEMU and of the agent, spoken to a server that answers as they do."""

from __future__ import annotations

import base64
import json
import os
import socket
import threading
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from tcp_performance.vm_monitor import Agent, MachineError, Monitor

Reply = Callable[[dict[str, Any]], bytes]
GREETING = b'{"QMP": {"version": {}, "capabilities": []}}\n'


def serve(path: Path, greeting: bytes, reply: Reply) -> None:
    """Answer every line on every connection, one connection after the other."""
    folder = os.open(path.parent, os.O_PATH)
    server = socket.socket(socket.AF_UNIX)
    server.bind(f"/proc/self/fd/{folder}/{path.name}")
    server.listen()

    def work() -> None:
        while True:
            connection, _ = server.accept()
            with connection, connection.makefile("rwb") as stream:
                stream.write(greeting)
                stream.flush()
                for line in stream:
                    stream.write(reply(json.loads(line.lstrip(b"\xff"))))
                    stream.flush()

    threading.Thread(target=work, daemon=True).start()


def qemu(request: dict[str, Any]) -> bytes:
    if request["execute"] == "query-status":
        return b'{"event": "RESUME", "data": {}}\n{"return": {"status": "running"}}\n'
    if request["execute"] == "qmp_capabilities":
        return b'{"return": {}}\n'
    return b'{"error": {"class": "CommandNotFound", "desc": "The command is not known"}}\n'


def agent(scripts: dict[str, tuple[int, str]]) -> Reply:
    """An agent that knows these shell scripts: script -> exit status, output."""
    started: list[str] = []

    def reply(request: dict[str, Any]) -> bytes:
        arguments = request.get("arguments", {})
        if request["execute"] == "guest-sync-delimited":
            # What an earlier connection had asked for comes first.
            return b'{"return": "late"}\n\xff' + json.dumps({"return": arguments["id"]}).encode() + b"\n"
        if request["execute"] == "guest-exec":
            started.append(arguments["arg"][1].partition("\n")[2])
            return json.dumps({"return": {"pid": len(started)}}).encode() + b"\n"
        status, output = scripts[started[arguments["pid"] - 1]]
        done = {"exited": True, "exitcode": status, "out-data": base64.b64encode(output.encode()).decode()}
        return json.dumps({"return": done}).encode() + b"\n"

    return reply


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    """Deeper than the address of a socket can say."""
    deep = tmp_path / ("x" * 100) / "machine"
    deep.mkdir(parents=True)
    return deep


def test_answer_is_found_among_events(folder: Path) -> None:
    serve(folder / "qmp.sock", GREETING, qemu)
    assert Monitor(folder / "qmp.sock").ask("query-status") == {"status": "running"}


def test_refusal_names_the_command(folder: Path) -> None:
    serve(folder / "qmp.sock", GREETING, qemu)
    with pytest.raises(MachineError, match="warp: The command is not known"):
        Monitor(folder / "qmp.sock").ask("warp")


def test_missing_socket_is_named(folder: Path) -> None:
    with pytest.raises(MachineError, match=r"qmp\.sock"):
        Monitor(folder / "qmp.sock").ask("query-status")


def test_agent_returns_what_a_script_printed(folder: Path) -> None:
    serve(folder / "agent.sock", b"", agent({"uname -r": (0, "6.1.0\n")}))
    assert Agent(folder / "agent.sock").run("uname -r", seconds=5) == "6.1.0\n"


def test_failing_script_is_told_with_its_output(folder: Path) -> None:
    serve(folder / "agent.sock", b"", agent({"grub-install": (1, "no disk\n")}))
    with pytest.raises(MachineError, match="exit 1 in the machine:\ngrub-install\nno disk"):
        Agent(folder / "agent.sock").run("grub-install", seconds=5)


def test_silent_agent_is_given_up(folder: Path) -> None:
    with pytest.raises(MachineError, match="has not answered within 1 s"):
        Agent(folder / "agent.sock").wait(1)
