"""Consensus, the quarantine set and adaptation."""

from __future__ import annotations

from typing import TYPE_CHECKING, Dict, List

import numpy as np

from .._types import RULES

if TYPE_CHECKING:
    from .._types import U8, U32, Bool


def votes_needed(voters: int, rule: int) -> int:
    """The fewest votes that pass the rule: more than half, or floor(2n/3)+1."""
    return voters // 2 + 1 if rule == RULES["majority"] else 2 * voters // 3 + 1


def consensus(votes: Bool, rule: int) -> bool:
    """Whether the votes pass the rule."""
    return int(np.count_nonzero(votes)) >= votes_needed(votes.size, rule)


class QuarantineSet:
    """A set of agent ids below ``agents``.

    Threads may use it at once without a lock of ours: each change is a single operation on a dictionary, which the
    interpreter makes atomic; the token that ``setdefault`` gives back says whose insertion won.
    """

    def __init__(self, agents: int) -> None:
        self.agents = agents
        self._members: Dict[int, object] = {}

    def add(self, ids: U32) -> int:
        """Add ids; gives how many were not in the set."""
        return len(self.add_each(ids))

    def add_each(self, ids: U32) -> List[int]:
        """Add ids; gives those that were not in the set."""
        token = object()
        members = self._members
        return [agent for agent in dict.fromkeys(ids.tolist()) if members.setdefault(agent, token) is token]

    def remove(self, ids: U32) -> int:
        """Remove ids; gives how many were in the set."""
        absent = object()
        return sum(self._members.pop(agent, absent) is not absent for agent in ids.tolist())

    def contains(self, agent: int) -> bool:
        """Whether the agent is in the set."""
        return agent in self._members

    def contains_each(self, ids: U32) -> Bool:
        """Whether each of the agents is in the set."""
        members = self._members
        return np.fromiter((agent in members for agent in ids.tolist()), np.bool_, ids.size)

    def count(self) -> int:
        """How many agents are in the set."""
        return len(self._members)

    def snapshot(self, out: U8) -> None:
        """One bit per agent, in the order of ``numpy.packbits``."""
        flags = np.zeros(self.agents, np.bool_)
        flags[list(self._members)] = True
        out[:] = np.packbits(flags)


def adapt(votes: Bool, suspects: U32, quarantine: QuarantineSet, rule: int) -> int:
    """Quarantine the suspects whose votes pass; gives how many are newly quarantined."""
    passed = np.count_nonzero(votes, axis=1) >= votes_needed(votes.shape[1], rule)
    return quarantine.add(suspects[passed])
