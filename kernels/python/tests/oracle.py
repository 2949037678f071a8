"""The specification in plain Python loops: slow, and written without a look at any backend."""

from __future__ import annotations

import hashlib
import math
from collections import defaultdict, deque
from typing import Sequence

import numpy as np

RISKS = {"safe": "SAFE", "low": "LOW", "medium": "MEDIUM", "high": "HIGH", "critical": "CRITICAL"}
ANSWERS = {"SAFE": 0, "LOW": 0, "MEDIUM": 1, "HIGH": 2, "CRITICAL": 3}
REJECT, REQUIRE_APPROVAL = 3, 2


def key(name: str) -> int:
    return int(hashlib.md5(name.encode()).hexdigest()[:16], 16)


def descriptor(name: str, flags: int, execution: int = 0, memory: int = 0, output: int = 0) -> bytes:
    body = b"TCP\x02\x00\x02" + hashlib.md5(name.encode()).digest()[:4]
    body += flags.to_bytes(4, "big") + execution.to_bytes(4, "big")
    body += memory.to_bytes(2, "big") + output.to_bytes(2, "big")
    return body + (sum(body) % 65536).to_bytes(2, "big")


def record(name: bytes, content: bytes) -> bytes:
    return len(name).to_bytes(2, "big") + name + content


def file_1(records: Sequence[bytes]) -> bytes:
    return b"TCPDB\x01" + len(records).to_bytes(4, "big") + b"".join(records)


def file_2(names: Sequence[str], flags: int = 1, time: int = 0) -> bytes:
    body, index, at = b"", [], 22
    for name in names:
        index.append((name.encode(), at))
        one = record(name.encode(), descriptor(name, flags))
        body, at = body + one, at + len(one)
    table = b"".join(
        len(name).to_bytes(2, "big") + name + offset.to_bytes(8, "big") for name, offset in sorted(index)
    )
    header = b"TCPDB\x02" + len(names).to_bytes(4, "big") + time.to_bytes(8, "big")
    return header + len(table).to_bytes(4, "big") + body + table


def scan_u8(matrix: np.ndarray, threshold: float) -> tuple[int, int, int]:
    sums = [sum(int(x) for x in row) for row in matrix]
    if not sums:
        return 0, -1, 0
    return sum(s > threshold for s in sums), sums.index(max(sums)), max(sums)


def score(rows: np.ndarray, baseline: np.ndarray) -> float:
    if not (np.isfinite(rows).all() and np.isfinite(baseline).all()):
        return math.inf
    d = [math.fsum((float(x) - float(b)) ** 2 for x, b in zip(row, baseline)) for row in rows]
    if len(d) < 2:
        return 0.0
    mean = math.fsum(d) / len(d)
    std = math.sqrt(math.fsum((x - mean) ** 2 for x in d) / len(d))
    return 0.0 if std < 1e-10 else max(abs(x - mean) for x in d) / (std + 1e-10)


def passes(votes: int, n: int, rule: str) -> bool:
    return votes > n / 2 if rule == "majority" else votes >= (2 * n) // 3 + 1


class Node:
    """The engine of the specification's section 6, an event at a time."""

    def __init__(
        self, window: int, threshold: int, suspicion: int, voters: int, voter: int, rule: str
    ) -> None:
        self.windows: dict[int, deque[bool]] = defaultdict(lambda: deque(maxlen=window))
        self.votes: dict[int, set[int]] = defaultdict(set)
        self.quarantined: set[int] = set()
        self.threshold, self.suspicion = threshold, suspicion
        self.voters, self.voter, self.rule = voters, voter, rule

    def settle(self, agent: int) -> None:
        if passes(len(self.votes[agent]), self.voters, self.rule):
            self.quarantined.add(agent)

    def event(self, agent: int, name: str, features: np.ndarray) -> tuple[int, bool]:
        answer = ANSWERS[RISKS[name]] if name in RISKS else REQUIRE_APPROVAL
        self.windows[agent].append(sum(int(x) for x in features) > self.threshold)
        if answer == REJECT or sum(self.windows[agent]) >= self.suspicion:
            self.votes[agent].add(self.voter)
        self.settle(agent)
        caught = agent in self.quarantined
        return (REJECT if caught else answer), caught

    def receive(self, voter: int, agents: Sequence[int]) -> None:
        for agent in agents:
            self.votes[agent].add(voter)
            self.settle(agent)

    def suspects(self) -> list[int]:
        return sorted(agent for agent, votes in self.votes.items() if self.voter in votes)
