"""Our Python package beside NumPy, Numba, SciPy and scikit-learn: the same arrays, one process, taking turns.

python -m tcp_performance.python_peers [--agents N] [--rounds N]    # JSON as kernels/bench/peers prints it

The peers come from kernels/bench/requirements.lock; `measure` puts them in a folder and runs this beside them.
"""

from __future__ import annotations

import argparse
import importlib
import json
import os
import statistics
import subprocess
import sys
from collections.abc import Callable
from time import perf_counter_ns
from typing import Any

import numpy as np

from tcp_performance import kernels_build, wheels
from tcp_performance.playbooks import BUILD

Call = Callable[[], Any]
Figures = dict[str, Any]

REQUIREMENTS = kernels_build.KERNELS / "bench/requirements.lock"
WHEELS = wheels.folder(BUILD / "bench/wheels")
AGENTS = 1_000_000
ROUNDS = 21
FEATURES = 24
ROWS = 10
# Of a row, its baseline and its score; what NumPy makes on the way takes twice as much again.
BYTES_AN_AGENT = 3 * ROWS * FEATURES * 4
SHORTEST_TURN_NS = 20_000


def library(name: str) -> Any:
    """A module that is there only beside the peers."""
    return importlib.import_module(name)


def scores(rows: Any, baselines: Any, out: Any) -> None:
    """Baseline scores of many agents, as Numba compiles it: arithmetic in double, like ours."""
    for agent in range(rows.shape[0]):
        total, squares, largest, smallest = 0.0, 0.0, -np.inf, np.inf
        distances = np.empty(rows.shape[1])
        for row in range(rows.shape[1]):
            distance = 0.0
            for feature in range(rows.shape[2]):
                difference = float(rows[agent, row, feature]) - float(baselines[agent, feature])
                distance += difference * difference
            distances[row] = distance
            total += distance
            largest, smallest = max(largest, distance), min(smallest, distance)
        mean = total / rows.shape[1]
        for row in range(rows.shape[1]):
            squares += (distances[row] - mean) ** 2
        deviation = np.sqrt(squares / rows.shape[1])
        out[agent] = 0.0 if deviation < 1e-10 else max(largest - mean, mean - smallest) / (deviation + 1e-10)


def scan(matrix: Any, threshold: int) -> Any:
    """The raw window scan, as Numba compiles it."""
    above, largest, where = 0, -1, 0
    for row in range(matrix.shape[0]):
        total = 0
        for feature in range(matrix.shape[1]):
            total += matrix[row, feature]
        above += total > threshold
        if total > largest:
            largest, where = total, row
    return above, where, largest


def decide(votes: Any, suspects: Any, quarantined: Any) -> int:
    """Consensus and quarantine, as Numba compiles it."""
    newly = 0
    for suspect in range(votes.shape[0]):
        yes = 0
        for voter in range(votes.shape[1]):
            yes += votes[suspect, voter]
        if 2 * yes > votes.shape[1]:
            newly += not quarantined[suspects[suspect]]
            quarantined[suspects[suspect]] = True
    return newly


def total(rows: Any, baselines: Any) -> Any:
    """Every byte read once, and hardly anything done with it: the floor of a batch that memory bounds."""
    found = np.int64(0)
    for index in range(rows.size):
        found += rows[index]
    for index in range(baselines.size):
        found += baselines[index]
    return found


def numpy_scores(rows: Any, baselines: Any) -> Any:
    distances = np.square(rows - baselines[:, None]).sum(axis=2)
    centred = np.abs(distances - distances.mean(axis=1, keepdims=True))
    return centred.max(axis=1) / (distances.std(axis=1) + 1e-10)


def batch(agents: int) -> tuple[dict[str, Call], Call | None]:
    tcpkernels = library("tcpkernels")
    rng = np.random.default_rng(1)
    rows = rng.random((agents, ROWS, FEATURES), np.float32)
    baselines = rng.random((agents, FEATURES), np.float32)
    ours, theirs = np.empty(agents, np.float32), np.empty(agents, np.float32)
    compiled, read = library("numba").njit(scores), library("numba").njit(total)
    tcpkernels.baseline_score_many(rows, baselines, ours)
    compiled(rows, baselines, theirs)
    np.testing.assert_allclose(ours, theirs, rtol=1e-4)
    np.testing.assert_allclose(ours[:1000], numpy_scores(rows[:1000], baselines[:1000]), rtol=1e-2)
    words, more = rows.reshape(-1).view(np.int64), baselines.reshape(-1).view(np.int64)
    return {
        "tcpkernels": lambda: tcpkernels.baseline_score_many(rows, baselines, ours),
        "Numba": lambda: compiled(rows, baselines, theirs),
        "NumPy": lambda: numpy_scores(rows, baselines),
    }, lambda: read(words, more)


