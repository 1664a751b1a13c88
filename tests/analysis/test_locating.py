from typing import Any

import ml_dtypes
import numpy as np
import pytest

from tb_snapshot_compare.analysis import DistributionAccumulator, bin_edges
from tb_snapshot_compare.analysis.locating import CellMarker, LocatedCounts, pooled_counts
from tb_snapshot_compare.analysis.slice_measures import joined_pairs
from tests.workspace import kernel_reference

Array = np.ndarray[Any, Any]
DTYPES = ["float32", "float16", "bfloat16", "float64", "int8", "int64"]
COUNT = 5_000


def pair_of(dtype: str) -> tuple[Array, Array]:
    random = np.random.default_rng(3)
    if dtype == "int64":
        a = random.integers(-(2**62), 2**62, COUNT)
        return a, a + random.integers(-9, 10, COUNT)
    kind = np.dtype(getattr(ml_dtypes, dtype, dtype))
    a = (4 * random.normal(size=COUNT)).astype(kind)
    b = (a.astype(np.float64) + random.normal(size=COUNT)).astype(kind)
    if kind.kind != "i":
        for side in (a, b):
            for odd in (np.nan, np.inf, -np.inf, 0.0):
                side[random.integers(COUNT, size=40)] = odd
    return a, b


def range_of(a: Array, b: Array) -> tuple[float, float]:
    x, y = a.astype(np.float64), b.astype(np.float64)
    fine = np.isfinite(x) & np.isfinite(y)
    if a.dtype == np.int64:
        return float((b - a).min()), float((b - a).max())
    return float((y - x)[fine].min()), float((y - x)[fine].max())


@pytest.mark.parametrize("dtype", DTYPES)
def test_each_cells_marks_are_the_pairs_counted_in_it(dtype: str) -> None:
    a, b = pair_of(dtype)
    low, high = range_of(a, b)
    accumulator = DistributionAccumulator(low, high, 7, 3)
    accumulator.add(a, b)
    counts = accumulator.finish().counts
    every = np.zeros(COUNT, np.int64)
    for cell in np.ndindex(7, 3):
        chosen = np.zeros((7, 3), np.bool_)
        chosen[cell] = True
        marks = CellMarker(low, high, 7, 3, chosen).marks(joined_pairs(a, b))
        assert marks.sum() == counts[cell]
        every += marks
    fine = np.isfinite(a.astype(np.float64)) & np.isfinite(b.astype(np.float64))
    np.testing.assert_array_equal(every, fine)


@pytest.mark.parametrize("dtype", ["float32", "float16", "bfloat16", "float64", "int8"])
def test_marks_equal_the_reference_exactly(dtype: str) -> None:
    a, b = pair_of(dtype)
    low, high = range_of(a, b)
    chosen = np.random.default_rng(1).random((20, 5)) < 0.4
    marks = CellMarker(low, high, 20, 5, chosen).marks(joined_pairs(a, b))
    wanted = kernel_reference.marks(
        a.astype(np.float64),
        b.astype(np.float64),
        bin_edges(low, high, 20),
        np.linspace(0, 2, 6),
        chosen,
    )
    np.testing.assert_array_equal(marks, wanted)


def test_counts_and_slices_are_those_of_the_marks() -> None:
    marks = (np.random.default_rng(2).random((3, 11, 6)) < 0.2).astype(np.uint8)
    counts = LocatedCounts(6, 3)
    slices = sum(
        counts.add(
            np.ascontiguousarray(marks[:, part]).reshape(-1),
            np.arange(11)[part] // 2 * 3,
            np.arange(6) // 2,
        )
        for part in (slice(0, 4), slice(4, 11))
    )
    assert slices == marks.any(axis=0).sum()
    padded = np.pad(marks.sum(axis=0), [(0, 1), (0, 0)])
    np.testing.assert_array_equal(counts.counts, padded.reshape(6, 2, 3, 2).sum(axis=(1, 3)))


def test_pools_of_counts_hold_what_is_there() -> None:
    counts = np.arange(15).reshape(3, 5)
    np.testing.assert_array_equal(pooled_counts(counts), [[12, 20, 13], [21, 25, 14]])


def test_chosen_cells_must_fit() -> None:
    with pytest.raises(ValueError, match="want"):
        CellMarker(0.0, 1.0, 3, 2, np.zeros((2, 3), np.bool_))
