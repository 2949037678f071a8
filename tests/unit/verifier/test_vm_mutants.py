"""The mutants of real machines, as far as no machine is needed: each is a script, they do not meet, all is undone."""

from __future__ import annotations

import os
import subprocess
from pathlib import Path
from typing import Any

import pytest

from tests.host.state import State
from tests.unit.verifier import synthetic
from tests.unit.verifier.mutants import MUTANTS
from tests.vm.machine import applicable
from tests.vm.mutants import MAKERS, NEEDS_A_GPU, Case, batches, cases
from tests.vm.mutants.shell import FUNCTIONS, STORE, UNDO, edit, literal, put, remove


@pytest.fixture(scope="module")
def made(tmp_path_factory: pytest.TempPathFactory) -> list[Case]:
    raw: dict[str, Any] = synthetic.state(synthetic.plan(tmp_path_factory.mktemp("machine")))
    settings = [setting for setting in applicable(State(raw)) if setting.role not in ("cuda", "rocm")]
    return cases(settings, State(raw))


def test_whatever_is_broken_on_a_synthetic_host_can_be_broken_on_a_real_one() -> None:
    assert set(MAKERS) | NEEDS_A_GPU == set(MUTANTS)


def test_every_mutant_is_a_shell_script(made: list[Case]) -> None:
    script = "\n".join([FUNCTIONS, *(f"(\n{case.mutant.broken}\n)" for case in made), UNDO])
    done = subprocess.run(["sh", "-n"], input=script, capture_output=True, text=True, check=False)
    assert done.stderr == ""


def test_every_mutant_is_tried_once_and_none_meets_another(made: list[Case]) -> None:
    planned = batches(made)
    assert sorted(id(case) for batch in planned for case in batch) == sorted(id(case) for case in made)
    for batch in planned:
        for case in batch:
            assert not any(case.setting in other.affected for other in batch if other is not case)
        assert len({case.tried_out for case in batch}) == 1


def test_many_are_tried_at_once(made: list[Case]) -> None:
    assert len(batches(made)) < len(made) / 4


def run(script: str, store: Path) -> str:
    script = script.replace(STORE, str(store))
    return subprocess.run(["sh", "-eu"], input=script, capture_output=True, text=True, check=True).stdout


@pytest.mark.parametrize("kind", ["file", "link", "absent"])
def test_what_was_changed_is_undone(tmp_path: Path, kind: str) -> None:
    path, target = tmp_path / "a file", tmp_path / "target"
    if kind != "absent":
        target.write_text("one\ntwo\n")
        target.chmod(0o640)
        os.utime(target, (1000, 1000))
    if kind == "file":
        target.rename(path)
    elif kind == "link":
        path.symlink_to(target)
    before = (
        kind,
        os.path.lexists(path) and (os.lstat(path).st_mode, path.stat().st_mtime, path.read_text()),
    )
    name, store = str(path), tmp_path / "store"
    steps = [remove(name), put(name, "three"), edit(name, "/three/d")]
    # A link's target has to be spared by whoever writes through the link.
    run("\n".join([FUNCTIONS, *steps]), store)
    assert path.read_text() == ""
    assert not path.is_symlink()
    run(UNDO, store)
    after = (kind, os.path.lexists(path) and (os.lstat(path).st_mode, path.stat().st_mtime, path.read_text()))
    assert after == before
    assert not store.exists()


def test_undoing_nothing_is_no_error(tmp_path: Path) -> None:
    assert run(UNDO, tmp_path / "store") == ""


@pytest.mark.parametrize("text", ["isolcpus=managed_irq,domain,2-3", "a.b|c*[d]", "/dev/x^$"])
def test_a_text_is_found_literally(tmp_path: Path, text: str) -> None:
    path = tmp_path / "menu"
    path.write_text(f"linux root=/dev/vda1 {text} quiet\nXaXbXcX\n")
    run("\n".join([FUNCTIONS, edit(str(path), f"s| {literal(text)}||")]), tmp_path / "store")
    assert path.read_text() == "linux root=/dev/vda1 quiet\nXaXbXcX\n"
