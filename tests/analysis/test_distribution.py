from typing import Any

import ml_dtypes
import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from hypothesis.extra import numpy as hnp
from numpy.typing import NDArray

from tb_snapshot_compare.analysis import (
    Distribution,
    DistributionAccumulator,
    PairAccumulator,
    RangeAccumulator,
    bin_edges,
    level_edges,
)


def distribution(
    a: NDArray[Any], b: NDArray[Any], bins: int, levels: int, step: int | None = None
) -> Distribution:
    step = step or max(a.size, 1)
    parts = [slice(i, i + step) for i in range(0, a.size, step)]
    ends = RangeAccumulator()
    for part in parts:
        ends.add(a[part], b[part])
    reach = ends.finish()
    counts = DistributionAccumulator(reach.low, reach.high, bins, levels)
    for part in parts:
        counts.add(a[part], b[part])
    return counts.finish()


def index(values: NDArray[Any], edges: NDArray[Any]) -> NDArray[Any]:
    return np.minimum(np.searchsorted(edges, values, "right") - 1, edges.size - 2)


def assert_counts_equal_numpy(a: NDArray[Any], b: NDArray[Any], found: Distribution) -> None:
    x, y = a.astype(np.float64), b.astype(np.float64)
    finite = np.isfinite(x) & np.isfinite(y)
    x, y = x[finite], y[finite]
    d, s = y - x, np.abs(x) + np.abs(y)
    with np.errstate(invalid="ignore"):
        change = np.where(s > 0, 2 * np.abs(d) / s, 0.0)
    want = np.zeros_like(found.counts)
    np.add.at(want, (index(d, found.bin_edges), index(change, found.level_edges)), 1)
    assert np.array_equal(found.counts, want)
    assert np.array_equal(found.counts.sum(axis=1), np.histogram(d, found.bin_edges)[0])
    assert np.array_equal(found.counts.sum(axis=0), np.histogram(change, found.level_edges)[0])
    assert (found.total, found.excluded) == (x.size, a.size - x.size)


@pytest.mark.parametrize(("bins", "levels"), [(20, 5), (1, 1), (7, 3), (512, 32)])
@pytest.mark.parametrize("dtype", ["float32", "float64", "bfloat16", "float16", "int8", "bool"])
def test_counts_equal_numpy_histograms(dtype: str, bins: int, levels: int) -> None:
    rng = np.random.default_rng(1)
    kind = np.dtype(getattr(ml_dtypes, dtype, None) or dtype)
    a = (rng.standard_normal(20_000) * 9).astype(kind)
    b = (rng.standard_normal(20_000) * 9).astype(kind)
    if kind.kind in "fV":
        a[7], b[8], a[9], b[9] = np.nan, np.inf, 0.0, 0.0
    found = distribution(a, b, bins, levels)
    assert_counts_equal_numpy(a, b, found)
    assert np.array_equal(found.counts, distribution(a, b, bins, levels, 777).counts)


grid = st.one_of(
    st.integers(-40, 40).map(lambda k: k / 20),
    st.floats(-2, 2, width=32),
    st.sampled_from([np.nan, np.inf, 0.1, 0.3]),
)


@settings(max_examples=60)
@given(st.data(), st.integers(1, 200), st.integers(1, 60), st.integers(1, 9))
def test_values_on_and_near_edges_fall_where_numpy_puts_them(
    data: st.DataObject, count: int, bins: int, levels: int
) -> None:
    a = data.draw(hnp.arrays(np.float64, count, elements=grid))
    b = data.draw(hnp.arrays(np.float64, count, elements=grid))
    assert_counts_equal_numpy(a, b, distribution(a, b, bins, levels))


@settings(max_examples=60)
@given(
    hnp.arrays(np.float64, 40, elements=st.floats(allow_nan=False, allow_infinity=False)),
    st.integers(1, 40),
)
def test_any_float64_is_counted_once(values: NDArray[np.float64], bins: int) -> None:
    found = distribution(values[:20], values[20:], bins, 5)
    assert (found.total, found.excluded) == (20, 0)
    assert np.isfinite(found.bin_edges).all()


