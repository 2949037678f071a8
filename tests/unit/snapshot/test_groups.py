"""Groups: the whole files when only we changed them, our lines alone when others did too."""

from __future__ import annotations

from pathlib import Path
from typing import List

import pytest
from snapshot_host import Host, Outcome
from snapshot_restore import Restoration, record
from snapshot_store import Store

GROUP = "root:x:0:\nusers:x:100:bob\n"
SHADOW = "root:*::\nusers:*::bob\n"


@pytest.fixture
def accounts(etc: Path) -> Path:
    for name, text in (
        ("group", GROUP),
        ("gshadow", SHADOW),
        ("group-", "root:x:0:\n"),
        ("gshadow-", "root:*::\n"),
    ):
        (etc / name).write_text(text)
        (etc / name).chmod(0o644 if "group" in name else 0o640)
    (etc / "passwd").write_text("root:x:0:0::/root:/bin/sh\nbob:x:1000:100::/home/bob:/bin/sh\n")
    return etc


def snapshot(host: Host, *groups: str) -> None:
    store = Store(host)
    record(host, store, "tests", {"groups": groups})
    store.save()


def revert(host: Host, check: bool = False) -> List[Outcome]:
    return Restoration(host, Store(host), check).run()


def contents(etc: Path) -> List[str]:
    return [(etc / name).read_text() for name in ("group", "group-", "gshadow", "gshadow-")]


def test_both_files_and_their_backups_come_back_whole(host: Host, accounts: Path) -> None:
    before = contents(accounts)
    snapshot(host, "realtime", "users")
    (accounts / "group-").write_text(GROUP)
    (accounts / "gshadow-").write_text(SHADOW)
    (accounts / "group").write_text(GROUP.replace(":bob", ":bob,eve") + "realtime:x:999:eve\n")
    (accounts / "gshadow").write_text(SHADOW.replace("::bob", "::bob,eve") + "realtime:!::eve\n")
    outcomes = revert(host)
    assert contents(accounts) == before
    assert [(o.name, o.result) for o in outcomes] == [("realtime", "restored"), ("users", "restored")]
    assert not (accounts / ".pwd.lock").exists()


def test_a_group_of_others_stays_and_is_named(host: Host, accounts: Path) -> None:
    snapshot(host, "realtime")
    (accounts / "group").write_text(GROUP + "realtime:x:999:\ntheirs:x:1001:\n")
    (accounts / "gshadow").write_text(SHADOW + "realtime:!::\ntheirs:!::\n")
    outcomes = revert(host)
    assert (accounts / "group").read_text() == GROUP + "theirs:x:1001:\n"
    assert (accounts / "gshadow").read_text() == SHADOW + "theirs:!::\n"
    assert [outcome.name for outcome in outcomes if outcome.result == "kept"] == [
        "/etc/group",
        "/etc/gshadow",
    ]


def test_members_that_others_changed_elsewhere_stay(host: Host, accounts: Path) -> None:
    snapshot(host, "realtime")
    (accounts / "group").write_text(GROUP.replace(":bob", ":bob,eve") + "realtime:x:999:\n")
    revert(host)
    assert (accounts / "group").read_text() == GROUP.replace(":bob", ":bob,eve")


def test_the_primary_group_of_a_user_stays(host: Host, accounts: Path) -> None:
    snapshot(host, "realtime")
    (accounts / "group").write_text(GROUP + "realtime:x:999:\n")
    (accounts / "passwd").write_text("eve:x:1001:999::/home/eve:/bin/sh\n")
    outcomes = revert(host)
    assert "realtime:x:999:" in (accounts / "group").read_text()
    assert ("groups", "realtime", "kept") in [outcome[:3] for outcome in outcomes]


def test_a_group_that_somebody_removed_comes_back(host: Host, accounts: Path) -> None:
    snapshot(host, "users")
    (accounts / "group").write_text("root:x:0:\n")
    (accounts / "gshadow").write_text("root:*::\n")
    revert(host)
    assert (accounts / "group").read_text() == GROUP


def test_check_mode_touches_neither_files_nor_lock(host: Host, accounts: Path) -> None:
    snapshot(host, "realtime")
    (accounts / "group").write_text(GROUP + "realtime:x:999:\n")
    assert [(o.name, o.result) for o in revert(host, check=True)] == [("realtime", "restored")]
    assert (accounts / "group").read_text() == GROUP + "realtime:x:999:\n"
    assert not (accounts / ".pwd.lock").exists()
