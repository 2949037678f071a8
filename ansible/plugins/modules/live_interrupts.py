#!/usr/bin/python
# Copyright (c) 2026 the tcp-performance authors
# SPDX-License-Identifier: Apache-2.0
"""Confine the interrupts that are live now to some CPUs, as far as the kernel lets them be moved."""

from __future__ import annotations

DOCUMENTATION = r"""
module: live_interrupts
short_description: Confine live interrupts to some CPUs
description:
  - Moves each interrupt that may go to another CPU. One that is confined already stays as it is, so what an
    administrator narrowed further is kept.
  - Interrupts that the kernel does not let anyone move (timers, per-CPU and managed ones) are listed, not an error.
options:
  cpus:
    description: CPU list, such as C(0-1,32).
    type: str
    required: true
attributes:
  check_mode:
    description: Moves nothing; each interrupt is given the CPUs it has, which tells whether it could be moved.
    support: full
  diff_mode:
    description: One line an interrupt that moves.
    support: full
author:
  - the tcp-performance authors
"""

EXAMPLES = r"""
- name: Move interrupts to the housekeeping CPUs
  live_interrupts:
    cpus: 0-1
"""

RETURN = r"""
moved:
  description: Interrupts that were moved, with C(irq), C(name), C(before) and C(after).
  returned: always
  type: list
immovable:
  description: Interrupts that stayed, with C(error), what the kernel said.
  returned: always
  type: list
"""

from ansible.module_utils.basic import AnsibleModule
from ansible.module_utils.kernel_files import interrupts, members, move_interrupt


def main() -> None:
    module = AnsibleModule(
        argument_spec={"cpus": {"type": "str", "required": True}}, supports_check_mode=True
    )
    cpus = module.params["cpus"]
    try:
        wanted = members(cpus)
    except ValueError:
        wanted = frozenset()
    if not wanted:
        module.fail_json(msg="cpus is %r: a CPU list such as 0-1,32 is needed" % cpus)
    tried = [move_interrupt(irq, cpus, wanted, module.check_mode) for irq in interrupts()]
    stray = [move for move in tried if move is not None]
    moved = [move for move in stray if not move.error]
    immovable = [move for move in stray if move.error]
    module.exit_json(
        changed=bool(moved),
        moved=[move._asdict() for move in moved],
        immovable=[move._asdict() for move in immovable],
        diff={
            "before": "".join(
                "irq %d (%s) on CPUs %s\n" % (move.irq, move.name, move.before) for move in moved
            ),
            "after": "".join("irq %d (%s) on CPUs %s\n" % (move.irq, move.name, cpus) for move in moved),
        },
    )


if __name__ == "__main__":
    main()
