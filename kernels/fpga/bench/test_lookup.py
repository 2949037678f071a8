"""The pipeline against the library: the whole registry, misses, stalls, and the table changed while lookups run.

Run by bench/run.py, which builds the simulation and sets TCP_REGISTRY, TCP_ADDRESS_BITS and, for a short run, how many
commands of the registry to take (TCP_COMMANDS).
"""

from __future__ import annotations

import os
import random
from collections import deque
from typing import Any

import cocotb
import numpy as np
import table
import tcpkernels
from cocotb.clock import Clock
from cocotb.triggers import FallingEdge, ReadOnly, RisingEdge

LATENCY = 5
COMMANDS = int(os.environ["TCP_COMMANDS"]) if "TCP_COMMANDS" in os.environ else None
SIZES = {"banks": 4, "address_bits": int(os.environ["TCP_ADDRESS_BITS"])}
MISSES = 100_000
Answer = tuple[bool, bytes]


def flags_of(registry: tcpkernels.Registry) -> dict[str, int]:
    rows = registry.descriptors
    return {name: int.from_bytes(bytes(rows[i][10:14]), "big") for i, name in enumerate(registry.names)}


def registry_under_test() -> tcpkernels.Registry:
    """The file's, whole or its first commands."""
    whole = tcpkernels.Registry.load(os.environ["TCP_REGISTRY"])
    if COMMANDS is None:
        return whole
    return tcpkernels.Registry.from_commands(whole.names[:COMMANDS], flags_of(whole), time=0)


FULL = registry_under_test()


class Bench:
    """Drives the ports at the falling edge, and looks at them just before the rising one."""

    def __init__(self, dut: Any) -> None:
        self.dut = dut
        self.cycle = 0
        self.requests: deque[int] = deque()
        self.loads: deque[table.Load] = deque()
        self.offer = self.take = 1.0  # how often a request is offered and a response taken
        self.chance = random.Random(20261123)
        self.accepted: list[tuple[int, int, int]] = []  # cycle, key, loads before it
        self.answers: list[tuple[int, Answer]] = []
        self.loaded = 0
        self.held: tuple[int, int] | None = None

    async def start(self) -> None:
        cocotb.start_soon(Clock(self.dut.clk, 10, unit="ns").start())
        for port in (self.dut.request_valid, self.dut.load_valid, self.dut.response_ready):
            port.value = 0
        await self.reset()

    async def reset(self) -> None:
        self.dut.reset.value = 1
        await RisingEdge(self.dut.clk)
        await FallingEdge(self.dut.clk)
        self.dut.reset.value = 0
        self.held = None

    def drive(self) -> None:
        """Offer and take as chance has it; what was offered stays until it is accepted."""
        dut = self.dut
        if self.requests and (int(dut.request_valid.value) or self.chance.random() < self.offer):
            dut.request_valid.value = 1
            dut.request_key.value = self.requests[0]
        else:
            dut.request_valid.value = 0
        dut.response_ready.value = int(self.chance.random() < self.take)
        dut.load_valid.value = int(bool(self.loads))
        if self.loads:
            load = self.loads[0]
            dut.load_bank.value, dut.load_slot.value = load.bank, load.slot
            dut.load_occupied.value, dut.load_key.value = int(load.occupied), load.key
            dut.load_tail.value = int.from_bytes(load.tail, "big")

    def see(self) -> None:
        """What the coming edge will do."""
        dut = self.dut
        if int(dut.response_valid.value):
            response = int(dut.response_found.value), int(dut.response_descriptor.value)
            assert self.held in (None, response), "a response changed while it waited"
            self.held = response
            if int(dut.response_ready.value):
                self.answers.append((self.cycle, (bool(response[0]), response[1].to_bytes(24, "big"))))
                self.held = None
        else:
            assert self.held is None, "a response went away while it waited"
        if int(dut.request_valid.value) and int(dut.request_ready.value):
            self.accepted.append((self.cycle, self.requests.popleft(), self.loaded))
        if int(dut.load_valid.value) and int(dut.load_ready.value):
            self.loads.popleft()
            self.loaded += 1
        self.cycle += 1

    async def run(self, cycles: int) -> None:
        for _ in range(cycles):
            self.drive()
            await ReadOnly()
            self.see()
            await FallingEdge(self.dut.clk)

    async def drain(self) -> None:
        """Until everything is in and answered; a pipeline that stands still is an error."""
        while self.requests or self.loads or len(self.answers) < len(self.accepted):
            before = len(self.accepted) + len(self.answers) + self.loaded
            await self.run(200)
            assert len(self.accepted) + len(self.answers) + self.loaded > before, (
                "nothing moved in 200 cycles"
            )

    async def load(self, registry: tcpkernels.Registry) -> table.Table:
        """Write every slot, whatever a former test left there."""
        made = table.table_of(registry, **SIZES)
        places = [(bank, slot) for bank in range(made.banks) for slot in range(1 << made.address_bits)]
        empty = (0, bytes(18))
        self.loads.extend(
            table.Load(*place, place in made.entries, *made.entries.get(place, empty)) for place in places
        )
        await self.drain()
        return made

    def check(self, *registries: tcpkernels.Registry) -> None:
        """Every answer, in order, is the library's for one of these registries."""
        assert len(self.answers) == len(self.accepted), "responses are missing, or too many"
        keys = np.array([key for _, key, _ in self.accepted], np.uint64)
        allowed = [tcpkernels.LookupTable(registry).lookup_many(keys) for registry in registries]
        for i, (_, answer) in enumerate(self.answers):
            assert any(answer == (bool(found[i]), bytes(rows[i])) for rows, found in allowed), (
                f"answer {i}, key {int(keys[i]):#018x}: {answer}"
            )


