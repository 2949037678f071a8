"""Files, links and folders come back byte for byte; what was not there goes."""

from __future__ import annotations

import os
import shutil
from pathlib import Path
from typing import Dict, List, Tuple

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from snapshot_host import Host, Outcome
from snapshot_restore import Restoration, record
from snapshot_store import STATE, Store


def snapshot(host: Host, **wanted: List[str]) -> None:
    store = Store(host)
    record(host, store, "tests", dict(wanted))
    store.save()


def revert(host: Host, check: bool = False) -> List[Outcome]:
    return Restoration(host, Store(host), check).run()


def fingerprint(folder: Path) -> Dict[str, Tuple[int, int, int, object]]:
    """Mode, owner and content of everything below a folder."""
    found: Dict[str, Tuple[int, int, int, object]] = {}
    for path in sorted(folder.rglob("*")):
        status = path.lstat()
        content: object = os.readlink(path) if path.is_symlink() else ""
        if path.is_file() and not path.is_symlink():
            content = (path.read_bytes(), status.st_mtime_ns)
        found[str(path.relative_to(folder))] = (status.st_mode, status.st_uid, status.st_gid, content)
    return found


def test_a_changed_file_gets_content_mode_and_time_again(host: Host, etc: Path) -> None:
    path = etc / "some.conf"
    path.write_bytes(b"before \xff\n")
    path.chmod(0o640)
    os.utime(path, ns=(1_500_000_000_123_456_789, 1_500_000_000_123_456_789))
    before = fingerprint(etc)
    snapshot(host, files=["/etc/some.conf"])
    path.write_text("after")
    path.chmod(0o600)
    outcomes = revert(host)
    assert fingerprint(etc) == before
    assert [(o.kind, o.name, o.result) for o in outcomes] == [("files", "/etc/some.conf", "restored")]


def test_a_new_file_goes_with_the_folders_made_for_it(host: Host, etc: Path) -> None:
    snapshot(host, files=["/etc/new/deep/some.conf"])
    (etc / "new/deep").mkdir(parents=True)
    (etc / "new/deep/some.conf").write_text("x")
    host.runner.say("dpkg-query -S", status=1)  # type: ignore[attr-defined]
    revert(host)
    assert list(etc.iterdir()) == []


def test_a_new_folder_stays_when_it_holds_something_else(host: Host, etc: Path) -> None:
    snapshot(host, files=["/etc/new/some.conf"])
    (etc / "new").mkdir()
    (etc / "new/some.conf").write_text("x")
    (etc / "new/of-the-user").write_text("y")
    kept = [outcome for outcome in revert(host) if outcome.result == "kept"]
    assert [(o.name, o.detail) for o in kept] == [("/etc/new", "holds of-the-user, not ours")]
    assert [path.name for path in (etc / "new").iterdir()] == ["of-the-user"]


def test_a_new_folder_stays_when_a_package_owns_it(host: Host, etc: Path) -> None:
    snapshot(host, directories=["/etc/new"])
    (etc / "new").mkdir()
    host.runner.say("dpkg-query -S", output="some-package: /etc/new")  # type: ignore[attr-defined]
    assert [outcome.result for outcome in revert(host)] == ["kept"]
    assert (etc / "new").is_dir()


def test_a_link_comes_back_as_a_link(host: Host, etc: Path) -> None:
    (etc / "link").symlink_to("nowhere")
    before = fingerprint(etc)
    snapshot(host, files=["/etc/link"])
    (etc / "link").unlink()
    (etc / "link").write_text("a file now")
    revert(host)
    assert fingerprint(etc) == before


def test_a_folder_in_a_files_place_is_not_touched(host: Host, etc: Path) -> None:
    (etc / "some.conf").write_text("before")
    snapshot(host, files=["/etc/some.conf"])
    (etc / "some.conf").unlink()
    (etc / "some.conf").mkdir()
    outcomes = revert(host)
    assert [(o.result, o.detail) for o in outcomes] == [("failed", "was file, is directory now")]
    assert (etc / "some.conf").is_dir()


