"""The engine: events of one agent in the order given, vectorised over agents."""

from __future__ import annotations

from typing import TYPE_CHECKING, Iterator, Optional

import numpy as np

from .._types import FEATURES, Decision
from .network import QuarantineSet, votes_needed

if TYPE_CHECKING:
    from .._types import I64, U8, U32, U64, Bool
    from .lookup import Table


def _rounds(agents: U32) -> Iterator[I64]:
    """Positions of the first event of every agent, then of every second, ...; so no round holds an agent twice."""
    order = np.argsort(agents, kind="stable")
    sorted_agents = agents[order]
    starts = np.flatnonzero(np.r_[True, sorted_agents[1:] != sorted_agents[:-1]])
    rank = np.arange(agents.size) - np.repeat(starts, np.diff(np.r_[starts, agents.size]))
    by_rank = order[np.argsort(rank, kind="stable")]
    yield from np.split(by_rank, np.cumsum(np.bincount(rank))[:-1])


class Engine:
    """One voter of the network over ``agents`` agents; one thread does the work."""

    def __init__(
        self,
        agents: int,
        table: Table,
        window: int,
        threshold: int,
        suspicion: int,
        voters: int,
        voter: int,
        rule: int,
        threads: int,
        cpus: Optional[U32],
    ) -> None:
        self.agents = agents
        self.quarantine = QuarantineSet(agents)
        self._table = table
        self._window, self._threshold, self._suspicion = window, threshold, suspicion
        self._voter = voter
        self._needed = votes_needed(voters, rule)
        # Zeroed pages cost nothing until an agent is seen.
        self._ring = np.zeros((agents, (window + 7) // 8), np.uint8)
        self._cursor = np.zeros(agents, np.uint32)
        self._anomalous = np.zeros(agents, np.uint32)
        self._votes = np.zeros((agents, (voters + 7) // 8), np.uint8)
        self._known = np.zeros(agents, np.uint16)

    def process(self, agents: U32, keys: U64, features: U8, decisions: U8, quarantined: Bool) -> None:
        """Answer events in the order of the specification's section 6."""
        if not agents.size:
            return
        self._table.decide_many(keys, decisions)
        anomalous = features.reshape(-1, FEATURES).sum(axis=1, dtype=np.int64) > self._threshold
        quarantined[:] = False
        for events in _rounds(agents):
            ids = agents[events]
            self._append(ids, anomalous[events])
            voting = (decisions[events] == Decision.REJECT) | (self._anomalous[ids] >= self._suspicion)
            self._vote(self._voter, ids[voting])
            self._settle(ids)
            quarantined[events] = self.quarantine.contains_each(ids)
        decisions[quarantined] = Decision.REJECT

    def _append(self, ids: U32, anomalous: Bool) -> None:
        """Put one bit into the window of each agent, over the oldest; no agent stands in ``ids`` twice."""
        cursor = self._cursor[ids]
        byte, mask = cursor >> 3, (1 << (cursor & 7)).astype(np.uint8)
        old = (self._ring[ids, byte] & mask) != 0
        self._ring[ids, byte] = np.where(
            anomalous, self._ring[ids, byte] | mask, self._ring[ids, byte] & ~mask
        )
        self._anomalous[ids] += anomalous.astype(np.uint32) - old.astype(np.uint32)
        self._cursor[ids] = (cursor + 1) % self._window

    def _vote(self, voter: int, ids: U32) -> None:
        """Note a voter's vote against agents that it has not voted against yet."""
        byte, mask = voter >> 3, np.uint8(1 << (voter & 7))
        fresh = ids[(self._votes[ids, byte] & mask) == 0]
        self._votes[fresh, byte] |= mask
        self._known[fresh] += 1

    def _settle(self, ids: U32) -> None:
        """Quarantine those whose known votes pass the rule."""
        self.quarantine.add(ids[self._known[ids] >= self._needed])

    def receive_votes(self, voter: int, agents: U32) -> None:
        """Take another node's votes."""
        ids = np.unique(agents)
        self._vote(voter, ids)
        self._settle(ids)

    def suspects(self) -> U32:
        """The agents that this node voted against, ascending."""
        byte, mask = self._voter >> 3, 1 << (self._voter & 7)
        return np.flatnonzero(self._votes[:, byte] & mask).astype(np.uint32)

    def anomalous_rows(self, agent: int) -> int:
        """How many rows of the agent's window are anomalous."""
        return int(self._anomalous[agent])
