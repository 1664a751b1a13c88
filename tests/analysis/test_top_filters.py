"""The most changed filters are those that sorting all of them finds."""

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from tb_snapshot_compare.analysis.top_filters import (
    FilterColumns,
    correlation_matrix,
    top_filters,
    top_filters_of_pins,
)

Named = list[tuple[int, int]]


def columns(rows: list[tuple[int, int, float]]) -> FilterColumns:
    layers, filters, cosines = zip(*rows, strict=True) if rows else ((), (), ())
    return FilterColumns(
        np.array(layers, np.int32), np.array(filters, np.int32), np.array(cosines, np.float32)
    )


def names(found: FilterColumns) -> Named:
    return list(zip(found.layers.tolist(), found.filters.tolist(), strict=True))


def sorted_names(found: FilterColumns, count: int, left_out: set[int]) -> Named:
    rows = zip(found.cosines.tolist(), *zip(*names(found), strict=True), strict=True)
    fine = sorted(row for row in rows if row[0] < 1 and row[1] not in left_out)
    return [row[1:] for row in fine[:count]]


@st.composite
def dumps(draw: st.DrawFn) -> FilterColumns:
    cosine = st.sampled_from([-1.0, 0.0, 0.25, 0.5, 1.0, float("nan")])
    sizes = draw(st.lists(st.integers(1, 6), min_size=1, max_size=4))
    rows = [(layer, index) for layer, size in enumerate(sizes) for index in range(size)]
    return columns([(*name, draw(cosine)) for name in draw(st.permutations(rows))])


@given(found=dumps(), count=st.integers(0, 30), left_out=st.sets(st.integers(0, 3), max_size=2))
def test_the_smallest_cosines_come_first_and_equal_ones_in_order(
    found: FilterColumns, count: int, left_out: set[int]
) -> None:
    top = top_filters(found, count, left_out)
    assert names(top) == sorted_names(found, count, left_out)
    assert (np.diff(top.cosines) >= 0).all()


@given(pins=st.lists(dumps(), min_size=1, max_size=3), count=st.integers(1, 12))
def test_pins_share_the_filters_that_are_among_the_top_of_each(
    pins: list[FilterColumns], count: int
) -> None:
    shared = set.intersection(*(set(sorted_names(pin, count, {1})) for pin in pins))
    found = top_filters_of_pins(pins, count, {1})
    assert list(zip(found.layers.tolist(), found.filters.tolist(), strict=True)) == sorted(shared)
    assert len(found) == len(shared)
    assert found.cosines.shape == (len(pins), len(shared))
    for pin, cosines in zip(pins, found.cosines, strict=True):
        of = dict(zip(names(pin), pin.cosines.tolist(), strict=True))
        assert cosines.tolist() == [of[name] for name in sorted(shared)]


def test_one_pin_shows_twenty_and_several_the_common_of_ten() -> None:
    rows = [(0, index, index / 100) for index in range(30)]
    assert len(top_filters_of_pins([columns(rows)])) == 20
    shifted = [(0, index, abs(index - 5) / 100) for index in range(30)]
    found = top_filters_of_pins([columns(rows), columns(shifted)])
    assert found.filters.tolist() == [*range(10)]
    assert len(top_filters(columns(rows))) == 10


def test_an_empty_dump_has_no_top() -> None:
    assert len(top_filters(columns([]))) == 0
    assert len(top_filters_of_pins([columns([]), columns([(0, 0, 0.5)])])) == 0


def test_what_cannot_be_chosen_is_named() -> None:
    with pytest.raises(ValueError, match="no pinned dump"):
        top_filters_of_pins([])
    with pytest.raises(ValueError, match="-1 filters"):
        top_filters(columns([]), -1)
    with pytest.raises(ValueError, match=r"\(2,\), \(3,\) and \(2,\)"):
        FilterColumns(np.zeros(2), np.zeros(3), np.zeros(2))


@given(data=st.data(), n=st.integers(0, 12))
def test_the_matrix_counts_different_filters_by_class(data: st.DataObject, n: int) -> None:
    classes_of = data.draw(st.lists(st.integers(0, 3), min_size=n, max_size=n))
    tops = [top_filters(data.draw(dumps()), 5) for _ in range(n)]
    found = correlation_matrix(classes_of, tops, 4, 5)
    for layer in range(4):
        for index in range(5):
            distinct = {
                name
                for of, top in zip(classes_of, tops, strict=True)
                for name in names(top)
                if of == index and name[0] == layer
            }
            assert found[layer, index] == len(distinct)
