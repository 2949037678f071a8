"""What every function does with arrays that do not fit: one rule, tried on all of them."""

from __future__ import annotations

import itertools

import numpy as np
import pytest
import tcpkernels as t
from tcpkernels._backend import backend
from tcpkernels._fits import KINDS

U8 = np.zeros((4, 24), np.uint8)
F32 = np.zeros((4, 24), np.float32)
F64 = np.random.default_rng(3).normal(size=(40, 24))
VOTES = np.ones(5, np.bool_)


@pytest.fixture(scope="module")
def model() -> t.BaselineModel:
    return t.BaselineModel.fit(F64)


@pytest.mark.parametrize(
    ("call", "error", "said"),
    [
        (lambda: t.window_scan(U8.astype(np.int64), 1), TypeError, "int64; allowed: uint8 or float32"),
        (lambda: t.window_scan(U8.astype(np.float64), 1), TypeError, "float64; allowed: uint8 or float32"),
        (lambda: t.window_scan(U8[:, :23], 1), ValueError, r"\[4, 23\]; allowed: \[n, 24\]"),
        (lambda: t.window_scan(U8[0], 1), ValueError, r"shape \[24\]; allowed: \[n, 24\]"),
        (lambda: t.window_scan(U8, float("nan")), ValueError, "threshold is nan"),
        (lambda: t.window_scan(U8, "18"), TypeError, "threshold is '18'"),
        (lambda: t.window_scan(F32, 1e39), ValueError, "threshold is 1e[+]39; allowed: what float32 holds"),
        (lambda: t.Window(0, np.uint8), ValueError, "rows is 0; allowed: 1 to"),
        (lambda: t.Window(4, np.int32), TypeError, "int32; allowed: uint8 or float32"),
        (lambda: t.Window(4, np.uint8).append(F32), TypeError, "float32; allowed: uint8"),
        (lambda: t.Window(4, np.float32).append(U8), TypeError, "uint8; allowed: float32"),
        (lambda: t.Window(4, np.uint8).append(U8[:, :5]), ValueError, r"\[4, 5\]"),
        (lambda: t.baseline_score(F64, F32[0]), TypeError, "float64; allowed: float32"),
        (lambda: t.baseline_score(F32, F32), ValueError, r"baseline has shape \[4, 24\]; allowed: \[24\]"),
        (lambda: t.baseline_score_many(F32, F32), ValueError, r"\[a, k, 24\]"),
        (lambda: t.baseline_score_many(F32[None], F32), ValueError, r"allowed: \[1, 24\]"),
        (lambda: t.BaselineModel.fit(F64[:0]), ValueError, "no row; allowed: at least 1"),
        (lambda: t.BaselineModel.fit(F64, ridge=-1), ValueError, "ridge is -1"),
        (lambda: t.BaselineModel.fit(F64, ridge=float("inf")), ValueError, "ridge is inf"),
        (lambda: t.BaselineModel.fit(np.zeros((9, 24)), ridge=0), ValueError, "not positive definite"),
        (lambda: t.BaselineModel.fit(np.full((9, 24), np.nan)), ValueError, r"history\[0, 0\] is nan"),
        (lambda: t.consensus([]), ValueError, "number of votes is 0; allowed: 1 to 4096"),
        (lambda: t.consensus(np.ones(4097, np.bool_)), ValueError, "4097; allowed: 1 to 4096"),
        (lambda: t.consensus([0, 1, 2]), ValueError, r"votes\[2\] is 2; allowed: 0 to 1"),
        (lambda: t.consensus([0.5]), TypeError, "float64; allowed: bool"),
        (
            lambda: t.consensus(VOTES, "unanimous"),
            ValueError,
            "'unanimous'; allowed: 'majority' or 'byzantine'",
        ),
        (lambda: t.consensus(VOTES, 1), ValueError, "rule is 1"),
        (lambda: t.QuarantineSet(0), ValueError, "agents is 0"),
        (lambda: t.QuarantineSet(5).add([5]), ValueError, r"ids\[0\] is 5; allowed: 0 to 4"),
        (lambda: t.QuarantineSet(5).add([-1]), ValueError, "is -1"),
        (lambda: t.QuarantineSet(5).add(np.array([0, 9])), ValueError, r"ids\[1\] is 9"),
        (lambda: t.QuarantineSet(5).add([1.5]), TypeError, "1.5"),
        (lambda: t.QuarantineSet(5).add("1"), TypeError, "'1'"),
        (lambda: 5 in t.QuarantineSet(5), ValueError, "id is 5; allowed: 0 to 4"),
        (
            lambda: t.adapt(VOTES, [1], t.QuarantineSet(5)),
            ValueError,
            r"votes has shape \[5\]; allowed: \[m, n\]",
        ),
        (lambda: t.adapt(VOTES[None], [1, 2], t.QuarantineSet(5)), ValueError, r"suspects has shape \[2\]"),
        (lambda: t.adapt(VOTES[None], [9], t.QuarantineSet(5)), ValueError, r"suspects\[0\] is 9"),
        (lambda: t.adapt(VOTES[None], [1], {1}), TypeError, "allowed: QuarantineSet"),
        (lambda: t.adapt(np.ones((1, 0), np.bool_), [1], t.QuarantineSet(5)), ValueError, "1 to 4096"),
    ],
)
def test_what_does_not_fit_is_refused(call: object, error: type[Exception], said: str) -> None:
    with pytest.raises(error, match=said):
        call()


