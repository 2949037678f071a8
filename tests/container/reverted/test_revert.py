"""After the revert a host is as it was before the first provisioning, apart from what is named."""

from __future__ import annotations


def test_host_is_as_before(changes_since_prepare: dict[str, str]) -> None:
    assert changes_since_prepare == {}
