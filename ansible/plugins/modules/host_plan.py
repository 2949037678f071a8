#!/usr/bin/python
# Copyright (c) 2026 the tcp-performance authors
# SPDX-License-Identifier: Apache-2.0
"""Plan a host: from its topology and the user's intent to concrete values, or all that is impossible."""

from __future__ import annotations

DOCUMENTATION = r"""
module: host_plan
short_description: Plan a low-latency host without changing it
description:
  - Reads the host's topology and features and works out every value that the capability roles apply.
  - Changes nothing, in check mode or out of it.
  - An intent that the host can not fulfil makes the task fail, with all problems at once. The plan is
    returned then too.
options:
  profile:
    description: Profile that the intent was taken from. In C(workstation) there are never boot arguments.
    type: str
    required: true
    choices: [workstation, lowlatency, container]
  intent:
    description:
      - What the user wants, by variable. Values may be text, as C(-e KEY=VALUE) hands them over.
      - An empty value leaves the host alone. An unknown variable is a problem.
    type: dict
    required: true
  platform:
    description: Distribution and release of the host, such as C(debian-12); copied into the plan.
    type: str
    default: ''
  sysroot:
    description:
      - Folder with the C(sys) and C(proc) of the machine to plan for.
      - Anything but C(/) is a captured machine, whose init system and boot loader are taken for granted.
    type: path
    default: /
  fail_on_problems:
    description: Fail when there are problems; otherwise they are only returned.
    type: bool
    default: true
attributes:
  check_mode:
    description: The module changes nothing.
    support: full
  diff_mode:
    description: There is nothing to compare.
    support: none
author:
  - the tcp-performance authors
"""

EXAMPLES = r"""
- name: Plan this host
  host_plan:
    profile: lowlatency
    platform: debian-12
    intent:
      cpu_isolation_enabled: true
      cpu_isolation_cpus: auto
      cpu_isolation_housekeeping_cores_per_node: 2
  register: planned
"""

RETURN = r"""
plan:
  description: The plan. C(problems) is empty when the task succeeds.
  returned: when the topology could be read
  type: dict
said:
  description: The problems in words, one a line.
  returned: when the topology could be read
  type: list
  elements: str
occupied:
  description:
    - Processes that use the CPUs to isolate, one a line. Those that are bound there stay there.
    - No part of the plan, which is the same whatever happens to run.
  returned: when the topology could be read
  type: list
  elements: str
"""

from typing import Any, Dict, List

from ansible.module_utils.basic import AnsibleModule
from ansible.module_utils.cpu_list import parse_cpus
from ansible.module_utils.cpu_occupants import occupants
from ansible.module_utils.host_plan import PROFILES, Files, make_plan


def occupied(plan: Dict[str, Any], sysroot: str) -> List[str]:
    """Who uses the CPUs to isolate; a captured machine runs nothing, a container does not see all that runs."""
    if sysroot != "/" or plan["features"]["container"]["available"]:
        return []
    return [occupant.said for occupant in occupants(parse_cpus(plan["isolated_cpus"]))]


def main() -> None:
    module = AnsibleModule(
        argument_spec={
            "profile": {"type": "str", "required": True, "choices": list(PROFILES)},
            "intent": {"type": "dict", "required": True},
            "platform": {"type": "str", "default": ""},
            "sysroot": {"type": "path", "default": "/"},
            "fail_on_problems": {"type": "bool", "default": True},
        },
        supports_check_mode=True,
    )
    wanted = module.params
    try:
        plan = make_plan(Files(wanted["sysroot"]), wanted["profile"], wanted["intent"], wanted["platform"])
    except ValueError as error:
        module.fail_json(msg="no plan: %s" % error)
    said = [
        "%(setting)s = %(value)s: allowed is %(allowed)s. %(advice)s" % problem
        for problem in plan["problems"]
    ]
    if said and wanted["fail_on_problems"]:
        module.fail_json(msg="The host can not fulfil this: " + "; ".join(said), plan=plan, said=said)
    module.exit_json(changed=False, plan=plan, said=said, occupied=occupied(plan, wanted["sysroot"]))


if __name__ == "__main__":
    main()
