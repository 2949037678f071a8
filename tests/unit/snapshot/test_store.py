"""A snapshot only grows, and an interruption never leaves a half of one."""

from __future__ import annotations

import json
import os
import stat
from pathlib import Path

import pytest
from snapshot_host import Host, SnapshotError
from snapshot_restore import Restoration, record
from snapshot_store import FOLDER, Store


def test_the_first_record_wins(host: Host, etc: Path) -> None:
    (etc / "some.conf").write_text("first")
    for text in ("second", "third"):
        store = Store(host)
        record(host, store, "tests", {"files": ["/etc/some.conf"]})
        store.save()
        (etc / "some.conf").write_text(text)
    Restoration(host, Store(host), check=False).run()
    assert (etc / "some.conf").read_text() == "first"


def test_recording_again_is_nothing_new(host: Host) -> None:
    store = Store(host)
    wanted = {"files": ["/etc/a"], "trees": ["/opt/ours/"], "sysctls": ["vm.swappiness"]}
    assert len(record(host, store, "tests", wanted)) == 3
    store.save()
    assert record(host, Store(host), "others", wanted) == []


@pytest.mark.parametrize("step", range(8))
def test_an_interruption_leaves_the_old_snapshot_or_the_new_one(
    host: Host, etc: Path, monkeypatch: pytest.MonkeyPatch, step: int
) -> None:
    (etc / "first").write_text("1")
    (etc / "second").write_text("2")
    store = Store(host)
    record(host, store, "tests", {"files": ["/etc/first"]})
    store.save()

    done, real = [0], {name: getattr(os, name) for name in ("replace", "fsync", "open")}

    def interrupted(name: str) -> object:
        def call(*arguments: object, **keywords: object) -> object:
            done[0] += 1
            if done[0] > step:
                raise KeyboardInterrupt
            return real[name](*arguments, **keywords)

        return call

    store = Store(host)
    record(host, store, "tests", {"files": ["/etc/second"]})
    with monkeypatch.context() as patch:
        for name in real:
            patch.setattr(os, name, interrupted(name))
        with pytest.raises(KeyboardInterrupt):
            store.save()
    found = Store(host)
    assert found.has("files", "/etc/first")
    for name in found.entries["files"]:
        assert found.content(found.entries["files"][name]["sha256"]) == (etc / name[5:]).read_bytes()


def test_only_root_reads_it(host: Host, tmp_path: Path) -> None:
    store = Store(host)
    record(host, store, "tests", {"files": ["/etc/a"]})
    store.save()
    folder = tmp_path / FOLDER.lstrip("/")
    assert stat.S_IMODE(folder.stat().st_mode) == 0o700
    assert stat.S_IMODE((folder / "snapshot.json").stat().st_mode) == 0o600
    assert stat.S_IMODE(folder.parent.stat().st_mode) == 0o755


def test_a_damaged_snapshot_is_refused(host: Host, tmp_path: Path) -> None:
    store = Store(host)
    record(host, store, "tests", {"files": ["/etc/a"]})
    store.save()
    path = tmp_path / FOLDER.lstrip("/") / "snapshot.json"
    path.write_text(path.read_text()[:-5])
    with pytest.raises(SnapshotError, match="damaged"):
        Store(host)


def test_a_damaged_content_is_refused_and_its_record_kept(host: Host, etc: Path, tmp_path: Path) -> None:
    (etc / "some.conf").write_text("before")
    store = Store(host)
    record(host, store, "tests", {"files": ["/etc/some.conf"]})
    store.save()
    (etc / "some.conf").write_text("after")
    (content,) = (tmp_path / FOLDER.lstrip("/") / "content").iterdir()
    content.write_text("forged")
    outcomes = Restoration(host, Store(host), check=False).run()
    assert [outcome.result for outcome in outcomes] == ["failed"]
    assert (etc / "some.conf").read_text() == "after"
    assert Store(host).has("files", "/etc/some.conf")


def test_another_schema_is_refused(host: Host, tmp_path: Path) -> None:
    store = Store(host)
    store.save()
    path = tmp_path / FOLDER.lstrip("/") / "snapshot.json"
    path.write_text(json.dumps(dict(json.loads(path.read_text()), schema=99)))
    with pytest.raises(SnapshotError, match="schema 99"):
        Store(host)