def near_misses(made: table.Table) -> list[int]:
    """For each entry and each bit of a key, a key that differs in it and has the same slot in the entry's bank.

    Such a key is read beside the entry itself: that it is not found is due to the comparison of that bit alone, or of
    it and one other.
    """
    keys = []
    for key, (bank, _) in made.places.items():
        partner = {}
        for bit in range(made.address_bits):
            first, second, third, fourth = table.taps(bank, bit)
            partner |= {first: second, second: third, third: fourth, fourth: first}
        keys += [key ^ 1 << bit ^ (1 << partner[bit] if bit in partner else 0) for bit in range(64)]
    return [key for key in keys if key not in made.places]


@cocotb.test()
async def every_entry_back_to_back(dut: Any) -> None:
    """All are found, one a cycle, each after five cycles."""
    bench = Bench(dut)
    await bench.start()
    await bench.load(FULL)
    bench.requests.extend(int(key) for key in FULL.keys)
    await bench.drain()
    bench.check(FULL)
    assert all(found for _, (found, _) in bench.answers)
    first = bench.accepted[0][0]
    assert [cycle for cycle, _, _ in bench.accepted] == list(range(first, first + len(FULL)))
    assert [cycle for cycle, _ in bench.answers] == list(range(first + LATENCY, first + LATENCY + len(FULL)))


@cocotb.test()
async def misses_beside_every_entry(dut: Any) -> None:
    """None of the keys that meet an entry in its slot is found, one a cycle; 100,000 with a whole registry."""
    bench = Bench(dut)
    await bench.start()
    made = await bench.load(FULL)
    keys = near_misses(made)
    assert len(keys) >= (MISSES if COMMANDS is None else 60 * len(FULL))
    bench.requests.extend(keys[:MISSES] if COMMANDS is None else keys[::2])
    await bench.drain()
    bench.check(FULL)
    assert not any(found for _, (found, _) in bench.answers)
    assert bench.answers[-1][0] - bench.accepted[0][0] == len(bench.answers) - 1 + LATENCY


