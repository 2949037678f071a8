# mypy: disable-error-code="no-redef"
"""Packages in a snapshot: what a transaction would bring is written down before it runs, and purged on revert."""

from __future__ import annotations

import re
from typing import Dict, List, NamedTuple, Set, Tuple

try:
    from snapshot_host import Host, Outcome, SnapshotError
    from snapshot_store import Store
except ImportError:
    from ansible.module_utils.snapshot_host import Host, Outcome, SnapshotError
    from ansible.module_utils.snapshot_store import Store

LINE = re.compile(r"^(?P<what>Inst|Remv|Purg) (?P<name>\S+)(?: \[(?P<old>[^]]+)\])?(?: \((?P<new>\S+))?")
WAIT = ("-o", "DPkg::Lock::Timeout=600")


class Transaction(NamedTuple):
    """What apt would do: names -> versions for new ones, (old, new) for upgrades, names for removals."""

    new: Dict[str, str]
    upgraded: Dict[str, Tuple[str, str]]
    removed: Set[str]


def simulate(host: Host, *arguments: str) -> Transaction:
    text = host.must("apt-get", "-s", "-q", *WAIT, *arguments)
    new: Dict[str, str] = {}
    upgraded: Dict[str, Tuple[str, str]] = {}
    removed: Set[str] = set()
    for line in text.splitlines():
        found = LINE.match(line)
        if not found:
            continue
        if found["what"] != "Inst":
            removed.add(found["name"])
        elif found["old"]:
            upgraded[found["name"]] = (found["old"], found["new"] or "")
        else:
            new[found["name"]] = found["new"] or ""
    return Transaction(new, upgraded, removed)


def states(host: Host) -> Dict[str, str]:
    """Package -> dpkg's state of it, named as apt does: the architecture only where it is a foreign one."""
    native = host.must("dpkg", "--print-architecture").strip()
    text = host.must("dpkg-query", "-W", "-f", "${Package} ${Architecture} ${db:Status-Status}\n")
    found = {}
    for line in text.splitlines():
        name, architecture, state = line.split(" ")
        found[name if architecture in (native, "all") else "%s:%s" % (name, architecture)] = state
    return found


def missing(host: Host, packages: List[str]) -> List[str]:
    known = states(host)
    return [name for name in packages if known.get(name) != "installed"]


def manual(host: Host) -> Set[str]:
    return set(host.must("apt-mark", "showmanual").split())


def unknown(host: Host, packages: List[str]) -> List[str]:
    """Packages that apt has no candidate for: its lists may be empty on a fresh machine, or lack a component."""
    policies = ((name, host.must("apt-cache", "policy", name)) for name in packages)
    return [name for name, text in policies if "Candidate:" not in text or "Candidate: (none)" in text]


def record_packages(host: Host, store: Store, packages: List[str], role: str) -> Transaction:
    """Write down a transaction before it runs. SnapshotError when it would take a package away."""
    transaction = simulate(host, "install", "--no-install-recommends", *packages)
    if transaction.removed:
        raise SnapshotError(
            "installing %s would remove %s; remove it yourself, or leave this capability off"
            % (", ".join(packages), ", ".join(sorted(transaction.removed)))
        )
    before, by_hand = states(host), manual(host)
    for name, version in transaction.new.items():
        state = "config-files" if before.get(name) == "config-files" else "absent"
        record = {"state": state, "version": version, "asked": name in packages}
        store.add("packages", name, role, record)
    for name, (old, new) in transaction.upgraded.items():
        store.add("packages", name, role, {"state": "upgraded", "version": old, "to": new})
    for name in packages:
        if before.get(name) == "installed" and name not in by_hand:
            store.add("packages", name, role, {"state": "automatic"})
    return transaction


def _running_kernel(host: Host, names: List[str]) -> Set[str]:
    release = host.run("uname", "-r").output.strip()
    return {name for name in names if release and name.startswith("linux-image-") and name.endswith(release)}


def _removable(host: Host, names: List[str], ours: Set[str], accepted: List[str]) -> List[str]:
    """The largest part of `names` that goes without taking or pulling in anybody else's package."""
    trial = simulate(host, "purge", *accepted, *names)
    if not (trial.removed - ours or trial.new or trial.upgraded):
        return accepted + names
    if len(names) == 1:
        return accepted
    half = len(names) // 2
    return _removable(host, names[half:], ours, _removable(host, names[:half], ours, accepted))


def restore_packages(host: Host, store: Store, check: bool) -> List[Outcome]:
    """Purge what our transactions brought, and set apt's marks back; one outcome for each package."""
    records = store.entries["packages"]
    if not records:
        return []
    now, by_hand = states(host), manual(host)
    outcomes: List[Outcome] = []
    candidates = []
    for name in sorted(records):
        record = records[name]
        if record["state"] == "upgraded":
            if now.get(name) == "installed":
                detail = "upgraded from %s; an older version is not brought back" % record["version"]
                outcomes.append(Outcome("packages", name, "kept", detail))
        elif record["state"] == "automatic":
            if name in by_hand:
                outcomes.append(Outcome("packages", name, "restored", "marked as automatically installed"))
        elif now.get(name, "not-installed") not in ("not-installed", record["state"]):
            if not record["asked"] and name in by_hand:
                outcomes.append(Outcome("packages", name, "kept", "somebody has asked for it since"))
            else:
                candidates.append(name)
    running = _running_kernel(host, candidates)
    for name in sorted(running):
        outcomes.append(
            Outcome("packages", name, "failed", "it is the running kernel: boot another one first")
        )
    names = [name for name in candidates if name not in running]
    ours = set(candidates) - running
    going = _removable(host, names, ours, []) if names else []
    if len(going) < len(names):
        needing = sorted(simulate(host, "purge", *names).removed - ours)
        reason = "%s, installed since, needs it" % " or ".join(needing[:3] or ["a package"])
        outcomes += [Outcome("packages", name, "kept", reason) for name in names if name not in going]
    outcomes += [Outcome("packages", name, "restored", "purged") for name in going]
    if not check:
        _purge(host, [name for name in going if records[name]["state"] == "absent"], "--purge")
        _purge(host, [name for name in going if records[name]["state"] != "absent"])
        marks = [o.name for o in outcomes if o.result == "restored" and o.name not in going]
        if marks:
            host.must("apt-mark", "auto", *marks)
    return outcomes


def _purge(host: Host, names: List[str], *how: str) -> None:
    if names:
        # What an interrupted run left half done would stop apt.
        host.must("dpkg", "--configure", "-a")
        host.must("apt-get", "remove", *how, "-y", "-q", *WAIT, *names)
