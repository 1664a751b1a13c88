"""Every path through the kernels that count: where NumPy in float64 would put each pair."""

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from numpy.typing import NDArray
from pair_pools import COMPARABLE, NARROW, Run, cuts, difference, dtype_of, parts, runs, valid
from reference_measures import ONE, exact

from tb_snapshot_compare.analysis import (
    Distribution,
    DistributionAccumulator,
    RangeAccumulator,
    bin_edges,
    level_edges,
)
from tb_snapshot_compare.analysis.locating import CellMarker
from tb_snapshot_compare.analysis.slice_measures import joined_pairs

Array = NDArray[np.float64]
LARGEST = float(np.finfo(np.float64).max)
BINS = st.sampled_from([1, 2, 3, 19, 20, 64, 511, 512])
LEVELS = st.sampled_from([1, 2, 3, 5, 7, 31, 32])


def rounded(value: int) -> float:
    """Units of 2**-1074 as the nearest float64, or the largest where it is beyond."""
    try:
        return value / ONE
    except OverflowError:
        return LARGEST if value > 0 else -LARGEST


def changes(run: Run) -> tuple[Array, Array]:
    """The difference and relative percent difference of each pair of the pools; NaN if not finite.

    The relative one in float64 arithmetic, as NumPy would: two values near float64's limit are
    made smaller first, by a power of two.
    """
    pairs = [(exact(x), exact(y)) for x, y in zip(run.pool_a, run.pool_b, strict=True)]
    both = [isinstance(x, int) and isinstance(y, int) for x, y in pairs]
    d = np.array([rounded(y - x) if ok else np.nan for (x, y), ok in zip(pairs, both, strict=True)])
    x, y = (np.array([rounded(p[k]) if ok else np.nan for p, ok in zip(pairs, both, strict=True)])
            for k in (0, 1))  # fmt: skip
    huge = np.maximum(np.abs(x), np.abs(y)) > 2.0**1000
    scale = np.where(huge, 2.0**-8, 1.0)
    x, y = x * scale, y * scale
    s = np.abs(x) + np.abs(y)
    size = np.abs(np.where(huge, y - x, d))
    return d, np.divide(size, s, out=np.where(np.isnan(d), np.nan, 0.0), where=s > 0) * 2


def cells(values: Array, edges: Array) -> NDArray[np.intp]:
    return np.clip(np.searchsorted(edges, values, "right") - 1, 0, edges.size - 2)


def reference(run: Run, low: float, high: float, bins: int, levels: int) -> Distribution:
    d, change = changes(run)
    edges, slices = bin_edges(low, high, bins), level_edges(levels)
    counts = np.zeros((bins, levels), np.int64)
    fine, often = ~np.isnan(d), run.counts()
    np.add.at(counts, (cells(d[fine], edges), cells(change[fine], slices)), often[fine])
    return Distribution(edges, slices, counts, int(often[~fine].sum()))


def counted(
    run: Run, ends: list[int], low: float, high: float, bins: int, levels: int
) -> Distribution:
    accumulator = DistributionAccumulator(low, high, bins, levels)
    for part in parts(ends, run.index.size):
        accumulator.add(run.a[part], run.b[part])
    return accumulator.finish()


def assert_same(one: Distribution, other: Distribution) -> None:
    np.testing.assert_array_equal(one.counts, other.counts)
    assert one.excluded == other.excluded


def check(data: st.DataObject, run: Run, bins: int, levels: int) -> None:
    """Over the range of the pairs, in any blocks; and over another range, as it is cut off."""
    ends = data.draw(cuts(run.index.size))
    ranges = RangeAccumulator()
    for part in parts(ends, run.index.size):
        ranges.add(run.a[part], run.b[part])
    reach = ranges.finish()
    assert reach == difference(run.a, run.b).total.difference_range()
    d = changes(run)[0][run.counts() > 0]
    fine = d[~np.isnan(d)]
    want = (float(fine.min()), float(fine.max())) if fine.size else (0.0, 0.0)
    assert (reach.low, reach.high) == want
    narrower = (reach.low / 3, max(reach.low / 3, reach.high / 5))
    for low, high in ((reach.low, reach.high), narrower):
        found = counted(run, [], low, high, bins, levels)
        assert_same(found, reference(run, low, high, bins, levels))
        assert_same(found, counted(run, ends, low, high, bins, levels))
        assert found.total + found.excluded == run.index.size


@pytest.mark.parametrize("dtype", COMPARABLE)
@given(data=st.data(), bins=BINS, levels=LEVELS)
def test_every_dtype_is_counted_where_numpy_counts_it(
    dtype: str, data: st.DataObject, bins: int, levels: int
) -> None:
    check(data, data.draw(runs(dtype, dtype)), bins, levels)


@pytest.mark.parametrize("dtype_a", ["float32", "float64", "int64", "bfloat16"])
@given(data=st.data(), dtype_b=st.sampled_from(COMPARABLE), bins=BINS, levels=LEVELS)
def test_any_two_dtypes_are_counted_where_numpy_counts_them(
    dtype_a: str, data: st.DataObject, dtype_b: str, bins: int, levels: int
) -> None:
    check(data, data.draw(runs(dtype_a, dtype_b)), bins, levels)


