# mypy: disable-error-code="no-redef"
"""Files, links and folders in a snapshot: content, mode, owner, time and extended attributes, byte for byte."""

from __future__ import annotations

import base64
import hashlib
import os
import shutil
import stat
from typing import Dict, Optional

try:
    from snapshot_host import Host, Outcome, Record, missing_parents
    from snapshot_mounts import mounted_below
    from snapshot_store import Store
except ImportError:
    from ansible.module_utils.snapshot_host import Host, Outcome, Record, missing_parents
    from ansible.module_utils.snapshot_mounts import mounted_below
    from ansible.module_utils.snapshot_store import Store


def _extended(path: str) -> Dict[str, str]:
    """Extended attributes, capabilities and ACLs among them; none where the file system has none."""
    try:
        names = os.listxattr(path, follow_symlinks=False)
        return {
            name: base64.b64encode(os.getxattr(path, name, follow_symlinks=False)).decode() for name in names
        }
    except OSError:
        return {}


def _attributes(path: str) -> Record:
    status = os.lstat(path)
    return {
        "mode": stat.S_IMODE(status.st_mode),
        "uid": status.st_uid,
        "gid": status.st_gid,
        "xattrs": _extended(path),
    }


def describe(path: str, store: Optional[Store] = None) -> Record:
    """What is at a path now. The content of a file goes into `store` when one is given."""
    if not os.path.lexists(path):
        return {"state": "absent"}
    status = os.lstat(path)
    if stat.S_ISLNK(status.st_mode):
        return {
            "state": "link",
            "target": os.readlink(path),
            "uid": status.st_uid,
            "gid": status.st_gid,
            "mtime_ns": status.st_mtime_ns,
        }
    if stat.S_ISDIR(status.st_mode):
        return dict(_attributes(path), state="directory")
    if not stat.S_ISREG(status.st_mode):
        return dict(_attributes(path), state="special")
    with open(path, "rb") as stream:
        content = stream.read()
    digest = store.keep(content) if store else hashlib.sha256(content).hexdigest()
    return dict(_attributes(path), state="file", sha256=digest, mtime_ns=status.st_mtime_ns)


def record_file(host: Host, store: Store, name: str, role: str) -> None:
    """Record a path, and the folders above it that do not exist yet."""
    for parent in missing_parents(host, name):
        store.add("directories", parent, role, {"state": "absent"})
    store.add("files", name, role, describe(host.path(name), store))


def record_attributes(host: Host, store: Store, name: str, role: str) -> None:
    """Record mode, owner and capabilities alone: the content belongs to a package, which may upgrade it."""
    path = host.path(name)
    if os.path.exists(path):
        store.add("attributes", name, role, dict(_attributes(path), state="present"))
    else:
        store.add("attributes", name, role, {"state": "absent"})


def record_directory(host: Host, store: Store, name: str, role: str) -> None:
    for parent in missing_parents(host, name):
        store.add("directories", parent, role, {"state": "absent"})
    record = describe(host.path(name))
    store.add("directories", name.rstrip("/"), role, record)


def record_tree(host: Host, store: Store, name: str, role: str) -> None:
    """Record a folder that will be ours alone, with all that is in it."""
    for parent in missing_parents(host, name):
        store.add("directories", parent, role, {"state": "absent"})
    state = "present" if os.path.lexists(host.path(name)) else "absent"
    store.add("trees", name.rstrip("/"), role, {"state": state})


def _set_attributes(path: str, record: Record) -> None:
    os.chown(path, record["uid"], record["gid"])
    os.chmod(path, record["mode"])
    # Changing the owner drops capabilities, so the extended attributes come last.
    now = _extended(path)
    for name in now:
        if name not in record["xattrs"]:
            os.removexattr(path, name)
    for name, value in record["xattrs"].items():
        if now.get(name) != value or name == "security.capability":
            os.setxattr(path, name, base64.b64decode(value))


def _differences(now: Record, then: Record) -> str:
    words = {"sha256": "content", "mtime_ns": "time", "xattrs": "attributes", "uid": "owner", "gid": "group"}
    return ", ".join(
        words.get(key, key) for key in sorted(then) if key != "role" and now.get(key) != then[key]
    )


