"""The ring of events: between processes, with the engine at its end, and what is refused."""

from __future__ import annotations

import contextlib
import mmap
import os
import signal
import subprocess
import sys
import threading
import time
from collections.abc import Iterator

import numpy as np
import pytest
from tcpkernels import Engine, LookupTable, OutOfRangeError, Ring, RingError, key


@pytest.fixture
def ring() -> Iterator[Ring]:
    with Ring.create(64) as made:
        yield made


def events(rng: np.random.Generator, n: int) -> tuple[np.ndarray, ...]:
    return (
        rng.integers(0, 1 << 32, n, np.uint32),
        rng.integers(0, 1 << 63, n).astype(np.uint64),
        rng.integers(0, 256, (n, 24), np.uint8),
        rng.integers(0, 256, (n, 24), np.uint8),
    )


def nothing(n: int) -> tuple[np.ndarray, ...]:
    return np.zeros(n, np.uint32), np.zeros(n, np.uint64), np.zeros((n, 24), np.uint8)


def test_what_is_published_is_read(ring: Ring, rng: np.random.Generator) -> None:
    with ring.writer() as writer, ring.reader() as reader, ring.reader() as other:
        for _ in range(100):
            n = int(rng.integers(0, 60))
            written = events(rng, n)
            assert writer.publish(*written) == n
            for each in (reader, other):
                read = each.read()
                assert [array.dtype for array in read] == [np.uint32, np.uint64, np.uint8, np.uint8]
                assert all(np.array_equal(a, b) for a, b in zip(read, written))
                assert all(array.flags.writeable and array.flags.c_contiguous for array in read)


def test_descriptors_left_out_are_zeros(ring: Ring, rng: np.random.Generator) -> None:
    with ring.writer() as writer, ring.reader() as reader:
        for _ in range(3):
            writer.publish(*events(rng, 40))
            reader.skip(40)
        writer.publish([1], [2], np.ones((1, 24), np.uint8))
        assert reader.read()[3].tolist() == [[0] * 24]


def test_reader_sees_what_comes_after_it(ring: Ring) -> None:
    with ring.writer() as writer:
        writer.publish(*nothing(100))
        with ring.reader() as reader:
            assert reader.read()[0].size == 0
            writer.publish([5], [0], np.zeros((1, 24), np.uint8))
            assert reader.read()[0].tolist() == [5]
            assert reader.info()["position"] == 101


def test_room_is_waited_for(ring: Ring) -> None:
    with ring.writer() as writer, ring.reader() as reader:
        assert writer.publish(*nothing(100), timeout=0) == 64
        assert writer.publish(*nothing(1), timeout=0.01) == 0
        assert reader.read(10)[0].size == 10
        assert writer.publish(*nothing(100), timeout=0) == 10
        assert reader.skip(1000) == 64


def test_threads_pass_everything_in_order(ring: Ring) -> None:
    total, got = 20_000, []
    with ring.writer() as writer, ring.reader() as reader:

        def read() -> None:
            while len(got) < total:
                got.extend(reader.read(50, timeout=20)[0].tolist())

        thread = threading.Thread(target=read)
        thread.start()
        ids = np.arange(total, dtype=np.uint32)
        assert writer.publish(ids, *nothing(total)[1:], timeout=60) == total
        thread.join()
    assert got == list(range(total))


CHILD = """
import sys, numpy as np
from tcpkernels import Ring
with Ring.open(int(sys.argv[1])) as ring, ring.reader() as reader:
    print("ready", flush=True)
    next_id = 0
    while next_id < int(sys.argv[2]):
        ids = reader.read(timeout=60)[0]
        assert ids.tolist() == list(range(next_id, next_id + ids.size)), ids
        next_id += ids.size
print("done", flush=True)
"""


def child(ring: Ring, total: int, **variables: str) -> subprocess.Popen[str]:
    started = subprocess.Popen(
        [sys.executable, "-c", CHILD, str(ring.fileno()), str(total)],
        pass_fds=[ring.fileno()],
        stdout=subprocess.PIPE,
        text=True,
        env={**os.environ, **variables},
    )
    assert started.stdout is not None
    assert started.stdout.readline() == "ready\n"
    return started


