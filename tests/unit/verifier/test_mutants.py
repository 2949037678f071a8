"""Every setting that the verifier knows turns to `drifted` when any thing it looks at is broken."""

from __future__ import annotations

import copy
from typing import Any

import pytest

from tests.host.settings import CAPABILITIES, settings
from tests.host.state import State
from tests.host.verdict import COMPLIANT, DRIFTED, NOT_APPLICABLE, Setting
from tests.unit.verifier import synthetic
from tests.unit.verifier.mutants import MUTANTS


@pytest.fixture(scope="module")
def sound(tmp_path_factory: pytest.TempPathFactory) -> dict[str, Any]:
    """A host that is as planned in everything that can be asked for."""
    return synthetic.state(synthetic.plan(tmp_path_factory.mktemp("machine")))


def applicable(raw: dict[str, Any]) -> list[Setting]:
    found = [(setting, setting.row(State(raw))["verdict"]) for setting in settings(raw["plan"])]
    return [setting for setting, verdict in found if verdict != NOT_APPLICABLE]


def test_a_host_that_is_as_planned_is_compliant_in_everything(sound: dict[str, Any]) -> None:
    rows = [setting.row(State(sound)) for setting in settings(sound["plan"])]
    assert [row for row in rows if row["verdict"] != COMPLIANT] == []


def test_every_capability_has_settings(sound: dict[str, Any]) -> None:
    assert {setting.role for setting in applicable(sound)} == set(CAPABILITIES)


def test_names_are_unique_and_start_with_their_role(sound: dict[str, Any]) -> None:
    names = [setting.name for setting in settings(sound["plan"])]
    assert len(names) == len(set(names))
    assert all(setting.name.startswith(f"{setting.role}.") for setting in settings(sound["plan"]))


def test_every_subject_has_mutants(sound: dict[str, Any]) -> None:
    lacking = [
        setting.name
        for setting in applicable(sound)
        if not setting.subjects or any(subject[0] not in MUTANTS for subject in setting.subjects)
    ]
    assert lacking == []


def test_no_mutant_is_without_a_setting(sound: dict[str, Any]) -> None:
    assert {subject[0] for setting in applicable(sound) for subject in setting.subjects} == set(MUTANTS)


def test_every_mutant_is_named_as_drifted(sound: dict[str, Any]) -> None:
    missed, caught = [], 0
    for setting in applicable(sound):
        for subject in setting.subjects:
            for what, mutate in MUTANTS[subject[0]](subject):
                # The plan stays as it is: only the host is broken.
                raw = {
                    **copy.deepcopy({k: v for k, v in sound.items() if k != "plan"}),
                    "plan": sound["plan"],
                }
                mutate(raw)
                assert raw != sound, f"{setting.name}: the mutant {what!r} changes nothing"
                row = setting.row(State(raw))
                caught += (
                    row["verdict"] == DRIFTED and bool(row["reason"]) and row["actual"] != row["expected"]
                )
                if row["verdict"] != DRIFTED or not row["reason"] or row["actual"] == row["expected"]:
                    missed.append((setting.name, subject, what, row))
    assert missed == []
    assert caught > len(applicable(sound))
