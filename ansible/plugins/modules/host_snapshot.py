#!/usr/bin/python
"""Ansible module: remember how a host was before the first change, and bring that back."""

from __future__ import annotations

DOCUMENTATION = """
module: host_snapshot
short_description: Remember how a host was, and bring that back
description:
  - Every role records what it is going to touch before it touches it. The first record of a thing wins.
  - Restoring puts everything back, byte for byte where it is a file, and names what it could not put back.
  - Packages are recorded by the module host_packages, together with their installation.
  - Check mode writes nothing; restoring in check mode says what would be restored.
options:
  state:
    description: recorded adds to the snapshot, restored goes back to it, described reads it, absent forgets it.
    choices: [recorded, restored, described, absent]
    default: recorded
    type: str
  role:
    description: Who is going to change the things; needed for recorded.
    type: str
  files: {description: Files or links, whether they exist or not., type: list, elements: str, default: []}
  attributes:
    description: Files of packages of which only mode, owner and capabilities will change.
    type: list
    elements: str
    default: []
  directories:
    description: Folders that will be made or change their mode; one that was not there goes when it is empty.
    type: list
    elements: str
    default: []
  trees:
    description: Folders that will be ours alone; one that was not there goes with all that is in it.
    type: list
    elements: str
    default: []
  sysctls: {description: Names as sysctl knows them., type: list, elements: str, default: []}
  values: {description: Files below /sys and /proc with one value., type: list, elements: str, default: []}
  groups: {description: Groups that will be made or get members., type: list, elements: str, default: []}
  units: {description: Units of systemd., type: list, elements: str, default: []}
  alternatives: {description: Names as update-alternatives knows them., type: list, elements: str, default: []}
  mounts: {description: Mount points that will be mounted., type: list, elements: str, default: []}
  modules: {description: Kernel modules that will be loaded., type: list, elements: str, default: []}
  dkms: {description: Packages that will be handed to DKMS., type: list, elements: str, default: []}
"""

RETURN = """
exists: {description: Whether there is a snapshot (before restoring or forgetting it)., type: bool, returned: always}
created: {description: When the first record was made., type: str, returned: always}
recorded: {description: What was recorded now., type: list, elements: str, returned: recorded}
restored: {description: What was (in check mode, would be) put back., type: list, elements: str, returned: restored}
kept: {description: What stays as it is, with the reason., type: list, elements: str, returned: restored}
failed_to_restore: {description: What could not be put back., type: list, elements: str, returned: restored}
entries: {description: The recorded names by kind., type: dict, returned: described}
"""

from typing import Any, Dict

from ansible.module_utils.basic import AnsibleModule
from ansible.module_utils.snapshot_host import Host, SnapshotError
from ansible.module_utils.snapshot_restore import RECORDERS, Restoration, describe, record
from ansible.module_utils.snapshot_store import Store


def restore(host: Host, store: Store, check: bool) -> Dict[str, Any]:
    if not store.exists():
        return {"changed": False, "restored": [], "kept": [], "failed_to_restore": []}
    outcome = describe(Restoration(host, store, check).run())
    text = "".join(line + "\n" for line in outcome["restored"])
    return {
        "changed": bool(outcome["restored"]),
        "restored": outcome["restored"],
        "kept": outcome["kept"],
        "failed_to_restore": outcome["failed"],
        "diff": {"prepared": text},
    }


def main() -> None:
    lists = {kind: {"type": "list", "elements": "str", "default": []} for kind in RECORDERS}
    module = AnsibleModule(
        argument_spec=dict(
            lists,
            state={"choices": ["recorded", "restored", "described", "absent"], "default": "recorded"},
            role={"type": "str"},
        ),
        required_if=[("state", "recorded", ["role"])],
        supports_check_mode=True,
    )
    state, check = module.params["state"], module.check_mode
    try:
        host = Host()
        store = Store(host)
        result: Dict[str, Any] = {"changed": False, "exists": store.exists(), "created": store.created}
        if state == "recorded":
            wanted = {kind: module.params[kind] for kind in RECORDERS}
            # Book-keeping, not the host's state: never reported as a change.
            result["recorded"] = record(host, store, module.params["role"], wanted)
            if result["recorded"] and not check:
                store.save()
        elif state == "restored":
            result.update(restore(host, store, check))
        elif state == "described":
            result["entries"] = {kind: sorted(records) for kind, records in store.entries.items()}
        else:
            result["changed"] = store.exists()
            if not check:
                store.remove()
    except (SnapshotError, OSError) as error:
        module.fail_json(msg=str(error))
    module.exit_json(**result)


if __name__ == "__main__":
    main()
