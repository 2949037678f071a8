"""Runs the project's playbooks and counts what they changed."""

from __future__ import annotations

import json
import os
import re
import subprocess
import sys
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from invoke import Exit

ROOT = Path(__file__).resolve().parent.parent
BUILD = ROOT / "build"
LOCAL = ROOT / "ansible/inventories/local/hosts.yml"
RECAP = re.compile(r"^(?P<host>\S+)\s*: (?P<counts>ok=\d+.*)$")
COLOUR = re.compile(r"\x1b\[[0-9;]*m")


@dataclass
class Outcome:
    """What a playbook run came to: its exit status and the recap's counts by host."""

    status: int
    counts: dict[str, dict[str, int]] = field(default_factory=dict)

    @property
    def changed(self) -> int:
        return sum(count.get("changed", 0) for count in self.counts.values())


def environment() -> dict[str, str]:
    """Environment for Ansible: colours only where a person looks."""
    env = dict(os.environ, ANSIBLE_CONFIG=str(ROOT / "ansible.cfg"), ANSIBLE_NOCOWS="1")
    if sys.stdout.isatty():
        env["ANSIBLE_FORCE_COLOR"] = "1"
    return env


def inventory_path(inventory: str | None) -> Path:
    """The inventory to use: a file or folder, or a name under ansible/inventories."""
    if not inventory:
        return LOCAL
    known = ROOT / "ansible/inventories"
    for candidate in (Path(inventory), known / inventory / "hosts.yml"):
        if candidate.exists():
            return candidate.resolve()
    names = ", ".join(sorted(entry.name for entry in known.iterdir()))
    raise Exit(f"inventory {inventory!r} is neither a file nor one of: {names}", code=2)


def run(
    playbook: str,
    inventory: str | None = None,
    limit: str | None = None,
    extra: dict[str, Any] | None = None,
    check: bool = False,
    quiet: bool = False,
) -> Outcome:
    """Run ansible/<playbook>.yml, its output passed on as it comes unless `quiet`.

    A quiet run that fails prints what it had held back.
    """
    command = [str(Path(sys.executable).parent / "ansible-playbook"), f"ansible/{playbook}.yml"]
    command += ["-i", str(inventory_path(inventory))]
    command += ["--limit", limit] if limit else []
    command += ["--check", "--diff"] if check else []
    command += ["-e", json.dumps(extra)] if extra else []
    held: list[str] = []
    outcome = Outcome(status=0)
    with subprocess.Popen(
        command, cwd=ROOT, env=environment(), stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True
    ) as process:
        assert process.stdout is not None
        for line in process.stdout:
            if quiet:
                held.append(line)
            else:
                print(line, end="", flush=True)
            recap = RECAP.match(COLOUR.sub("", line).rstrip())
            if recap:
                pairs = (pair.split("=") for pair in recap["counts"].split())
                outcome.counts[recap["host"]] = {name: int(value) for name, value in pairs}
    outcome.status = process.returncode
    if quiet and outcome.status:
        print("".join(held), end="")
    return outcome
