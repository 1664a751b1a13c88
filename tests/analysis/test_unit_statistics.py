"""Statistics of units against the definitions, on the concatenated float64 values."""

import math
from collections.abc import Iterator
from dataclasses import fields
from fractions import Fraction
from typing import Any

import ml_dtypes
import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from numpy.typing import NDArray
from pair_pools import COMPARABLE, NARROW, pools

from tb_snapshot_compare.analysis import (
    FilterAxis,
    StreamedTensor,
    UnitStatistics,
    UnitTensor,
    unit_statistics,
)
from tb_snapshot_compare.analysis.quartiles import QuartileSearch

Array = NDArray[Any]
EDGES = (0.0, *(digit / 10**decade for decade in range(6, 0, -1) for digit in range(1, 10)), 1.0)
FLOATS = ["float32", "float64", "float16", *(name for name in NARROW if "int" not in name)]
TREE = (-1, 0, 0, 1, 1, 2, 3, 3)
LEAVES = (4, 5, 6, 7)


def below(parents: tuple[int, ...], unit: int) -> set[int]:
    """A unit and all units in it."""
    found = {unit}
    for other, parent in enumerate(parents):
        if parent in found:
            found.add(other)
    return found


def of_unit(parents: tuple[int, ...], unit: int, tensors: list[UnitTensor]) -> Array:
    """The values of a unit, as float64."""
    inside = below(parents, unit)
    parts = [np.empty(0)]
    for tensor in tensors:
        if tensor.unit in inside:
            values = tensor.values.reshape(-1).astype(np.float64)
            if tensor.before is not None:
                with np.errstate(all="ignore"):
                    values = values - tensor.before.reshape(-1).astype(np.float64)
            parts.append(values)
    return np.concatenate(parts)


def reference(values: Array) -> dict[str, float]:
    """Every column but bands, dead and still, with exact sums."""
    fine = values[np.isfinite(values)]
    counts = {
        "count": values.size,
        "nan": int(np.isnan(values).sum()),
        "inf": int(np.isinf(values).sum()),
        "zeros": int((values == 0).sum()),
    }
    names = ("sum", "l1", "l2", "mean", "variance", "minimum", "q1", "median", "q3", "maximum")
    if not fine.size:
        return counts | dict.fromkeys(names, math.nan)
    different, counts_of = (each.tolist() for each in np.unique(fine, return_counts=True))
    exact = [(Fraction(value), count) for value, count in zip(different, counts_of, strict=True)]
    total = sum(value * count for value, count in exact)
    mean = Fraction(total) / fine.size
    variance = sum((value - mean) ** 2 * count for value, count in exact) / Fraction(fine.size)
    with np.errstate(over="ignore", invalid="ignore"):
        quartiles = np.quantile(fine, (0.25, 0.5, 0.75))
    figures = (
        as_float(Fraction(total)),
        as_float(Fraction(sum(abs(value) * count for value, count in exact))),
        root(Fraction(sum(value * value * count for value, count in exact))),
        as_float(mean),
        as_float(variance),
        fine.min(),
        *quartiles[:2],
        quartiles[2],
        fine.max(),
    )
    return counts | dict(zip(names, figures, strict=True))


def as_float(value: Fraction) -> float:
    try:
        return float(value)
    except OverflowError:
        return math.nan


