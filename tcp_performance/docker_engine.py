"""A Docker engine for the tests: the running one; else one started here by hand and stopped without a trace.

Several users (a Molecule scenario, a test stage) may share the engine started here: each registers under a name of
its own, and the last one to leave stops it. An engine that was running already is never touched.

    python -m tcp_performance.docker_engine start|stop NAME
"""

from __future__ import annotations

import argparse
import contextlib
import fcntl
import json
import os
import shutil
import signal
import socket
import struct
import subprocess
import sys
import time
from collections.abc import Iterator
from dataclasses import asdict, dataclass, field
from pathlib import Path
from types import TracebackType

import docker
from docker.errors import DockerException

from tcp_performance import packet_filter
from tcp_performance.process import start_time

STATE = Path("/run/tcp-performance/docker-engine.json")
LOG = Path("/run/tcp-performance/dockerd.log")
BRIDGE = "docker0"
IP_FORWARD = Path("/proc/sys/net/ipv4/ip_forward")
START_SECONDS = 60
STOP_SECONDS = 60


class EngineError(RuntimeError):
    """No engine can be had; the message says what to do."""


@dataclass
class State:
    """What was started, and what the machine looked like before."""

    pid: int
    started: str  # start time of the process in clock ticks: a pid alone may be somebody else's by now
    bridge_existed: bool
    mounts: list[str]
    ip_forward: str
    packet_filter: dict[str, str]
    users: list[str] = field(default_factory=list)


def say(text: str) -> None:
    print(f"docker engine: {text}", file=sys.stderr, flush=True)


def is_running() -> bool:
    """True when an engine answers where the environment points to."""
    try:
        client = docker.from_env(timeout=10)
    except DockerException:
        return False
    try:
        return bool(client.ping())
    except (DockerException, OSError):
        return False
    finally:
        client.close()


def process() -> int | None:
    """The process that listens where the environment points to; None when that is another machine."""
    address = os.environ.get("DOCKER_HOST", "unix:///var/run/docker.sock")
    if not address.startswith("unix://"):
        return None
    with socket.socket(socket.AF_UNIX) as connection:
        connection.connect(address.removeprefix("unix://"))
        credentials = connection.getsockopt(socket.SOL_SOCKET, socket.SO_PEERCRED, struct.calcsize("3i"))
    pid: int = struct.unpack("3i", credentials)[0]
    return pid


def load() -> State | None:
    """The record of the engine started here, or None; one that died by itself is tidied up after first."""
    if not STATE.is_file():
        return None
    state = State(**json.loads(STATE.read_text()))
    if start_time(state.pid) == state.started:
        return state
    say(f"process {state.pid} has ended by itself; tidying up after it")
    undo(state)
    return None


def save(state: State) -> None:
    new = STATE.with_suffix(".new")
    new.write_text(json.dumps(asdict(state), indent=1))
    new.replace(STATE)


@contextlib.contextmanager
def one_at_a_time() -> Iterator[None]:
    STATE.parent.mkdir(parents=True, exist_ok=True)
    with STATE.with_suffix(".lock").open("w") as handle:
        fcntl.flock(handle, fcntl.LOCK_EX)
        yield


def install() -> None:
    """The distribution's engine and command line client; only root, only with apt."""
    if os.geteuid() != 0 or not shutil.which("apt-get"):
        raise EngineError(
            "no Docker engine answers, and only root on Debian or Ubuntu can install one: start Docker and run again"
        )
    apt = ["apt-get", "-q", "-y", "-o", "DPkg::Lock::Timeout=600"]
    environment = {**os.environ, "DEBIAN_FRONTEND": "noninteractive"}
    subprocess.run([*apt, "update"], check=True, env=environment, stdout=sys.stderr)
    # The client is a package of its own from Debian 13 on.
    known = (
        subprocess.run(["apt-cache", "show", "docker-cli"], capture_output=True, check=False).returncode == 0
    )
    packages = ["docker.io", "iptables", *(["docker-cli"] if known else [])]
    say(f"installing {' '.join(packages)}")
    apt += ["install", "--no-install-recommends"]
    subprocess.run([*apt, *packages], check=True, env=environment, stdout=sys.stderr)


def find_daemon() -> str | None:
    """dockerd lies in /usr/sbin, which is not on everybody's PATH."""
    return shutil.which("dockerd", path=f"{os.environ.get('PATH', '')}:/usr/sbin:/sbin")


