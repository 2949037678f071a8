# mypy: disable-error-code="no-redef"
"""Where a snapshot lies on a host, and how it survives an interruption at any point.

Everything is in one JSON file, replaced by rename after its content has reached the disk. What files held is kept
beside it under the hash of the content, written before the JSON file names it. Records are only added: the first wins.
"""

from __future__ import annotations

import hashlib
import json
import os
import shutil
import time
from typing import Dict

try:  # On a controller this folder is on the path; in a module's archive it is part of Ansible.
    from snapshot_host import Host, Record, SnapshotError
except ImportError:
    from ansible.module_utils.snapshot_host import Host, Record, SnapshotError

STATE = "/var/lib/tcp-performance"
FOLDER = STATE + "/snapshot"
SCHEMA = 1

# What may be recorded, in the order of the module's options.
KINDS = (
    "files",
    "attributes",
    "directories",
    "trees",
    "sysctls",
    "values",
    "groups",
    "accounts",
    "units",
    "alternatives",
    "packages",
    "mounts",
    "modules",
    "dkms",
)


def sync_folder(path: str) -> None:
    handle = os.open(path, os.O_RDONLY | os.O_DIRECTORY)
    try:
        os.fsync(handle)
    finally:
        os.close(handle)


def write_durably(path: str, content: bytes, mode: int = 0o600) -> None:
    """Replace a file by one that is whole or not there at all."""
    new = path + ".new"
    handle = os.open(new, os.O_WRONLY | os.O_CREAT | os.O_TRUNC, mode)
    with os.fdopen(handle, "wb") as stream:
        stream.write(content)
        stream.flush()
        os.fsync(stream.fileno())
    os.replace(new, path)
    sync_folder(os.path.dirname(path))


class Store:
    """The snapshot of one host: kind -> name -> record."""

    def __init__(self, host: Host) -> None:
        self.folder = host.path(FOLDER)
        self.state = host.path(STATE)
        self.file = os.path.join(self.folder, "snapshot.json")
        self.entries: Dict[str, Dict[str, Record]] = {kind: {} for kind in KINDS}
        self.created = ""
        self.pending: Dict[str, bytes] = {}
        if os.path.exists(self.file):
            self._load()

    def _load(self) -> None:
        with open(self.file, encoding="utf-8") as stream:
            try:
                document = json.load(stream)
            except ValueError as error:
                raise SnapshotError("%s is damaged: %s" % (self.file, error)) from error
        if document.get("schema") != SCHEMA:
            raise SnapshotError(
                "%s has schema %r, this version knows %d" % (self.file, document.get("schema"), SCHEMA)
            )
        self.created = document["created"]
        for kind, records in document["entries"].items():
            self.entries[kind] = records

    def exists(self) -> bool:
        return bool(self.created)

    def has(self, kind: str, name: str) -> bool:
        return name in self.entries[kind]

    def add(self, kind: str, name: str, role: str, record: Record) -> bool:
        """Keep a record unless there is one already; True when it was kept."""
        if name in self.entries[kind]:
            return False
        self.entries[kind][name] = dict(record, role=role)
        return True

    def drop(self, kind: str, name: str) -> None:
        self.entries[kind].pop(name, None)

    def keep(self, content: bytes) -> str:
        """Take a file's content; it is written by the next save. The hash to find it again."""
        digest = hashlib.sha256(content).hexdigest()
        self.pending[digest] = content
        return digest

    def content(self, digest: str) -> bytes:
        if digest in self.pending:
            return self.pending[digest]
        with open(os.path.join(self.folder, "content", digest), "rb") as stream:
            content = stream.read()
        if hashlib.sha256(content).hexdigest() != digest:
            raise SnapshotError("%s/content/%s is damaged" % (self.folder, digest))
        return content

    def save(self) -> None:
        """Bring everything to the disk: contents first, the file that names them last."""
        os.makedirs(self.state, mode=0o755, exist_ok=True)
        contents = os.path.join(self.folder, "content")
        for folder in (self.folder, contents):
            # Readable by root alone: a recorded file may be secret (/etc/gshadow is).
            os.makedirs(folder, mode=0o700, exist_ok=True)
            os.chmod(folder, 0o700)
        for digest, content in self.pending.items():
            write_durably(os.path.join(contents, digest), content)
        self.pending.clear()
        self.created = self.created or time.strftime("%Y-%m-%dT%H:%M:%SZ", time.gmtime())
        document = {"schema": SCHEMA, "created": self.created, "entries": self.entries}
        text = json.dumps(document, indent=1, sort_keys=True) + "\n"
        write_durably(self.file, text.encode())
        sync_folder(self.state)

    def remove(self) -> None:
        """Forget everything. The JSON file goes first, so that no half of a snapshot is ever believed."""
        if os.path.exists(self.file):
            os.unlink(self.file)
            sync_folder(self.folder)
        if os.path.isdir(self.folder):
            shutil.rmtree(self.folder)
