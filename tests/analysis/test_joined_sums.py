"""Sums that were computed in groups, in parts, or for one side: the same bits as in one pass."""

from typing import Any

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from pair_pools import assert_same_own

from tb_snapshot_compare.analysis import (
    FilterAxis,
    PairAccumulator,
    PartJoiner,
    SumColumns,
    filter_measures,
    group_sums,
    grouped,
    is_small,
    measures_of,
    own_sums,
    parts_of,
    ranges_of,
    stacked,
    tensor_parts,
)

Array = np.ndarray[Any, Any]
AXES = [
    (288, FilterAxis(8, 1)),
    (8, FilterAxis(8, 1)),
    (96, FilterAxis(4, 24)),
    (96, FilterAxis(4, 3)),
    (700, FilterAxis(700, 1)),
    (1, None),
]


def bits(columns: SumColumns) -> tuple[bytes, ...]:
    return tuple(
        np.ascontiguousarray(part).tobytes()
        for part in (columns.counts, columns.scaled, columns.relative, columns.ends)
    )


def alone(a: Array, b: Array, axis: FilterAxis | None) -> SumColumns:
    accumulator = PairAccumulator(a.dtype.name, b.dtype.name, a.size, axis)
    accumulator.add(a, b)
    found = accumulator.finish()
    return SumColumns.of(found.total, found.filters)


def pairs(count: int, elements: int, dtype: str = "float32") -> tuple[Array, Array]:
    rng = np.random.default_rng(elements)
    a = rng.standard_normal((count, elements)) * 10.0 ** rng.integers(-9, 9, (count, 1))
    b = a + rng.standard_normal((count, elements)) * np.abs(a).max(axis=1, keepdims=True) / 50
    if dtype.startswith("float"):
        a[1 % count, 0], b[2 % count, 0], a[3 % count, -1] = np.nan, np.inf, -np.inf
        a[4 % count, 0] = b[4 % count, 0] = np.nan
    with np.errstate(over="ignore", invalid="ignore"):
        return a.astype(dtype), b.astype(dtype)


@pytest.mark.parametrize("dtype", ["float32", "float64", "float16", "int64"])
@pytest.mark.parametrize(("elements", "axis"), AXES)
def test_a_tensors_sums_do_not_depend_on_its_group(
    elements: int, axis: FilterAxis | None, dtype: str
) -> None:
    a, b = pairs(40, elements, dtype)
    together = group_sums(a, b, axis)
    for index in range(0, 40, 7):
        (by_itself,) = group_sums(a[index : index + 1], b[index : index + 1], axis)
        assert bits(by_itself) == bits(together[index])
        single = alone(a[index], b[index], axis)
        np.testing.assert_array_equal(together[index].counts, single.counts)
        np.testing.assert_array_equal(together[index].ends, single.ends)
        np.testing.assert_allclose(together[index].scaled, single.scaled, rtol=1e-13, atol=0)


@pytest.mark.parametrize(("elements", "axis"), AXES)
def test_what_belongs_to_one_side_gives_its_comparison_with_itself(
    elements: int, axis: FilterAxis | None
) -> None:
    a, b = pairs(9, elements)
    hidden = 0
    for x, y, sums in zip(a, b, group_sums(a, b, axis), strict=True):
        for side, values in (("a", x), ("b", y)):
            own = own_sums(sums, side)
            other = y if side == "a" else x
            hidden += own is None
            assert (own is None) == bool((np.isfinite(values) & ~np.isfinite(other)).any())
            if own is not None:
                (itself,) = group_sums(values[None], values[None], axis)
                assert_same_own(own, itself)
    assert hidden


def test_large_tensors_too_and_beyond_the_range_of_squares() -> None:
    rng = np.random.default_rng(5)
    a = rng.standard_normal(70_000)
    a[:40] = 10.0 ** rng.integers(-300, 300, 40)
    axis = FilterAxis(100, 1)
    own = own_sums(alone(a, a * 1.5, axis), "a")
    assert own is not None
    assert_same_own(own, alone(a, a, axis))


