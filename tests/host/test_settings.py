"""One test a setting: it passes when the effective state of the host is as planned."""

from __future__ import annotations

import warnings
from typing import Any

import pytest

from tests.host.verdict import COMPLIANT, DRIFTED, NOT_APPLICABLE, REBOOT_PENDING


def test_setting(row: dict[str, Any]) -> None:
    if row["verdict"] == NOT_APPLICABLE:
        pytest.skip(row["reason"])
    if row["verdict"] == REBOOT_PENDING:
        warnings.warn(f"{row['setting']} is pending a reboot: {row['reason']}", stacklevel=1)
        return
    if row["verdict"] == DRIFTED:
        # Long tracebacks would bury what matters.
        pytest.fail(
            f"{row['setting']}: expected {row['expected']}, found {row['actual']}: {row['reason']}",
            pytrace=False,
        )
    assert row["verdict"] == COMPLIANT
