"""The ./invoke wrapper: which interpreter, which installer, and when it has nothing to do."""

from __future__ import annotations

import importlib.machinery
import importlib.util
from pathlib import Path
from types import ModuleType

import pytest

ROOT = Path(__file__).resolve().parents[3]


@pytest.fixture
def wrapper(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> ModuleType:
    """The wrapper as a module, with its environment in a folder of the test's."""
    monkeypatch.setenv("TCP_PERFORMANCE_VENV", str(tmp_path / "venv"))
    monkeypatch.delenv("TCP_PERFORMANCE_PYTHON", raising=False)
    loader = importlib.machinery.SourceFileLoader("wrapper_under_test", str(ROOT / "invoke"))
    spec = importlib.util.spec_from_loader(loader.name, loader)
    assert spec is not None
    module = importlib.util.module_from_spec(spec)
    monkeypatch.setattr("sys.dont_write_bytecode", True)
    loader.exec_module(module)
    return module


def record_commands(wrapper: ModuleType, monkeypatch: pytest.MonkeyPatch, failing: str) -> list[list[str]]:
    """Replace `run`: every command is noted, those that name `failing` fail."""
    seen: list[list[str]] = []

    def run(command: list[str], quiet: bool = False) -> bool:
        seen.append(command)
        return failing not in " ".join(command)

    monkeypatch.setattr(wrapper, "run", run)
    return seen


def test_an_interpreter_that_is_too_old_is_refused(
    wrapper: ModuleType, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(wrapper, "version_of", lambda python: (3, 9))
    with pytest.raises(SystemExit) as stop:
        wrapper.find_python()
    assert stop.value.code == 2


def test_a_chosen_interpreter_is_the_only_candidate(
    wrapper: ModuleType, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("TCP_PERFORMANCE_PYTHON", "/nowhere/python3")
    with pytest.raises(SystemExit):
        wrapper.find_python()


def test_uv_is_pinned_with_hashes(wrapper: ModuleType) -> None:
    stanza = wrapper.uv_stanza()
    assert stanza.startswith("uv==")
    assert "--hash=sha256:" in stanza
    assert stanza.count("==") == 1


def test_pip_installs_from_the_same_lock_when_uv_cannot_be_had(
    wrapper: ModuleType, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(wrapper, "get_uv", lambda: None)
    seen = record_commands(wrapper, monkeypatch, failing="nothing fails")
    wrapper.install_requirements()
    assert len(seen) == 1
    assert seen[0][1:4] == ["-m", "pip", "install"]
    assert "--require-hashes" in seen[0]
    assert seen[0][-1] == str(ROOT / "requirements.lock")


def test_a_failing_install_ends_with_2(wrapper: ModuleType, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(wrapper, "get_uv", lambda: "/usr/bin/uv")
    record_commands(wrapper, monkeypatch, failing="install")
    monkeypatch.setattr(wrapper, "run", lambda command, quiet=False: False)
    with pytest.raises(SystemExit) as stop:
        wrapper.install_requirements()
    assert stop.value.code == 2


def test_the_stamp_decides_whether_there_is_work(
    wrapper: ModuleType, monkeypatch: pytest.MonkeyPatch
) -> None:
    assert not wrapper.is_current()
    python = wrapper.VENV / "bin" / "python"
    python.parent.mkdir(parents=True)
    python.touch()
    wrapper.STAMP.write_text(wrapper.wanted_stamp())
    assert wrapper.is_current()
    monkeypatch.setenv("TCP_PERFORMANCE_PYTHON", "python3.10")
    assert not wrapper.is_current()


def test_a_changed_lock_is_noticed(
    wrapper: ModuleType, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    before = wrapper.wanted_stamp()
    changed = tmp_path / "requirements.lock"
    changed.write_text("uv==0\n")
    monkeypatch.setattr(wrapper, "LOCK", changed)
    assert wrapper.wanted_stamp() != before
