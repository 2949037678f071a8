#!/usr/bin/python
# Copyright (c) 2026 the tcp-performance authors
# SPDX-License-Identifier: Apache-2.0
"""Set values of files below /sys and /proc, and say what the kernel made of them."""

from __future__ import annotations

DOCUMENTATION = r"""
module: kernel_values
short_description: Set kernel values below /sys and /proc, and read them back
description:
  - Writes each value that differs, in the order given, and reads it back.
  - A value counts by its meaning. Of C([always] madvise never) it is the word in brackets, of a CPU mask the number.
options:
  values:
    description: The files and what they shall say. Each is a dictionary with C(setting), C(path) and C(value).
    type: list
    elements: dict
    required: true
  tolerate:
    description: Report values that the kernel refuses or changes, rather than fail.
    type: bool
    default: false
attributes:
  check_mode:
    description: Reads only.
    support: full
  diff_mode:
    description: One line a value that changes.
    support: full
author:
  - the tcp-performance authors
"""

EXAMPLES = r"""
- name: Switch off the merging of equal pages
  kernel_values:
    values:
      - setting: huge_pages.ksm
        path: /sys/kernel/mm/ksm/run
        value: "0"
"""

RETURN = r"""
values:
  description: Each value with C(before), C(wanted), C(after), C(reached), and C(error), what the kernel said.
  returned: always
  type: list
shortfalls:
  description: Those of them that are not as wanted. Empty in check mode.
  returned: always
  type: list
"""

from ansible.module_utils.basic import AnsibleModule
from ansible.module_utils.kernel_files import Change, same, set_value


def sentence(change: Change) -> str:
    reason = " (%s)" % change.error if change.error else ""
    return "%s: asked for %s, got %s%s in %s" % (
        change.setting,
        change.wanted,
        change.after or "nothing",
        reason,
        change.path,
    )


def main() -> None:
    module = AnsibleModule(
        argument_spec={
            "values": {
                "type": "list",
                "elements": "dict",
                "required": True,
                "options": {
                    "setting": {"type": "str", "required": True},
                    "role": {"type": "str"},
                    "path": {"type": "path", "required": True},
                    "value": {"type": "str", "required": True},
                },
            },
            "tolerate": {"type": "bool", "default": False},
        },
        supports_check_mode=True,
    )
    dry = module.check_mode
    done = [set_value(e["setting"], e["path"], e["value"], dry) for e in module.params["values"]]
    differing = [c for c in done if not same(c.path, c.before, c.wanted if dry else c.after)]
    shortfalls = [] if dry else [c for c in done if not c.reached]
    result = {
        "changed": bool(differing),
        "values": [c.as_dict() for c in done],
        "shortfalls": [c.as_dict() for c in shortfalls],
        "diff": {
            "before": "".join("%s %s\n" % (c.path, c.before) for c in differing),
            "after": "".join("%s %s\n" % (c.path, c.wanted if dry else c.after) for c in differing),
        },
    }
    if shortfalls and not module.params["tolerate"]:
        module.fail_json(msg="; ".join(sentence(c) for c in shortfalls), **result)
    module.exit_json(**result)


if __name__ == "__main__":
    main()
