"""A provisioned machine with a kernel and a boot loader of its own, as the tests reach it."""

from __future__ import annotations

import base64
import json
import os
import subprocess
import sys
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from tcp_performance.playbooks import ROOT, environment
from tests.host.collect import as_root, collect
from tests.host.settings import settings
from tests.host.state import Plan, State
from tests.host.verdict import NOT_APPLICABLE, Setting
from tests.vm.mutants.shell import FUNCTIONS

Rows = dict[str, dict[str, Any]]

# useradd and userdel keep copies of the files from before: spared, they are put back by UNDO.
SPARE_ACCOUNTS = f"""{FUNCTIONS}
for name in passwd shadow group gshadow subuid subgid; do spare /etc/$name-; done"""


def for_a_machine() -> dict[str, str]:
    """Ansible's environment as Molecule's scenario has it, but without the colours that Molecule asks for."""
    strategy = os.environ.get("TCP_PERFORMANCE_VM_STRATEGY", "mitogen_linear")
    return dict(environment(), ANSIBLE_STRATEGY=strategy, ANSIBLE_TIMEOUT="120", ANSIBLE_FORCE_COLOR="0")


@dataclass(frozen=True)
class Machine:
    """`host` is testinfra's; `name` and `inventory` are what Ansible knows it by."""

    host: Any
    name: str
    inventory: Path

    def try_root(self, script: str) -> Any:
        """Run a shell script as root, in one round trip: testinfra's result with `rc`, `stdout`, `stderr`."""
        packed = base64.b64encode(script.encode()).decode()
        return self.host.run(f"echo {packed} | base64 -d | {as_root('sh')}")

    def root(self, script: str) -> str:
        """The same for a script that must end well; returns what it printed."""
        done = self.try_root(script)
        assert done.rc == 0, f"exit {done.rc}: {done.stdout}{done.stderr}\n{script}"
        return str(done.stdout).strip()

    def read(self, *paths: str) -> list[str]:
        """Files of the machine, without the white space around them."""
        mark = "=== next file ==="
        text = self.root("".join(f"cat '{path}'; echo '{mark}'\n" for path in paths))
        return [part.strip() for part in text.split(mark)[:-1]]

    def state(self, plan: Plan | None = None, parts: tuple[str, ...] = ()) -> State:
        return collect(self.host, plan, parts)

    def play(self, playbook: str, *arguments: str, **extra: object) -> subprocess.CompletedProcess[str]:
        """Run ansible/<playbook>.yml on the machine, with the variables it was provisioned with."""
        command = [str(Path(sys.executable).parent / "ansible-playbook"), f"ansible/{playbook}.yml"]
        command += ["-i", str(self.inventory), "--limit", self.name, *arguments]
        command += ["-e", json.dumps(extra)] if extra else []
        return subprocess.run(
            command, cwd=ROOT, env=for_a_machine(), capture_output=True, text=True, check=False
        )


def judge(state: State) -> Rows:
    """Every verdict, by the setting's name."""
    return {setting.name: setting.row(state) for setting in settings(state.plan)}


def applicable(state: State) -> list[Setting]:
    """The settings that this machine can have."""
    rows = judge(state)
    return [setting for setting in settings(state.plan) if rows[setting.name]["verdict"] != NOT_APPLICABLE]
