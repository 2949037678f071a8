"""Network adaptation: consensus, the quarantine set, adapt; and the engine."""

from __future__ import annotations

import threading
from typing import TYPE_CHECKING, Optional, Sequence, Tuple

import numpy as np

from . import _checks
from ._backend import backend
from ._registry import LookupTable
from ._types import FEATURES, MAX_VOTERS, MAX_WINDOW

if TYPE_CHECKING:
    from ._public_api import RawQuarantineSet
    from ._types import U8, U32, U64, Bool

_MAX_AGENTS = 1 << 32
_MAX_THREADS = 1024
_MAX_CPU = 0xFFFF


def consensus(votes: Bool, rule: str = "majority") -> bool:
    """Whether the votes of 1 to 4096 nodes, bool[n], pass.

    "majority" is more than n/2 votes, "byzantine" at least floor(2n/3)+1.

    >>> consensus([True, True, False]), consensus([True, True, False], "byzantine")
    (True, False)
    """
    number = _checks.rule(rule)
    array = _checks.bits("votes", votes, ("n",))
    _checks.integer("number of votes", array.size, 1, MAX_VOTERS)
    return backend().consensus(array, number)


class QuarantineSet:
    """A set of agent ids from 0 to ``agents`` - 1, safe to use from many threads at once.

    >>> quarantine = QuarantineSet(1_000_000)
    >>> quarantine.add([7, 9, 7]), 7 in quarantine, len(quarantine)
    (2, True, 2)
    >>> quarantine.remove([9])
    1
    >>> quarantine.add([1_000_000])
    Traceback (most recent call last):
    tcpkernels.OutOfRangeError: ids[0] is 1000000; allowed: 0 to 999999
    """

    def __init__(self, agents: int) -> None:
        self.agents = _checks.integer("agents", agents, 1, _MAX_AGENTS)
        self._raw = backend().QuarantineSet(self.agents)

    @classmethod
    def _around(cls, raw: RawQuarantineSet, agents: int) -> QuarantineSet:
        """The set that an engine owns."""
        wrapped = cls.__new__(cls)
        wrapped.agents = agents
        wrapped._raw = raw
        return wrapped

    def _ids(self, ids: object) -> U32:
        return _checks.whole("ids", _listed(ids), np.uint32, ("n",), maximum=self.agents - 1)

    def add(self, ids: U32) -> int:
        """Add ids, uint32[n] or one id; gives how many are newly in the set.

        An id out of range is an error, and then nothing is added.
        """
        return self._raw.add(self._ids(ids))

    def remove(self, ids: U32) -> int:
        """Remove ids; gives how many were in the set. An id out of range is an error, and then nothing is removed."""
        return self._raw.remove(self._ids(ids))

    def __contains__(self, agent: int) -> bool:
        return self._raw.contains(_checks.integer("id", agent, 0, self.agents - 1))

    def __len__(self) -> int:
        return self._raw.count()

    def snapshot(self, out: Optional[U8] = None) -> U8:
        """One bit an agent, uint8[ceil(agents / 8)], in the order of ``numpy.packbits``: agent 0 is byte 0's top bit.

        >>> import numpy as np
        >>> quarantine = QuarantineSet(10)
        >>> quarantine.add([0, 9])
        2
        >>> np.flatnonzero(np.unpackbits(quarantine.snapshot(), count=10))
        array([0, 9])
        """
        result = _checks.output("out", out, np.uint8, ((self.agents + 7) // 8,))
        self._raw.snapshot(result)
        return result

    def __repr__(self) -> str:
        return f"<QuarantineSet of {len(self)}/{self.agents} agents>"


def _listed(ids: object) -> object:
    """One id is a list of one."""
    if isinstance(ids, np.ndarray):
        return np.atleast_1d(ids)
    return [ids] if hasattr(ids, "__index__") else ids


def adapt(votes: Bool, suspects: U32, quarantine: QuarantineSet, rule: str = "majority") -> int:
    """Decide m suspects by n votes each, bool[m, n]; quarantine those that pass; give how many are newly quarantined.

    Everything is checked before anything is quarantined.

    >>> quarantine = QuarantineSet(10)
    >>> adapt([[True, True, False], [True, False, False]], [4, 5], quarantine, "majority")
    1
    """
    number = _checks.rule(rule)
    if not isinstance(quarantine, QuarantineSet):
        raise TypeError(f"quarantine is {type(quarantine).__name__}; allowed: QuarantineSet")
    array = _checks.bits("votes", votes, ("m", "n"))
    _checks.integer("votes a suspect", array.shape[1], 1, MAX_VOTERS)
    ids = _checks.whole("suspects", suspects, np.uint32, (array.shape[0],), maximum=quarantine.agents - 1)
    return backend().adapt(array, ids, quarantine._raw, number)


class Engine:
    """One monitoring node: answers events, votes, quarantines.

    ``agents`` is how many there are (ids 0 to ``agents`` - 1). ``window`` (1 to 2**20) rows are kept of each, a row
    being anomalous when its features' sum is above ``threshold``; from ``suspicion`` (1 to ``window``) anomalous rows
    on, or at a REJECT, this node votes against the agent. It is number ``voter`` of ``voters`` (1 to 4096).
    ``threads`` (1 to 1024) share the work; the answers do not depend on how many. ``cpus`` pins them: one CPU number
    a thread; without, the calling thread is one of them. Callers from several threads take turns; ``quarantine`` may be
    used at any time.

    >>> import numpy as np
    >>> table = LookupTable(Registry.from_commands(["ls", "mkfs"], {"ls": "SAFE", "mkfs": "CRITICAL"}))
    >>> engine = Engine(100, table)
    >>> engine.process([1, 2, 1], [key("ls"), key("mkfs"), key("ls")], np.zeros((3, 24), np.uint8))
    (array([0, 3, 0], dtype=uint8), array([False,  True, False]))
    >>> engine.suspects(), 2 in engine.quarantine
    (array([2], dtype=uint32), True)
    """

    def __init__(
        self,
        agents: int,
        table: LookupTable,
        window: int = 1000,
        threshold: int = 4590,
        suspicion: int = 3,
        voters: int = 1,
        voter: int = 0,
        rule: str = "majority",
        threads: int = 1,
        cpus: Optional[Sequence[int]] = None,
    ) -> None:
        if not isinstance(table, LookupTable):
            raise TypeError(f"table is {type(table).__name__}; allowed: LookupTable")
        self.agents = _checks.integer("agents", agents, 1, _MAX_AGENTS)
        self.window = _checks.integer("window", window, 1, MAX_WINDOW)
        self.threshold = _checks.integer("threshold", threshold, 0, FEATURES * 255)
        self.suspicion = _checks.integer("suspicion", suspicion, 1, self.window)
        self.voters = _checks.integer("voters", voters, 1, MAX_VOTERS)
        self.voter = _checks.integer("voter", voter, 0, self.voters - 1)
        number = _checks.rule(rule)
        self.rule = rule
        self.threads = _checks.integer("threads", threads, 1, _MAX_THREADS)
        pinned = (
            None
            if cpus is None
            else _checks.whole("cpus", cpus, np.uint32, (self.threads,), maximum=_MAX_CPU)
        )
        self._table = table
        self._raw = backend().Engine(
            self.agents,
            table._raw,
            self.window,
            self.threshold,
            self.suspicion,
            self.voters,
            self.voter,
            number,
            self.threads,
            pinned,
        )
        self._turn = threading.Lock()
        self._quarantine = QuarantineSet._around(self._raw.quarantine, self.agents)

    def process(
        self, agent_ids: U32, keys: U64, features: U8, out: Optional[Tuple[U8, Bool]] = None
    ) -> Tuple[U8, Bool]:
        """Answer events: agents uint32[e], command keys uint64[e], features uint8[e, 24].

        Gives decisions uint8[e] and whether each event's agent is quarantined, bool[e]; ``out`` is such a pair.
        Everything is checked before the first event is handled.
        """
        ids = _checks.whole("agent_ids", agent_ids, np.uint32, ("e",), maximum=self.agents - 1)
        e = ids.size
        commands = _checks.whole("keys", keys, np.uint64, (e,))
        rows = _checks.whole("features", features, np.uint8, (e, FEATURES))
        result = _checks.outputs(
            ("decisions", "quarantined"), out, (np.uint8, np.bool_), ((e,), (e,)), ids, commands, rows
        )
        with self._turn:
            self._raw.process(ids, commands, rows, *result)
        return result

    def receive_votes(self, voter: int, agent_ids: U32) -> None:
        """Take another node's votes against agents; a vote that is known already changes nothing.

        Raises ValueError for this node's own number and for one that is not below ``voters``.
        """
        number = _checks.integer("voter", voter, 0, self.voters - 1)
        if number == self.voter:
            raise ValueError(f"voter is {number}, this node itself; allowed: another one below {self.voters}")
        ids = _checks.whole("agent_ids", _listed(agent_ids), np.uint32, ("n",), maximum=self.agents - 1)
        with self._turn:
            self._raw.receive_votes(number, ids)

    def suspects(self) -> U32:
        """The agents that this node has voted against, ascending."""
        with self._turn:
            return self._raw.suspects()

    def anomalous_rows(self, agent: int) -> int:
        """How many rows of the agent's window are anomalous."""
        number = _checks.integer("agent", agent, 0, self.agents - 1)
        with self._turn:
            return self._raw.anomalous_rows(number)

    @property
    def quarantine(self) -> QuarantineSet:
        """The set of quarantined agents; an operator may change it."""
        return self._quarantine

    def __repr__(self) -> str:
        return f"<Engine of {self.agents} agents, {len(self.quarantine)} quarantined>"
