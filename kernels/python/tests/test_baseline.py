"""Baseline scores and the learned baseline."""

from __future__ import annotations

import math

import numpy as np
import oracle
import pytest
from hypothesis import given
from hypothesis import strategies as st
from hypothesis.extra import numpy as arrays
from tcpkernels import BaselineModel, baseline_score, baseline_score_many

TOLERANCE = 1e-5


@pytest.mark.parametrize("k", [*range(20), 31, 64, 100, 1000])
@pytest.mark.parametrize("scale", [1e-3, 1.0, 1e4, 1e18])
def test_score(k: int, scale: float, rng: np.random.Generator) -> None:
    rows = (rng.normal(size=(k, 24)) * scale).astype(np.float32)
    baseline = (rng.normal(size=24) * scale).astype(np.float32)
    assert baseline_score(rows, baseline) == pytest.approx(oracle.score(rows, baseline), rel=TOLERANCE)


@given(
    arrays.arrays(np.float32, (10, 24), elements=st.floats(0, 1, width=32)),
    arrays.arrays(np.float32, 24, elements=st.floats(0, 1, width=32)),
)
def test_score_of_the_reference_case(rows: np.ndarray, baseline: np.ndarray) -> None:
    expected = oracle.score(rows, baseline)
    got = baseline_score(rows, baseline)
    # Around a spread of 1e-10 the specification jumps from 0; rounding may fall on either side.
    assert got == pytest.approx(expected, rel=TOLERANCE) or (
        min(got, expected) == 0 and nearly_equal(rows, baseline)
    )


def nearly_equal(rows: np.ndarray, baseline: np.ndarray) -> bool:
    distances = np.square(rows.astype(np.float64) - baseline).sum(axis=1)
    return bool(distances.std() < 1e-9)


def test_rows_far_from_the_baseline_and_close_together(rng: np.random.Generator) -> None:
    rows = (1000 + rng.normal(size=(10, 24)) * 1e-3).astype(np.float32)
    baseline = np.zeros(24, np.float32)
    assert baseline_score(rows, baseline) == pytest.approx(oracle.score(rows, baseline), rel=TOLERANCE)


def test_equal_rows_score_zero() -> None:
    assert baseline_score(np.full((10, 24), 0.3, np.float32), np.zeros(24, np.float32)) == 0.0


@pytest.mark.parametrize("k", [0, 1])
def test_fewer_than_two_rows_score_zero(k: int) -> None:
    assert baseline_score(np.ones((k, 24), np.float32), np.zeros(24, np.float32)) == 0.0


@pytest.mark.parametrize("bad", [math.nan, math.inf, -math.inf])
@pytest.mark.parametrize("k", [1, 2, 9, 10, 11])
def test_what_is_not_finite_scores_infinite_wherever_it_stands(bad: float, k: int) -> None:
    for place in range(24):
        rows, baseline = np.zeros((k, 24), np.float32), np.zeros(24, np.float32)
        rows[k - 1, place] = bad
        assert baseline_score(rows, baseline) == math.inf
        rows[k - 1, place], baseline[place] = 0, bad
        assert baseline_score(rows, baseline) == math.inf


def test_largest_floats_do_not_overflow() -> None:
    largest = np.finfo(np.float32).max
    rows = np.full((10, 24), -largest, np.float32)
    rows[4] = 0
    baseline = np.full(24, largest, np.float32)
    assert baseline_score(rows, baseline) == pytest.approx(oracle.score(rows, baseline), rel=TOLERANCE)


@pytest.mark.parametrize("a", [0, 1, 2, 33])
@pytest.mark.parametrize("k", [0, 1, 2, 10])
def test_many_are_each_as_one(a: int, k: int, rng: np.random.Generator) -> None:
    rows = rng.normal(size=(a, k, 24)).astype(np.float32)
    baselines = rng.normal(size=(a, 24)).astype(np.float32)
    if a > 1:
        baselines[1, 3] = np.nan
    scores = baseline_score_many(rows, baselines)
    assert (scores.dtype, scores.shape) == (np.float32, (a,))
    single = [baseline_score(one, base) for one, base in zip(rows, baselines)]
    np.testing.assert_allclose(scores, np.array(single, np.float32), rtol=1e-6)


def test_lists_are_taken() -> None:
    rows = [[0.0] * 24] * 9 + [[1.0] * 24]
    assert baseline_score(rows, [0.0] * 24) == pytest.approx(3.0, rel=TOLERANCE)


def mahalanobis(history: np.ndarray, rows: np.ndarray, ridge: float) -> np.ndarray:
    covariance = np.cov(history.T, bias=True) + ridge * np.eye(24)
    centred = rows - history.mean(axis=0)
    return np.sqrt(np.einsum("ij,ij->i", centred, np.linalg.solve(covariance, centred.T).T))


@pytest.mark.parametrize("ridge", [1e-6, 0.1, 10.0])
@pytest.mark.parametrize("m", [2, 23, 24, 25, 100, 1000])
def test_distances(m: int, ridge: float, rng: np.random.Generator) -> None:
    if m < 25 and ridge < 0.1:
        ridge = 0.01
    history = rng.normal(size=(m, 24)) @ rng.normal(size=(24, 24)) + 5
    rows = rng.normal(size=(37, 24)) * 3
    got = BaselineModel.fit(history, ridge=ridge).distances(rows)
    assert (got.dtype, got.shape) == (np.float64, (37,))
    np.testing.assert_allclose(got, mahalanobis(history, rows, ridge), rtol=1e-8)


@pytest.mark.parametrize("n", [0, 1, 2, 3, 4, 5, 63, 64, 65, 1000])
def test_any_number_of_rows(n: int, rng: np.random.Generator) -> None:
    history, rows = rng.normal(size=(100, 24)), rng.normal(size=(n, 24))
    np.testing.assert_allclose(
        BaselineModel.fit(history).distances(rows), mahalanobis(history, rows, 1e-6), rtol=1e-8
    )


def test_mean_and_covariance(rng: np.random.Generator) -> None:
    history = rng.normal(size=(50, 24))
    model = BaselineModel.fit(history, ridge=0.5)
    np.testing.assert_allclose(model.mean, history.mean(axis=0), rtol=1e-12, atol=1e-15)
    expected = np.cov(history.T, bias=True) + 0.5 * np.eye(24)
    np.testing.assert_allclose(model.covariance, expected, rtol=1e-10, atol=1e-14)


def test_mean_has_distance_zero_and_one_row_is_a_history() -> None:
    history = np.arange(24.0)[None]
    model = BaselineModel.fit(history, ridge=4.0)
    np.testing.assert_allclose(model.distances(history), [0.0], atol=1e-12)
    np.testing.assert_allclose(model.distances(history + np.eye(24)[:1]), [0.5], rtol=1e-12)


@pytest.mark.parametrize("bad", [math.nan, math.inf, -math.inf])
def test_row_that_is_not_finite_is_infinitely_far_and_alone(bad: float, rng: np.random.Generator) -> None:
    model = BaselineModel.fit(rng.normal(size=(100, 24)))
    rows = rng.normal(size=(9, 24))
    expected = model.distances(rows)
    rows[4, 17] = bad
    got = model.distances(rows)
    assert got[4] == math.inf
    np.testing.assert_allclose(np.delete(got, 4), np.delete(expected, 4), rtol=1e-12)


def test_float32_rows_are_widened(rng: np.random.Generator) -> None:
    model = BaselineModel.fit(rng.normal(size=(100, 24)))
    rows = rng.normal(size=(5, 24)).astype(np.float32)
    assert np.array_equal(model.distances(rows), model.distances(rows.astype(np.float64)))