@pytest.mark.parametrize("backend", ["", "numpy"])
def test_another_process_reads_everything(ring: Ring, backend: str) -> None:
    """With this backend and with the one that has no library: the memory is the same."""
    total = 5000
    variables = {"TCPK_BACKEND": backend, "TCPK_VARIANT": ""} if backend else {}
    with child(ring, total, **variables) as reader, ring.writer() as writer:
        assert writer.info()["readers"] == [0]
        assert writer.publish(np.arange(total, dtype=np.uint32), *nothing(total)[1:], timeout=60) == total
        assert reader.communicate(timeout=60)[0] == "done\n"
        assert reader.returncode == 0


def test_ring_is_opened_by_the_path_of_its_file(ring: Ring) -> None:
    with ring.reader() as reader, Ring.open(f"/proc/{os.getpid()}/fd/{ring.fileno()}") as same:
        with same.writer() as writer:
            writer.publish([3], [0], np.zeros((1, 24), np.uint8))
        assert reader.read()[0].tolist() == [3]


def test_dead_reader_is_found(ring: Ring) -> None:
    with child(ring, 1 << 30) as reader, ring.writer() as writer:
        os.kill(reader.pid, signal.SIGSTOP)
        while writer.publish(*nothing(64), timeout=0.05):
            pass
        os.kill(reader.pid, signal.SIGKILL)
        assert writer.publish(*nothing(64), timeout=60) == 64
        assert writer.info()["readers"] == []


def test_roles_are_taken_once(ring: Ring) -> None:
    with ring.writer():
        with pytest.raises(RingError, match="the ring has a writer; allowed: 1") as caught:
            ring.writer()
        assert caught.value.kind == "busy"
    readers = [ring.reader() for _ in range(16)]
    with pytest.raises(RingError, match="all places of readers are taken; allowed: 16"):
        ring.reader()
    readers[3].close()
    readers[3].close()
    with ring.reader() as again, ring.writer() as writer:
        assert again.info()["readers"] == writer.info()["readers"] == list(range(16))
    for reader in readers:
        reader.close()
    with ring.writer() as writer:
        assert writer.info()["readers"] == []


def test_expelled_reader_learns_it(ring: Ring) -> None:
    with ring.writer() as writer, ring.reader() as stuck:
        writer.publish(*nothing(64))
        writer.expel(0)
        assert writer.publish(*nothing(64), timeout=0) == 64
        for call in (stuck.read, lambda: stuck.skip(1), lambda: stuck.wait(0)):
            with pytest.raises(RingError) as caught:
                call()
            assert caught.value.kind == "overrun"


def test_engine_answers_as_from_arrays(
    ring: Ring, engine_table: LookupTable, rng: np.random.Generator
) -> None:
    names = ("safe", "critical", "unknown", "medium")
    options = {"window": 20, "threshold": 3000}
    engine, other = Engine(30, engine_table, **options), Engine(30, engine_table, **options)
    with ring.writer() as writer, ring.reader() as reader:
        for _ in range(40):
            n = int(rng.integers(1, 60))
            ids = rng.integers(0, 30, n).astype(np.uint32)
            keys = np.array([key(names[i]) for i in rng.integers(0, 4, n)], np.uint64)
            rows = rng.integers(0, 256, (n, 24), np.uint8) // rng.integers(1, 4)
            writer.publish(ids, keys, rows.astype(np.uint8))
            wanted = engine.process(ids, keys, rows.astype(np.uint8))
            got: list[list[np.ndarray]] = [[], [], []]
            while sum(map(len, got[0])) < n:  # fewer at once where the ring's end is met
                for column, array in zip(got, reader.feed(other, timeout=10)):
                    column.append(array)
            for array, expected in zip(map(np.concatenate, got), (ids, *wanted)):
                assert array.dtype == expected.dtype
                assert array.tolist() == expected.tolist()


def test_id_that_the_engine_lacks_is_said_in_its_turn(ring: Ring, engine_table: LookupTable) -> None:
    engine = Engine(10, engine_table)
    with ring.writer() as writer, ring.reader() as reader:
        writer.publish([1, 2, 10, 3], *nothing(4)[1:])
        assert reader.feed(engine)[0].tolist() == [1, 2]
        with pytest.raises(OutOfRangeError, match="agent id 10 at 0; allowed: below 10"):
            reader.feed(engine)
        assert reader.skip(1) == 1
        assert reader.feed(engine)[0].tolist() == [3]


