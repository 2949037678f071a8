# mypy: disable-error-code="no-redef"
"""Values of the running kernel in a snapshot: sysctls, and single files of /sys and /proc."""

from __future__ import annotations

import re
from typing import List, Optional

try:
    from snapshot_host import Host, Outcome, Record
    from snapshot_store import Store
except ImportError:
    from ansible.module_utils.snapshot_host import Host, Outcome, Record
    from ansible.module_utils.snapshot_store import Store

SELECTED = re.compile(r"\[([^][\s]+)\]")
# Threads of a core come and go with this switch, and their own values with them.
FIRST = ("/sys/devices/system/cpu/smt/control",)


def sysctl_path(name: str) -> str:
    """kernel.numa_balancing -> /proc/sys/kernel/numa_balancing; slashes separate names that hold a dot."""
    return "/proc/sys/" + (name if "/" in name else name.replace(".", "/"))


def read_value(host: Host, path: str) -> Optional[str]:
    """A value as it would be written: of "always [madvise] never" the word in brackets."""
    text = host.text(path)
    if text is None:
        return None
    words = text.split()
    chosen = SELECTED.findall(text)
    if len(chosen) == 1 and len(words) > 1 and "\n" not in text:
        return str(chosen[0])
    return text


def record_value(host: Host, store: Store, name: str, role: str) -> None:
    value = read_value(host, name)
    store.add("values", name, role, {"value": value})


def record_sysctl(host: Host, store: Store, name: str, role: str) -> None:
    store.add("sysctls", name, role, {"value": read_value(host, sysctl_path(name))})


def in_order(names: List[str]) -> List[str]:
    return sorted(names, key=lambda name: (name not in FIRST, name))


def _restore(host: Host, kind: str, name: str, path: str, record: Record, check: bool) -> Optional[Outcome]:
    then, now = record["value"], read_value(host, path)
    # A value that cannot be read, or was not there, cannot have been set by us; one that is gone needs nothing.
    if then is None or now is None or now.split() == then.split():
        return None
    if check:
        return Outcome(kind, name, "restored", "%s -> %s" % (now, then))
    try:
        with open(host.path(path), "w", encoding="utf-8", errors="surrogateescape") as stream:
            stream.write(then + "\n")
    except OSError as error:
        return Outcome(kind, name, "failed", "the kernel refuses %r: %s" % (then, error.strerror))
    after = read_value(host, path)
    if after is None or after.split() != then.split():
        return Outcome(kind, name, "failed", "was %s, the kernel keeps %s" % (then, after))
    return Outcome(kind, name, "restored", "%s -> %s" % (now, then))


def restore_value(host: Host, store: Store, name: str, record: Record, check: bool) -> Optional[Outcome]:
    return _restore(host, "values", name, name, record, check)


def restore_sysctl(host: Host, store: Store, name: str, record: Record, check: bool) -> Optional[Outcome]:
    return _restore(host, "sysctls", name, sysctl_path(name), record, check)
