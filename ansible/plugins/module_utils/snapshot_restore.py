# mypy: disable-error-code="no-redef"
"""Recording by kind, and the order in which everything goes back."""

from __future__ import annotations

import os
from typing import Any, Callable, Dict, Iterable, List, Mapping, Optional, Tuple

try:
    from snapshot_files import (
        record_attributes,
        record_directory,
        record_file,
        record_tree,
        restore_attributes,
        restore_directory,
        restore_file,
        restore_tree,
    )
    from snapshot_groups import record_group, restore_groups
    from snapshot_host import Host, Outcome, Record, SnapshotError
    from snapshot_modules import record_dkms, record_module, restore_dkms, restore_module
    from snapshot_mounts import record_mount, restore_mount
    from snapshot_packages import restore_packages
    from snapshot_services import (
        record_alternative,
        record_unit,
        restore_alternative,
        start_unit,
        stop_own_units,
        stop_unit,
    )
    from snapshot_store import Store
    from snapshot_values import (
        in_order,
        record_sysctl,
        record_value,
        restore_sysctl,
        restore_value,
    )
except ImportError:
    from ansible.module_utils.snapshot_files import (
        record_attributes,
        record_directory,
        record_file,
        record_tree,
        restore_attributes,
        restore_directory,
        restore_file,
        restore_tree,
    )
    from ansible.module_utils.snapshot_groups import record_group, restore_groups
    from ansible.module_utils.snapshot_host import Host, Outcome, Record, SnapshotError
    from ansible.module_utils.snapshot_modules import record_dkms, record_module, restore_dkms, restore_module
    from ansible.module_utils.snapshot_mounts import record_mount, restore_mount
    from ansible.module_utils.snapshot_packages import restore_packages
    from ansible.module_utils.snapshot_services import (
        record_alternative,
        record_unit,
        restore_alternative,
        start_unit,
        stop_own_units,
        stop_unit,
    )
    from ansible.module_utils.snapshot_store import Store
    from ansible.module_utils.snapshot_values import (
        in_order,
        record_sysctl,
        record_value,
        restore_sysctl,
        restore_value,
    )

Recorder = Callable[[Host, Store, str, str], None]
Restorer = Callable[[Host, Store, str, Record, bool], Optional[Outcome]]

RECORDERS: Dict[str, Recorder] = {
    "files": record_file,
    "attributes": record_attributes,
    "directories": record_directory,
    "trees": record_tree,
    "sysctls": record_sysctl,
    "values": record_value,
    "groups": record_group,
    "units": record_unit,
    "alternatives": record_alternative,
    "mounts": record_mount,
    "modules": record_module,
    "dkms": record_dkms,
}

# A file below one of these is read by something that has to be told: prefix, what must exist for it, command, what is
# left to do. Without a command, every installed kernel is handed to kernel-install again.
Reader = Tuple[str, str, Tuple[str, ...], str]
NEXT_BOOT = "the next boot has the former boot arguments"
READERS: Tuple[Reader, ...] = (
    ("/etc/default/grub", "/usr/sbin/update-grub", ("update-grub",), NEXT_BOOT),
    ("/etc/kernel/", "/usr/bin/kernel-install", (), NEXT_BOOT),
    ("/etc/udev/rules.d/", "/run/udev/control", ("udevadm", "control", "--reload"), ""),
    ("/etc/systemd/", "/run/systemd/system", ("systemctl", "daemon-reload"), ""),
    (
        "/etc/systemd/system.conf.d/",
        "/run/systemd/system",
        ("systemctl", "daemon-reexec"),
        "services that run already keep their CPUs until the next boot",
    ),
    (
        "/etc/default/irqbalance",
        "/run/systemd/system",
        ("systemctl", "try-restart", "irqbalance.service"),
        "",
    ),
)


def record(host: Host, store: Store, role: str, wanted: Mapping[str, Iterable[str]]) -> List[str]:
    """Record what is not recorded yet; the names that are new, as "kind name". Nothing is on the disk before save()."""
    new = []
    for kind, names in wanted.items():
        for name in names:
            if not store.has(kind, name.rstrip("/") if kind in ("directories", "trees") else name):
                RECORDERS[kind](host, store, name, role)
                new.append("%s %s" % (kind, name))
    return new


