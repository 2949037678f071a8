"""Settings broken by hand are named by the verifier: all of them, and no other."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

import yaml

if TYPE_CHECKING:
    from tests.container.conftest import Verification

BREAKAGES = Path(__file__).resolve().parents[3] / "molecule" / "shared" / "vars" / "breakages.yml"


def test_verifier_names_exactly_what_was_broken(verification: Verification) -> None:
    broken = {entry["setting"] for entry in yaml.safe_load(BREAKAGES.read_text())["breakages"]}
    assert verification.settings("drifted") == broken, verification.output


def test_verifier_exits_with_1(verification: Verification) -> None:
    assert verification.exit_code == 1, verification.output


def test_verdict_says_what_was_expected_and_what_is_there(verification: Verification) -> None:
    drifted = [row for row in verification.verdicts if row["verdict"] == "drifted"]
    assert drifted
    for row in drifted:
        assert row["expected"] != row["actual"], row
        assert row["reason"], row