@cocotb.test()
async def emptied_slots_are_not_found(dut: Any) -> None:
    """Not even where the key still stands in the slot; nor is key 0, which stands in slots that were never taken."""
    bench = Bench(dut)
    await bench.start()
    made = await bench.load(FULL)
    gone = {entry[0]: table.Load(*place, False, *entry) for place, entry in list(made.entries.items())[::3]}
    bench.loads.extend(gone.values())
    await bench.drain()
    bench.requests.extend([0, *made.places])
    await bench.drain()
    keys = np.array([key for _, key, _ in bench.accepted], np.uint64)
    rows, _ = tcpkernels.LookupTable(FULL).lookup_many(keys)
    for key, row, (_, answer) in zip(keys.tolist(), rows, bench.answers):
        found = key in made.places and key not in gone
        assert answer == (found, bytes(row) if found else bytes(24)), f"key {key:#018x}: {answer}"


@cocotb.test()
async def stalls_at_random(dut: Any) -> None:
    """Hits and misses mixed, offered and taken now and then: all are answered, in order."""
    bench = Bench(dut)
    await bench.start()
    made = await bench.load(FULL)
    keys = [int(key) for key in FULL.keys] + near_misses(made)[::64]
    bench.chance.shuffle(keys)
    bench.requests.extend(keys)
    for bench.offer, bench.take in ((1.0, 0.5), (0.5, 1.0), (0.5, 0.5), (1.0, 0.1)):
        await bench.run(400)
    bench.offer = bench.take = 0.8
    await bench.drain()
    bench.check(FULL)


@cocotb.test()
async def reload_while_running(dut: Any) -> None:
    """From one half of the registry to the other, with changed entries between: never an answer of neither.

    What is in both and the same is found all the time; after the last load every answer is the new registry's.
    """
    names, flags = FULL.names, flags_of(FULL)
    third = len(names) // 3
    old = tcpkernels.Registry.from_commands(names[: 2 * third], flags, time=0)
    new = tcpkernels.Registry.from_commands(
        names[third:],
        {name: flag ^ (0x100 if i % 2 else 0) for i, (name, flag) in enumerate(flags.items())},
        time=0,
    )
    bench = Bench(dut)
    await bench.start()
    made = await bench.load(old)
    start = bench.loaded
    bench.loads.extend(made.change_to(new))
    last = start + len(bench.loads)
    keys = [int(key) for key in FULL.keys]
    bench.take = 0.9
    while bench.loads:
        bench.requests.extend(bench.chance.choices(keys, k=500))
        await bench.run(300)
    bench.requests.extend(keys)
    await bench.drain()
    bench.check(old, new)
    after = [i for i, (_, _, loads) in enumerate(bench.accepted) if loads == last]
    assert len(after) >= len(keys)
    bench.accepted, bench.answers = ([all_of[i] for i in after] for all_of in (bench.accepted, bench.answers))
    bench.check(new)


@cocotb.test()
async def reset_drops_lookups_and_keeps_the_table(dut: Any) -> None:
    """Also in the middle of loads: none that was accepted is lost or half done."""
    bench = Bench(dut)
    await bench.start()
    await bench.load(tcpkernels.Registry.from_commands([], {}, time=0))
    made = table.table_of(FULL, **SIZES)
    rest = [table.Load(*place, True, *entry) for place, entry in made.entries.items()]
    keys = [int(key) for key in FULL.keys]
    bench.take = 0.3
    while rest:
        # Few cycles, and not always as many: a reset has to meet each step of a load.
        bench.loads.extend(rest[:4])
        del rest[:4]
        bench.requests.extend(keys[:100])
        await bench.run(bench.chance.randrange(2, 9))
        await bench.reset()
        bench.requests.clear()
        dut.request_valid.value = 0
    bench.take = 1.0
    await bench.run(2 * len(bench.loads) + 20)
    bench.accepted, bench.answers = [], []
    bench.requests.extend(keys)
    await bench.drain()
    bench.check(FULL)