def single(agents: int) -> tuple[dict[str, Call], Call | None]:
    tcpkernels, cdist = library("tcpkernels"), library("scipy.spatial.distance").cdist
    rng = np.random.default_rng(2)
    rows, baseline = rng.random((ROWS, FEATURES), np.float32), rng.random(FEATURES, np.float32)
    compiled, out = library("numba").njit(scores), np.empty(1, np.float32)
    one, base = rows[None], baseline[None]

    def scipy_score() -> Any:
        distances = cdist(rows, base, "sqeuclidean")[:, 0]
        return np.abs(distances - distances.mean()).max() / (distances.std() + 1e-10)

    compiled(one, base, out)
    np.testing.assert_allclose([out[0], scipy_score()], tcpkernels.baseline_score(rows, baseline), rtol=1e-4)
    return {
        "tcpkernels": lambda: tcpkernels.baseline_score(rows, baseline),
        "Numba": lambda: compiled(one, base, out),
        "NumPy": lambda: numpy_scores(one, base),
        "SciPy": scipy_score,
    }, None


def window(agents: int) -> tuple[dict[str, Call], Call | None]:
    tcpkernels = library("tcpkernels")
    matrix = np.random.default_rng(3).integers(0, 256, (1000, FEATURES), np.uint8)
    compiled = library("numba").njit(scan)

    def numpy_scan() -> Any:
        sums = matrix.sum(axis=1, dtype=np.uint32)
        where = sums.argmax()
        return np.count_nonzero(sums > 3600), where, sums[where]

    ours = tuple(tcpkernels.window_scan(matrix, 3600))
    assert ours == tuple(compiled(matrix, 3600)) == tuple(int(part) for part in numpy_scan()), ours
    return {
        "tcpkernels": lambda: tcpkernels.window_scan(matrix, 3600),
        "Numba": lambda: compiled(matrix, 3600),
        "NumPy": numpy_scan,
    }, None


def learned(agents: int) -> tuple[dict[str, Call], Call | None]:
    tcpkernels, cdist = library("tcpkernels"), library("scipy.spatial.distance").cdist
    rng = np.random.default_rng(4)
    history, rows = rng.normal(size=(1000, FEATURES)), rng.normal(size=(1000, FEATURES))
    model = tcpkernels.BaselineModel.fit(history, ridge=0.0)
    theirs = library("sklearn.covariance").EmpiricalCovariance().fit(history)
    inverse = np.linalg.inv(np.cov(history.T, bias=True))
    mean = history.mean(0)[None]
    out = np.empty(len(rows))
    for peer in (np.sqrt(theirs.mahalanobis(rows)), cdist(rows, mean, "mahalanobis", VI=inverse)[:, 0]):
        np.testing.assert_allclose(model.distances(rows), peer, rtol=1e-6)

    def numpy_distances() -> Any:
        away = rows - mean
        return np.sqrt(np.einsum("ij,ij->i", away @ inverse, away))

    return {
        "tcpkernels": lambda: model.distances(rows, out),
        "NumPy": numpy_distances,
        "SciPy": lambda: cdist(rows, mean, "mahalanobis", VI=inverse),
        "scikit-learn": lambda: theirs.mahalanobis(rows),
    }, None


def network(agents: int) -> tuple[dict[str, Call], Call | None]:
    tcpkernels = library("tcpkernels")
    rng = np.random.default_rng(5)
    votes, suspects = rng.random((5, 100)) < 0.6, rng.integers(0, agents, 5).astype(np.uint32)
    quarantine = tcpkernels.QuarantineSet(agents)
    by_numba, by_numpy = np.zeros(agents, np.bool_), np.zeros(agents, np.bool_)
    compiled = library("numba").njit(decide)

    def numpy_adapt() -> int:
        passed = suspects[votes.sum(axis=1) > 50]
        newly = passed.size - np.count_nonzero(by_numpy[passed])
        by_numpy[passed] = True
        return int(newly)

    first = (
        tcpkernels.adapt(votes, suspects, quarantine),
        compiled(votes, suspects, by_numba),
        numpy_adapt(),
    )
    assert len(set(first)) == 1, first
    return {
        "tcpkernels": lambda: tcpkernels.adapt(votes, suspects, quarantine),
        "Numba": lambda: compiled(votes, suspects, by_numba),
        "NumPy": numpy_adapt,
    }, None


