"""The engine against the specification's order of events."""

from __future__ import annotations

import numpy as np
import oracle
import pytest
from tcpkernels import Engine, LookupTable, key

NAMES = (*oracle.RISKS, "unknown")


def events(rng: np.random.Generator, agents: int, n: int, names: tuple[str, ...] = NAMES) -> tuple:
    ids = rng.integers(0, agents, n).astype(np.uint32)
    called = [names[i] for i in rng.integers(0, len(names), n)]
    features = rng.integers(0, 256, (n, 24), np.uint8)
    # About one row in five is anomalous, the others are far below.
    features[rng.random(n) < 0.8] //= 4
    return ids, called, features


def process(
    engine: Engine, ids: np.ndarray, called: list[str], features: np.ndarray
) -> list[tuple[int, bool]]:
    decisions, quarantined = engine.process(ids, np.array([key(n) for n in called], np.uint64), features)
    assert (decisions.dtype, quarantined.dtype) == (np.uint8, np.bool_)
    return list(zip(decisions.tolist(), quarantined.tolist()))


CASES = {
    "alone": {},
    "alone, byzantine": {"rule": "byzantine"},
    "window of 1": {"window": 1, "suspicion": 1},
    "window of 7": {"window": 7, "suspicion": 2},
    "window of 64": {"window": 64, "suspicion": 9},
    "window of 65": {"window": 65, "suspicion": 9},
    "two voters": {"voters": 2, "voter": 1},
    "three voters": {"voters": 3, "voter": 2, "window": 5, "suspicion": 2},
    "seven voters, byzantine": {"voters": 7, "voter": 3, "rule": "byzantine"},
    "the most voters": {"voters": 4096, "voter": 4095},
}
DEFAULTS = {"window": 1000, "threshold": 3000, "suspicion": 3, "voters": 1, "voter": 0, "rule": "majority"}


@pytest.mark.parametrize("threads", [1, 2, 3])
@pytest.mark.parametrize("name", CASES)
def test_engine_is_the_specification(
    name: str, threads: int, engine_table: LookupTable, rng: np.random.Generator
) -> None:
    options = {**DEFAULTS, **CASES[name]}
    engine, node = Engine(50, engine_table, threads=threads, **options), oracle.Node(**options)
    quiet = tuple(n for n in NAMES if n != "critical")
    for step in range(12):
        ids, called, features = events(rng, 50, int(rng.integers(0, 200)), NAMES if step % 3 else quiet)
        expected = [node.event(int(a), n, row) for a, n, row in zip(ids, called, features)]
        assert process(engine, ids, called, features) == expected
        other = int(rng.integers(0, options["voters"]))
        if other != options["voter"]:
            voted = rng.integers(0, 50, int(rng.integers(0, 30)))
            engine.receive_votes(other, voted)
            node.receive(other, voted.tolist())
        assert [agent for agent in range(50) if agent in engine.quarantine] == sorted(node.quarantined)
        suspects = engine.suspects()
        assert suspects.dtype == np.uint32
        assert suspects.tolist() == node.suspects()
        for agent in range(50):
            assert engine.anomalous_rows(agent) == sum(node.windows[agent])


def test_event_that_causes_quarantine_is_rejected(engine_table: LookupTable) -> None:
    engine = Engine(10, engine_table, suspicion=2)
    hot = np.full((3, 24), 255, np.uint8)
    decisions, quarantined = engine.process([4, 4, 4], [key("safe")] * 3, hot)
    assert decisions.tolist() == [0, 3, 3]
    assert quarantined.tolist() == [False, True, True]


def test_votes_of_others_quarantine_at_once(engine_table: LookupTable) -> None:
    engine = Engine(10, engine_table, voters=3)
    engine.receive_votes(1, [7])
    engine.receive_votes(1, [7])
    assert len(engine.quarantine) == 0
    engine.receive_votes(2, [7, 8])
    assert [agent for agent in range(10) if agent in engine.quarantine] == [7]
    assert engine.suspects().tolist() == []


def test_operator_may_change_the_quarantine(engine_table: LookupTable) -> None:
    engine = Engine(10, engine_table)
    engine.quarantine.add([3])
    cold = np.zeros((1, 24), np.uint8)
    assert engine.process([3], [key("safe")], cold)[0].tolist() == [3]
    engine.quarantine.remove([3])
    assert engine.process([3], [key("safe")], cold)[0].tolist() == [0]
    assert engine.process([3], [key("critical")], cold)[1].tolist() == [True]
    engine.quarantine.remove([3])
    # The vote is still known, so the rule holds at the next event.
    assert engine.process([3], [key("safe")], cold)[1].tolist() == [True]


def test_window_forgets(engine_table: LookupTable) -> None:
    engine = Engine(2, engine_table, window=4, suspicion=3)
    hot, cold = np.full((1, 24), 255, np.uint8), np.zeros((1, 24), np.uint8)
    for row in (hot, hot, cold, cold, hot, hot, cold, cold):
        assert engine.process([0], [key("safe")], row)[1].tolist() == [False]
    assert engine.anomalous_rows(0) == 2
    assert engine.suspects().tolist() == []


