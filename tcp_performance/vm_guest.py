"""One virtual machine: its folder, its QEMU process, power and reset, ssh, and what it takes to make it an image.

The folder holds disk.qcow2 (what the machine wrote; the rest stays in the image it was started from), machine.json,
key, key.pub, known_hosts, console.log, qemu.log, and QEMU's sockets qmp.sock and agent.sock.
"""

from __future__ import annotations

import contextlib
import json
import os
import re
import shlex
import shutil
import signal
import subprocess
import time
from dataclasses import asdict, dataclass, field
from pathlib import Path
from typing import Any

from tcp_performance import vm_hardware
from tcp_performance.process import start_time
from tcp_performance.vm_frozen import Image, this_board
from tcp_performance.vm_monitor import Agent, MachineError, Monitor

HOST = "127.0.0.1"
BOOT_SECONDS = 900  # emulated, on a busy machine; an idle one takes 45
STOP_SECONDS = 120
# It has not gone into a shutdown that it never leaves.
IN_USE = (
    "systemctl is-system-running | grep --quiet --extended-regexp 'running|degraded|starting|maintenance'"
)
# What a machine's folder may hold; `stop` removes these and nothing else.
FILES = ("disk.qcow2", "machine.json", "key", "key.pub", "known_hosts", "console.log", "qemu.log")
SOCKETS = ("qmp.sock", "agent.sock")


