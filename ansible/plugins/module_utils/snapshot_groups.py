# mypy: disable-error-code="no-redef"
"""Groups in a snapshot: their lines in /etc/group and /etc/gshadow, and both files as a whole.

When nobody else changed the files since, they and their backups come back byte for byte; else our groups' lines alone.
"""

from __future__ import annotations

import contextlib
import fcntl
import os
from typing import Dict, Iterator, List, Optional, Set

try:
    from snapshot_files import describe, record_file, restore_file
    from snapshot_host import Host, Outcome
    from snapshot_store import Store
except ImportError:
    from ansible.module_utils.snapshot_files import describe, record_file, restore_file
    from ansible.module_utils.snapshot_host import Host, Outcome
    from ansible.module_utils.snapshot_store import Store

FILES = ("/etc/group", "/etc/gshadow")
BACKUPS = ("/etc/group-", "/etc/gshadow-")
LOCK = "/etc/.pwd.lock"


def _lines(text: bytes) -> Dict[str, bytes]:
    """Name -> line; bytes, because old files need not be UTF-8."""
    found = {}
    for line in text.split(b"\n"):
        if line:
            found[line.split(b":", 1)[0].decode("utf-8", "surrogateescape")] = line
    return found


def _read(host: Host, name: str) -> bytes:
    try:
        with open(host.path(name), "rb") as stream:
            return stream.read()
    except FileNotFoundError:
        return b""


def record_group(host: Host, store: Store, name: str, role: str) -> None:
    """Record a group. The first one also records the files as a whole, as they are before any change."""
    for path in FILES + BACKUPS:
        if not store.has("accounts", path):
            store.add("accounts", path, role, describe(host.path(path), store))
    record_file(host, store, LOCK, role)
    state = "present" if name in _lines(_read(host, "/etc/group")) else "absent"
    store.add("groups", name, role, {"state": state})


@contextlib.contextmanager
def locked(host: Host) -> Iterator[None]:
    """The lock of groupadd and its kin, so that no other change comes between reading and writing."""
    path = host.path(LOCK)
    existed = os.path.exists(path)
    handle = os.open(path, os.O_WRONLY | os.O_CREAT, 0o600)
    try:
        fcntl.lockf(handle, fcntl.LOCK_EX)
        yield
    finally:
        if not existed:
            os.unlink(path)
        os.close(handle)


def _primary_groups(host: Host) -> Set[str]:
    return {
        line.split(":")[3] for line in (host.text("/etc/passwd") or "").splitlines() if line.count(":") > 3
    }


def _recorded(store: Store, path: str) -> bytes:
    record = store.entries["accounts"].get(path, {"state": "absent"})
    return store.content(record["sha256"]) if record["state"] == "file" else b""


def _without(lines: Dict[str, bytes], names: Set[str]) -> List[bytes]:
    return [line for name, line in lines.items() if name not in names]


def restore_groups(host: Host, store: Store, check: bool) -> List[Outcome]:
    """Put back all recorded groups; one outcome for each that differed."""
    if not store.entries["groups"]:
        return []
    outcomes, ours = [], set(store.entries["groups"])
    now = _lines(_read(host, "/etc/group"))
    then = _lines(_recorded(store, "/etc/group"))
    primary = _primary_groups(host)
    for name in sorted(ours):
        if now.get(name) == then.get(name):
            continue
        if name not in then and now[name].split(b":")[2].decode() in primary:
            outcomes.append(Outcome("groups", name, "kept", "it is the primary group of a user"))
            ours.discard(name)
            continue
        detail = "removed" if name not in then else "members and number as before"
        outcomes.append(Outcome("groups", name, "restored", detail))
    if check:
        return outcomes
    with locked(host):
        changed = [
            _restore_file_of_groups(host, store, path, backup, ours) for path, backup in zip(FILES, BACKUPS)
        ]
    others = [path for path in changed if path]
    if others and any(outcome.result == "restored" for outcome in outcomes):
        detail = "changed by others since; only our groups' lines were put back"
        outcomes += [Outcome("groups", path, "kept", detail) for path in others]
    return outcomes


def _restore_file_of_groups(
    host: Host, store: Store, path: str, backup: str, ours: Set[str]
) -> Optional[str]:
    """Put one file back, whole if only our lines differ; the path, when others have changed it too."""
    record = store.entries["accounts"][path]
    current = _read(host, path)
    now, then = _lines(current), _lines(_recorded(store, path))
    if _without(now, ours) == _without(then, ours):
        for name in (path, backup):
            restore_file(host, store, name, store.entries["accounts"][name], False)
        return None
    merged: List[bytes] = []
    for name, line in now.items():
        if name not in ours:
            merged.append(line)
        elif name in then:
            merged.append(then[name])
    merged += [then[name] for name in sorted(ours) if name in then and name not in now]
    content = b"".join(line + b"\n" for line in merged)
    if content != current:
        here = describe(host.path(path))
        if here["state"] == "absent":
            here = record
        restore_file(host, store, path, dict(here, state="file", sha256=store.keep(content)), False)
    return path
