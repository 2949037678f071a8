"""Every command the README shows was run: here, or by the stage that changes the machine, and notes it."""

from __future__ import annotations

import os
import re
import subprocess
from pathlib import Path

import pytest

from tcp_performance import commands_run

ROOT = Path(__file__).resolve().parents[2]
# These change the machine, so a stage runs them, and notes each one that ended as it must.
BY_STAGE = {
    "host": re.compile(r"\./invoke (provision|verify|report|bench|revert)\b"),
    "images": re.compile(r"\./invoke build-image\b"),
}


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
    for stage, commands_of_it in BY_STAGE.items():
        if commands_of_it.match(command):
            if os.environ.get("CI") and os.geteuid() == 0:
                assert command in commands_run.noted(), f"the stage {stage} did not run it"
                return
            pytest.skip(f"changes this machine: run by the stage {stage}, as root with CI=true")
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