def _write_file(path: str, content: bytes, record: Record) -> None:
    new = "%s.tcp-performance-%d" % (path, os.getpid())
    handle = os.open(new, os.O_WRONLY | os.O_CREAT | os.O_TRUNC, 0o600)
    with os.fdopen(handle, "wb") as stream:
        stream.write(content)
        stream.flush()
        os.fsync(stream.fileno())
    _set_attributes(new, record)
    os.utime(new, ns=(record["mtime_ns"], record["mtime_ns"]))
    os.replace(new, path)


def _write_link(path: str, record: Record) -> None:
    new = "%s.tcp-performance-%d" % (path, os.getpid())
    os.symlink(record["target"], new)
    os.lchown(new, record["uid"], record["gid"])
    os.utime(new, ns=(record["mtime_ns"], record["mtime_ns"]), follow_symlinks=False)
    os.replace(new, path)


def restore_file(host: Host, store: Store, name: str, record: Record, check: bool) -> Optional[Outcome]:
    """Put a path back as it was; None when it is so already."""
    path = host.path(name)
    now = describe(path)
    wrong = _differences(now, record)
    if not wrong:
        return None
    state = record["state"]
    detail = "removed" if state == "absent" else ("put back" if now["state"] == "absent" else wrong)
    if check:
        return Outcome("files", name, "restored", detail)
    if state in ("special", "directory") or now["state"] == "directory":
        if now["state"] != state:
            return Outcome("files", name, "failed", "was %s, is %s now" % (state, now["state"]))
        _set_attributes(path, record)
    elif state == "absent":
        os.unlink(path)
    else:
        os.makedirs(os.path.dirname(path), exist_ok=True)
        if state == "link":
            _write_link(path, record)
        else:
            _write_file(path, store.content(record["sha256"]), record)
    return Outcome("files", name, "restored", detail)


def restore_attributes(host: Host, store: Store, name: str, record: Record, check: bool) -> Optional[Outcome]:
    """Give a package's file its mode, owner and capabilities again; None when nothing is to be done."""
    path = host.path(name)
    if record["state"] == "absent" or not os.path.exists(path):
        return None
    wrong = _differences(dict(_attributes(path), state="present"), record)
    if not wrong:
        return None
    if not check:
        _set_attributes(path, record)
    return Outcome("attributes", name, "restored", wrong)


def restore_directory(host: Host, store: Store, name: str, record: Record, check: bool) -> Optional[Outcome]:
    """Remove a folder that was not there, when it is empty; else its mode and owner."""
    path = host.path(name)
    now = describe(path)
    if record["state"] == "absent":
        if now["state"] != "directory":
            return None
        # The kernel's own folders (resctrl's groups) are never empty and go all the same.
        if not check and not name.startswith("/sys/") and os.listdir(path):
            inside = sorted(os.listdir(path))[:3]
            return Outcome("directories", name, "kept", "holds %s, not ours" % ", ".join(inside))
        if host.run("dpkg-query", "-S", name).status == 0:
            return Outcome("directories", name, "kept", "an installed package owns it now")
        if not check:
            os.rmdir(path)
        return Outcome("directories", name, "restored", "removed")
    wrong = _differences(now, record)
    if not wrong:
        return None
    if now["state"] != "directory":
        return Outcome("directories", name, "failed", "was a directory, is %s now" % now["state"])
    if not check:
        _set_attributes(path, record)
    return Outcome("directories", name, "restored", wrong)


def restore_tree(host: Host, store: Store, name: str, record: Record, check: bool) -> Optional[Outcome]:
    """Remove a folder of ours with all that is in it."""
    path = host.path(name)
    if not os.path.lexists(path):
        return None
    if record["state"] == "present":
        return Outcome("trees", name, "kept", "was there before")
    mounted = mounted_below(host, name)
    if mounted:
        return Outcome("trees", name, "failed", "something is mounted on %s" % mounted[0])
    if not check:
        if os.path.isdir(path) and not os.path.islink(path):
            shutil.rmtree(path)
        else:
            os.unlink(path)
    return Outcome("trees", name, "restored", "removed")
