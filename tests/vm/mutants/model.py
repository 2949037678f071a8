"""One way to break one setting of a machine, and how many such ways are tried at once."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from fnmatch import fnmatchcase

from tests.host.verdict import Setting, Subject

# What the collectors learn by trying it out, which takes long, and the part of the state that it is in.
TRIED_OUT = {
    **dict.fromkeys(("commands", "dkms", "openmp", "versions"), "programs"),
    **dict.fromkeys(("blas", "python", "variant"), "libraries"),
}


@dataclass(frozen=True)
class Mutant:
    """`broken` is the shell script that breaks the setting.

    What else may turn with it: the settings that match one of the patterns in `also`, and all that look at the file
    `spoilt`. `named` is what the verdict must name besides, such as a file that overrides ours.
    """

    what: str
    broken: str
    also: tuple[str, ...] = ()
    spoilt: str = ""
    named: str = ""


@dataclass(frozen=True)
class Case:
    setting: str
    subject: Subject
    mutant: Mutant
    affected: frozenset[str]  # names of settings, the broken one among them

    @property
    def tried_out(self) -> str:
        """The part of the state that is to be tried out to see it; empty: it is read."""
        return TRIED_OUT.get(self.subject[0], "")

    def meets(self, other: Case) -> bool:
        """Whether one of them may turn the setting that is to be turned by the other."""
        return self.setting in other.affected or other.setting in self.affected


def affected(setting: Setting, mutant: Mutant, settings: Iterable[Setting]) -> frozenset[str]:
    """The names of the settings that a mutant of one may turn."""
    return frozenset(
        other.name
        for other in settings
        if other.name == setting.name
        or any(fnmatchcase(other.name, pattern) for pattern in mutant.also)
        or any(mutant.spoilt in subject[1:] for subject in other.subjects if mutant.spoilt)
    )


def batches(cases: Iterable[Case]) -> list[list[Case]]:
    """Mutants that do not meet, as many at once as possible; those that are slow to see by themselves, part by part."""
    found: list[list[Case]] = []
    # Those that turn much are hard to place, so they come first.
    for case in sorted(cases, key=lambda case: (case.tried_out, -len(case.affected))):
        fitting = (batch for batch in found if batch[0].tried_out == case.tried_out)
        batch = next((batch for batch in fitting if not any(case.meets(other) for other in batch)), None)
        if batch is None:
            found.append([case])
        else:
            batch.append(case)
    return found
