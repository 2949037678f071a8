"""A provisioned host passes the verifier: no setting has drifted, and what does not apply says why."""

from __future__ import annotations

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from tests.container.conftest import Verification


def test_no_setting_has_drifted(verification: Verification) -> None:
    assert verification.settings("drifted") == set(), verification.output
    assert verification.exit_code == 0, verification.output


def test_settings_were_judged(verification: Verification) -> None:
    assert verification.settings("compliant"), verification.output


def test_what_does_not_apply_says_why(verification: Verification) -> None:
    silent = [
        row["setting"] for row in verification.verdicts if row["verdict"] != "compliant" and not row["reason"]
    ]
    assert silent == []