ALIKE = (
    "?",
    "B",
    "b",
    "I",
    ">u4",
    "i",
    "L",
    ">u8",
    "l",
    "f",
    ">f4",
    "e",
    "d",
    "g",
    "F",
    "O",
    "M8[s]",
    "S3",
    "V0",
    "I,I",
)
ARRANGED = {
    "as it is": lambda array: array,
    "read only": lambda array: (
        np.frombuffer(array.tobytes(), array.dtype).reshape(array.shape)
        if array.dtype.char in "?BILfd" and array.size
        else array
    ),
    "every other": lambda array: np.repeat(array, 2, axis=-1)[..., ::2],
    "backwards": lambda array: array[::-1],
    "by columns": np.asfortranarray,
    "askew": lambda array: (
        np.frombuffer(b"." + array.tobytes(), array.dtype, offset=1).reshape(array.shape)
        if array.dtype.char in "?BILfd" and array.size
        else array
    ),
    "a subclass": lambda array: array.view(np.recarray),
    "a list": lambda array: array.tolist(),
    "a view": memoryview,
}


EXTENTS = ((0,), (1,), (3,), (2, 24), (0, 24), (24, 2), (1, 1), (2, 0, 24), (2, 3, 24))
SHAPES = (((3,),), (("n",),), ((24,), ("n", 24)), ((2, 24),), (("a", "k", 24),))


def is_fitting(value: object, dtype: type, shapes: tuple, top: int | None) -> bool:
    return (
        type(value) is np.ndarray
        and value.dtype == np.dtype(dtype)
        and np.require(value, requirements=["C", "A"]) is value
        and any(
            len(shape) == value.ndim
            and all(have == want or isinstance(want, str) for have, want in zip(value.shape, shape))
            for shape in shapes
        )
        and (top is None or all(number <= top for number in value.ravel().tolist()))
    )


@pytest.mark.parametrize("arranged", ARRANGED)
def test_what_fits_is_what_numpy_would_take_as_it_is(arranged: str) -> None:
    fitting = 0
    for kind, extents in itertools.product(ALIKE, EXTENTS):
        array = np.zeros(extents, kind)
        if kind in "?BILfd" and array.size:
            array[(-1,) * array.ndim] = 9
        try:
            value = ARRANGED[arranged](array)
        except ValueError:  # a dtype that no view can have
            continue
        for dtype, shapes in itertools.product(KINDS, SHAPES):
            for top in (None, 8, 9) if dtype is np.uint32 else (None,):
                expected = is_fitting(value, dtype, shapes, top)
                assert backend().fits(value, dtype, shapes, top) is expected, (
                    kind,
                    extents,
                    dtype,
                    shapes,
                    top,
                )
                fitting += expected
    assert (fitting > 0) == (arranged not in ("a subclass", "a list", "a view"))


def test_strided_and_fortran_arrays_give_the_same(rng: np.random.Generator, model: t.BaselineModel) -> None:
    wide = rng.integers(0, 256, (30, 48), np.uint8)
    expected = t.window_scan(wide[::2, ::2].copy(), 3000)
    assert t.window_scan(wide[::2, ::2], 3000) == expected
    assert t.window_scan(np.asfortranarray(wide[::2, ::2]), 3000) == expected
    rows = rng.normal(size=(10, 48)).astype(np.float32)
    assert t.baseline_score(rows[:, ::2], F32[0]) == t.baseline_score(rows[:, ::2].copy(), F32[0])
    assert np.array_equal(model.distances(F64[::-3]), model.distances(F64[::-3].copy()))
    votes = rng.integers(0, 2, 20).astype(np.bool_)
    assert t.consensus(votes[::2]) == t.consensus(votes[::2].copy())


