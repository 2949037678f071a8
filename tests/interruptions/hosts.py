"""What provisioning is cut off on: a virtual machine, or a container with systemd that is killed and started again."""

from __future__ import annotations

import json
import secrets
import subprocess
import sys
import time
from abc import ABC, abstractmethod
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import docker
import yaml

from tcp_performance import base_image, playbooks, verify, vm_image, vm_machine
from tcp_performance.docker_engine import DockerEngine
from tcp_performance.playbooks import ROOT
from tcp_performance.vm_guest import Machine
from tcp_performance.vm_monitor import MachineError
from tests import fingerprint
from tests.vm.machine import for_a_machine

SCENARIO = ROOT / "molecule/host/molecule.yml"
VM_IMAGE = "debian-12"
CONTAINER_IMAGE = "local/debian-12-systemd"
TOOLS = Path(sys.executable).parent
MEMBER = "trader"
# What Molecule's prepare.yml does: the user who is to get access, packages and their lists of today.
READY = f"useradd --create-home {MEMBER} && apt-get -qq update && apt-get -qq --yes upgrade >/dev/null"
PYTHON = "apt-get -qq install --no-install-recommends --yes python3 python3-apt >/dev/null"
# An agent that goes down with its machine does not answer what it was asked last.
ANSWER_SECONDS = 60


class NothingToSever(Exception):
    """No connection leads to the host just now."""


class Host(ABC):
    """One host, and the inventory by which Ansible knows it as `host`."""

    TASK_SECONDS: float  # a task takes about as long there
    READY = READY

    def __init__(self, folder: Path, variables: dict[str, Any]) -> None:
        self.folder, self.inventory = folder, folder / "inventory.yml"
        members = {
            f"{role}_members": [MEMBER] for role in ("huge_pages", "msr_access", "perf_tools", "realtime")
        }
        self.variables = {**variables, **members}

    @abstractmethod
    def execute(self, command: str, given: str = "") -> subprocess.CompletedProcess[str]:
        """Run a command as root; `given` is what it reads."""

    @abstractmethod
    def connection(self) -> dict[str, Any]:
        """How Ansible reaches it; another one, maybe, after it was off."""

    @abstractmethod
    def sever(self) -> None:
        """The host's end of every connection goes. Raises NothingToSever."""

    @abstractmethod
    def power_cut(self) -> None: ...

    @abstractmethod
    def power_on(self) -> None:
        """Returns when it has booted."""

    @abstractmethod
    def is_on(self) -> bool: ...

    @abstractmethod
    def restart(self) -> None:
        """In good order."""

    def ready(self) -> None:
        """As a host in use is: a user who is to get access, and packages of today."""
        done = self.execute(f"sh -c '{self.READY}'")
        assert done.returncode == 0, done.stderr

    def environment(self) -> dict[str, str]:
        # Banners as the tasks begin, skipped ones too, and plain: that is what the place of a cut is counted by.
        return dict(
            playbooks.environment(),
            ANSIBLE_DISPLAY_SKIPPED_HOSTS="true",
            ANSIBLE_FORCE_COLOR="0",
            PYTHONUNBUFFERED="1",
        )

    def command(self, playbook: str) -> list[str]:
        self.write_inventory()
        return [
            str(TOOLS / "ansible-playbook"),
            "-i",
            str(self.inventory),
            str(ROOT / f"ansible/{playbook}.yml"),
        ]

    def write_inventory(self) -> None:
        host = {**self.variables, **self.connection()}
        self.inventory.write_text(yaml.safe_dump({"all": {"hosts": {"host": host}}}))

    def play(self, playbook: str) -> None:
        done = subprocess.run(
            self.command(playbook),
            cwd=ROOT,
            env=self.environment(),
            capture_output=True,
            text=True,
            check=False,
        )
        assert done.returncode == 0, "\n".join((done.stdout + done.stderr).splitlines()[-60:])

    def drifted(self) -> list[str]:
        """The settings that are not as planned; AssertionError when the host cannot be judged."""
        self.write_inventory()
        verdicts = self.folder / "verdicts.json"
        status, output = verify.judge("host", self.inventory, verdicts)
        assert status in verify.JUDGED, output
        rows = json.loads(verdicts.read_text())["verdicts"]
        return [row["setting"] for row in rows if row["verdict"] not in ("compliant", "not-applicable")]

    def fingerprint(self) -> fingerprint.Fingerprint:
        done = self.execute("python3 -", given=Path(fingerprint.__file__).read_text())
        assert done.returncode == 0, done.stderr
        document: fingerprint.Fingerprint = json.loads(done.stdout)
        return document


