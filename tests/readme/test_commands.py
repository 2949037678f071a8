"""Every command the README shows was run: here, or by the stage that notes it in build/test/commands-run.txt."""

from __future__ import annotations

import os
import re
import subprocess
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parents[2]
NOTED = ROOT / "build/test/commands-run.txt"
# These change the machine; the stage "host" runs them in order, and notes each one that ended as it must.
BY_STAGE_HOST = re.compile(r"\./invoke (provision|verify|report|bench|revert)\b")


def commands() -> list[str]:
    blocks = re.findall(r"```console\n(.*?)```", (ROOT / "README.md").read_text(), re.DOTALL)
    return [line for block in blocks for line in block.splitlines() if line]


def test_the_readme_shows_the_two_commands_first() -> None:
    assert commands()[:2] == ["./invoke provision", "./invoke test"]


@pytest.mark.parametrize("command", commands())
def test_command(command: str) -> None:
    if command == "./invoke test":
        # This very run; that its stages can be named shows the task loads.
        command += " --list"
    if BY_STAGE_HOST.match(command):
        if os.environ.get("CI") and os.geteuid() == 0:
            assert command in NOTED.read_text().splitlines(), "the stage host did not run it"
            return
        pytest.skip("changes this machine: run by the stage host, as root with CI=true")
    done = subprocess.run(command, shell=True, cwd=ROOT, capture_output=True, text=True)
    assert done.returncode == 0, done.stdout + done.stderr


@pytest.mark.parametrize(
    "task", re.findall(r"^def ([a-z]\w+)\(", (ROOT / "tasks.py").read_text(), re.MULTILINE)
)
def test_each_task_has_a_help_page(task: str) -> None:
    name = task.replace("_", "-")
    done = subprocess.run(["./invoke", "--help", name], cwd=ROOT, capture_output=True, text=True)
    assert done.returncode == 0, done.stderr
    assert "Docstring:\n  none" not in done.stdout
