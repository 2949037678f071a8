"""`--check` leaves a host as it was: not a file under /etc, not a package, account, kernel setting or mount differs."""

from __future__ import annotations


def test_check_mode_changes_nothing(changes_since_prepare: dict[str, str]) -> None:
    assert changes_since_prepare == {}
