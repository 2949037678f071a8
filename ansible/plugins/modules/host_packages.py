#!/usr/bin/python
"""Ansible module: install packages, their removal written down before the first of them arrives."""

from __future__ import annotations

DOCUMENTATION = """
module: host_packages
short_description: Install packages that a revert can take away again
description:
  - Simulates the transaction, writes it to the snapshot, and only then runs it; recommended packages stay out.
  - Refuses a transaction that would remove a package.
  - Works without python3-apt, in check mode too, which ansible.builtin.apt does not.
  - Refreshes apt's lists first when something is missing and they are older than an hour.
options:
  name: {description: Packages that must be installed., type: list, elements: str, required: true}
  role: {description: Who needs them., type: str, required: true}
  unavailable: {description: What to do when apt's sources lack one., type: str, default: ""}
"""

RETURN = """
installed: {description: New packages with their versions, type: list, elements: str, returned: always}
upgraded: {description: Packages that a new one needs in a newer version, type: list, elements: str, returned: always}
"""

import os
import time
from typing import Any, Dict, List

from ansible.module_utils.basic import AnsibleModule
from ansible.module_utils.snapshot_host import Host, SnapshotError
from ansible.module_utils.snapshot_packages import WAIT, missing, record_packages, unknown
from ansible.module_utils.snapshot_store import Store

LISTS = "/var/lib/apt/lists"
FRESH_SECONDS = 3600


def lists_are_fresh() -> bool:
    stamps = [os.path.join(LISTS, "partial"), LISTS]
    newest = max([os.stat(path).st_mtime for path in stamps if os.path.exists(path)] + [0])
    return time.time() - newest < FRESH_SECONDS


def install(names: List[str], role: str, unavailable: str, check: bool) -> Dict[str, Any]:
    host = Host()
    absent = missing(host, names)
    if not absent:
        return {"changed": False, "installed": [], "upgraded": []}
    if not check and (unknown(host, absent) or not lists_are_fresh()):
        host.must("apt-get", "update", "-q", *WAIT)
    unheard = unknown(host, absent)
    if unheard and check and not any("_Packages" in name for name in os.listdir(LISTS)):
        # A fresh machine has no lists, and check mode must not fetch any.
        note = ["%s (apt's lists do not have it yet)" % name for name in unheard]
        return {"changed": True, "installed": note, "upgraded": []}
    if unheard:
        raise SnapshotError(("apt has no candidate for %s. %s" % (", ".join(unheard), unavailable)).strip())
    store = Store(host)
    # Only what is missing: naming the rest too would upgrade it, and an upgrade cannot be taken back.
    transaction = record_packages(host, store, absent, role)
    if not check:
        store.save()
        host.must("apt-get", "install", "-y", "-q", "--no-install-recommends", *WAIT, *absent)
    return {
        "changed": True,
        "installed": ["%s %s" % pair for pair in sorted(transaction.new.items())],
        "upgraded": ["%s %s -> %s" % (n, *versions) for n, versions in sorted(transaction.upgraded.items())],
    }


def main() -> None:
    module = AnsibleModule(
        argument_spec={
            "name": {"type": "list", "elements": "str", "required": True},
            "role": {"type": "str", "required": True},
            "unavailable": {"type": "str", "default": ""},
        },
        supports_check_mode=True,
    )
    params = module.params
    try:
        result = install(params["name"], params["role"], params["unavailable"], module.check_mode)
    except (SnapshotError, OSError) as error:
        module.fail_json(msg=str(error))
    lines = result["installed"] + result["upgraded"]
    module.exit_json(diff={"prepared": "".join("install %s\n" % line for line in lines)}, **result)


if __name__ == "__main__":
    main()
