"""How everything that a setting looks at is broken on a real machine: files, running state, boot arguments, access.

The keys are the first words of the settings' subjects (tests/host/verdict.py), the same as those of the mutants of a
synthetic host (tests/unit/verifier/mutants.py).
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator

from tests.host.state import State
from tests.host.verdict import Setting, Subject
from tests.vm.mutants import access, files, kernel, software
from tests.vm.mutants.model import Case, Mutant, affected, batches

Maker = Callable[[Setting, Subject, State], Iterator[Mutant]]

MAKERS: dict[str, Maker] = {
    **files.MAKERS,
    **kernel.MAKERS,
    **access.MAKERS,
    **software.MAKERS,
}


# An emulated machine has no GPU, so its profile asks for none of this; a machine that had one would fail the tests.
NEEDS_A_GPU = {"compiled", "executed", "runtimes"}


def cases(settings: Iterable[Setting], state: State) -> list[Case]:
    """Every mutant of every setting. Raises KeyError for a subject that nobody knows how to break."""
    known = list(settings)
    return [
        Case(setting.name, subject, mutant, affected(setting, mutant, known))
        for setting in known
        for subject in setting.subjects
        for mutant in MAKERS[subject[0]](setting, subject, state)
    ]


__all__ = ["MAKERS", "NEEDS_A_GPU", "Case", "Mutant", "batches", "cases"]
