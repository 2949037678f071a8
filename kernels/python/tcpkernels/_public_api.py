"""What each backend must supply: one list, and the types of it.

Everything here takes arguments that were already checked: arrays of the stated dtype and shape, C-contiguous and
aligned, numbers in range. A backend is a module with these names.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Dict, List, Optional, Protocol, Sequence, Tuple, Union

if TYPE_CHECKING:
    from ._types import F32, F64, U8, U32, U64, Array, Bool

PUBLIC_API = (
    "NAME",
    "Engine",
    "Model",
    "QuarantineSet",
    "Registry",
    "Table",
    "Window",
    "adapt",
    "baseline_score",
    "baseline_score_many",
    "consensus",
    "huge_pages",
    "key",
    "library",
    "threads",
    "variant",
    "variants",
    "window_scan_f32",
    "window_scan_u8",
)


class RawRegistry(Protocol):
    """A registry that was read in full."""

    version: int
    time: int

    def names(self) -> List[str]: ...
    def descriptors(self) -> U8: ...
    def keys(self) -> U64: ...


class RawTable(Protocol):
    """Descriptors by key."""

    def find(self, key: int) -> Optional[bytes]: ...
    def find_constant_time(self, key: int) -> Optional[bytes]: ...
    def find_many(self, keys: U64, descriptors: U8, found: Bool) -> None: ...
    def decide_many(self, keys: U64, decisions: U8) -> None: ...


class RawWindow(Protocol):
    """A ring of rows, all uint8 or all float32."""

    def append(self, rows: Array) -> None: ...
    def query(self, threshold: float) -> Tuple[int, int, Union[int, float]]: ...
    def count(self) -> int: ...


class RawModel(Protocol):
    """A learned baseline."""

    mean: F64
    covariance: F64

    def distances(self, rows: F64, out: F64) -> None: ...


class RawQuarantineSet(Protocol):
    """A set of agent ids, safe under concurrent use."""

    def add(self, ids: U32) -> int: ...
    def remove(self, ids: U32) -> int: ...
    def contains(self, agent: int) -> bool: ...
    def count(self) -> int: ...
    def snapshot(self, out: U8) -> None: ...


class RawEngine(Protocol):
    """An engine; ``quarantine`` is its set."""

    quarantine: RawQuarantineSet

    def process(self, agents: U32, keys: U64, features: U8, decisions: U8, quarantined: Bool) -> None: ...
    def receive_votes(self, voter: int, agents: U32) -> None: ...
    def suspects(self) -> U32: ...
    def anomalous_rows(self, agent: int) -> int: ...


class Backend(Protocol):
    """A backend as the wrappers see it."""

    NAME: str

    def key(self, name: bytes) -> int: ...
    def library(self) -> str: ...
    def variant(self) -> str: ...
    def variants(self) -> Sequence[str]: ...
    def threads(self) -> int: ...
    def huge_pages(self) -> Dict[str, int]: ...
    def Registry(self, data: bytes) -> RawRegistry: ...
    def Table(self, registry: RawRegistry) -> RawTable: ...
    def Window(self, rows: int, dtype: str) -> RawWindow: ...
    def Model(self, history: F64, ridge: float) -> RawModel: ...
    def QuarantineSet(self, agents: int) -> RawQuarantineSet: ...
    def Engine(
        self,
        agents: int,
        table: RawTable,
        window: int,
        threshold: int,
        suspicion: int,
        voters: int,
        voter: int,
        rule: int,
        threads: int,
        cpus: Optional[U32],
    ) -> RawEngine: ...
    def window_scan_u8(self, matrix: U8, threshold: int) -> Tuple[int, int, int]: ...
    def window_scan_f32(self, matrix: F32, threshold: float) -> Tuple[int, int, float]: ...
    def baseline_score(self, rows: F32, baseline: F32) -> float: ...
    def baseline_score_many(self, rows: F32, baselines: F32, out: F32) -> None: ...
    def consensus(self, votes: Bool, rule: int) -> bool: ...
    def adapt(self, votes: Bool, suspects: U32, quarantine: RawQuarantineSet, rule: int) -> int: ...
