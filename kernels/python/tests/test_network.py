"""Consensus, quarantine set, adapt."""

from __future__ import annotations

import threading

import numpy as np
import oracle
import pytest
from hypothesis import given
from hypothesis import strategies as st
from tcpkernels import QuarantineSet, adapt, consensus

RULES = ("majority", "byzantine")


@pytest.mark.parametrize("rule", RULES)
@pytest.mark.parametrize("n", [*range(1, 40), 63, 64, 65, 99, 100, 127, 128, 129, 1000, 4095, 4096])
def test_consensus_around_its_edge(n: int, rule: str, rng: np.random.Generator) -> None:
    edge = next(votes for votes in range(n + 1) if oracle.passes(votes, n, rule))
    for count in {0, edge - 1, edge, n}:
        votes = np.zeros(n, np.bool_)
        votes[:count] = True
        assert consensus(rng.permutation(votes), rule) is oracle.passes(count, n, rule)


def test_majority_is_the_default() -> None:
    assert consensus([True, True, False])
    assert not consensus([True, False])


@given(st.lists(st.tuples(st.booleans(), st.lists(st.integers(0, 129), max_size=8)), max_size=40))
def test_set_is_a_set(steps: list[tuple[bool, list[int]]]) -> None:
    quarantine, expected = QuarantineSet(130), set()
    for adding, ids in steps:
        if adding:
            assert quarantine.add(ids) == len(set(ids) - expected)
            expected |= set(ids)
        else:
            assert quarantine.remove(ids) == len(set(ids) & expected)
            expected -= set(ids)
        assert len(quarantine) == len(expected)
    assert [agent for agent in range(130) if agent in quarantine] == sorted(expected)
    assert np.flatnonzero(np.unpackbits(quarantine.snapshot(), count=130)).tolist() == sorted(expected)


@pytest.mark.parametrize("agents", [1, 7, 8, 9, 63, 64, 65, 1000, 1_000_001])
def test_snapshot_is_packed_as_numpy_packs(agents: int) -> None:
    quarantine = QuarantineSet(agents)
    ids = sorted({0, agents // 3, agents - 1})
    quarantine.add(ids)
    flags = np.zeros(agents, np.bool_)
    flags[ids] = True
    snapshot = quarantine.snapshot()
    assert snapshot.dtype == np.uint8
    assert np.array_equal(snapshot, np.packbits(flags))
    quarantine.remove(ids)
    assert snapshot.any()


def test_refused_ids_change_nothing() -> None:
    quarantine = QuarantineSet(10)
    quarantine.add([1])
    for call in (quarantine.add, quarantine.remove):
        with pytest.raises(ValueError, match=r"ids\[2\] is 10; allowed: 0 to 9"):
            call([1, 2, 10])
    assert [agent for agent in range(10) if agent in quarantine] == [1]


def test_id_out_of_range_is_an_index_error_too() -> None:
    with pytest.raises(IndexError):
        QuarantineSet(10).add([10])


def test_threads_add_each_agent_once() -> None:
    quarantine, added = QuarantineSet(20_000), []
    start = threading.Barrier(8)

    def work(seed: int) -> None:
        ids = np.random.default_rng(seed).permutation(20_000).astype(np.uint32)
        start.wait()
        added.append(sum(quarantine.add(part) for part in np.array_split(ids, 50)))

    threads = [threading.Thread(target=work, args=(seed,)) for seed in range(8)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert sum(added) == 20_000
    assert len(quarantine) == 20_000


def test_threads_that_add_remove_and_look_keep_the_count() -> None:
    quarantine, balance = QuarantineSet(64), []
    start = threading.Barrier(6)

    def work(seed: int) -> None:
        rng, sum_ = np.random.default_rng(seed), 0
        start.wait()
        for _ in range(300):
            ids = rng.integers(0, 64, 5).astype(np.uint32)
            sum_ += quarantine.add(ids) if rng.random() < 0.5 else -quarantine.remove(ids)
            assert 0 <= len(quarantine) <= 64
            quarantine.snapshot()
        balance.append(sum_)

    threads = [threading.Thread(target=work, args=(seed,)) for seed in range(6)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert len(balance) == 6
    assert sum(balance) == len(quarantine) == int(np.unpackbits(quarantine.snapshot()).sum())


@pytest.mark.parametrize("rule", RULES)
@pytest.mark.parametrize(
    ("m", "n"), [(0, 3), (1, 1), (5, 100), (7, 63), (3, 64), (4, 65), (2, 4096), (100, 31)]
)
def test_adapt(m: int, n: int, rule: str, rng: np.random.Generator) -> None:
    votes = rng.random((m, n)) < rng.random((m, 1))
    suspects = rng.permutation(1_000_000)[:m].astype(np.uint32)
    quarantine = QuarantineSet(1_000_000)
    expected = {int(s) for s, row in zip(suspects, votes) if oracle.passes(int(row.sum()), n, rule)}
    assert adapt(votes, suspects, quarantine, rule) == len(expected)
    assert set(np.flatnonzero(np.unpackbits(quarantine.snapshot())).tolist()) == expected
    assert adapt(votes, suspects, quarantine, rule) == 0


def test_suspect_named_twice_counts_once() -> None:
    quarantine = QuarantineSet(10)
    assert adapt(np.ones((3, 3), np.bool_), [4, 4, 5], quarantine, "majority") == 2


def test_refused_adapt_changes_nothing() -> None:
    quarantine = QuarantineSet(10)
    with pytest.raises(ValueError, match=r"suspects\[1\] is 10"):
        adapt(np.ones((2, 3), np.bool_), [1, 10], quarantine, "majority")
    assert len(quarantine) == 0
