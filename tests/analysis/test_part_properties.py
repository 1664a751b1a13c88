"""Tensors that are compared in parts, or many in one pass: the same sums, bit for bit."""

from dataclasses import asdict

import numpy as np
import pytest
from hypothesis import assume, given
from hypothesis import strategies as st
from pair_pools import Run, assert_same_own, difference, runs
from reference_measures import assert_close, reference_measures

from tb_snapshot_compare.analysis import (
    FilterAxis,
    PartJoiner,
    SumColumns,
    group_sums,
    is_small,
    own_sums,
    parts_of,
    tensor_parts,
)

DTYPES = st.sampled_from(["float32", "float32", "float64", "float16", "bfloat16", "int64", "uint8"])
AXIS = st.one_of(
    st.none(),
    st.builds(FilterAxis, st.integers(1, 70), st.sampled_from([1, 1, 2, 9, 25])),
    st.sampled_from([FilterAxis(256, 1), FilterAxis(512, 1), FilterAxis(1000, 1)]),
)


def period(axis: FilterAxis | None) -> int:
    return axis.count * axis.stride if axis else 1


def columns(run: Run, axis: FilterAxis | None) -> SumColumns:
    found = difference(run.a, run.b, axis)
    return SumColumns.of(found.total, found.filters)


def assert_same_bits(one: SumColumns, other: SumColumns) -> None:
    for name in SumColumns.__dataclass_fields__:
        got, want = getattr(one, name), getattr(other, name)
        np.testing.assert_array_equal(got, want, err_msg=name)
        assert not np.any(np.signbit(got) != np.signbit(want)), name


def assert_as_defined(found: SumColumns, run: Run, axis: FilterAxis | None) -> None:
    whole = asdict(found.whole.measures())
    assert_close(whole, reference_measures(run.pool_a, run.pool_b, run.counts()))
    assert found.size == 1 + (axis.count if axis else 0)
    place = np.arange(run.index.size)
    for chosen in {0, axis.count // 2, axis.count - 1} if axis else ():
        counts = run.counts(place // axis.stride % axis.count == chosen)
        got = found[chosen + 1 : chosen + 2].whole.measures()
        assert_close(asdict(got), reference_measures(run.pool_a, run.pool_b, counts))


@given(data=st.data(), dtype=DTYPES, axis=AXIS, small=st.integers(100, 5000))
def test_the_parts_of_a_tensor_give_its_sums_in_any_order(
    data: st.DataObject, dtype: str, axis: FilterAxis | None, small: int
) -> None:
    lengths = st.integers(1, 1 + 40_000 // period(axis)).map(lambda n: n * period(axis))
    run = data.draw(runs(dtype, dtype, lengths))
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(tensor_parts, "PART_ELEMENTS", small)
        parts = parts_of(run.index.size, axis)
    assert [part.start for part in parts[1:]] == [part.stop for part in parts[:-1]]
    assert (parts[0].start, parts[-1].stop) == (0, run.index.size)
    sums = []
    for part in parts:
        piece = difference(run.a[part.start : part.stop], run.b[part.start : part.stop], part.axis)
        sums.append(SumColumns.of(piece.total, piece.filters))
    results = []
    for seed in range(3):
        order = np.random.default_rng(seed).permutation(len(parts)) if seed else range(len(parts))
        joiner = PartJoiner(parts, axis)
        given_back = [joiner.add(int(number), sums[number]) for number in order]
        assert [one is None for one in given_back] == [True] * (len(parts) - 1) + [False]
        assert given_back[-1] is not None
        results.append(given_back[-1])
    for other in results[1:]:
        assert_same_bits(other, results[0])
    assert_as_defined(results[0], run, axis)


@given(data=st.data(), dtype=DTYPES, axis=AXIS, number=st.integers(1, 40))
def test_a_group_of_small_tensors_gives_each_its_own_sums(
    data: st.DataObject, dtype: str, axis: FilterAxis | None, number: int
) -> None:
    rows = data.draw(st.integers(1, max(1, 3000 // period(axis))))
    size = rows * period(axis)
    run = data.draw(runs(dtype, dtype, st.just(number * size)))
    assume(is_small(size, axis))
    a, b = (side.reshape(number, size) for side in (run.a, run.b))
    found = group_sums(a, b, axis)
    assert len(found) == number
    for k in {0, number // 2, number - 1}:
        one = Run(run.pool_a, run.pool_b, run.index[k * size : (k + 1) * size])
        assert_same_bits(group_sums(a[k : k + 1], b[k : k + 1], axis)[0], found[k])
        assert_as_defined(found[k], one, axis)


@given(data=st.data(), dtype=DTYPES, axis=AXIS)
def test_an_unchanged_tensor_has_the_sums_that_comparing_it_gives(
    data: st.DataObject, dtype: str, axis: FilterAxis | None
) -> None:
    """From its own sums, wherever they were seen: without reading a value."""
    lengths = st.integers(1, 1 + 40_000 // period(axis)).map(lambda n: n * period(axis))
    run = data.draw(runs(dtype, dtype, lengths))
    there = columns(run, axis)
    for side, values in (("a", run.pool_a), ("b", run.pool_b)):
        own = own_sums(there, side)
        itself = columns(Run(values, values, run.index), axis)
        if own is not None:
            assert_same_own(own, itself)
        back = own_sums(itself, side)
        assert back is not None
        assert_same_own(back, itself)
