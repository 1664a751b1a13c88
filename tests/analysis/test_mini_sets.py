"""Mini-sets are what refining sets one after the other, as published, leaves."""

from itertools import pairwise

import numpy as np
from hypothesis import given
from hypothesis import strategies as st

from tb_snapshot_compare.analysis.mini_sets import LayerMiniSets, MiniSet, mini_sets
from tb_snapshot_compare.analysis.top_filters import FilterColumns

Column = tuple[int, frozenset[tuple[int, int]]]
LAYERS = 3


def columns_of(columns: list[Column]) -> tuple[list[int], list[FilterColumns]]:
    tops = []
    for _, names in columns:
        rows = np.array(sorted(names), np.int32).reshape(-1, 2)
        tops.append(FilterColumns(rows[:, 0], rows[:, 1], np.zeros(len(rows), np.float32)))
    return [class_index for class_index, _ in columns], tops


def refined(columns: list[Column], layer: int) -> dict[frozenset[int], list[int]]:
    """Replaces every X by X & S and X - S, and adds what is left of S; with lists of columns."""
    groups: dict[frozenset[int], list[int]] = {}
    for number, (_, names) in enumerate(columns):
        rest = {index for of, index in names if of == layer}
        new: dict[frozenset[int], list[int]] = {}
        for group, occurrences in groups.items():
            if group & rest:
                new[group & rest] = [*occurrences, number]
            if group - rest:
                new[group - rest] = occurrences
        left = rest.difference(*groups)
        groups = {**new, **({frozenset(left): [number]} if left else {})}
    return groups


SETS = st.frozensets(st.tuples(st.integers(0, LAYERS - 1), st.integers(0, 5)), max_size=9)
COLUMNS = st.lists(st.tuples(st.integers(0, 3), SETS), max_size=10)


def by_layer(found: tuple[LayerMiniSets, ...]) -> dict[int, tuple[MiniSet, ...]]:
    assert all(one.layer < other.layer for one, other in pairwise(found))
    return {each.layer: each.sets for each in found}


@given(columns=COLUMNS, keep=st.integers(1, 8))
def test_groups_are_those_of_refinement_and_large_enough(columns: list[Column], keep: int) -> None:
    found = by_layer(mini_sets(*columns_of(columns), keep, 1))
    for layer in range(LAYERS):
        wanted = {
            (tuple(sorted(group)), tuple(occurrences))
            for group, occurrences in refined(columns, layer).items()
            if len(group) * len(occurrences) >= keep
        }
        sets = found.get(layer, ())
        assert {(each.filters, each.occurrences) for each in sets} == wanted
        assert len(sets) == len(wanted)
        assert (layer in found) == bool(wanted)
        sizes = [(len(each.filters), len(each.occurrences)) for each in sets]
        assert sizes == sorted(sizes, reverse=True)


@given(columns=COLUMNS)
def test_groups_are_disjoint_cover_all_and_make_up_every_column(columns: list[Column]) -> None:
    found = by_layer(mini_sets(*columns_of(columns), 1, 1))
    for layer in range(LAYERS):
        groups = [set(each.filters) for each in found.get(layer, ())]
        union = set().union(*groups)
        assert sum(map(len, groups)) == len(union)
        sets = [{index for of, index in names if of == layer} for _, names in columns]
        assert union == set().union(*sets)
        for number, wanted in enumerate(sets):
            inside = [each for each in found.get(layer, ()) if number in each.occurrences]
            assert set().union(*(each.filters for each in inside)) == wanted


@given(columns=COLUMNS, least=st.integers(2, 4))
def test_classes_of_few_iterations_are_left_out_and_columns_keep_their_numbers(
    columns: list[Column], least: int
) -> None:
    often = [
        (of, names if sum(of == other for other, _ in columns) >= least else frozenset())
        for of, names in columns
    ]
    assert mini_sets(*columns_of(columns), 1, least) == mini_sets(*columns_of(often), 1, 1)


def test_the_published_defaults_keep_two_times_two() -> None:
    both = frozenset({(1, 4), (1, 7)})
    columns: list[Column] = [(0, both), (0, both | {(1, 9)}), (5, frozenset({(1, 9)}))]
    found = mini_sets(*columns_of(columns))
    assert found == (LayerMiniSets(1, (MiniSet((4, 7), (0, 1)),)),)
    assert mini_sets([], []) == ()