# What a call is made of, and how many operations it does.
OPERATIONS: tuple[tuple[str, Callable[[int], tuple[dict[str, Call], Call | None]], bool], ...] = (
    ("from Python, baseline score, one call", single, False),
    ("from Python, baseline score, a batch, per agent", batch, True),
    ("from Python, raw window scan", window, False),
    ("from Python, learned baseline, 1,000 distances", learned, False),
    ("from Python, network adaptation", network, False),
)


def repeats(call: Call) -> int:
    """How often to call in a turn, so that the clock's own time is nothing."""
    call()
    number = 1
    while True:
        begin = perf_counter_ns()
        for _ in range(number):
            call()
        if perf_counter_ns() - begin >= SHORTEST_TURN_NS:
            return number
        number *= 2


def take_turns(calls: dict[str, Call], rounds: int, operations: int) -> dict[str, list[float]]:
    """ns an operation of every call, a sample a round; another one begins each round."""
    names = list(calls)
    often = {name: repeats(calls[name]) for name in names}
    samples: dict[str, list[float]] = {name: [] for name in names}
    for turn in range(rounds):
        for name in names[turn % len(names) :] + names[: turn % len(names)]:
            begin = perf_counter_ns()
            for _ in range(often[name]):
                calls[name]()
            samples[name].append((perf_counter_ns() - begin) / (often[name] * operations))
    return samples


def compare(
    operation: str, calls: dict[str, Call], floor: Call | None, rounds: int, operations: int
) -> Figures:
    taken = take_turns({**calls, **({"": floor} if floor else {})}, rounds, operations)
    deciles = {name: statistics.quantiles(samples, n=10) for name, samples in taken.items()}
    row: Figures = {
        "operation": operation,
        "contenders": [
            {
                "name": name,
                "median": round(statistics.median(taken[name]), 3),
                "p10": round(max(deciles[name][0], min(taken[name])), 3),
                "p90": round(min(deciles[name][8], max(taken[name])), 3),
            }
            for name in calls
        ],
    }
    return {**row, **({"floor": round(statistics.median(taken[""]), 3)} if floor else {})}


def fitting(agents: int) -> int:
    """As many agents as half of the free memory holds, at most those asked for."""
    free = os.sysconf("SC_AVPHYS_PAGES") * os.sysconf("SC_PAGE_SIZE")
    return max(1000, min(agents, free // 2 // BYTES_AN_AGENT))


def measure(agents: int = AGENTS, rounds: int = ROUNDS) -> Figures:
    """{comparisons, absent} as kernels/bench/peers has them; the packages are installed first."""
    wheels.install(REQUIREMENTS, WHEELS)
    command = [sys.executable, "-m", __name__, "--agents", str(agents), "--rounds", str(rounds)]
    # One thread each: ours has one in these calls.
    alone = {f"{library}_NUM_THREADS": "1" for library in ("OMP", "OPENBLAS", "MKL", "NUMBA")}
    path = os.pathsep.join(filter(None, [str(WHEELS), os.environ.get("PYTHONPATH")]))
    done = subprocess.run(
        command, env={**os.environ, **alone, "PYTHONPATH": path}, capture_output=True, text=True
    )
    if done.returncode:
        reason = (done.stderr.strip().splitlines() or ["nothing said"])[-1].strip()
        return {"comparisons": [], "absent": [{"name": "every peer in Python", "reason": reason}]}
    figures: Figures = json.loads(done.stdout)
    return figures


def main(arguments: list[str]) -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--agents", type=int, default=AGENTS)
    parser.add_argument("--rounds", type=int, default=ROUNDS)
    asked = parser.parse_args(arguments)
    agents = fitting(asked.agents)
    comparisons = []
    for operation, make, per_agent in OPERATIONS:
        calls, floor = make(agents)
        name = operation.replace("a batch", f"a batch of {agents:,}")
        comparisons.append(compare(name, calls, floor, asked.rounds, agents if per_agent else 1))
    json.dump({"comparisons": comparisons, "absent": []}, sys.stdout)


if __name__ == "__main__":
    main(sys.argv[1:])
