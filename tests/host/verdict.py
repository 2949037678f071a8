"""One setting of a host, and what a verifier can say of it."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any, Callable

from tests.host.state import State

COMPLIANT = "compliant"
DRIFTED = "drifted"
REBOOT_PENDING = "reboot-pending"
NOT_APPLICABLE = "not-applicable"
VERDICTS = (DRIFTED, REBOOT_PENDING, COMPLIANT, NOT_APPLICABLE)

# Where in a host's state the setting is read: ("sysctls", "vm.swappiness"). The mutation tests break each of them.
Subject = tuple[str, ...]


@dataclass(frozen=True)
class Judgement:
    verdict: str
    actual: str
    reason: str = ""


@dataclass(frozen=True)
class Setting:
    """What a host should be like in one respect, and the judge of whether it is.

    `name` is "<role>.<thing>"; `subjects` are all the places that the judge looks at.
    """

    name: str
    role: str
    expected: str
    judge: Callable[[State], Judgement]
    subjects: tuple[Subject, ...] = ()

    def row(self, state: State) -> dict[str, Any]:
        """The verdict as it stands in a verdict file."""
        judgement = self.judge(state)
        return {
            "setting": self.name,
            "role": self.role,
            "verdict": judgement.verdict,
            "expected": self.expected,
            "actual": judgement.actual,
            "reason": judgement.reason,
        }


def compliant(actual: str, reason: str = "") -> Judgement:
    return Judgement(COMPLIANT, actual, reason)


def drifted(actual: str, reason: str) -> Judgement:
    return Judgement(DRIFTED, actual, reason)


def reboot_pending(actual: str, reason: str) -> Judgement:
    return Judgement(REBOOT_PENDING, actual, reason)


def not_applicable(name: str, role: str, reason: str, expected: str = "") -> Setting:
    """A setting that this host cannot have; nothing of its state could change that, so it has no subject."""
    return Setting(name, role, expected, lambda state: Judgement(NOT_APPLICABLE, "", reason))
