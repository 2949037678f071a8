"""NumPy doing the arithmetic of each benchmarked operation, and nothing else: random numbers are drawn beforehand."""

from __future__ import annotations

import functools
import gc
import statistics
from collections.abc import Callable
from time import perf_counter_ns
from typing import Any

import numpy as np

FEATURES = 24
SAMPLES = 101
SHORTEST_SAMPLE_NS = 50_000

Call = Callable[[], Any]
Peer = Callable[[], "tuple[Call, int]"]


def median(call: Call, operations: int = 1) -> float:
    """Median of `SAMPLES` samples, in ns an operation; a sample repeats the call until the clock's grain is nothing."""
    repeats = 1
    while True:
        begin = perf_counter_ns()
        for _ in range(repeats):
            call()
        if perf_counter_ns() - begin >= SHORTEST_SAMPLE_NS:
            break
        repeats *= 2
    samples = []
    collecting = gc.isenabled()
    gc.disable()
    try:
        for _ in range(SAMPLES):
            begin = perf_counter_ns()
            for _ in range(repeats):
                call()
            samples.append((perf_counter_ns() - begin) / (repeats * operations))
    finally:
        if collecting:
            gc.enable()
    return round(statistics.median(samples), 3)


def lookup() -> tuple[Call, int]:
    """One key of as many as the real registry has, by binary search."""
    rng = np.random.default_rng(1)
    keys = np.sort(rng.integers(0, 2**64, 1567, np.uint64))
    descriptors = rng.integers(0, 256, (keys.size, FEATURES), np.uint8)
    wanted = keys[700]

    def call() -> object:
        place = keys.searchsorted(wanted)
        return descriptors[place] if keys[place] == wanted else None

    return call, 1


def dictionary(entries: int, asked: int) -> tuple[Call, int]:
    """Python's dict: `asked` keys in random order among `entries`."""
    rng = np.random.default_rng(8)
    keys = rng.integers(0, 2**64, entries, np.uint64).tolist()
    table = {key: bytes(FEATURES) for key in keys}
    wanted = [keys[place] for place in rng.integers(0, entries, asked)]
    if asked == 1:
        key = wanted[0]
        return lambda: table.get(key), 1
    return lambda: [table.get(key) for key in wanted], asked


def lookup_batch() -> tuple[Call, int]:
    """65,536 keys in random order among 1,000,000."""
    rng = np.random.default_rng(2)
    keys = np.unique(rng.integers(0, 2**64, 1_000_000, np.uint64))
    descriptors = rng.integers(0, 256, (keys.size, FEATURES), np.uint8)
    wanted = rng.permutation(keys)[:65_536]

    def call() -> object:
        places = keys.searchsorted(wanted)
        return descriptors[places], keys[places] == wanted

    return call, wanted.size


def window() -> tuple[Call, int]:
    """Append a row and query, with the rows' sums kept."""
    rng = np.random.default_rng(3)
    rows = rng.integers(0, 256, (1000, FEATURES), np.uint8)
    sums = rows.sum(axis=1, dtype=np.uint32)
    place = 0

    def call() -> object:
        nonlocal place
        place = (place + 1) % 1000
        sums[place] = rows[place].sum(dtype=np.uint32)
        largest = sums.argmax()
        return np.count_nonzero(sums > 4590), largest, sums[largest]

    return call, 1


def baseline_score() -> tuple[Call, int]:
    """Ten rows against a baseline."""
    rng = np.random.default_rng(4)
    rows = rng.random((10, FEATURES), np.float32)
    baseline = rng.random(FEATURES, np.float32)

    def call() -> object:
        distances = np.square(rows - baseline).sum(axis=1)
        return np.abs(distances - distances.mean()).max() / (distances.std() + 1e-10)

    return call, 1


def window_scan() -> tuple[Call, int]:
    """The reference matrix: row sums, how many are above, which is the largest."""
    matrix = np.random.default_rng(5).integers(0, 256, (1000, FEATURES), np.uint8)

    def call() -> object:
        sums = matrix.sum(axis=1, dtype=np.uint32)
        largest = sums.argmax()
        return np.count_nonzero(sums > 4590), largest, sums[largest]

    return call, 1


def adapt() -> tuple[Call, int]:
    """Five suspects with a hundred votes each, among a million agents."""
    rng = np.random.default_rng(6)
    votes = rng.random((5, 100)) < 0.6
    suspects = rng.integers(0, 1_000_000, 5)
    quarantined = np.zeros(1_000_000, np.bool_)

    def call() -> object:
        passed = suspects[votes.sum(axis=1) > 50]
        newly = passed.size - np.count_nonzero(quarantined[passed])
        quarantined[passed] = True
        return newly

    return call, 1


def engine() -> tuple[Call, int]:
    """One event: lookup of its command, the window's bit, the vote, the verdict; agents in random order."""
    rng = np.random.default_rng(7)
    agents = 1_000_000
    find, _ = lookup()
    order = rng.permutation(agents)
    features = rng.integers(0, 256, (4096, FEATURES), np.uint8)
    ring = np.zeros((agents, 125), np.uint8)
    cursors, anomalous = np.zeros(agents, np.uint16), np.zeros(agents, np.uint16)
    voted = np.zeros(agents, np.bool_)
    event = 0

    def call() -> object:
        nonlocal event
        event += 1
        agent = order[event % agents]
        find()
        hot = features[event % 4096].sum(dtype=np.uint32) > 4590
        cursor = int(cursors[agent])
        byte, mask = cursor >> 3, 1 << (cursor & 7)
        old = bool(ring[agent, byte] & mask)
        if hot != old:
            ring[agent, byte] ^= mask
            anomalous[agent] += 1 if hot else -1
        cursors[agent] = (cursor + 1) % 1000
        if anomalous[agent] >= 3:
            voted[agent] = True
        return voted[agent]

    return call, 1


PEERS: dict[str, Peer] = {
    "descriptor lookup": lookup,
    "descriptor lookup, batch of 1,000,000 entries": lookup_batch,
    "behavioral analysis, window": window,
    "behavioral analysis, baseline score": baseline_score,
    "raw window scan": window_scan,
    "raw window scan, same matrix again": window_scan,
    "network adaptation": adapt,
    "engine event, 1,000,000 agents": engine,
}
"""By the operation's name in `tcp_behavioral_engine bench`: what to call, and how many operations a call does."""

OTHERS: dict[str, dict[str, Peer]] = {
    "descriptor lookup": {"Python's dict": functools.partial(dictionary, 1567, 1)},
    "descriptor lookup, batch of 1,000,000 entries": {
        "Python's dict": functools.partial(dictionary, 1_000_000, 65_536)
    },
}
"""Peers besides NumPy, by operation and name."""
