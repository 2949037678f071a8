"""After the revert a host is as it was before the first provisioning, apart from what is named here."""

from __future__ import annotations

import fnmatch

# pattern of `section:name` -> why this may differ from the state before.
EXCEPTIONS: dict[str, str] = {}


def test_host_is_as_before(changes_since_prepare: dict[str, str]) -> None:
    excepted = {
        name: reason
        for name in changes_since_prepare
        for pattern, reason in EXCEPTIONS.items()
        if fnmatch.fnmatchcase(name, pattern)
    }
    for name, reason in excepted.items():
        print(f"excepted: {name}: {changes_since_prepare[name]} ({reason})")
    assert {name: change for name, change in changes_since_prepare.items() if name not in excepted} == {}
