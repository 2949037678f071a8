"""Provisioning cut off at random points: the machine boots, the next run completes, and a revert leads back."""

from __future__ import annotations

import json
import subprocess
import sys
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
import yaml

from tcp_performance import verify, vm_image, vm_machine
from tcp_performance.playbooks import ROOT
from tcp_performance.vm_guest import Machine
from tests import fingerprint
from tests.interruptions.cut import choose, cut_off
from tests.vm.machine import for_a_machine

SCENARIO = ROOT / "molecule/host/molecule.yml"
IMAGE = "debian-12"
MEMBER = "trader"
READY = f"sudo -n sh -c 'useradd --create-home {MEMBER} && apt-get -qq update && apt-get -qq --yes upgrade >/dev/null'"
TOOLS = Path(sys.executable).parent


class Provisioned:
    """A machine and the inventory by which Ansible knows it, with the variables of Molecule's scenario `host`."""

    def __init__(self, machine: Machine, folder: Path) -> None:
        self.machine, self.inventory = machine, folder / "inventory.yml"
        scenario: dict[str, Any] = yaml.safe_load(SCENARIO.read_text())
        variables: dict[str, Any] = scenario["provisioner"]["inventory"]["host_vars"]["host"]
        (connection := folder / "connections").mkdir()
        self.variables = {
            **variables,
            **{
                f"{role}_members": [MEMBER] for role in ("huge_pages", "msr_access", "perf_tools", "realtime")
            },
            "ansible_host": machine.host,
            "ansible_user": machine.user,
            "ansible_ssh_private_key_file": str(machine.key),
            "ansible_ssh_common_args": f"-F none -o UserKnownHostsFile={machine.known_hosts} -o IdentitiesOnly=yes",
            "ansible_python_interpreter": "/usr/bin/python3",  # told, not looked for: it spares Mitogen a second way
            "ansible_control_path_dir": str(connection),
        }

    def write_inventory(self) -> None:
        """Anew before each run: a machine that was off may be behind another port."""
        host = {**self.variables, "ansible_port": self.machine.port}
        self.inventory.write_text(yaml.safe_dump({"all": {"hosts": {"host": host}}}))

    def ready(self) -> None:
        """What Molecule's prepare.yml does: the user who is to get access, packages and their lists of today."""
        done = self.machine.ssh(READY)
        assert done.returncode == 0, done.stderr

    def command(self, playbook: str) -> list[str]:
        self.write_inventory()
        return [
            str(TOOLS / "ansible-playbook"),
            "-i",
            str(self.inventory),
            str(ROOT / f"ansible/{playbook}.yml"),
        ]

    def environment(self) -> dict[str, str]:
        # Banners as the tasks begin, skipped ones too: that is what the place of a cut is counted by.
        return dict(for_a_machine(), ANSIBLE_DISPLAY_SKIPPED_HOSTS="true", PYTHONUNBUFFERED="1")

    def play(self, playbook: str) -> str:
        done = subprocess.run(
            self.command(playbook),
            cwd=ROOT,
            env=self.environment(),
            capture_output=True,
            text=True,
            check=False,
        )
        assert done.returncode == 0, "\n".join((done.stdout + done.stderr).splitlines()[-60:])
        return done.stdout

    def drifted(self, folder: Path) -> list[str]:
        """The settings that are not as planned; AssertionError when the machine cannot be judged."""
        self.write_inventory()
        status, output = verify.judge("host", self.inventory, folder / "verdicts.json")
        assert status in verify.JUDGED, output
        rows = json.loads((folder / "verdicts.json").read_text())["verdicts"]
        return [row["setting"] for row in rows if row["verdict"] not in ("compliant", "not-applicable")]

    def fingerprint(self) -> fingerprint.Fingerprint:
        source = Path(fingerprint.__file__).read_text()
        done = subprocess.run(
            [
                *("ssh", *self.machine.ssh_options(), "-p", str(self.machine.port)),
                *(f"{self.machine.user}@{self.machine.host}", "sudo -n python3 -"),
            ],
            input=source,
            capture_output=True,
            text=True,
            check=True,
        )
        document: fingerprint.Fingerprint = json.loads(done.stdout)
        return document


def roles_of_site() -> list[str]:
    """In the order in which they run."""
    play = yaml.safe_load((ROOT / "ansible/site.yml").read_text())[0]
    imported = [
        task["ansible.builtin.import_role"]["name"]
        for task in play["tasks"]
        if "ansible.builtin.import_role" in task
    ]
    return [entry["role"] for entry in play["roles"]] + imported


@pytest.fixture
def host(tmp_path: Path) -> Iterator[Provisioned]:
    machine = vm_machine.start(vm_image.ensure(IMAGE), "interrupted", tmp_path / "machine")
    try:
        yield Provisioned(machine, tmp_path)
    finally:
        machine.stop()


def say(text: str, begin: float) -> None:
    print(f"{time.monotonic() - begin:6.0f} s  {text}", flush=True)


def test_no_interruption_is_lost(host: Provisioned, seed: str, cuts: int, tmp_path: Path) -> None:
    begin, roles = time.monotonic(), roles_of_site()
    say(f"seed {seed}", begin)
    host.ready()
    before = host.fingerprint()
    for cut in choose(seed, roles, cuts):
        last = cut_off(host.command("site"), host.environment(), host.machine, cut, roles)
        say(f"{cut}: {last}", begin)
        if not host.machine.is_on():
            host.machine.power_on()
            say("it boots", begin)
    host.play("site")
    say("the next run completed", begin)
    assert host.drifted(tmp_path) == []
    say("all as planned", begin)
    host.play("revert")
    host.machine.shut_down()
    host.machine.power_on()
    assert fingerprint.unexplained(before, host.fingerprint(), fingerprint.SESSIONS) == {}
    say("reverted and started again: as before", begin)