class Restoration:
    """One run over a snapshot; `check` only says what a run would do."""

    def __init__(self, host: Host, store: Store, check: bool) -> None:
        self.host = host
        self.store = store
        self.check = check
        self.outcomes: List[Outcome] = []

    def each(self, kind: str, restorer: Restorer, names: Optional[List[str]] = None) -> None:
        records = self.store.entries[kind]
        for name in sorted(records) if names is None else names:
            try:
                outcome = restorer(self.host, self.store, name, records[name], self.check)
            except (OSError, SnapshotError) as error:
                outcome = Outcome(kind, name, "failed", str(error))
            if outcome:
                self.outcomes.append(outcome)

    def whole(self, kind: str, restorer: Callable[[Host, Store, bool], List[Outcome]]) -> None:
        try:
            self.outcomes += restorer(self.host, self.store, self.check)
        except (OSError, SnapshotError) as error:
            self.outcomes.append(Outcome(kind, "all of them", "failed", str(error)))

    def tell_readers(self) -> None:
        """Programs that read a file which was put back; nothing to do in check mode."""
        touched = [o.name for o in self.outcomes if o.kind == "files" and o.result == "restored"]
        for prefix, needed, command, left in () if self.check else READERS:
            if not any(name.startswith(prefix) for name in touched):
                continue
            if not os.path.exists(self.host.path(needed)):
                continue
            for each in [command] if command else self._kernels():
                done = self.host.run(*each)
                if done.status != 0:
                    words = done.errors.strip()[-200:]
                    self.outcomes.append(Outcome("commands", " ".join(each), "failed", words))
                elif left:
                    self.outcomes.append(Outcome("commands", " ".join(each), "restored", left))

    def _kernels(self) -> List[Tuple[str, ...]]:
        modules = self.host.path("/usr/lib/modules")
        releases = sorted(os.listdir(modules)) if os.path.isdir(modules) else []
        images = [(release, "/boot/vmlinuz-%s" % release) for release in releases]
        return [("kernel-install", "add", r, i) for r, i in images if os.path.exists(self.host.path(i))]

    def run(self) -> List[Outcome]:
        """Everything, in the one order in which nothing stands on what has gone already."""
        entries = self.store.entries
        deepest_first = [sorted(entries[kind], reverse=True) for kind in ("mounts", "trees", "directories")]
        self.each("units", stop_unit)
        self.whole("units", stop_own_units)
        self.each("mounts", restore_mount, deepest_first[0])
        self.each("modules", restore_module)
        self.each("dkms", restore_dkms)
        self.each("files", restore_file)
        self.each("attributes", restore_attributes)
        self.whole("packages", restore_packages)
        self.each("alternatives", restore_alternative)
        self.whole("groups", restore_groups)
        self.each("values", restore_value, in_order(list(entries["values"])))
        self.each("sysctls", restore_sysctl)
        self.each("trees", restore_tree, deepest_first[1])
        self.each("directories", restore_directory, deepest_first[2])
        self.tell_readers()
        self.each("units", start_unit)
        if not self.check:
            self.forget()
        return self.outcomes

    def forget(self) -> None:
        """Drop what is settled. What failed stays recorded, so that another run can try again."""
        failed = [
            outcome for outcome in self.outcomes if outcome.result == "failed" and outcome.kind != "commands"
        ]
        if not failed:
            self.store.remove()
            return
        names = {(outcome.kind, outcome.name) for outcome in failed}
        for kind, records in self.store.entries.items():
            if (kind, "all of them") in names or kind == "accounts":
                continue
            for name in [name for name in records if (kind, name) not in names]:
                self.store.drop(kind, name)
        self.store.save()


def describe(outcomes: List[Outcome]) -> Dict[str, Any]:
    """Outcomes as the module returns them, and as lines for people."""
    by_result: Dict[str, List[str]] = {"restored": [], "kept": [], "failed": []}
    for kind, name, result, detail in outcomes:
        by_result[result].append("%s %s: %s" % (kind, name, detail))
    return dict(by_result, outcomes=[outcome._asdict() for outcome in outcomes])
