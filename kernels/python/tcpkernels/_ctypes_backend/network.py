"""Consensus, the quarantine set, adaptation and the engine of the C library."""

from __future__ import annotations

import ctypes
from typing import TYPE_CHECKING, Optional

import numpy as np

from .handle import Owned
from .library import LIB, EngineOptions, Error, check

if TYPE_CHECKING:
    from .._types import U8, U32, U64, Bool
    from .registry import Table


def consensus(votes: Bool, rule: int) -> bool:
    """Whether the votes pass the rule."""
    passed = ctypes.c_bool()
    check(LIB.tcpk_consensus(votes.ctypes.data, votes.size, rule, ctypes.byref(passed)))
    return passed.value


class QuarantineSet(Owned):
    """A set of agent ids; one atomic word for 64 agents."""

    def __init__(self, agents: int) -> None:
        handle = ctypes.c_void_p()
        check(LIB.tcpk_quarantine_create(agents, ctypes.byref(handle)))
        self._own(handle, LIB.tcpk_quarantine_free)

    @classmethod
    def of_engine(cls, engine: Engine) -> QuarantineSet:
        """The set that an engine owns; it keeps the engine alive."""
        borrowed = cls.__new__(cls)
        borrowed._engine = engine._state
        borrowed._handle = LIB.tcpk_engine_quarantine(engine._state._handle)
        return borrowed

    _engine: Optional[Owned] = None

    def add(self, ids: U32) -> int:
        """Add ids; gives how many were not in the set."""
        changed = ctypes.c_uint64()
        check(LIB.tcpk_quarantine_add(self._handle, ids.ctypes.data, ids.size, ctypes.byref(changed)))
        return changed.value

    def remove(self, ids: U32) -> int:
        """Remove ids; gives how many were in the set."""
        changed = ctypes.c_uint64()
        check(LIB.tcpk_quarantine_remove(self._handle, ids.ctypes.data, ids.size, ctypes.byref(changed)))
        return changed.value

    def contains(self, agent: int) -> bool:
        """Whether the agent is in the set."""
        inside = ctypes.c_bool()
        check(LIB.tcpk_quarantine_contains(self._handle, agent, ctypes.byref(inside)))
        return inside.value

    def count(self) -> int:
        """How many agents are in the set."""
        return int(LIB.tcpk_quarantine_count(self._handle))

    def snapshot(self, out: U8) -> None:
        """One bit per agent, in the order of ``numpy.packbits``."""
        LIB.tcpk_quarantine_snapshot(self._handle, out.ctypes.data)


def adapt(votes: Bool, suspects: U32, quarantine: QuarantineSet, rule: int) -> int:
    """Quarantine the suspects whose votes pass; gives how many are newly quarantined."""
    newly = ctypes.c_uint64()
    m, n = votes.shape
    check(
        LIB.tcpk_adapt(
            votes.ctypes.data, m, n, suspects.ctypes.data, quarantine._handle, rule, ctypes.byref(newly)
        )
    )
    return newly.value


class _State(Owned):
    """The C engine, apart from its wrapper, so that its quarantine set may outlive that without a cycle."""

    def __init__(self, options: EngineOptions, table: Table) -> None:
        handle, error = ctypes.c_void_p(), Error()
        status = LIB.tcpk_engine_create(
            ctypes.byref(options), table._handle, ctypes.byref(handle), ctypes.byref(error)
        )
        check(status, error)
        self._own(handle, LIB.tcpk_engine_free)
        # The engine reads the table for as long as it lives.
        self._table = table


class Engine:
    """One voter of the network."""

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
        pinned = None if cpus is None else cpus.ctypes.data
        options = EngineOptions(
            agents, window, threshold, suspicion, voters, voter, rule, threads, ctypes.c_void_p(pinned)
        )
        self._state = _State(options, table)
        self.quarantine = QuarantineSet.of_engine(self)

    def process(self, agents: U32, keys: U64, features: U8, decisions: U8, quarantined: Bool) -> None:
        """Answer events."""
        error = Error()
        status = LIB.tcpk_engine_process(
            self._state._handle,
            agents.ctypes.data,
            keys.ctypes.data,
            features.ctypes.data,
            agents.size,
            decisions.ctypes.data,
            quarantined.ctypes.data,
            ctypes.byref(error),
        )
        check(status, error)

    def receive_votes(self, voter: int, agents: U32) -> None:
        """Take another node's votes."""
        error = Error()
        status = LIB.tcpk_engine_receive_votes(
            self._state._handle, voter, agents.ctypes.data, agents.size, ctypes.byref(error)
        )
        check(status, error)

    def suspects(self) -> U32:
        """The agents that this node voted against, ascending."""
        count = LIB.tcpk_engine_suspects(self._state._handle, None, 0)
        found = np.empty(count, np.uint32)
        LIB.tcpk_engine_suspects(self._state._handle, found.ctypes.data, found.size)
        return found

    def anomalous_rows(self, agent: int) -> int:
        """How many rows of the agent's window are anomalous."""
        return int(LIB.tcpk_engine_anomalous_rows(self._state._handle, agent))
