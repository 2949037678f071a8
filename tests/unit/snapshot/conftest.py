"""A host in a folder, with commands that are answered by a table."""

from __future__ import annotations

import sys
from pathlib import Path
from typing import Callable, Dict, List, Sequence

import pytest

sys.path.insert(0, str(Path(__file__).resolve().parents[3] / "ansible/plugins/module_utils"))

from snapshot_host import Host, Result

Answer = Callable[[Sequence[str]], Result]


class FakeCommands:
    """Answers commands by their first words, and keeps a list of what was asked."""

    def __init__(self) -> None:
        self.asked: List[str] = []
        self.answers: Dict[str, Answer] = {}

    def say(self, command: str, output: str = "", status: int = 0, errors: str = "") -> None:
        self.answers[command] = lambda words: Result(status, output, errors)

    def __call__(self, words: Sequence[str]) -> Result:
        line = " ".join(words)
        self.asked.append(line)
        for command in sorted(self.answers, key=len, reverse=True):
            if line.startswith(command):
                return self.answers[command](words)
        return Result(127, "", f"{words[0]}: no such command")


@pytest.fixture
def commands() -> FakeCommands:
    return FakeCommands()


@pytest.fixture
def host(tmp_path: Path, commands: FakeCommands) -> Host:
    (tmp_path / "etc").mkdir()
    return Host(str(tmp_path), commands)


@pytest.fixture
def etc(tmp_path: Path) -> Path:
    return tmp_path / "etc"
