"""The table of the lookup pipeline: where each key stands, the memory image, and the loads that change it.

python table.py REGISTRY FOLDER [--banks N] [--address-bits N]    # the image that tcp_lookup's IMAGE names

A key has one slot in each bank, and its entry is in one of them (cuckoo hashing). Entries that give way are copied
before they are overwritten: carried out in order, no load of a list takes away a key that is there before and after it.
"""

from __future__ import annotations

import argparse
import sys
from pathlib import Path
from typing import NamedTuple

import tcpkernels

QUARTERS = ((0, 7, 0), (16, 3, 1), (32, 5, 2), (48, 11, 3))  # of a key: first bit, turn for each bank, turn
HEAD = b"TCP\x02\x00\x02"  # of a descriptor; the pipeline adds it
MOST_BANKS, MOST_ADDRESS_BITS = 9, 16


class Load(NamedTuple):
    """One operation of the load port; an empty slot has key 0 and an empty tail."""

    bank: int
    slot: int
    occupied: bool
    key: int
    tail: bytes


class Full(ValueError):
    """A key finds no slot; the message names it and the table's size."""


def taps(bank: int, bit: int) -> tuple[int, ...]:
    """The bits of a key whose sum is this bit of its slot, as slot_of in tcp_lookup.v has them."""
    return tuple(first + (bit + turn * bank + more) % 16 for first, turn, more in QUARTERS)


class Table:
    """`banks` memories of 2**address_bits entries. Raises ValueError for sizes that the hash cannot serve."""

    def __init__(self, banks: int = 4, address_bits: int = 9) -> None:
        for name, value, most in (
            ("banks", banks, MOST_BANKS),
            ("address_bits", address_bits, MOST_ADDRESS_BITS),
        ):
            if not 1 <= value <= most:
                raise ValueError(f"{name} is {value}; allowed: 1 to {most}")
        self.banks, self.address_bits = banks, address_bits
        self.entries: dict[tuple[int, int], tuple[int, bytes]] = {}
        self.places: dict[int, tuple[int, int]] = {}
        self._taps = [[taps(bank, bit) for bit in range(address_bits)] for bank in range(banks)]

    def slot_of(self, key: int, bank: int) -> int:
        return sum(
            (sum(key >> tap & 1 for tap in four) & 1) << bit for bit, four in enumerate(self._taps[bank])
        )

    def put(self, key: int, descriptor: bytes) -> list[Load]:
        """Put in a key or change its descriptor (24 bytes, valid); the loads that do it. Raises Full, ValueError."""
        if len(descriptor) != 24 or not descriptor.startswith(HEAD):
            raise ValueError(
                f"descriptor of key {key:#018x} is {descriptor.hex()}; allowed: 24 bytes from {HEAD.hex()}"
            )
        tail = descriptor[len(HEAD) :]
        if key in self.places:
            return [self._set(self.places[key], key, tail)]
        path = self._path_to_empty(key)
        loads = [self._set(to, *self.entries[giver]) for giver, to in zip(path[-2::-1], path[:0:-1])]
        return [*loads, self._set(path[0], key, tail)]

    def remove(self, key: int) -> list[Load]:
        """Take out a key that is there; raises KeyError when it is not."""
        place = self.places.pop(key)
        del self.entries[place]
        return [Load(*place, False, 0, bytes(18))]

    def change_to(self, registry: tcpkernels.Registry) -> list[Load]:
        """Make this the table of a registry: what goes, then what stays but differs, then what comes."""
        wanted = descriptors(registry)
        loads = [load for key in set(self.places) - set(wanted) for load in self.remove(key)]
        for key, descriptor in wanted.items():
            place = self.places.get(key)
            if place is None or self.entries[place][1] != descriptor[len(HEAD) :]:
                loads += self.put(key, descriptor)
        return loads

    def write_image(self, folder: Path) -> None:
        """A file for each bank's keys (65 bits, the first: occupied) and one for its bodies (bytes 6 to 23)."""
        folder.mkdir(parents=True, exist_ok=True)
        for bank in range(self.banks):
            slots = [self.entries.get((bank, slot)) for slot in range(1 << self.address_bits)]
            keys = [f"{1 << 64 | entry[0] if entry else 0:017x}\n" for entry in slots]
            tails = [f"{entry[1].hex() if entry else '0' * 36}\n" for entry in slots]
            (folder / f"keys{bank}.hex").write_text("".join(keys))
            (folder / f"tails{bank}.hex").write_text("".join(tails))

    def _set(self, place: tuple[int, int], key: int, tail: bytes) -> Load:
        self.entries[place] = (key, tail)
        self.places[key] = place
        return Load(*place, True, key, tail)

    def _path_to_empty(self, key: int) -> list[tuple[int, int]]:
        """Places from one of the key's own to an empty one, each entry on it at home in the next; the shortest."""
        start = [(bank, self.slot_of(key, bank)) for bank in range(self.banks)]
        before: dict[tuple[int, int], tuple[int, int] | None] = dict.fromkeys(start)
        for place in (queue := list(before)):
            if place not in self.entries:
                path = [place]
                while (former := before[path[-1]]) is not None:
                    path.append(former)
                return path[::-1]
            resident = self.entries[place][0]
            for bank in range(self.banks):
                other = (bank, self.slot_of(resident, bank))
                if other not in before:
                    before[other] = place
                    queue.append(other)
        size = self.banks << self.address_bits
        raise Full(
            f"key {key:#018x} finds no slot: {len(self.places)} of {size} are taken; allowed: a larger table"
        )


def descriptors(registry: tcpkernels.Registry) -> dict[int, bytes]:
    """Key to descriptor; raises ValueError naming both commands when two have an equal key."""
    tcpkernels.LookupTable(registry)
    return {int(key): bytes(row) for key, row in zip(registry.keys, registry.descriptors)}


def table_of(registry: tcpkernels.Registry, banks: int = 4, address_bits: int = 9) -> Table:
    table = Table(banks, address_bits)
    table.change_to(registry)
    return table


def main() -> int:
    parser = argparse.ArgumentParser(description="Make the memory image of a registry.")
    parser.add_argument("registry", type=Path)
    parser.add_argument("folder", type=Path)
    parser.add_argument("--banks", type=int, default=4)
    parser.add_argument("--address-bits", type=int, default=9)
    given = parser.parse_args()
    try:
        table = table_of(tcpkernels.Registry.load(given.registry), given.banks, given.address_bits)
        table.write_image(given.folder)
    except (ValueError, OSError) as error:
        print(f"{given.registry}: {error}", file=sys.stderr)
        return 2
    print(f"{len(table.places)} keys in {given.banks} banks of {1 << given.address_bits}: {given.folder}")
    return 0


if __name__ == "__main__":
    sys.exit(main())
