"""The GPU's part of the package: by the same source built for the CPU, or by what TCPK_GPU_LIBRARY names."""

from __future__ import annotations

import gc
import os
import threading
from collections.abc import Iterator
from pathlib import Path

import numpy as np
import pytest
import tcpkernels
from tcpkernels import Gpu, QuarantineSet, Registry

BUILT = Path(__file__).resolve().parents[2] / "build/release/gpu/tests/libtcpk_on_cpu_64.so"


@pytest.fixture
def library(monkeypatch: pytest.MonkeyPatch) -> None:
    """A GPU library that this machine can run."""
    if not os.environ.get("TCPK_GPU_LIBRARY"):
        if not BUILT.is_file():
            pytest.skip(f"{BUILT.name} is not built: ./invoke build-kernels makes it")
        monkeypatch.setenv("TCPK_GPU_LIBRARY", str(BUILT))


@pytest.fixture
def gpu(library: None) -> Iterator[Gpu]:
    with Gpu(buffers_mib=1) as opened:
        yield opened


def test_info_says_of_each_variant_why_it_is_absent(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    monkeypatch.delenv("TCPK_GPU_LIBRARY", raising=False)
    told = tcpkernels.info()["gpu"]
    assert set(told) == {"cuda", "hip"}
    for state in told.values():
        assert state["available"] == (not state["reason"]) == bool(state["devices"])
    broken = tmp_path / "libtcpk_cuda.so"
    broken.write_bytes(b"no library")
    monkeypatch.setenv("TCPK_GPU_LIBRARY", str(broken))
    assert "does not load" in tcpkernels.info()["gpu"]["named"]["reason"]
    with pytest.raises(tcpkernels.BackendError, match=r"no GPU: named: .*does not load"):
        Gpu()
    monkeypatch.setenv("TCPK_GPU_LIBRARY", "/nowhere")
    assert "'/nowhere'" in tcpkernels.info()["gpu"]["named"]["reason"]


def test_a_variant_that_is_not_there_is_an_error_with_the_reason(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv("TCPK_GPU_LIBRARY", raising=False)
    with pytest.raises(tcpkernels.BackendError, match="'metal'; allowed: cuda, hip"):
        Gpu("metal")
    for variant, state in tcpkernels.info()["gpu"].items():
        if not state["available"]:
            with pytest.raises(tcpkernels.BackendError) as caught:
                Gpu(variant)
            assert str(caught.value) == state["reason"]


def test_info_names_the_device(gpu: Gpu) -> None:
    (state,) = tcpkernels.info()["gpu"].values()
    assert state["available"]
    assert gpu.name in state["devices"]
    assert state["library"]
    assert gpu.warp in (32, 64)
    assert gpu.buffers == 1 << 20
    assert gpu.name in repr(gpu)


def test_lookups_agree(gpu: Gpu, registry: Registry, table: tcpkernels.LookupTable) -> None:
    rng = np.random.default_rng(1)
    keys = np.concatenate([registry.keys, rng.integers(0, 1 << 64, 50_000, np.uint64)])
    rng.shuffle(keys)
    gpu.load(registry)
    for mine, wanted in zip(gpu.lookup_many(keys), table.lookup_many(keys)):
        np.testing.assert_array_equal(mine, wanted)
    np.testing.assert_array_equal(gpu.decide_many(keys), table.decide_many(keys))
    assert gpu.kernel_ns > 0
    assert gpu.decide_many([]).size == 0


def test_scores_agree(gpu: Gpu, rng: np.random.Generator) -> None:
    rows = rng.random((3000, 10, 24), np.float32)
    baselines = rng.random((3000, 24), np.float32)
    rows[5, 3, 1], baselines[7, 0], rows[9] = np.nan, np.inf, 1
    scores = gpu.baseline_score_many(rows, baselines)
    # The numpy backend adds in another order.
    np.testing.assert_allclose(scores, tcpkernels.baseline_score_many(rows, baselines), rtol=1e-5)
    assert np.isinf(scores[[5, 7]]).all()
    assert scores[9] == 0


@pytest.mark.parametrize("rule", ["majority", "byzantine"])
def test_votes_agree(gpu: Gpu, rng: np.random.Generator, rule: str) -> None:
    for n in (1, 3, 64, 100):
        votes = rng.random((131, n)) < 0.6
        passed = gpu.consensus_many(votes, rule)
        assert passed.tolist() == [tcpkernels.consensus(row, rule) for row in votes]
        suspects = rng.integers(0, 200, 131, np.uint32)
        mine, theirs = QuarantineSet(200), QuarantineSet(200)
        assert gpu.adapt(votes, suspects, mine, rule) == tcpkernels.adapt(votes, suspects, theirs, rule)
        np.testing.assert_array_equal(mine.snapshot(), theirs.snapshot())


def test_pinned_arrays_hold_what_others_hold(gpu: Gpu, rng: np.random.Generator) -> None:
    votes = rng.random((20_000, 100)) < 0.5
    pinned = gpu.empty(votes.shape, np.bool_)
    pinned[:] = votes
    np.testing.assert_array_equal(gpu.consensus_many(pinned[7:]), gpu.consensus_many(votes[7:]))
    part = pinned[3:]
    del pinned
    gc.collect()
    np.testing.assert_array_equal(part, votes[3:])
    assert gpu.empty((0, 3), np.uint8).shape == (0, 3)
    with pytest.raises(ValueError, match="-1"):
        gpu.empty((-1,), np.uint8)
    with pytest.raises(TypeError, match="object"):
        gpu.empty((1,), object)


def test_wrong_arguments_are_refused_before_anything_runs(gpu: Gpu, registry: Registry) -> None:
    with pytest.raises(ValueError, match="no table is loaded"):
        gpu.decide_many([1])
    with pytest.raises(TypeError, match="str; allowed: Registry"):
        gpu.load("registry")  # type: ignore[arg-type]
    with pytest.raises(ValueError, match=r"votes a suspect is 4097; allowed: 1 to 4096"):
        gpu.consensus_many(np.zeros((1, 4097), np.bool_))
    quarantine = QuarantineSet(10)
    with pytest.raises(ValueError, match=r"suspects\[1\] is 10; allowed: 0 to 9"):
        gpu.adapt([[True], [True]], [1, 10], quarantine)
    assert len(quarantine) == 0
    with pytest.raises(MemoryError, match="larger buffers"):
        gpu.baseline_score_many(np.zeros((1, 5000, 24), np.float32), np.zeros((1, 24), np.float32))
    with pytest.raises(ValueError, match="device is 99"):
        Gpu(device=99)
    with pytest.raises(ValueError, match="buffers_mib is -1"):
        Gpu(buffers_mib=-1)


def test_a_closed_device_says_so(gpu: Gpu) -> None:
    gpu.close()
    gpu.close()
    with pytest.raises(ValueError, match="closed"):
        gpu.consensus_many([[True]])
    assert gpu.kernel_ns == 0


def test_threads_take_turns(gpu: Gpu, rng: np.random.Generator) -> None:
    batches = [rng.random((500, 33)) < 0.5 for _ in range(4)]
    wanted = [gpu.consensus_many(batch) for batch in batches]
    wrong: list[int] = []

    def work(i: int) -> None:
        for _ in range(20):
            if not np.array_equal(gpu.consensus_many(batches[i]), wanted[i]):
                wrong.append(i)

    threads = [threading.Thread(target=work, args=(i,)) for i in range(4)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert not wrong


def test_the_floor_grows_with_the_bytes(gpu: Gpu) -> None:
    assert gpu.copy_ns(0) == 0 < gpu.copy_ns(1 << 20)