@pytest.mark.parametrize(
    ("count", "axis"),
    [
        (70_000, FilterAxis(7, 1)),
        (80_000, FilterAxis(40, 2_000)),
        (70_000, FilterAxis(5, 20)),
        (55_555, None),
    ],
)
def test_parts_joined_in_any_order_are_the_tensor(
    monkeypatch: pytest.MonkeyPatch, count: int, axis: FilterAxis | None
) -> None:
    monkeypatch.setattr(tensor_parts, "PART_ELEMENTS", 10_000)
    a, b = (values[0] for values in pairs(1, count))
    parts = parts_of(count, axis)
    assert [part.start for part in parts[1:]] == [part.stop for part in parts[:-1]]
    assert (parts[0].start, parts[-1].stop) == (0, count)
    assert len(parts) > 4
    sums = [alone(a[p.start : p.stop], b[p.start : p.stop], p.axis) for p in parts]
    results = []
    for order in (
        range(len(parts)),
        reversed(range(len(parts))),
        [3, 0, 1, 2, *range(4, len(parts))],
    ):
        joiner = PartJoiner(parts, axis)
        results += [joined for number in order if (joined := joiner.add(number, sums[number]))]
    assert len(results) == 3
    assert len({bits(result) for result in results}) == 1
    whole = alone(a, b, axis)
    np.testing.assert_array_equal(results[0].counts, whole.counts)
    np.testing.assert_array_equal(results[0].ends, whole.ends)
    np.testing.assert_allclose(results[0].scaled, whole.scaled, rtol=1e-12, atol=0)


@settings(deadline=None, max_examples=50)
@given(
    filters=st.integers(1, 5000),
    stride=st.integers(1, 5000),
    periods=st.integers(1, 40),
)
def test_parts_hold_whole_filters(filters: int, stride: int, periods: int) -> None:
    scale = 4
    axis = FilterAxis(filters, stride * scale)
    parts = parts_of(filters * stride * scale * periods, axis)
    for part in parts:
        assert part.axis is not None
        assert part.start % (part.axis.count * part.axis.stride) == 0 or periods == 1
        assert (part.stop - part.start) % (part.axis.count * part.axis.stride) == 0
        assert part.axis.stride == axis.stride
    if periods == 1:
        assert sum(part.axis.count for part in parts if part.axis) == filters


def test_small_means_few_elements_and_few_rows() -> None:
    assert is_small(64, FilterAxis(64, 1))
    assert is_small(1, None)
    assert not is_small(0, None)
    assert not is_small(16_000, FilterAxis(1, 1))
    assert not is_small(1 << 20, FilterAxis(1024, 1))


def test_measures_of_many_columns_are_those_of_each() -> None:
    a, b = pairs(12, 50)
    wholes = stacked(group_sums(a, b, FilterAxis(50, 1)))
    assert measures_of(wholes) == [wholes[k : k + 1].whole.measures() for k in range(12)]
    for k, ends in enumerate(ranges_of(wholes)):
        whole = wholes[k : k + 1].whole
        expected = whole.difference_range()
        assert ends == ((expected.low, expected.high) if whole.finite else None)


@pytest.mark.parametrize("axis", [FilterAxis(10, 5), FilterAxis(50, 1)])
def test_filters_that_did_not_change_have_the_measures_of_any_others(axis: FilterAxis) -> None:
    a, b = pairs(12, 50)
    a[8] = 0
    for values, others in [*zip(a, a, strict=True), *zip(a, b, strict=True)]:
        (sums,) = group_sums(values[None], others[None], axis)
        expected = sums[1:].as_filters().measures()
        found = filter_measures(sums[1:])
        assert list(found) == list(expected)
        for name, array in expected.items():
            assert found[name].tobytes() == array.tobytes(), name


def test_groups_of_columns_are_added_in_their_order() -> None:
    a, b = pairs(12, 50)
    wholes = stacked(group_sums(a, b, FilterAxis(50, 1)))
    groups = np.array([0, 2, 0, 2, 2, 0, 1, 0, 2, 1, 0, 2])
    sums = grouped(wholes, groups, 4)
    for group in range(3):
        one, *others = (wholes[k : k + 1].whole for k in np.flatnonzero(groups == group))
        for other in others:
            one += other
        assert sums[group : group + 1].whole == one
    assert sums[3:4].whole.pairs == 0
