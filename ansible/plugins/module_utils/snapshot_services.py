# mypy: disable-error-code="no-redef"
"""Units of systemd and the alternatives of the distribution in a snapshot."""

from __future__ import annotations

import os
from typing import Dict, List, Optional, Tuple

try:
    from snapshot_host import Host, Outcome, Record
    from snapshot_store import Store
except ImportError:
    from ansible.module_utils.snapshot_host import Host, Outcome, Record
    from ansible.module_utils.snapshot_store import Store

UNIT_FILES = "/etc/systemd/system"


def _unit(host: Host, name: str) -> Record:
    """What systemd says of a unit; `load` is "not-found" for one that it does not know."""
    text = host.must("systemctl", "show", "--property=LoadState,UnitFileState,ActiveState", "--", name)
    fields = dict(line.split("=", 1) for line in text.splitlines() if "=" in line)
    return {
        "load": fields.get("LoadState", "not-found"),
        "enabled": fields.get("UnitFileState", ""),
        "active": fields.get("ActiveState", "inactive") in ("active", "activating", "reloading"),
    }


def record_unit(host: Host, store: Store, name: str, role: str) -> None:
    """Record a unit; where systemd does not run there is no state to record, and units are left alone."""
    if host.has_systemd():
        store.add("units", name, role, _unit(host, name))


def stop_unit(host: Host, store: Store, name: str, record: Record, check: bool) -> Optional[Outcome]:
    """First half: a unit that was not there or not running is stopped and disabled while its file still exists."""
    if not host.has_systemd():
        return None
    now = _unit(host, name)
    if now["load"] == "not-found":
        return None
    done = []
    if record["load"] == "not-found":
        if now["active"]:
            done.append("stopped")
        if now["enabled"].startswith("enabled"):
            done.append("disabled")
        if done and not check:
            host.must("systemctl", "disable", "--now", "--", name)
    elif now["active"] and not record["active"]:
        done.append("stopped")
        if not check:
            host.must("systemctl", "stop", "--", name)
    return Outcome("units", name, "restored", ", ".join(done)) if done else None


def stop_own_units(host: Host, store: Store, check: bool) -> List[Outcome]:
    """Units whose file was not there before are ours, recorded as units or not: they stop before their file goes."""
    outcomes = []
    for path, record in sorted(store.entries["files"].items()):
        folder, name = os.path.split(path)
        if folder == UNIT_FILES and record["state"] == "absent" and not store.has("units", name):
            outcome = stop_unit(host, store, name, {"load": "not-found"}, check)
            outcomes += [outcome] if outcome else []
    return outcomes


def start_unit(host: Host, store: Store, name: str, record: Record, check: bool) -> Optional[Outcome]:
    """Second half, with all files in place: enabled as before, and running when it ran, with its own files again."""
    if not host.has_systemd() or record["load"] == "not-found":
        return None
    now = _unit(host, name)
    if now["load"] == "not-found":
        return Outcome("units", name, "kept", "its package has been removed since")
    done = []
    for state, command in (("enabled", "enable"), ("disabled", "disable"), ("masked", "mask")):
        if record["enabled"] == state != now["enabled"]:
            done.append(state)
            if not check:
                if now["enabled"] == "masked":
                    host.must("systemctl", "unmask", "--", name)
                host.must("systemctl", command, "--", name)
    if record["active"]:
        if not now["active"]:
            done.append("started")
        if not check:
            host.must("systemctl", "restart", "--", name)
    return Outcome("units", name, "restored", ", ".join(done)) if done else None


def _alternative(host: Host, name: str) -> Record:
    done = host.run("update-alternatives", "--query", name)
    if done.status != 0:
        return {"status": "absent", "value": ""}
    fields: Dict[str, str] = {}
    for line in done.output.splitlines():
        key, colon, value = line.partition(": ")
        if colon:
            fields.setdefault(key, value.strip())
    return {"status": fields.get("Status", "auto"), "value": fields.get("Value", "")}


def record_alternative(host: Host, store: Store, name: str, role: str) -> None:
    store.add("alternatives", name, role, _alternative(host, name))


def restore_alternative(
    host: Host, store: Store, name: str, record: Record, check: bool
) -> Optional[Outcome]:
    """Automatic again, or the value somebody had chosen. A group that was not there goes with its packages."""
    now = _alternative(host, name)
    wanted = {key: record[key] for key in ("status", "value")}
    if now["status"] == "absent" or now == wanted:
        return None
    command: Tuple[str, ...]
    if record["status"] == "manual":
        command, detail = ("--set", name, record["value"]), "%s -> %s" % (now["value"], record["value"])
    elif now["status"] == "manual":
        command, detail = ("--auto", name), "automatic"
    else:
        return None
    if not check:
        done = host.run("update-alternatives", *command)
        if done.status != 0:
            return Outcome("alternatives", name, "failed", (done.errors or done.output).strip())
    return Outcome("alternatives", name, "restored", detail)