class VirtualHost(Host):
    """With the variables of Molecule's scenario `host`."""

    TASK_SECONDS = 3.0

    def __init__(self, machine: Machine, folder: Path) -> None:
        scenario: dict[str, Any] = yaml.safe_load(SCENARIO.read_text())
        super().__init__(folder, scenario["provisioner"]["inventory"]["host_vars"]["host"])
        self.machine = machine
        (folder / "connections").mkdir()

    def execute(self, command: str, given: str = "") -> subprocess.CompletedProcess[str]:
        return self.machine.ssh(f"sudo -n {command}", given=given)

    def connection(self) -> dict[str, Any]:
        return {
            "ansible_host": self.machine.host,
            "ansible_port": self.machine.port,
            "ansible_user": self.machine.user,
            "ansible_ssh_private_key_file": str(self.machine.key),
            "ansible_ssh_common_args": "-F none -o IdentitiesOnly=yes"
            f" -o UserKnownHostsFile={self.machine.known_hosts}",
            "ansible_python_interpreter": "/usr/bin/python3",  # told, not looked for: it spares Mitogen a second way
            "ansible_control_path_dir": str(self.folder / "connections"),
        }

    def environment(self) -> dict[str, str]:
        return {**super().environment(), **for_a_machine()}

    def sever(self) -> None:
        try:
            self.machine.agent.run(f"pkill -KILL -u {self.machine.user} sshd", seconds=ANSWER_SECONDS)
        except MachineError as error:
            raise NothingToSever(str(error)) from error

    def power_cut(self) -> None:
        self.machine.power_cut()

    def power_on(self) -> None:
        self.machine.power_on()

    def is_on(self) -> bool:
        return self.machine.is_on()

    def restart(self) -> None:
        self.machine.shut_down()
        self.machine.power_on()


# All that was started from outside has no parent inside, but for this shell itself and the container's first process.
SEVER = r"""
for process in $(grep -l '^PPid:[[:space:]]*0$' /proc/[0-9]*/status | cut -d/ -f3); do
    [ $process = 1 ] || [ $process = $$ ] || { kill -KILL $process && found=yes; }
done
[ "${found-}" = yes ]
"""
BOOT_SECONDS = 60


class ContainerHost(Host):
    """The profile `lowlatency` in a container: what it may not set there is not applicable, all else is as on hosts."""

    TASK_SECONDS = 1.0
    READY = f"export DEBIAN_FRONTEND=noninteractive; {READY} && {PYTHON}"

    def __init__(self, container: Any, folder: Path) -> None:
        super().__init__(folder, {"tcp_performance_profile": "lowlatency"})
        self.container = container

    def execute(self, command: str, given: str = "") -> subprocess.CompletedProcess[str]:
        return subprocess.run(
            ["docker", "exec", "-i", self.container.name, "sh", "-c", command],
            input=given,
            capture_output=True,
            text=True,
            check=False,
        )

    def connection(self) -> dict[str, Any]:
        return {"ansible_connection": "community.docker.docker", "ansible_host": self.container.name}

    def sever(self) -> None:
        if self.execute(SEVER).returncode != 0:
            raise NothingToSever("nothing was started from outside")

    def power_cut(self) -> None:
        self.container.kill()
        self.container.wait()

    def power_on(self) -> None:
        self.container.start()
        self.wait_for_boot()

    def wait_for_boot(self) -> None:
        deadline = time.monotonic() + BOOT_SECONDS
        while True:
            said = self.execute("systemctl is-system-running --wait")
            if said.stdout.strip() in ("running", "degraded"):
                return
            assert time.monotonic() < deadline, f"systemd does not come up: {said.stdout}{said.stderr}"
            time.sleep(0.2)

    def is_on(self) -> bool:
        self.container.reload()
        return bool(self.container.status == "running")

    def restart(self) -> None:
        self.container.kill(signal="SIGRTMIN+3")  # systemd's own for: halt
        self.container.wait()
        self.power_on()


@contextmanager
def virtual_machine(folder: Path) -> Iterator[Host]:
    machine = vm_machine.start(vm_image.ensure(VM_IMAGE), "interrupted", folder / "machine")
    try:
        yield VirtualHost(machine, folder)
    finally:
        machine.stop()


@contextmanager
def container(folder: Path) -> Iterator[Host]:
    name = f"tcp-performance-interrupted-{secrets.token_hex(4)}"
    with DockerEngine(name):
        base_image.ensure(CONTAINER_IMAGE)
        client = docker.from_env(timeout=120)
        # As molecule/shared/create.yml starts its containers.
        started = client.containers.run(
            CONTAINER_IMAGE,
            "/lib/systemd/systemd",
            name=name,
            hostname="interrupted",
            detach=True,
            cgroupns="host",
            volumes=["/sys/fs/cgroup:/sys/fs/cgroup:ro"],
            tmpfs={"/run": "", "/run/lock": ""},
        )
        try:
            host = ContainerHost(started, folder)
            host.wait_for_boot()
            yield host
        finally:
            started.remove(force=True, v=True)
            client.close()


HOSTS = {"machine": virtual_machine, "container": container}