@dataclass
class Machine:
    """One virtual machine. `pid` is 0 while it is switched off."""

    folder: Path
    name: str
    user: str
    host_key: str
    port: int = 0
    pid: int = 0
    started: str = ""  # start time of the process in clock ticks: a pid alone may be somebody else's by now
    host: str = field(default=HOST, init=False)

    @property
    def key(self) -> Path:
        return self.folder / "key"

    @property
    def known_hosts(self) -> Path:
        return self.folder / "known_hosts"

    @property
    def monitor(self) -> Monitor:
        return Monitor(self.folder / "qmp.sock")

    @property
    def agent(self) -> Agent:
        return Agent(self.folder / "agent.sock")

    def describe(self) -> dict[str, Any]:
        """All that is needed to reach it, for JSON."""
        paths = {name: str(self.folder / name) for name in ("key", "known_hosts", "console.log", *SOCKETS)}
        return {
            **{name: value for name, value in asdict(self).items() if name not in ("folder", "started")},
            "folder": str(self.folder),
            **{name.partition(".")[0]: path for name, path in paths.items()},
        }

    def save(self) -> None:
        record = {**asdict(self), "folder": str(self.folder)}
        new = self.folder / "machine.json.new"
        new.write_text(json.dumps(record, indent=1))
        new.replace(self.folder / "machine.json")

    @classmethod
    def load(cls, folder: Path) -> Machine:
        path = folder.resolve() / "machine.json"
        if not path.is_file():
            raise MachineError(f"{folder}: no machine there")
        record = json.loads(path.read_text())
        del record["host"]
        return cls(**{**record, "folder": path.parent})

    def is_on(self) -> bool:
        return self.pid != 0 and start_time(self.pid) == self.started

    # --- ssh ------------------------------------------------------------------------------------

    def ssh_options(self) -> list[str]:
        """The user's own ssh settings and keys play no part."""
        return [
            *("-F", "none", "-i", str(self.key), "-o", "IdentitiesOnly=yes", "-o", "BatchMode=yes"),
            *("-o", f"UserKnownHostsFile={self.known_hosts}", "-o", "StrictHostKeyChecking=yes"),
        ]

    def ssh(self, command: str, seconds: float = 600, given: str = "") -> subprocess.CompletedProcess[str]:
        """Run a shell command as the administrator; the caller looks at its exit status (255: no connection).

        `given` is what it reads.
        """
        return subprocess.run(
            ["ssh", *self.ssh_options(), "-p", str(self.port), f"{self.user}@{self.host}", command],
            input=given,
            capture_output=True,
            text=True,
            timeout=seconds,
            check=False,
        )

    def wait_for_ssh(self, seconds: float = BOOT_SECONDS) -> None:
        deadline = time.monotonic() + seconds
        while True:
            self.require_on()
            with contextlib.suppress(subprocess.TimeoutExpired):
                answer = self.ssh("true", seconds=20)
                if answer.returncode == 0:
                    return
            if time.monotonic() > deadline:
                raise MachineError(
                    f"{self.name}: no login by ssh within {seconds:.0f} s\n{self.last_words()}"
                )
            time.sleep(0.3)

    def make_key(self) -> None:
        """A new pair of keys for this machine alone; `settle` makes it the only one that opens it."""
        for old in (self.key, self.key.with_suffix(".pub")):
            old.unlink(missing_ok=True)
        command = ["ssh-keygen", "-q", "-t", "ed25519", "-N", "", "-C", self.name, "-f", str(self.key)]
        subprocess.run(command, check=True)

    # --- on and off -----------------------------------------------------------------------------

    def launch(self, memory: Path | None = None, extra: list[str] | None = None) -> None:
        """Start QEMU: a cold boot, or from a saved memory. Returns when the processors run."""
        if self.is_on():
            raise MachineError(f"{self.name} is on already, process {self.pid}")
        command = [*vm_hardware.program(), "-name", self.name, *vm_hardware.board()]
        command += [
            *vm_hardware.outside(self.port),
            *(extra or []),
            *(["-incoming", "fd:0"] if memory else []),
        ]
        for leftover in SOCKETS:
            (self.folder / leftover).unlink(missing_ok=True)
        with (self.folder / "qemu.log").open("a") as log, (memory or Path(os.devnull)).open("rb") as stdin:
            process = subprocess.Popen(
                command, cwd=self.folder, stdin=stdin, stdout=log, stderr=log, start_new_session=True
            )
        self.pid, self.started = process.pid, start_time(process.pid)
        self.save()
        try:
            self.wait_until_running(process)
        except BaseException:
            self.kill()
            raise
        self.port = self.forwarded_port()
        self.known_hosts.write_text(f"[{HOST}]:{self.port} {self.host_key}\n")
        self.save()

    def wait_until_running(self, process: subprocess.Popen[bytes], seconds: float = 120) -> None:
        deadline = time.monotonic() + seconds
        while process.poll() is None and time.monotonic() < deadline:
            with contextlib.suppress(MachineError):
                state = self.monitor.ask("query-status")["status"]
                if state == "running":
                    return
                if state == "paused":  # it was when its memory was saved
                    self.monitor.ask("cont")
            time.sleep(0.1)
        raise MachineError(f"{self.name}: QEMU does not run the machine\n{self.last_words()}")

    def forwarded_port(self) -> int:
        """The port that leads to the machine's sshd, as QEMU got it from the system."""
        network = self.monitor.human("info usernet")
        found = re.search(r"HOST_FORWARD\]\s+\d+\s+127\.0\.0\.1\s+(\d+)\s", network)
        if not found:
            raise MachineError(f"{self.name}: QEMU forwards no port:\n{network}")
        return int(found.group(1))

    def last_words(self) -> str:
        """The ends of QEMU's log and of the console."""
        told = []
        for name in ("qemu.log", "console.log"):
            path = self.folder / name
            if path.is_file():
                told += [f"{name}:", *path.read_text(errors="replace").splitlines()[-20:]]
        return "\n".join(told)

    def trouble(self) -> str:
        """What can be found out of a machine that nobody can use, by a login or without one; empty for a sound one."""
        if not self.is_on():
            return f"{self.name} is off\n{self.last_words()}"
        with contextlib.suppress(subprocess.TimeoutExpired):
            if self.ssh(IN_USE, seconds=60).returncode == 0:
                return ""
        told = [f"{self.name} is not in use", self.last_words()]
        for ask in (self.ask_system, self.ask_processors):
            try:
                told.append(ask())
            except MachineError as error:
                told.append(str(error))
        return "\n".join(told)

    def ask_system(self) -> str:
        """What the system in it is about, by its own account."""
        journal = (
            "journalctl --boot --no-pager --lines=1000 | grep --invert-match guest-exec | tail --lines=30"
        )
        about = f"uptime; systemctl is-system-running; systemctl list-jobs; {journal}"
        return self.agent.run(f"set +e; {about}; true", seconds=120)

    def ask_processors(self) -> str:
        """Where each processor stands, three times, and its interrupts in service (ISR) and asked for (IRR)."""
        told = []
        for _ in range(3):
            registers = self.monitor.human("info registers -a")
            for number, text in enumerate(registers.split("CPU#")[1:]):
                found = re.findall(r"\b(?:[ER]IP=\w+|[ER]SP=\w+|CPL=\d|HLT=\d)", text)
                interrupts = re.findall(r"\b(?:ISR|IRR)\s[^\n]*", self.monitor.human(f"info lapic {number}"))
                told.append(f"CPU {number}: {' '.join(found)} {' '.join(interrupts)}")
            time.sleep(1)
        return "\n".join(told)

    def require_on(self) -> None:
        if not self.is_on():
            raise MachineError(f"{self.name} is off\n{self.last_words()}")

    def wait_until_off(self, seconds: float) -> bool:
        deadline = time.monotonic() + seconds
        while self.is_on():
            if time.monotonic() > deadline:
                return False
            time.sleep(0.1)
        self.pid, self.started = 0, ""
        self.save()
        return True

    def kill(self) -> None:
        """End the process at once; what the machine had not written to its disk is lost."""
        if self.is_on():
            with contextlib.suppress(ProcessLookupError):
                os.kill(self.pid, signal.SIGKILL)
        if not self.wait_until_off(STOP_SECONDS):
            raise MachineError(f"{self.name}: process {self.pid} does not end")

    def power_cut(self) -> None:
        """Pull the plug: the machine is off at once."""
        self.require_on()
        self.kill()

    def power_on(self) -> None:
        """Boot from the machine's disk, through its own boot loader, until a login by ssh works."""
        self.launch()
        self.settle()
        self.wait_for_ssh()

    def reset(self) -> None:
        """Press the reset button and wait until a login by ssh works again."""
        self.require_on()
        before = self.boot_id()
        self.monitor.ask("system_reset")
        deadline = time.monotonic() + BOOT_SECONDS
        while True:
            self.wait_for_ssh()
            if self.boot_id() not in (before, ""):
                return
            if time.monotonic() > deadline:
                raise MachineError(f"{self.name} did not boot again after a reset\n{self.last_words()}")
            time.sleep(0.5)

    def boot_id(self) -> str:
        """A number that is new at each boot; empty when nobody answers."""
        return self.ssh("cat /proc/sys/kernel/random/boot_id").stdout.strip()

    def shut_down(self) -> None:
        """Ask the system in the machine to switch off, and wait for it."""
        self.require_on()
        self.monitor.ask("system_powerdown")
        if not self.wait_until_off(STOP_SECONDS):
            raise MachineError(f"{self.name} does not shut down\n{self.last_words()}")

    def stop(self) -> None:
        """Switch off and remove all that the machine's folder holds of it."""
        self.kill()
        for name in (*FILES, *SOCKETS):
            (self.folder / name).unlink(missing_ok=True)
        with contextlib.suppress(OSError):  # other files may lie there
            self.folder.rmdir()

    # --- snapshots ------------------------------------------------------------------------------

    def settle(self) -> None:
        """Give a restored machine today's time and this run's key."""
        self.agent.wait(BOOT_SECONDS)
        public = self.key.with_suffix(".pub").read_text().strip()
        self.agent.ask("guest-ssh-add-authorized-keys", username=self.user, keys=[public], reset=True)
        self.agent.run(f"date --utc --set=@{time.time():.3f}", seconds=60)

    def save_memory(self, memory: Path) -> None:
        """Stop the processors and write memory and devices to a file."""
        self.monitor.ask("stop")
        self.monitor.ask("migrate-set-parameters", max_bandwidth=1 << 40)
        self.monitor.ask("migrate", uri=f"exec:cat > {shlex.quote(str(memory))}")
        while (state := self.monitor.ask("query-migrate"))["status"] not in ("completed", "failed"):
            time.sleep(0.1)
        if state["status"] == "failed":
            raise MachineError(
                f"{self.name}: the snapshot failed: {state.get('error-desc', 'no reason given')}"
            )

    def freeze(self, target: Path) -> Image:
        """Make the machine as it is now an image in the new folder `target`; it is off then.

        Any number of machines can be started from it. Its disk goes on needing the image that it was started from.
        """
        self.require_on()
        target = target.absolute()
        if target.exists():
            raise MachineError(f"{target}: exists already")
        # Memory that holds files could be read again from the disk: a smaller snapshot is restored sooner.
        self.agent.run("sync; echo 3 > /proc/sys/vm/drop_caches", seconds=120)
        unfinished = target.with_name(f".{os.getpid()}-{target.name}")
        unfinished.mkdir(parents=True)
        try:
            self.save_memory(unfinished / "memory")
            self.kill()
            (self.folder / "disk.qcow2").rename(unfinished / "disk.qcow2")
            Image(unfinished, self.user, self.host_key, this_board()).save()
            unfinished.rename(target)
        except BaseException:
            shutil.rmtree(unfinished)
            raise
        return Image.load(target)