def test_hostile_head_is_an_error(ring: Ring) -> None:
    with ring.writer() as writer, ring.reader() as reader, mmap.mmap(ring.fileno(), 8192) as memory:
        writer.publish(*nothing(10))
        for head in (0xFFFFFFFFFFFFFFFF, 1 << 63, 75, 1 << 32):
            memory[128:136] = head.to_bytes(8, "little")
            for call in (reader.read, lambda: reader.wait(0)):
                with pytest.raises(RingError) as caught:
                    call()
                assert caught.value.kind == "corrupt"
        memory[128:136] = (10).to_bytes(8, "little")
        assert reader.read()[0].size == 10
        memory[128:136] = (9).to_bytes(8, "little")
        with pytest.raises(RingError):
            reader.read()
        memory[4224:4232] = (11).to_bytes(8, "little")
        with pytest.raises(RingError) as caught:
            writer.publish(*nothing(64), timeout=0)
        assert caught.value.kind == "corrupt"


def test_random_bytes_are_survived(ring: Ring, rng: np.random.Generator, engine_table: LookupTable) -> None:
    engine = Engine(1 << 20, engine_table)
    with mmap.mmap(ring.fileno(), 12288) as memory:
        for _ in range(60):
            with ring.writer() as writer, ring.reader() as reader:
                for at in rng.integers(128, 12288, 300).tolist() + rng.integers(128, 400, 10).tolist():
                    memory[at] = int(rng.integers(0, 256))
                for call in (
                    lambda w=writer: w.publish(*nothing(100), timeout=0),
                    reader.read,
                    lambda r=reader: r.feed(engine),
                    lambda r=reader: r.skip(100),
                    lambda w=writer: w.wait(0),
                ):
                    with contextlib.suppress(RingError, OutOfRangeError):
                        call()


def test_other_files_are_no_rings() -> None:
    with pytest.raises(OSError, match="nowhere"):
        Ring.open("/nowhere")
    with pytest.raises(RingError, match="the device is no ring") as caught:
        Ring.open("/dev/null")
    assert caught.value.kind == "layout"
    file = os.memfd_create("test", os.MFD_ALLOW_SEALING)
    try:
        with pytest.raises(RingError, match="no memfd sealed against shrinking"):
            Ring.open(file)
    finally:
        os.close(file)


@pytest.mark.parametrize("slots", [0, 1, 63, 65, 1 << 25, -1])
def test_wrong_slots(slots: int) -> None:
    with pytest.raises(ValueError, match=f"slots is {slots}; allowed: "):
        Ring.create(slots)


def test_wrong_arguments(ring: Ring, engine_table: LookupTable) -> None:
    with ring.writer() as writer, ring.reader() as reader:
        with pytest.raises(ValueError, match=r"keys has shape \[1\]; allowed: \[2\]"):
            writer.publish([1, 2], [0], np.zeros((2, 24), np.uint8))
        with pytest.raises(ValueError, match=r"descriptors has shape \[1, 23\]"):
            writer.publish([1], [0], np.zeros((1, 24), np.uint8), np.zeros((1, 23), np.uint8))
        with pytest.raises(ValueError, match="reader is 16; allowed: 0 to 15"):
            writer.expel(16)
        with pytest.raises(ValueError, match="most is 0; allowed: 1 to"):
            reader.read(0)
        with pytest.raises(TypeError, match="engine is LookupTable; allowed: Engine"):
            reader.feed(engine_table)  # type: ignore[arg-type]
        reader.close()
        with pytest.raises(ValueError, match="the ring is closed"):
            reader.read()


def test_time_of_a_wait(ring: Ring) -> None:
    with ring.reader() as reader:
        for timeout in (0, 0.01, 0.15):
            begin = time.monotonic()
            assert reader.wait(timeout) is False
            assert time.monotonic() - begin >= timeout


def test_info(ring: Ring) -> None:
    told = ring.info()
    assert (told["kind"], told["slots"], told["readers"]) == ("memory", 64, [])
    assert told["bytes"] % told["page_bytes"] == 0