def run_of(a: NDArray[np.generic], b: NDArray[np.generic]) -> Run:
    """Every pair once."""
    return Run(a, b, np.arange(a.size))


@pytest.mark.parametrize("levels", range(1, 33))
@pytest.mark.parametrize("dtype", ["float32", "float64"])
def test_relative_changes_on_and_beside_every_level(dtype: str, levels: int) -> None:
    """Levels are decided by the rounded quotient, which whole numbers could place beside it."""
    edges = level_edges(levels)
    quotient = np.concatenate([edges + k * np.spacing(edges) for k in range(-2, 3)])
    a = np.repeat(np.array([1.0, 3.0, 0.1, 1e-30, 1e30]), quotient.size)
    q = np.tile(np.clip(quotient, 0, 2), 5)
    with np.errstate(all="ignore"):
        growing, shrinking = a * (2 + q) / np.where(q == 2, 1.0, 2 - q), a * (2 - q) / (2 + q)
        a = np.r_[a, a, a, -a].astype(dtype)
        b = np.r_[growing, shrinking, -growing, growing].astype(dtype)
    beside = [b, np.nextafter(b, b.dtype.type(0)), np.nextafter(b, b.dtype.type(np.inf))]
    run = run_of(np.tile(a, 3), np.concatenate(beside))
    low, high = (float(end(changes(run)[0])) for end in (np.nanmin, np.nanmax))
    assert_same(counted(run, [], low, high, 4, levels), reference(run, low, high, 4, levels))


@pytest.mark.parametrize("bins", [1, 2, 3, 7, 20, 50, 100, 511, 512])
@pytest.mark.parametrize(("low", "high"), [(-1.0, 1.0), (-0.3, 0.7), (1e-9, 3e-9), (-5.0, -4.9)])
def test_differences_on_and_beside_every_edge(low: float, high: float, bins: int) -> None:
    edges = bin_edges(low, high, bins)
    b = np.concatenate([edges + k * np.spacing(edges) for k in range(-3, 4)])
    run = run_of(np.zeros(b.size), b)
    assert_same(counted(run, [], low, high, bins, 5), reference(run, low, high, bins, 5))
    single = run_of(np.zeros(b.size, np.float32), b.astype(np.float32))
    assert_same(counted(single, [], low, high, bins, 5), reference(single, low, high, bins, 5))


BYTES = [name for name in NARROW if dtype_of(name).itemsize == 1 and name.startswith("float")]


@pytest.mark.parametrize("dtype", [*BYTES, "int8", "uint8"])
def test_every_pair_of_values_of_one_byte(dtype: str) -> None:
    codes = np.unique(valid(np.arange(256, dtype=np.uint8), dtype).view(np.uint8))
    values = codes.view(dtype_of(dtype))
    a, b = np.repeat(values, values.size), np.tile(values, values.size)
    x, y = a.astype(np.float64), b.astype(np.float64)
    fine = np.isfinite(x) & np.isfinite(y)
    x, y = x[fine], y[fine]
    d, s = y - x, np.abs(x) + np.abs(y)
    change = np.divide(2 * np.abs(d), s, out=np.zeros_like(s), where=s > 0)
    found = counted(run_of(a, b), [], float(d.min()), float(d.max()), 20, 5)
    want = np.zeros((20, 5), np.int64)
    np.add.at(want, (cells(d, found.bin_edges), cells(change, found.level_edges)), 1)
    np.testing.assert_array_equal(found.counts, want)
    assert found.excluded == a.size - d.size


@pytest.mark.parametrize("dtype", ["float32", "float16", "bfloat16", "float64", "int64"])
@given(data=st.data(), bins=BINS, levels=LEVELS)
def test_the_marked_pairs_are_the_counted_ones(
    dtype: str, data: st.DataObject, bins: int, levels: int
) -> None:
    run = data.draw(runs(dtype, dtype).filter(lambda run: run.index.size > 0))
    d, change = changes(run)
    reach = difference(run.a, run.b).total.difference_range()
    chosen = np.random.default_rng(bins + levels).random((bins, levels)) < 0.5
    marker = CellMarker(reach.low, reach.high, bins, levels, chosen)
    marks = marker.marks(joined_pairs(run.a, run.b))
    edges = bin_edges(reach.low, reach.high, bins)
    fine = ~np.isnan(d)
    want = np.zeros(d.size, np.uint8)
    want[fine] = chosen[cells(d[fine], edges), cells(change[fine], level_edges(levels))]
    np.testing.assert_array_equal(marks, want[run.index])


@given(data=st.data(), bins=BINS, levels=LEVELS)
def test_tensors_add_up_in_any_order(data: st.DataObject, bins: int, levels: int) -> None:
    one, other = (data.draw(runs("float32", "float32")) for _ in range(2))
    found = [counted(run, [], -1.0, 2.0, bins, levels) for run in (one, other)]
    both = DistributionAccumulator(-1.0, 2.0, bins, levels)
    for run in (other, one):
        both.add(run.a, run.b)
    assert_same(found[0] + found[1], both.finish())
    assert_same(found[1] + found[0], both.finish())
