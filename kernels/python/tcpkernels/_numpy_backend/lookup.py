"""Lookup of descriptors by key, and their decisions, as a dictionary and a sorted array."""

from __future__ import annotations

from typing import TYPE_CHECKING, Dict, Optional

import numpy as np

from .._types import DESCRIPTOR_SIZE, Decision

if TYPE_CHECKING:
    from .._types import I64, U8, U64, Bool
    from .registry import Registry

_RISK_MASK = 0x1F


def decide_flags(flags: int) -> int:
    """The decision of a valid descriptor's security flags: the highest risk bit decides, none asks for approval."""
    return int(_DECISION_OF_RISK[flags & _RISK_MASK])


def _decision_table() -> U8:
    by_bit = (
        Decision.APPROVE,
        Decision.APPROVE,
        Decision.CAUTION,
        Decision.REQUIRE_APPROVAL,
        Decision.REJECT,
    )
    table = np.full(_RISK_MASK + 1, Decision.REQUIRE_APPROVAL, np.uint8)
    for bit, decision in enumerate(by_bit):
        table[1 << bit : 2 << bit] = decision
    return table


_DECISION_OF_RISK = _decision_table()


class Table:
    """A lookup table; two names with an equal key are an error that names both."""

    def __init__(self, registry: Registry) -> None:
        keys = registry.keys()
        self._descriptors = registry.descriptors()
        self._order: I64 = np.argsort(keys, kind="stable")
        self._keys = keys[self._order]
        same = np.flatnonzero(self._keys[1:] == self._keys[:-1])
        if same.size:
            names = registry.names()
            first, second = sorted((int(self._order[same[0]]), int(self._order[same[0] + 1])))
            raise ValueError(
                f"{names[first]!r} and {names[second]!r} have the same key 0x{int(self._keys[same[0]]):016x}; "
                "allowed: a key of its own for each name"
            )
        self._rows: Dict[int, bytes] = {int(key): row.tobytes() for key, row in zip(keys, self._descriptors)}
        self._decisions = _DECISION_OF_RISK[self._descriptors[:, 13] & _RISK_MASK]

    def find(self, key: int) -> Optional[bytes]:
        """The descriptor of ``key``."""
        return self._rows.get(key)

    def find_constant_time(self, key: int) -> Optional[bytes]:
        """As ``find``, reading every entry, so that the addresses do not depend on the key."""
        mask = self._keys == np.uint64(key)
        row = (self._descriptors[self._order] * mask[:, None]).sum(axis=0, dtype=np.uint8)
        return bytes(row.tobytes()) if mask.any() else None

    def _search(self, keys: U64) -> tuple[I64, Bool]:
        """Row and whether it is the key's; the row means nothing where it is not."""
        if not self._keys.size:
            return np.zeros(keys.size, np.int64), np.zeros(keys.size, np.bool_)
        place = np.minimum(np.searchsorted(self._keys, keys), self._keys.size - 1)
        return self._order[place], self._keys[place] == keys

    def find_many(self, keys: U64, descriptors: U8, found: Bool) -> None:
        """Descriptors of many keys; zeros where there is none."""
        rows, known = self._search(keys)
        found[:] = known
        descriptors[:] = 0
        descriptors[known] = self._descriptors[rows[known]].reshape(-1, DESCRIPTOR_SIZE)

    def decide_many(self, keys: U64, decisions: U8) -> None:
        """Decisions of many keys; an unknown one asks for approval."""
        rows, known = self._search(keys)
        decisions[:] = Decision.REQUIRE_APPROVAL
        decisions[known] = self._decisions[rows[known]]