def test_misaligned_arrays_give_the_same(rng: np.random.Generator) -> None:
    rows = rng.normal(size=(10, 24)).astype(np.float32)
    raw = np.empty(rows.nbytes + 1, np.uint8)
    skewed = raw[1:].view(np.float32).reshape(rows.shape)
    skewed[:] = rows
    assert not skewed.flags.aligned
    assert t.window_scan(skewed, 1.0) == t.window_scan(rows, 1.0)
    assert t.baseline_score(skewed, F32[0]) == t.baseline_score(rows, F32[0])


def test_read_only_arrays_are_taken(rng: np.random.Generator, model: t.BaselineModel) -> None:
    matrix = rng.integers(0, 256, (9, 24), np.uint8)
    rows, history = matrix.astype(np.float32), F64.copy()
    for array in (matrix, rows, history):
        array.flags.writeable = False
    window = t.Window(5, np.uint8)
    window.append(matrix)
    assert t.window_scan(matrix, 1)[0] == 9
    assert t.baseline_score_many(rows[None], rows[:1]).shape == (1,)
    assert np.array_equal(t.BaselineModel.fit(history).distances(history), model.distances(F64))


def test_inputs_are_left_as_they_were(rng: np.random.Generator) -> None:
    history = rng.normal(size=(50, 24))
    copy = history.copy()
    t.BaselineModel.fit(history).distances(history)
    assert np.array_equal(history, copy)


def test_other_byte_order_is_converted() -> None:
    assert t.QuarantineSet(300).add(np.array([1, 256], ">u4")) == 2
    with pytest.raises(TypeError, match="allowed: uint8 or float32"):
        t.window_scan(F32.astype(">f4"), 1)


def test_integer_arrays_of_other_widths_are_taken_when_in_range() -> None:
    quarantine = t.QuarantineSet(300)
    assert quarantine.add(np.array([1, 2], np.int64)) == 2
    assert quarantine.add(np.array([3], np.uint8)) == 1
    assert quarantine.add(()) == 0
    assert quarantine.add(4) == 1


OUTS = {
    "score": (
        lambda out: t.baseline_score_many(np.zeros((3, 4, 24), np.float32), F32[:3], out=out),
        np.float32,
    ),
    "distances": (lambda out: t.BaselineModel.fit(F64).distances(F64[:3], out=out), np.float64),
    "decisions": (
        lambda out: t.LookupTable(t.Registry.from_commands([], "SAFE")).decide_many([1, 2, 3], out=out),
        np.uint8,
    ),
    "snapshot": (lambda out: t.QuarantineSet(24).snapshot(out=out), np.uint8),
}


@pytest.mark.parametrize("name", OUTS)
def test_out_is_filled_and_given_back(name: str) -> None:
    call, dtype = OUTS[name]
    out = np.full(3, 77, dtype)
    assert call(out) is out
    assert np.array_equal(out, call(None))


@pytest.mark.parametrize("name", OUTS)
def test_out_that_does_not_fit_is_refused(name: str) -> None:
    call, dtype = OUTS[name]
    read_only = np.zeros(3, dtype)
    read_only.flags.writeable = False
    for wrong, error in (
        (np.zeros(4, dtype), ValueError),
        (np.zeros((3, 1), dtype), ValueError),
        (np.zeros(6, dtype)[::2], ValueError),
        (np.zeros(3, np.int32), TypeError),
        ([0, 0, 0], TypeError),
        (read_only, ValueError),
    ):
        with pytest.raises(error, match=r"out.*; allowed: "):
            call(wrong)


def test_out_may_not_overlap_an_input() -> None:
    rows = np.zeros((3, 24), np.float64)
    with pytest.raises(ValueError, match="overlaps an input"):
        t.BaselineModel.fit(F64).distances(rows, out=rows.reshape(-1)[:3])


def test_pair_of_outs_is_checked(table: t.LookupTable) -> None:
    for wrong in (
        np.zeros(3),
        (np.zeros((1, 24), np.uint8),),
        (np.zeros((1, 24), np.uint8), np.zeros(1, np.uint8)),
    ):
        with pytest.raises(TypeError, match="allowed: "):
            table.lookup_many([1], out=wrong)
    shared = np.zeros((2, 24), np.uint8)
    with pytest.raises(ValueError, match="overlaps"):
        table.lookup_many([1, 2], out=(shared, shared[0, :2].view(np.bool_)))