def root(value: Fraction) -> float:
    if value == 0:
        return 0.0
    shift = value.numerator.bit_length() - value.denominator.bit_length()
    shift -= shift % 2
    try:
        return math.ldexp(math.sqrt(value / Fraction(2) ** shift), shift // 2)
    except OverflowError:
        return math.nan


def assert_unit(found: UnitStatistics, unit: int, values: Array) -> None:
    want = reference(values)
    scale = 1e-15 * want["l1"] if want["l1"] == want["l1"] else 0.0
    for name, value in want.items():
        got = getattr(found, name)[unit]
        if name in ("q1", "median", "q3"):
            np.testing.assert_array_equal(got, value, err_msg=name)
            continue
        tolerance = {"sum": scale, "mean": scale / max(values.size, 1)}.get(name, 0.0)
        if name == "variance":  # of nearly equal values: to the rounding of their means
            largest = max(abs(want["minimum"]), abs(want["maximum"]))
            tolerance = 1e-15 * largest * math.sqrt(value) if value == value else 0.0
            tolerance = max(tolerance, (1e-15 * largest) ** 2 if largest < 1e150 else 0.0)
        want_value = pytest.approx(value, rel=1e-11, abs=max(tolerance, 1e-320), nan_ok=True)
        assert got == want_value, (name, unit)


def assert_units(parents: tuple[int, ...], tensors: list[UnitTensor]) -> UnitStatistics:
    found = unit_statistics(parents, tensors)
    for unit in range(len(parents)):
        assert_unit(found, unit, of_unit(parents, unit, tensors))
    return found


@st.composite
def arrays(draw: st.DrawFn, dtype: str) -> Array:
    """Up to some thousand values of a small pool: of any bits, magnitude and shape."""
    pool = draw(pools(dtype, draw(st.integers(1, 9)), draw(st.integers(-32, 32)) / 32))
    shape = draw(st.sampled_from([(), (0,), (1,), (2,), (3, 5), (4, 4, 3, 2), (1500,), (40, 50)]))
    random = np.random.default_rng(draw(st.integers(0, 2**32)))
    return pool[random.integers(0, pool.size, shape)]


@pytest.mark.parametrize("dtype", COMPARABLE)
@given(data=st.data())
def test_every_dtype_equals_the_definitions(dtype: str, data: st.DataObject) -> None:
    tensors = [
        UnitTensor(data.draw(st.sampled_from(LEAVES)), data.draw(arrays(dtype)))
        for _ in range(data.draw(st.integers(0, 5)))
    ]
    if dtype in ("int64", "uint64"):  # rounded to float64
        tensors = [UnitTensor(t.unit, (t.values >> np.asarray(12, dtype))) for t in tensors]
    assert_units(TREE, tensors)


@given(data=st.data(), dtype=st.sampled_from(FLOATS))
def test_changes_equal_the_definitions(data: st.DataObject, dtype: str) -> None:
    values = data.draw(arrays(dtype))
    with np.errstate(all="ignore"):
        before = (values.astype(np.float64) * data.draw(st.sampled_from([0, 0.5, 1]))).astype(
            values.dtype
        )
    tensors = [UnitTensor(5, values, before), UnitTensor(4, before, before)]
    found = assert_units(TREE, tensors)
    bits = f"u{values.dtype.itemsize}"
    same = int((values.reshape(-1).view(bits) == before.reshape(-1).view(bits)).sum())
    assert found.still.tolist() == [same + values.size, *found.still[1:].tolist()]
    assert found.still[5] == same
    assert found.still[4] == values.size


def test_order_and_place_of_tensors_do_not_matter() -> None:
    random = np.random.default_rng(3)
    parts = [random.normal(0, 0.02, (3, 3, 16, 24)).astype(np.float32) for _ in range(8)]
    one = unit_statistics(TREE, [UnitTensor(LEAVES[k % 4], part) for k, part in enumerate(parts)])
    other = unit_statistics((-1,), [UnitTensor(0, part) for part in reversed(parts)])
    for name in ("count", "q1", "median", "q3", "minimum", "maximum", "sum", "l1", "l2"):
        assert getattr(one, name)[0] == getattr(other, name)[0]
    assert one.variance[0] == pytest.approx(other.variance[0], rel=1e-13)


def test_millions_of_values_of_many_magnitudes_are_exact() -> None:
    """Beyond one block, with means far from zero and sums that nearly cancel."""
    random = np.random.default_rng(5)
    tensors = []
    places = ((0, 1e-3), (1e4, 1e-2), (-1, 1e-7), (0, 1e-20))
    for leaf, (mean, deviation) in zip(LEAVES, places, strict=True):
        values = mean + deviation * random.standard_normal(300_000)
        tensors.append(UnitTensor(leaf, values.astype(np.float32 if leaf % 2 else np.float64)))
    found = unit_statistics(TREE, tensors)
    for unit in range(len(TREE)):
        values = of_unit(TREE, unit, tensors)
        if not values.size:
            continue
        mean = math.fsum(values) / values.size
        assert found.sum[unit] == pytest.approx(math.fsum(values), rel=1e-12)
        assert found.l1[unit] == pytest.approx(math.fsum(np.abs(values)), rel=1e-12)
        assert found.l2[unit] ** 2 == pytest.approx(math.fsum(values * values), rel=1e-12)
        around = math.fsum((values - mean) ** 2) / values.size
        assert found.variance[unit] == pytest.approx(around, rel=1e-9)
        np.testing.assert_array_equal(
            [found.q1[unit], found.median[unit], found.q3[unit]],
            np.quantile(values, (0.25, 0.5, 0.75)),
        )


def test_equal_values_have_no_variance_and_their_own_quartiles() -> None:
    values = np.full(100_000, 0.1, np.float32)
    found = unit_statistics((-1,), [UnitTensor(0, values)])
    assert found.variance[0] == 0.0
    assert found.q1[0] == found.q3[0] == np.float64(np.float32(0.1))
    assert found.sum[0] == pytest.approx(100_000 * float(np.float32(0.1)), rel=1e-15)


@pytest.mark.parametrize("split", [False, True], ids=["one tensor", "a tensor each"])
@pytest.mark.parametrize(
    "values", [(0.0, 1.79e308), (1.79e308, 0.0), (0.0, 1e160), (3e-320, 1e200)]
)
def test_a_variance_beyond_float64_is_unknown(values: tuple[float, ...], split: bool) -> None:
    whole = [UnitTensor(0, np.array(values))]
    parts = [UnitTensor(0, np.array([value])) for value in values]
    assert_units((-1,), parts if split else whole)


def test_a_variance_far_below_the_square_of_the_mean_of_the_first_values_is_known() -> None:
    """Squares around 2^520 leave float64; divided by their number they do not."""
    values = np.zeros(1 << 20)
    values[0] = 2.0**520
    found = unit_statistics((-1,), [UnitTensor(0, values[:1]), UnitTensor(0, values[1:])])
    assert found.variance[0] == pytest.approx(2.0**1020 * (1 - 2**-20), rel=1e-12)


@pytest.mark.parametrize("dtype", ["float32", "int64", "bfloat16"])
def test_units_without_a_finite_value_have_no_statistics(dtype: str) -> None:
    kind = np.dtype(getattr(ml_dtypes, dtype, dtype))
    empty = [UnitTensor(4, np.zeros(shape, kind)) for shape in ((0,), (3, 0, 2))]
    nothing = [UnitTensor(5, np.full((40, 3), value)) for value in (np.nan, np.inf, -np.inf)]
    known = UnitTensor(7, np.arange(5.0))
    for tensors in (empty, nothing, [*empty, *nothing], [*empty, *nothing, known]):
        assert_units(TREE, tensors)
        found = unit_statistics(TREE, tensors)
        for name in ("q1", "median", "q3", "minimum", "maximum", "mean", "variance"):
            assert np.isnan(getattr(found, name)[[4, 5, 2]]).all(), name


def test_quartiles_of_counted_blocks_without_values_are_unknown() -> None:
    none = np.empty(0)
    for gathered_max in (0, 1000):
        parts = [(1, none), (2, none), (2, np.array([3.0]))]
        found, _ = searched((-1, 0, 0), parts, gathered_max)
        assert np.isnan(found[1]).all()
        np.testing.assert_array_equal(found[[0, 2]], 3.0)
        found, _ = searched((-1, 0, 0), parts[:2], gathered_max)
        assert np.isnan(found).all()


@pytest.mark.parametrize("magnitude", [-1060, -500, 0, 500, 1010])
def test_squares_beyond_float64_do_not_spoil_norms_and_variance(magnitude: int) -> None:
    random = np.random.default_rng(7)
    tensors = [
        UnitTensor(leaf, np.ldexp(random.uniform(0.5, 1.0, 50), magnitude - 3 * leaf))
        for leaf in LEAVES
    ]
    assert_units(TREE, tensors)


def searched(
    parents: tuple[int, ...], parts: list[tuple[int, Array]], gathered_max: int
) -> tuple[NDArray[np.float64], int]:
    """Quartiles, and how many passes they took after the first."""
    passes: dict[int, int] = {}

    def blocks(unit: int) -> Iterator[NDArray[np.float64]]:
        passes[unit] = passes.get(unit, 0) + 1
        return (
            values[k : k + 700]
            for u, values in parts
            if u == unit
            for k in range(0, values.size, 700)
        )

    search = QuartileSearch(parents, gathered_max)
    for unit, values in parts:
        search.count(unit, values, int((values == 0).sum()))
    return search.find(blocks), max(passes.values(), default=0)


@given(data=st.data(), gathered_max=st.sampled_from([0, 1, 50, 1000]))
def test_quartiles_are_exact_however_little_is_gathered(
    data: st.DataObject, gathered_max: int
) -> None:
    parts = []
    for _ in range(data.draw(st.integers(0, 4))):
        values = data.draw(arrays(data.draw(st.sampled_from(FLOATS)))).reshape(-1)
        doubles = values.astype(np.float64)
        parts.append((data.draw(st.integers(0, 7)), doubles[np.isfinite(doubles)]))
    found, _ = searched(TREE, parts, gathered_max)
    for unit in range(len(TREE)):
        own = [values for u, values in parts if u in below(TREE, unit)]
        joined = np.concatenate([np.empty(0), *own])
        with np.errstate(over="ignore", invalid="ignore"):
            want = np.quantile(joined, (0.25, 0.5, 0.75)) if joined.size else np.full(3, np.nan)
        np.testing.assert_array_equal(found[unit], want)


def test_zeros_take_no_more_passes_and_other_equal_values_a_few() -> None:
    rest = np.random.default_rng(1).standard_normal(1000)
    zeros = np.concatenate([np.zeros(9000), -np.zeros(9000), rest])
    assert searched((-1,), [(0, zeros)], 100)[1] == 0
    equal = np.concatenate([np.full(18_000, 0.3), rest])
    quartiles, passes = searched((-1,), [(0, equal)], 100)
    assert quartiles.tolist() == [[0.3, 0.3, 0.3]]
    assert passes <= 6


def band_of(value: float, weight: float) -> int | None:
    if not (math.isfinite(value) and math.isfinite(weight)):
        return None
    return next((k for k, edge in enumerate(EDGES) if abs(value) <= edge * abs(weight)), len(EDGES))


@given(data=st.data(), dtype=st.sampled_from(["float32", "float64", "float16", "bfloat16"]))
def test_bands_equal_brute_force(data: st.DataObject, dtype: str) -> None:
    weights = data.draw(arrays(dtype)).reshape(-1)
    random = np.random.default_rng(data.draw(st.integers(0, 2**32)))
    factors = random.choice([0, 1e-9, 1, 1.0000001, 50, np.nan, *EDGES], weights.size)
    with np.errstate(all="ignore"):
        values = (weights.astype(np.float64) * factors).astype(
            data.draw(st.sampled_from([np.dtype(np.float64), weights.dtype]))
        )
    shuffled = random.permutation(weights)
    for beside in (weights, shuffled):
        found = unit_statistics(TREE, [UnitTensor(5, values, weights=beside)], EDGES)
        want = np.zeros(len(EDGES) + 1, np.int64)
        doubles = (each.astype(np.float64).tolist() for each in (values, beside))
        for value, weight in zip(*doubles, strict=True):
            band = band_of(value, weight)
            if band is not None:
                want[band] += 1
        assert found.bands is not None
        np.testing.assert_array_equal(found.bands[5], want)
        np.testing.assert_array_equal(found.bands[0], want)
        assert not found.bands[1].any()


def test_every_edge_belongs_to_the_band_below_it() -> None:
    weights = np.full(3, 0.7)
    for k, edge in enumerate(EDGES[1:], 1):
        at = edge * 0.7
        values = np.array([at, np.nextafter(at, 0), -np.nextafter(at, 1)])
        bands = unit_statistics((-1,), [UnitTensor(0, values, weights=weights)], EDGES).bands
        assert bands is not None
        assert np.flatnonzero(bands[0]).tolist() == [k, k + 1]
        assert bands[0, k] == 2


@pytest.mark.parametrize("edges", [(0.0, 0.0), (1.0, 0.5), (1.0, math.inf), (math.nan,), (-1.0,)])
def test_edges_that_are_none_are_refused(edges: tuple[float, ...]) -> None:
    with pytest.raises(ValueError, match="finite, ascending numbers, none negative"):
        unit_statistics((-1,), [], edges)


@pytest.mark.parametrize(("shape", "axis", "filters"), [
    ((3, 3, 4, 6), FilterAxis(6, 1), 3),
    ((6, 4, 3, 3), FilterAxis(6, 36), 0),
    ((2, 2, 5, 7), FilterAxis(5, 7), 2),
])  # fmt: skip
def test_dead_filters_are_those_without_any_other_value(
    shape: tuple[int, ...], axis: FilterAxis, filters: int
) -> None:
    random = np.random.default_rng(2)
    values = random.normal(size=shape).astype(np.float32)
    moved = np.moveaxis(values, filters, 0)
    moved[1], moved[3] = 0.0, -0.0
    moved[0].reshape(-1)[:] = np.where(np.arange(moved[0].size) > 0, 0, 1)
    moved[2], moved[4] = 0, np.nan
    moved[2, ..., 0] = np.inf
    tensors = [UnitTensor(4, values, axis=axis), UnitTensor(5, np.zeros(9, np.float32))]
    assert unit_statistics(TREE, tensors).dead.tolist() == [2, 2, 0, 0, 2, 0, 0, 0]
    later = values + np.float32(1)
    np.moveaxis(later, filters, 0)[2] = moved[2]
    changes = [UnitTensor(4, later, before=values, axis=axis)]
    assert unit_statistics(TREE, changes).dead[0] == 0  # NaN and infinities are no zeros
    np.moveaxis(later, filters, 0)[1] = moved[1]
    assert unit_statistics(TREE, changes).dead[0] == 1


def test_values_of_another_dtype_are_still_where_they_are_equal() -> None:
    before = np.array([0.5, 0.1, -0.0, 3], np.float32)
    later = before.astype(ml_dtypes.bfloat16)
    assert unit_statistics((-1,), [UnitTensor(0, later, before)]).still[0] == 3


def test_what_does_not_fit_is_refused_by_name() -> None:
    values = np.zeros((2, 3), np.float32)
    with pytest.raises(ValueError, match=r"shape \(2, 3\) beside one of \(3, 2\)"):
        unit_statistics((-1,), [UnitTensor(0, values, values.T)])
    with pytest.raises(ValueError, match="unit 1 has the parent 1"):
        unit_statistics((-1, 1), [])
    with pytest.raises(ValueError, match="a tensor of unit 2, of 1 units"):
        unit_statistics((-1,), [UnitTensor(2, values)])
    with pytest.raises(ValueError, match="'complex64' is not numeric"):
        unit_statistics((-1,), [UnitTensor(0, values.astype(np.complex64))])


@given(data=st.data(), dtype=st.sampled_from(["float32", "float64", "bfloat16", "int32"]))
def test_what_is_streamed_equals_what_is_in_memory(data: st.DataObject, dtype: str) -> None:
    values = data.draw(arrays(dtype)).reshape(-1)
    before = np.random.default_rng(data.draw(st.integers(0, 99))).permutation(values)
    size = data.draw(st.integers(1, 50))
    axis = FilterAxis(values.size, 1) if values.size else None

    def blocks() -> Iterator[tuple[Array, Array, Array]]:
        buffers = np.empty((2, size), values.dtype)
        for start in range(0, values.size, size):
            count = min(size, values.size - start)
            buffers[0, :count] = values[start : start + count]
            buffers[1, :count] = before[start : start + count]
            yield buffers[0, :count], buffers[1, :count], buffers[1, :count]

    whole = UnitTensor(0, values, before, before, axis)
    streamed = StreamedTensor(0, values.size, blocks, axis)
    one, other = (unit_statistics((-1,), [each], EDGES) for each in (whole, streamed))
    for field in fields(UnitStatistics):
        of_one, of_other = getattr(one, field.name), getattr(other, field.name)
        np.testing.assert_allclose(of_other, of_one, rtol=1e-12, atol=1e-300, err_msg=field.name)