def test_extended_attributes_come_back(host: Host, etc: Path) -> None:
    path = etc / "program"
    path.write_text("x")
    try:
        os.setxattr(path, "user.kept", b"1")
    except OSError:
        pytest.skip("this file system has no user attributes")
    snapshot(host, attributes=["/etc/program"])
    os.setxattr(path, "user.kept", b"2")
    os.setxattr(path, "user.new", b"3")
    path.write_text("upgraded since")
    revert(host)
    assert {name: os.getxattr(path, name) for name in os.listxattr(path)} == {"user.kept": b"1"}
    assert path.read_text() == "upgraded since"


def test_a_tree_of_ours_goes_whole(host: Host, tmp_path: Path) -> None:
    snapshot(host, trees=["/opt/ours"])
    (tmp_path / "opt/ours/lib").mkdir(parents=True)
    (tmp_path / "opt/ours/lib/file").write_text("x")
    host.runner.say("dpkg-query -S", status=1)  # type: ignore[attr-defined]
    revert(host)
    assert not (tmp_path / "opt").exists()


def test_a_tree_that_was_there_stays(host: Host, tmp_path: Path) -> None:
    (tmp_path / "opt/theirs").mkdir(parents=True)
    snapshot(host, trees=["/opt/theirs"])
    assert [(o.result, o.detail) for o in revert(host)] == [("kept", "was there before")]
    assert (tmp_path / "opt/theirs").is_dir()


def test_a_tree_with_a_mount_in_it_stays(host: Host, tmp_path: Path) -> None:
    snapshot(host, trees=["/opt/ours"])
    (tmp_path / "opt/ours/data").mkdir(parents=True)
    (tmp_path / "proc/self").mkdir(parents=True)
    line = "30 1 0:5 / /opt/ours/data rw,relatime - tmpfs tmpfs rw\n"
    (tmp_path / "proc/self/mountinfo").write_text(line)
    outcomes = revert(host)
    assert ("trees", "/opt/ours", "failed") in [outcome[:3] for outcome in outcomes]
    assert (tmp_path / "opt/ours/data").is_dir()


def test_check_mode_says_the_same_and_changes_nothing(host: Host, etc: Path) -> None:
    (etc / "some.conf").write_text("before")
    snapshot(host, files=["/etc/some.conf", "/etc/new.conf"])
    (etc / "some.conf").write_text("after")
    (etc / "new.conf").write_text("x")
    changed = fingerprint(etc)
    announced = revert(host, check=True)
    assert fingerprint(etc) == changed
    assert revert(host) == announced


def test_nothing_is_said_of_what_nobody_changed(host: Host, etc: Path) -> None:
    (etc / "some.conf").write_text("before")
    snapshot(host, files=["/etc/some.conf", "/etc/absent.conf"])
    assert revert(host) == []


names = st.sampled_from(["a", "b", "c", "d/e", "d/f", "g/h/i"])
states = st.one_of(
    st.just(None),
    st.tuples(st.binary(max_size=20), st.sampled_from([0o600, 0o644, 0o755])),
    st.text("xyz", min_size=1, max_size=5),
)


def put(etc: Path, tree: Dict[str, object]) -> None:
    for name, state in tree.items():
        path = etc / name
        if path.is_symlink() or path.exists():
            path.unlink()
        if state is None:
            continue
        path.parent.mkdir(parents=True, exist_ok=True)
        if isinstance(state, tuple):
            path.write_bytes(state[0])
            path.chmod(state[1])
        else:
            path.symlink_to(str(state))


# Each example waits for the disk several times.
@settings(max_examples=25)
@given(st.dictionaries(names, states), st.dictionaries(names, states))
def test_whatever_happens_to_recorded_files_is_undone(
    tmp_path_factory: pytest.TempPathFactory, before: Dict[str, object], after: Dict[str, object]
) -> None:
    root = tmp_path_factory.mktemp("host")
    etc = root / "etc"
    etc.mkdir()
    put(etc, before)
    was = fingerprint(etc)
    host = Host(str(root))
    snapshot(host, files=[f"/etc/{name}" for name in after])
    put(etc, after)
    revert(host)
    assert fingerprint(etc) == was
    assert not (root / STATE.lstrip("/") / "snapshot").exists()
    shutil.rmtree(root)
