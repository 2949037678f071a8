# mypy: disable-error-code="no-redef"
"""Mounts in a snapshot: what we mount is unmounted again."""

from __future__ import annotations

import os
from typing import Dict, List, Optional, Tuple

try:
    from snapshot_host import Host, Outcome, Record, missing_parents
    from snapshot_store import Store
except ImportError:
    from ansible.module_utils.snapshot_host import Host, Outcome, Record, missing_parents
    from ansible.module_utils.snapshot_store import Store


def mounts(host: Host) -> Dict[str, Tuple[str, str]]:
    """Mount point -> type and options, the topmost mount of each point."""
    found = {}
    for line in (host.text("/proc/self/mountinfo") or "").splitlines():
        mount, dash, rest = line.partition(" - ")
        if dash:
            point = mount.split()[4].replace("\\040", " ")
            found[point] = (rest.split()[0], mount.split()[5])
    return found


def mounted_below(host: Host, name: str) -> List[str]:
    prefix = name.rstrip("/") + "/"
    return sorted(point for point in mounts(host) if point == name or point.startswith(prefix))


def record_mount(host: Host, store: Store, name: str, role: str) -> None:
    for parent in missing_parents(host, name):
        store.add("directories", parent, role, {"state": "absent"})
    if not os.path.lexists(host.path(name)):
        store.add("directories", name, role, {"state": "absent"})
    store.add("mounts", name, role, {"mounted": name in mounts(host)})


def restore_mount(host: Host, store: Store, name: str, record: Record, check: bool) -> Optional[Outcome]:
    """Unmount what was not mounted; what was, is left as it is."""
    if record["mounted"] or name not in mounts(host):
        return None
    if not check:
        done = host.run("umount", name)
        if done.status != 0:
            reason = (done.errors.strip().splitlines() or ["exit %d" % done.status])[-1]
            return Outcome("mounts", name, "failed", reason)
    return Outcome("mounts", name, "restored", "unmounted")
