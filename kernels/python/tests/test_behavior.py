"""Window scan and window object."""

from __future__ import annotations

import numpy as np
import oracle
import pytest
from hypothesis import given
from hypothesis import strategies as st
from hypothesis.extra import numpy as arrays
from tcpkernels import Window, window_scan

MATRICES = st.integers(0, 70).flatmap(lambda n: arrays.arrays(np.uint8, (n, 24)))


@given(MATRICES, st.integers(-2, 6200))
def test_scan_of_bytes(matrix: np.ndarray, threshold: int) -> None:
    answer = window_scan(matrix, threshold)
    assert answer == oracle.scan_u8(matrix, threshold)
    assert all(type(part) is int for part in answer)


@pytest.mark.parametrize("n", [*range(20), 31, 32, 33, 63, 64, 65, 127, 255, 256, 999, 1000, 1001, 70_000])
def test_every_size(n: int, rng: np.random.Generator) -> None:
    matrix = rng.integers(0, 256, (n, 24), np.uint8)
    sums = matrix.sum(axis=1, dtype=np.int64)
    threshold = int(np.median(sums)) if n else 0
    expected = (int((sums > threshold).sum()), int(sums.argmax()), int(sums.max())) if n else (0, -1, 0)
    assert window_scan(matrix, threshold) == expected


def test_reference_case(rng: np.random.Generator) -> None:
    matrix = rng.integers(0, 256, (1000, 24), np.uint8)
    matrix[[5, 700]] = 200
    assert window_scan(matrix, 18.0 * 255) == (2, 5, 4800)


@pytest.mark.parametrize("value", [0, 1, 127, 128, 254, 255])
def test_threshold_is_exclusive(value: int) -> None:
    matrix = np.full((7, 24), value, np.uint8)
    assert window_scan(matrix, 24 * value) == (0, 0, 24 * value)
    assert window_scan(matrix, 24 * value - 1) == (7, 0, 24 * value)
    assert window_scan(matrix, 24 * value - 0.5) == (7, 0, 24 * value)
    assert window_scan(matrix, 24 * value + 0.5) == (0, 0, 24 * value)


@pytest.mark.parametrize(
    ("threshold", "count"), [(-1e300, 3), (1e300, 0), (-np.inf, 3), (np.inf, 0), (2**70, 0)]
)
def test_thresholds_beyond_every_sum(threshold: float, count: int) -> None:
    assert window_scan(np.zeros((3, 24), np.uint8), threshold)[0] == count


@pytest.mark.parametrize("place", range(0, 50, 7))
def test_lowest_index_wins_ties(place: int) -> None:
    matrix = np.zeros((50, 24), np.uint8)
    matrix[place:, 3] = 9
    assert window_scan(matrix, 0) == (50 - place, place, 9)


def in_shared_order(row: np.ndarray) -> np.float32:
    """The order of the specification's float32 sums, written out."""
    lane = [np.float32(np.float32(row[i] + row[i + 8]) + row[i + 16]) for i in range(8)]
    four = [np.float32(lane[i] + lane[i + 4]) for i in range(4)]
    two = [np.float32(four[i] + four[i + 2]) for i in range(2)]
    return np.float32(two[0] + two[1])


@given(
    st.integers(0, 40).flatmap(
        lambda n: arrays.arrays(np.float32, (n, 24), elements=st.floats(-1e6, 1e6, width=32))
    ),
    st.floats(-100, 100, width=32),
)
def test_scan_of_floats_bit_for_bit(matrix: np.ndarray, threshold: float) -> None:
    sums = [in_shared_order(row) for row in matrix]
    expected = (0, -1, 0.0)
    if sums:
        largest = int(np.argmax(sums))
        expected = (int(sum(s > np.float32(threshold) for s in sums)), largest, float(sums[largest]))
    assert window_scan(matrix, threshold) == expected


def test_float_scan_of_random_rows_agrees_with_numpy(rng: np.random.Generator) -> None:
    matrix = rng.random((1000, 24), np.float32)
    count, index, total = window_scan(matrix, 13.0)
    sums = matrix.astype(np.float64).sum(axis=1)
    assert count == (sums > 13.0).sum()
    assert index == sums.argmax()
    assert total == pytest.approx(sums.max(), rel=1e-6)
    assert type(total) is float


@pytest.mark.parametrize("place", [0, 7, 8, 30])
def test_row_that_is_no_number_is_anomalous_and_largest(place: int) -> None:
    matrix = np.full((31, 24), 0.5, np.float32)
    matrix[place:, 5] = np.nan
    matrix[0, 0] = np.inf if place else 0.5
    count, index, total = window_scan(matrix, 18.0)
    assert (count, index) == (31 - place + bool(place), place)
    assert np.isnan(total)


def test_infinite_rows() -> None:
    matrix = np.zeros((4, 24), np.float32)
    matrix[2, 0], matrix[3, 0] = np.inf, -np.inf
    assert window_scan(matrix, 18.0) == (1, 2, np.inf)
    assert window_scan(matrix, np.inf) == (0, 2, np.inf)
    assert window_scan(matrix[3:], 18.0) == (0, 0, -np.inf)


def test_overflowing_sum_is_anomalous() -> None:
    assert window_scan(np.full((2, 24), 3e38, np.float32), 18.0) == (2, 0, np.inf)


def random_rows(rng: np.random.Generator, dtype: type, n: int) -> np.ndarray:
    """Rows of few different sums, so that ties happen."""
    return rng.integers(0, 3, (n, 24)).astype(dtype)


@pytest.mark.parametrize("dtype", [np.uint8, np.float32])
@pytest.mark.parametrize("size", [1, 2, 3, 7, 64, 65, 1000])
def test_window_answers_as_a_scan_of_its_rows(size: int, dtype: type, rng: np.random.Generator) -> None:
    window = Window(size, dtype)
    assert window.query(20) == (0, -1, 0)
    held = np.empty((0, 24), dtype)
    for _ in range(60):
        new = random_rows(rng, dtype, int(rng.integers(0, 2 * size if size < 100 else 90)))
        window.append(new)
        held = np.concatenate((held, new))[-size:]
        assert len(window) == len(held)
        for threshold in (-1, 20, 24.5, 30, 6120):
            assert window.query(threshold) == window_scan(held, threshold)


@pytest.mark.parametrize("dtype", [np.uint8, np.float32])
def test_window_with_falling_and_rising_sums(dtype: type) -> None:
    ramp = np.zeros((40, 24), dtype)
    ramp[:, 0] = [*range(20, 0, -1), *range(20)]
    window = Window(8, dtype)
    for i, row in enumerate(ramp):
        window.append(row)
        assert window.query(5) == window_scan(ramp[max(0, i - 7) : i + 1], 5)


def test_window_of_floats_holds_nan_and_lets_it_go() -> None:
    window = Window(2, np.float32)
    window.append(np.full(24, np.nan, np.float32))
    assert window.query(18.0)[:2] == (1, 0)
    window.append(np.ones((2, 24), np.float32))
    assert window.query(18.0) == (2, 0, 24.0)


def test_window_keeps_no_reference_to_the_rows() -> None:
    rows = np.ones((2, 24), np.uint8)
    window = Window(4, np.uint8)
    window.append(rows)
    rows[:] = 255
    assert window.query(0) == (2, 0, 24)


@pytest.mark.parametrize("dtype", ["uint8", np.dtype(np.float32), np.uint8])
def test_dtype_in_any_spelling(dtype: object) -> None:
    assert Window(3, dtype).dtype == np.dtype(dtype)