@pytest.mark.parametrize("threads", [2, 3, 7])
def test_any_number_of_threads_answers_the_same(
    threads: int, engine_table: LookupTable, rng: np.random.Generator
) -> None:
    one = Engine(5000, engine_table, window=16, threshold=3000)
    more = Engine(5000, engine_table, window=16, threshold=3000, threads=threads)
    for _ in range(3):
        batch = events(rng, 5000, 20_000)
        assert process(one, *batch) == process(more, *batch)
    assert np.array_equal(one.suspects(), more.suspects())
    assert np.array_equal(one.quarantine.snapshot(), more.quarantine.snapshot())


def test_million_agents(engine_table: LookupTable, rng: np.random.Generator) -> None:
    engine = Engine(1_000_000, engine_table)
    ids = np.array([0, 999_999, 500_000, 999_999], np.uint32)
    keys = [key("safe"), key("critical"), key("low"), key("safe")]
    assert engine.process(ids, keys, np.zeros((4, 24), np.uint8))[0].tolist() == [0, 3, 0, 3]
    assert engine.suspects().tolist() == [999_999]


def test_no_event(engine_table: LookupTable) -> None:
    decisions, quarantined = Engine(3, engine_table).process([], [], np.zeros((0, 24), np.uint8))
    assert decisions.shape == quarantined.shape == (0,)


def test_out(engine_table: LookupTable) -> None:
    out = np.full(1, 9, np.uint8), np.ones(1, np.bool_)
    result = Engine(3, engine_table).process([1], [key("safe")], np.zeros((1, 24), np.uint8), out=out)
    assert result[0] is out[0]
    assert result[1] is out[1]
    assert (out[0].tolist(), out[1].tolist()) == ([0], [False])


def test_refused_events_change_nothing(engine_table: LookupTable) -> None:
    engine = Engine(10, engine_table)
    with pytest.raises(ValueError, match=r"agent_ids\[1\] is 10; allowed: 0 to 9"):
        engine.process([1, 10], [key("critical")] * 2, np.zeros((2, 24), np.uint8))
    assert engine.suspects().tolist() == []


def test_quarantine_outlives_its_engine(engine_table: LookupTable) -> None:
    quarantine = Engine(10, engine_table).quarantine
    assert quarantine.add([1]) == 1
    assert 1 in quarantine


@pytest.mark.parametrize(
    ("options", "said"),
    [
        ({"agents": 0}, "agents is 0; allowed: 1 to"),
        ({"window": 0}, "window is 0; allowed: 1 to 1048576"),
        ({"window": 2**20 + 1}, "window is 1048577"),
        ({"threshold": -1}, "threshold is -1; allowed: 0 to 6120"),
        ({"suspicion": 0}, "suspicion is 0; allowed: 1 to"),
        ({"voters": 0}, "voters is 0; allowed: 1 to 4096"),
        ({"voters": 4097}, "voters is 4097"),
        ({"voters": 3, "voter": 3}, "voter is 3; allowed: 0 to 2"),
        ({"rule": "all"}, "'all'; allowed: 'majority' or 'byzantine'"),
        ({"threads": 0}, "threads is 0; allowed: 1 to"),
    ],
)
def test_wrong_options(options: dict, said: str, engine_table: LookupTable) -> None:
    with pytest.raises(ValueError, match=said):
        Engine(**{"agents": 10, "table": engine_table, **options})


@pytest.mark.parametrize(
    ("arguments", "error", "said"),
    [
        (([1, 2], [0], np.zeros((2, 24), np.uint8)), ValueError, r"keys has shape \[1\]; allowed: \[2\]"),
        (
            ([1], [0], np.zeros((2, 24), np.uint8)),
            ValueError,
            r"features has shape \[2, 24\]; allowed: \[1, 24\]",
        ),
        (([1], [0], np.zeros((1, 24), np.float32)), TypeError, "float32; allowed: uint8"),
        (([1], [0], np.full((1, 24), 256)), ValueError, r"features\[0, 0\] is 256; allowed: 0 to 255"),
        (([1.0], [0], np.zeros((1, 24), np.uint8)), TypeError, "1.0"),
    ],
)
def test_wrong_events(arguments: tuple, error: type[Exception], said: str, engine_table: LookupTable) -> None:
    with pytest.raises(error, match=said):
        Engine(10, engine_table).process(*arguments)


@pytest.mark.parametrize(
    ("voter", "ids", "said"),
    [
        (3, [1], "voter is 3; allowed: 0 to 2"),
        (1, [1], "voter is 1, this node itself"),
        (0, [10], r"agent_ids\[0\] is 10"),
    ],
)
def test_wrong_votes(voter: int, ids: list[int], said: str, engine_table: LookupTable) -> None:
    engine = Engine(10, engine_table, voters=3, voter=1)
    with pytest.raises(ValueError, match=said):
        engine.receive_votes(voter, ids)


def test_table_of_another_type() -> None:
    with pytest.raises(TypeError, match="allowed: LookupTable"):
        Engine(10, {})
