"""Every variant of every backend on the same cases: the same bits."""

from __future__ import annotations

import hashlib
import json
import os
import subprocess
import sys
from typing import Any

import numpy as np
import pytest
import tcpkernels as t
from tcpkernels._backend import MODULES


def exact() -> dict[str, str]:
    """Digests of everything that must agree bit for bit with NumPy too."""
    rng = np.random.default_rng(99)
    seen: dict[str, list[Any]] = {
        "scan u8": [],
        "scan f32": [],
        "window": [],
        "lookup": [],
        "network": [],
        "engine": [],
    }
    for n in (*range(70), 255, 1000, 4097):
        matrix = rng.integers(0, 256, (n, 24), np.uint8)
        seen["scan u8"].append(t.window_scan(matrix, 3100))
        floats = rng.normal(size=(n, 24)).astype(np.float32)
        seen["scan f32"].append(t.window_scan(floats, 2.0))
        for rows in (matrix, floats):
            window = t.Window(100, rows.dtype)
            window.append(rows)
            seen["window"].append(window.query(3000 if rows.dtype == np.uint8 else 1.5))
    registry = t.Registry.from_commands([f"c{i}" for i in range(3000)], lambda name: int(name[1:]) % 64)
    table = t.LookupTable(registry)
    keys = np.concatenate((registry.keys, registry.keys ^ np.uint64(1 << 40)))
    seen["lookup"] = [array.tobytes() for array in (*table.lookup_many(keys), table.decide_many(keys))]
    for n in (1, 31, 32, 33, 63, 64, 100, 4096):
        for rule in ("majority", "byzantine"):
            votes = rng.random((6, n)) < rng.random((6, 1))
            quarantine = t.QuarantineSet(1000)
            newly = t.adapt(votes, rng.integers(0, 1000, 6).astype(np.uint32), quarantine, rule)
            seen["network"] += [newly, t.consensus(votes[0], rule), quarantine.snapshot().tobytes()]
    engine = t.Engine(300, table, window=37, threshold=3300, suspicion=5)
    for _ in range(4):
        events = 5000
        features = rng.integers(0, 256, (events, 24), np.uint8)
        ids = rng.integers(0, 300, events).astype(np.uint32)
        seen["engine"] += [
            array.tobytes() for array in engine.process(ids, rng.choice(keys, events), features)
        ]
    return {name: hashlib.sha256(repr(parts).encode()).hexdigest() for name, parts in seen.items()}


def scores() -> str:
    """Digest of the baseline scores, which the variants of the library share to the bit."""
    rng = np.random.default_rng(98)
    parts = [
        t.baseline_score_many(
            rng.normal(size=(5, k, 24)).astype(np.float32), rng.normal(size=(5, 24)).astype(np.float32)
        ).tobytes()
        for k in range(40)
    ]
    return hashlib.sha256(b"".join(parts)).hexdigest()


def run(backend: str, variant: str = "") -> dict[str, Any]:
    """This file's digests under a backend and a variant; empty where that backend does not load."""
    chosen = {"TCPK_BACKEND": backend, "TCPK_VARIANT": variant}
    done = subprocess.run(
        [sys.executable, __file__], env={**os.environ, **chosen}, capture_output=True, text=True
    )
    if "BackendError" in done.stderr and not variant:
        return {}
    assert done.returncode == 0, done.stderr
    answer: dict[str, Any] = json.loads(done.stdout)
    return answer


@pytest.mark.skipif(
    (os.environ.get("TCPK_BACKEND") or "cython") != "cython",
    reason="starts every backend itself, so once is enough: with backend cython",
)
def test_all_agree() -> None:
    reference = run("numpy")
    told: dict[tuple[str, str], dict[str, Any]] = {}
    for backend in MODULES:
        for variant in run(backend).get("variants", []) if backend != "numpy" else []:
            told[backend, variant] = run(backend, variant)
    if not told:
        pytest.skip("no backend with the C library loads here")
    for chosen, answer in told.items():
        assert (answer["backend"], answer["variant"]) == chosen
        assert answer["exact"] == reference["exact"], chosen
    assert len({answer["scores"] for answer in told.values()}) == 1


if __name__ == "__main__":
    told_of = t.info()
    print(
        json.dumps(
            {
                "backend": told_of["backend"],
                "variant": told_of["variant"],
                "variants": told_of["available_variants"],
                "exact": exact(),
                "scores": scores(),
            }
        )
    )