def launch() -> State:
    """Start dockerd and wait until it answers."""
    daemon = find_daemon()
    if daemon is None:
        raise EngineError("dockerd is not installed")
    state = State(0, "", has_bridge(), engine_mounts(), IP_FORWARD.read_text().strip(), packet_filter.save())
    with LOG.open("w") as log:
        process = subprocess.Popen(
            [daemon, "--log-level=warn"],
            stdin=subprocess.DEVNULL,
            stdout=log,
            stderr=subprocess.STDOUT,
            start_new_session=True,
        )
    state.pid, state.started = process.pid, start_time(process.pid)
    save(state)
    deadline = time.monotonic() + START_SECONDS
    while time.monotonic() < deadline and process.poll() is None:
        if is_running():
            say(f"started by hand, process {process.pid}")
            return state
        time.sleep(0.5)
    last_words = "\n".join(LOG.read_text().splitlines()[-5:])
    if process.poll() is None:
        halt(state)
    else:
        undo(state)
    raise EngineError(f"dockerd does not come up; its last words:\n{last_words}")


def start(user: str) -> bool:
    """Make sure that an engine runs; True when `user` now shares one that was started here."""
    with one_at_a_time():
        state = load()
        if state is None:
            if is_running():
                return False
            if os.geteuid() != 0:
                raise EngineError(
                    "no Docker engine answers, and only root may start one: start Docker and run again"
                )
            if find_daemon() is None or shutil.which("docker") is None:
                install()
                if is_running():  # where systemd runs, the package has started the engine already
                    return False
            state = launch()
        if user not in state.users:
            state.users.append(user)
            save(state)
        return True


def stop(user: str) -> bool:
    """Leave the engine; True when `user` was the last one, and what was started here is stopped."""
    with one_at_a_time():
        state = load()
        if state is None or user not in state.users:
            return False
        state.users.remove(user)
        save(state)
        if state.users:
            return False
        halt(state)
        return True


def engine_processes(dockerd: int) -> list[int]:
    """dockerd and what it started: its children, its containerd (a session of its own) and the containers' shims."""
    found = []
    for entry in Path("/proc").iterdir():
        if not entry.name.isdigit():
            continue
        with contextlib.suppress(OSError, IndexError):
            fields = (entry / "stat").read_text().rpartition(")")[2].split()
            if fields[0] == "Z":
                continue
            program, *arguments = (entry / "cmdline").read_text().split("\0")
            is_containerd = Path(program).name.startswith("containerd") and any(
                "/run/docker/containerd/" in argument for argument in arguments
            )
            if is_containerd or dockerd in (int(entry.name), int(fields[1])):
                found.append(int(entry.name))
    return found


def wait_until_gone(pid: int, seconds: float) -> bool:
    deadline = time.monotonic() + seconds
    while time.monotonic() < deadline:
        with contextlib.suppress(ChildProcessError):
            os.waitpid(pid, os.WNOHANG)
        if not engine_processes(pid):
            return True
        time.sleep(0.2)
    return False


def halt(state: State) -> None:
    """Stop dockerd, by force when it does not listen, and undo what it did to the machine."""
    os.kill(state.pid, signal.SIGTERM)
    if not wait_until_gone(state.pid, STOP_SECONDS):
        for pid in engine_processes(state.pid):
            with contextlib.suppress(ProcessLookupError):
                os.kill(pid, signal.SIGKILL)
        if not wait_until_gone(state.pid, 10):
            raise EngineError(f"processes {engine_processes(state.pid)} of the engine do not end")
    undo(state)
    say(f"stopped, process {state.pid}")


def undo(state: State) -> None:
    """Take back the mounts, the bridge, the packet filter's rules and the forwarding of an engine that is gone."""
    for mount in reversed(engine_mounts()):
        if mount not in state.mounts:
            subprocess.run(["umount", mount], check=True)
    if has_bridge() and not state.bridge_existed:
        subprocess.run(["ip", "link", "delete", BRIDGE], check=True)
    packet_filter.restore(state.packet_filter)
    if IP_FORWARD.read_text().strip() != state.ip_forward:
        IP_FORWARD.write_text(state.ip_forward)
    STATE.unlink(missing_ok=True)


def has_bridge() -> bool:
    return BRIDGE in (name for _, name in socket.if_nameindex())


def engine_mounts() -> list[str]:
    """Mounts in the engine's folders, the outermost first."""
    targets = [line.split()[1] for line in Path("/proc/self/mounts").read_text().splitlines()]
    return [target for target in targets if target.startswith(("/var/lib/docker/", "/run/docker/"))]


class DockerEngine:
    """`with DockerEngine("tests"):` an engine answers inside the block, and nothing started here is left behind it."""

    def __init__(self, user: str) -> None:
        self.user = user

    def __enter__(self) -> DockerEngine:
        start(self.user)
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        stop(self.user)


def main() -> int:
    parser = argparse.ArgumentParser(prog="docker_engine", description=__doc__)
    parser.add_argument("action", choices=["start", "stop"])
    parser.add_argument(
        "user", help="a name for who needs the engine; `stop` with the same name gives it back"
    )
    arguments = parser.parse_args()
    try:
        changed = start(arguments.user) if arguments.action == "start" else stop(arguments.user)
    except EngineError as error:
        say(str(error))
        return 1
    print("changed" if changed else "unchanged")
    return 0


if __name__ == "__main__":
    sys.exit(main())
