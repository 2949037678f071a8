"""Lookup of descriptors and decisions."""

from __future__ import annotations

import numpy as np
import oracle
import pytest
from hypothesis import given
from hypothesis import strategies as st
from tcpkernels import Decision, LookupTable, Registry, key

# Two names that MD5 does not tell apart; the pair was published by Marc Stevens in 2024.
COLLIDING = tuple(
    f"TEXTCOLLBYfGiJUETHQ4h{letter}cKSMd5zYpgqf1YRDhkmxHkhPWptrkoyz28wnI9V0aHeAuaKnak" for letter in "AE"
)


def test_every_name_is_found(registry: Registry, table: LookupTable) -> None:
    for name, row in zip(registry.names, registry.descriptors):
        assert table.lookup(key(name)) == row.tobytes()
        assert table.lookup_constant_time(key(name)) == row.tobytes()
    assert len(table) == len(registry)


@given(st.integers(0, 2**64 - 1))
def test_unknown_key_is_not_found(value: int) -> None:
    table = LookupTable(Registry.from_commands(["ls", "rm"], "SAFE"))
    assert table.lookup(value) is None
    assert table.lookup_constant_time(value) is None


def test_neighbours_of_a_key_are_not_found(registry: Registry, table: LookupTable) -> None:
    known = set(registry.keys.tolist())
    for value in registry.keys.tolist():
        for bit in range(64):
            assert value ^ (1 << bit) in known or table.lookup(value ^ (1 << bit)) is None
        # The same command hash, another name: 32 bits are not enough.
        assert table.lookup_constant_time(value ^ 1) is None


@pytest.mark.parametrize("edge", [0, 1, 2**32, 2**63, 2**64 - 1])
def test_edges_of_the_key_range(table: LookupTable, edge: int) -> None:
    assert table.lookup(edge) is None
    assert table.lookup_many([edge])[1].tolist() == [False]


def test_many(registry: Registry, table: LookupTable, rng: np.random.Generator) -> None:
    picks = rng.integers(0, len(registry), 1001)
    keys = registry.keys[picks].copy()
    keys[::3] ^= np.uint64(0xFFFF)
    descriptors, found = table.lookup_many(keys)
    assert (descriptors.dtype, descriptors.shape) == (np.uint8, (1001, 24))
    assert (found.dtype, found.shape) == (np.bool_, (1001,))
    assert found.tolist() == [i % 3 != 0 for i in range(1001)]
    assert np.array_equal(descriptors[found], registry.descriptors[picks[found]])
    assert not descriptors[~found].any()


def test_decisions(commands: dict[str, str], table: LookupTable) -> None:
    decisions = table.decide_many(np.array([key(name) for name in commands], np.uint64))
    assert decisions.dtype == np.uint8
    assert decisions.tolist() == [oracle.ANSWERS[risk] for risk in commands.values()]
    assert table.decide_many([0])[0] == Decision.REQUIRE_APPROVAL


@pytest.mark.parametrize("bits", range(32))
def test_highest_risk_bit_decides_and_capabilities_do_not(bits: int) -> None:
    table = LookupTable(Registry.from_commands(["x"], 0xABCDEFE0 & ~0x1F | bits))
    highest = bits.bit_length()
    expected = [2, 0, 0, 1, 2, 3][highest]
    assert table.decide_many([key("x")]).tolist() == [expected]


@pytest.mark.parametrize("n", [0, 1, 2, 7, 8, 9, 63, 64, 65])
def test_sizes(registry: Registry, table: LookupTable, n: int) -> None:
    keys = registry.keys[:n]
    assert table.lookup_many(keys)[1].all()
    assert table.decide_many(keys).shape == (n,)
    assert LookupTable(Registry.from_commands([str(i) for i in range(n)], "LOW")).lookup(key("0")) == (
        oracle.descriptor("0", 2) if n else None
    )


def test_large_table() -> None:
    registry = Registry.from_commands([f"command {i}" for i in range(20_000)], "MEDIUM")
    table = LookupTable(registry)
    descriptors, found = table.lookup_many(registry.keys[::-1])
    assert found.all()
    assert np.array_equal(descriptors, registry.descriptors[::-1])


def test_out(registry: Registry, table: LookupTable) -> None:
    keys = registry.keys[:5]
    pair = np.full((5, 24), 9, np.uint8), np.zeros(5, np.bool_)
    result = table.lookup_many(keys, out=pair)
    assert result[0] is pair[0]
    assert result[1] is pair[1]
    assert np.array_equal(pair[0], registry.descriptors[:5])
    decisions = np.empty(5, np.uint8)
    assert table.decide_many(keys, out=decisions) is decisions


def test_equal_keys_are_an_error_that_names_both() -> None:
    assert key(COLLIDING[0]) == key(COLLIDING[1])
    registry = Registry.from_commands(["ls", *COLLIDING, "rm"], "SAFE")
    assert len(registry) == 4
    with pytest.raises(ValueError, match=f"(?s){COLLIDING[0]}.*{COLLIDING[1]}"):
        LookupTable(registry)


def test_table_outlives_its_registry() -> None:
    table = LookupTable(Registry.from_commands([f"t{i}" for i in range(500)], "HIGH"))
    assert table.lookup(key("t499")) == oracle.descriptor("t499", 8)


@pytest.mark.parametrize("wrong", [-1, 2**64])
def test_key_out_of_range(table: LookupTable, wrong: int) -> None:
    for call in (table.lookup, table.lookup_constant_time):
        with pytest.raises(ValueError, match=f"key is {wrong}; allowed: 0 to 18446744073709551615"):
            call(wrong)
    with pytest.raises(ValueError, match=rf"keys\[1\] is {wrong}"):
        table.lookup_many([1, wrong])


@pytest.mark.parametrize("wrong", ["ls", 1.0, None, True])
def test_key_of_another_type(table: LookupTable, wrong: object) -> None:
    with pytest.raises(TypeError, match="allowed: an integer"):
        table.lookup(wrong)


def test_table_of_another_type() -> None:
    with pytest.raises(TypeError, match="allowed: Registry"):
        LookupTable({"ls": b""})
