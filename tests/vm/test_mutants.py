"""Every setting that the verifier knows is broken in turn on the machine, and named; nothing else turns.

Several are broken at once where they do not meet, each judged on its own setting.
"""

from __future__ import annotations

import json
from dataclasses import dataclass
from typing import Any

import pytest

from tests.host.collect import command, unpack
from tests.host.state import State
from tests.host.verdict import DRIFTED
from tests.unit.verifier.mutants import MUTANTS
from tests.vm.machine import Machine, Rows, applicable, judge
from tests.vm.mutants import MAKERS, NEEDS_A_GPU, Case, batches, cases
from tests.vm.mutants.shell import FUNCTIONS, UNDO

# What is cheap to read; what is tried out only where it was broken.
QUICK = ("files", "kernel", "accounts", "units")


@dataclass(frozen=True)
class Outcome:
    case: Case
    row: dict[str, Any]

    @property
    def caught(self) -> bool:
        """Named as drifted, with a reason, and with whatever else had to be named."""
        row = self.row
        said = f"{row['reason']} {row['actual']}"
        named = row["verdict"] == DRIFTED and row["reason"] and row["actual"] != row["expected"]
        return bool(named) and self.case.mutant.named in said


def undo(machine: Machine) -> None:
    machine.root(UNDO)


def broken(machine: Machine, sound: State, batch: list[Case]) -> State:
    """The machine's state with these mutants: broken, read and undone in one round trip."""
    part = batch[0].tried_out
    parts = (*QUICK, part) if part else QUICK
    steps = [
        f'(set -e\n{case.mutant.broken}\n) >&2\n[ $? = 0 ] || refused="$refused {number}"'
        for number, case in enumerate(batch)
    ]
    read = f'echo "refused:$refused"\n{command(sound.plan, parts)}\nread=$?'
    try:
        printed = machine.root(
            "\n".join([FUNCTIONS, "refused=", *steps, read, UNDO, "exit $((status | read))"])
        )
    except BaseException:
        undo(machine)
        raise
    said, state = printed.split("\n")
    refused = said.removeprefix("refused:")
    assert refused == "", [batch[int(number)] for number in refused.split()]
    return State({**sound.raw, **unpack(state)})


@pytest.fixture(scope="module")
def tried(machine: Machine, sound: State, table: list[tuple[str, ...]]) -> tuple[list[Outcome], list[str]]:
    """Every mutant's outcome, and the settings that turned although nobody had broken them."""
    before = judge(sound)
    assert [name for name, row in before.items() if row["verdict"] == DRIFTED] == []
    undo(machine)
    outcomes, innocent = [], []
    for batch in batches(cases(applicable(sound), sound)):
        after = judge(broken(machine, sound, batch))
        outcomes += [Outcome(case, after[case.setting]) for case in batch]
        innocent += turned(before, after, set().union(*(case.affected for case in batch)))
    table += [
        (
            outcome.case.setting,
            outcome.case.mutant.what,
            outcome.row["verdict"] + ("" if outcome.caught else ", NOT NAMED"),
        )
        for outcome in sorted(outcomes, key=lambda outcome: (outcome.case.setting, outcome.case.mutant.what))
    ]
    return outcomes, innocent


def turned(before: Rows, after: Rows, meant: set[str]) -> list[str]:
    return [
        f"{name}: {before[name]['verdict']} -> {row['verdict']}: {row['reason']}"
        for name, row in after.items()
        if name not in meant and row["verdict"] != before[name]["verdict"]
    ]


def test_every_setting_can_be_broken_here(sound: State) -> None:
    lacking = [
        setting.name
        for setting in applicable(sound)
        if not setting.subjects or any(subject[0] not in MAKERS for subject in setting.subjects)
    ]
    assert lacking == []


def test_whatever_is_broken_on_a_synthetic_host_is_broken_on_a_real_one() -> None:
    assert set(MAKERS) | NEEDS_A_GPU == set(MUTANTS)


def test_every_mutant_is_named(tried: tuple[list[Outcome], list[str]]) -> None:
    outcomes, _ = tried
    missed = [(o.case.setting, o.case.mutant.what, json.dumps(o.row)) for o in outcomes if not o.caught]
    assert missed == []
    print(f"{len(outcomes)} mutants of {len({o.case.setting for o in outcomes})} settings, all named")


def test_nothing_that_was_not_broken_turns(tried: tuple[list[Outcome], list[str]]) -> None:
    _, innocent = tried
    assert innocent == []


def test_the_machine_is_as_before_afterwards(machine: Machine, sound: State, tried: object) -> None:
    assert turned(judge(sound), judge(machine.state(sound.plan)), set()) == []
