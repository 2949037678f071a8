"""Random corruptions of a registry file, the same ones each time."""

from __future__ import annotations

import random
from typing import Iterator

COUNT = 10_000
_LENGTHS = (0, 1, 2, 255, 256, 0x7FFF, 0x8000, 0xFFFE, 0xFFFF)
_COUNTS = (0, 1, 0x7FFFFFFF, 0x80000000, 0xFFFFFFFF)
_OFFSETS = (0, 1, 21, 22, 2**31, 2**32 - 1, 2**63, 2**64 - 1)


def corruptions(good: bytes, count: int = COUNT, seed: int = 7) -> Iterator[bytes]:
    """``count`` corrupted versions of a version 2 file, of all kinds in turn."""
    rng = random.Random(seed)
    index = len(good) - int.from_bytes(good[18:22], "big")
    kinds = (
        _cut,
        _flip,
        _flips,
        _zeros,
        _insert,
        _remove,
        _length,
        _header,
        _index,
        _swap,
        _repair,
        _version_1,
    )
    for i in range(count):
        yield kinds[i % len(kinds)](rng, bytearray(good), index)


def _cut(rng: random.Random, data: bytearray, index: int) -> bytes:
    return bytes(data[: rng.randrange(len(data))])


def _flip(rng: random.Random, data: bytearray, index: int) -> bytes:
    data[rng.randrange(len(data))] ^= 1 << rng.randrange(8)
    return bytes(data)


def _flips(rng: random.Random, data: bytearray, index: int) -> bytes:
    for _ in range(rng.randint(2, 20)):
        data[rng.randrange(len(data))] ^= 1 << rng.randrange(8)
    return bytes(data)


def _zeros(rng: random.Random, data: bytearray, index: int) -> bytes:
    at, size = rng.randrange(len(data)), rng.randint(1, 64)
    data[at : at + size] = bytes([rng.choice((0, 0xFF))]) * min(size, len(data) - at)
    return bytes(data)


def _insert(rng: random.Random, data: bytearray, index: int) -> bytes:
    at = rng.randint(0, len(data))
    data[at:at] = rng.randbytes(rng.randint(1, 40))
    return bytes(data)


def _remove(rng: random.Random, data: bytearray, index: int) -> bytes:
    at = rng.randrange(len(data))
    del data[at : at + rng.randint(1, 40)]
    return bytes(data)


def _records(data: bytearray, index: int) -> list[int]:
    places, at = [], 22
    while at < index:
        places.append(at)
        at += 26 + int.from_bytes(data[at : at + 2], "big")
    return places


def _length(rng: random.Random, data: bytearray, index: int) -> bytes:
    """A forged name length, somewhere in the records."""
    at = rng.choice(_records(data, index))
    data[at : at + 2] = rng.choice(_LENGTHS).to_bytes(2, "big")
    return bytes(data)


def _header(rng: random.Random, data: bytearray, index: int) -> bytes:
    """A forged count or index size: an extreme, or off by a little."""
    at = rng.choice((6, 18))
    near = int.from_bytes(data[at : at + 4], "big") + rng.randint(-40, 40)
    value = rng.choice((*_COUNTS, near)) % 2**32
    data[at : at + 4] = value.to_bytes(4, "big")
    return bytes(data)


def _index(rng: random.Random, data: bytearray, index: int) -> bytes:
    """A forged entry of the index: its length, a letter, or its offset."""
    entries, at = [], index
    while at < len(data):
        entries.append(at)
        at += 10 + int.from_bytes(data[at : at + 2], "big")
    at = rng.choice(entries)
    length = int.from_bytes(data[at : at + 2], "big")
    kind = rng.randrange(3)
    if kind == 0:
        data[at : at + 2] = rng.choice(_LENGTHS).to_bytes(2, "big")
    elif kind == 1:
        data[at + 2 + rng.randrange(length)] = rng.randrange(256)
    else:
        data[at + 2 + length : at + 10 + length] = rng.choice(_OFFSETS).to_bytes(8, "big")
    return bytes(data)


def _swap(rng: random.Random, data: bytearray, index: int) -> bytes:
    """One record's descriptor in another's place, whole and valid in itself."""
    places = _records(data, index)
    one, other = (at + 2 + int.from_bytes(data[at : at + 2], "big") for at in rng.sample(places, 2))
    data[one : one + 24] = data[other : other + 24]
    return bytes(data)


def _repair(rng: random.Random, data: bytearray, index: int) -> bytes:
    """A changed descriptor whose checksum was made to fit again; valid when only numbers or flags changed."""
    at = rng.choice(_records(data, index))
    at += 2 + int.from_bytes(data[at : at + 2], "big")
    data[at + rng.randrange(22)] ^= 1 << rng.randrange(8)
    data[at + 22 : at + 24] = (sum(data[at : at + 22]) % 65536).to_bytes(2, "big")
    return bytes(data)


def _version_1(rng: random.Random, data: bytearray, index: int) -> bytes:
    """The records as a version 1 file, sometimes with a name twice, then cut, flipped or left whole."""
    places = _records(data, index)
    body, count = bytes(data[22:index]), len(places)
    if rng.random() < 0.5:
        at = rng.choice(places)
        body += bytes(data[at : at + 26 + int.from_bytes(data[at : at + 2], "big")])
        count += 1
    made = bytearray(b"TCPDB\x01" + count.to_bytes(4, "big") + body)
    damage = rng.choice((_cut, _flip, lambda rng, data, index: bytes(data)))
    return damage(rng, made, 0)
