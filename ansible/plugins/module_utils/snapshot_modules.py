# mypy: disable-error-code="no-redef"
"""Kernel modules in a snapshot: what we load is unloaded, what we hand to DKMS is taken from it."""

from __future__ import annotations

import os
from typing import List, Optional

try:
    from snapshot_host import Host, Outcome, Record
    from snapshot_store import Store
except ImportError:
    from ansible.module_utils.snapshot_host import Host, Outcome, Record
    from ansible.module_utils.snapshot_store import Store

DKMS = "/var/lib/dkms"


def _loaded(host: Host, name: str) -> bool:
    return os.path.isdir(host.path("/sys/module/%s" % name))


def record_module(host: Host, store: Store, name: str, role: str) -> None:
    store.add("modules", name, role, {"loaded": _loaded(host, name)})


def restore_module(host: Host, store: Store, name: str, record: Record, check: bool) -> Optional[Outcome]:
    """Unload what was not loaded. One that is in use stays, and stays recorded."""
    if record["loaded"] or not _loaded(host, name):
        return None
    if not check:
        done = host.run("rmmod", name)
        if done.status != 0:
            reason = (done.errors.strip().splitlines() or ["exit %d" % done.status])[-1]
            return Outcome("modules", name, "failed", reason)
    return Outcome("modules", name, "restored", "unloaded")


def _versions(host: Host, name: str) -> List[str]:
    folder = host.path("%s/%s" % (DKMS, name))
    found = os.listdir(folder) if os.path.isdir(folder) else []
    # Beside the versions there are links, one a kernel that has the module.
    return sorted(entry for entry in found if not os.path.islink(os.path.join(folder, entry)))


def record_dkms(host: Host, store: Store, name: str, role: str) -> None:
    store.add("dkms", name, role, {"versions": _versions(host, name)})


def restore_dkms(host: Host, store: Store, name: str, record: Record, check: bool) -> Optional[Outcome]:
    """Take the versions away that were not there; DKMS removes the built modules and writes the kernels' lists anew."""
    ours = [version for version in _versions(host, name) if version not in record["versions"]]
    if not ours:
        return None
    for version in ours if not check else []:
        host.must("dkms", "remove", "%s/%s" % (name, version), "--all")
    return Outcome("dkms", name, "restored", "removed %s" % ", ".join(ours))