@pytest.mark.parametrize("gap", [0.0, 1e-3, -5.0, 5e-324, 2.0**60, 1.7e308, -1.7e308])
def test_equal_differences_lie_in_a_widened_range(gap: float) -> None:
    a = np.zeros(10)
    found = distribution(a, a + gap, 20, 5)
    cell = index(np.array([gap]), found.bin_edges)[0]
    assert found.counts[cell].sum() == 10
    assert found.bin_edges[0] < gap < found.bin_edges[-1]


def test_unchanged_tensors_are_in_the_bin_that_holds_zero() -> None:
    a = np.random.default_rng(2).standard_normal(1000).astype(np.float32)
    for bins in (19, 20):
        found = distribution(a, a, bins, 5)
        cell = index(np.array([0.0]), found.bin_edges)[0]
        assert found.counts[cell, 0] == found.total == 1000


def test_a_range_of_a_few_rounding_errors_is_counted_as_numpy_does() -> None:
    a = np.zeros(4)
    b = 1 + np.array([0.0, 1.0, 2.0, 3.0]) * 2.0**-52
    found = distribution(a, b, 20, 5)
    want = np.bincount(index(b, found.bin_edges), minlength=20)
    assert np.array_equal(found.counts.sum(axis=1), want)


def test_swapping_mirrors_the_counts() -> None:
    rng = np.random.default_rng(3)
    a, b = (rng.standard_normal(50_000).astype(np.float32) for _ in range(2))
    there, back = distribution(a, b, 20, 5), distribution(b, a, 20, 5)
    assert np.array_equal(there.counts, back.counts[::-1])
    assert there.bin_edges == pytest.approx(-back.bin_edges[::-1])


def test_tensors_of_a_layer_add_up() -> None:
    rng = np.random.default_rng(4)
    a, b = rng.standard_normal((2, 500))
    parts = []
    for part in (slice(0, 100), slice(100, 500)):
        one = DistributionAccumulator(-9.0, 9.0, 8, 4)
        one.add(a[part], b[part])
        parts.append(one.finish())
    whole = DistributionAccumulator(-9.0, 9.0, 8, 4)
    whole.add(a, b)
    assert np.array_equal((parts[0] + parts[1]).counts, whole.finish().counts)
    other = DistributionAccumulator(-1.0, 9.0, 8, 4).finish()
    with pytest.raises(ValueError, match="different bins"):
        parts[0] + other


def test_large_integers_are_binned_by_their_exact_difference() -> None:
    a = np.full(4, 2**62, np.int64)
    b = a + np.arange(4)
    found = distribution(a, b, 4, 1)
    assert found.counts[:, 0].tolist() == [1, 1, 1, 1]


def test_the_measures_pass_finds_the_range() -> None:
    a, b = np.random.default_rng(5).standard_normal((2, 3000))
    b[4] = np.nan
    ends = RangeAccumulator()
    ends.add(a, b)
    pair = PairAccumulator("float64", "float64", 3000)
    pair.add(a, b)
    reach = pair.finish().total.difference_range()
    assert ends.finish() == reach
    assert (reach.low, reach.high) == (np.nanmin(b - a), np.nanmax(b - a))
    assert (reach.finite, reach.excluded) == (2999, 1)


def test_no_finite_pair_gives_an_empty_distribution() -> None:
    nothing = np.full(3, np.nan)
    for a in (nothing, nothing[:0]):
        found = distribution(a, a, 20, 5)
        assert (found.total, found.excluded) == (0, a.size)


def test_impossible_bins_and_levels_are_refused() -> None:
    with pytest.raises(ValueError, match="into 0 bins"):
        bin_edges(0.0, 1.0, 0)
    with pytest.raises(ValueError, match=r"\[1.0, 0.0\]"):
        bin_edges(1.0, 0.0, 4)
    with pytest.raises(ValueError, match="nan"):
        bin_edges(float("nan"), 0.0, 4)
    with pytest.raises(ValueError, match="into 0 levels"):
        level_edges(0)
