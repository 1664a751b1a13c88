"""Mini-sets: filters of a layer that always change together.

A column is an anomaly iteration of a class, with the filters that changed most there. Starting
from the first column's filters of a layer, every further set S splits each group X into its part
in S and its part outside, and adds what is left of S. What remains is a partition: two filters lie
in one group if and only if they are among the most changed in exactly the same columns. So groups
are found by sorting filters by their columns, and:

- groups of a layer are disjoint;
- their union is the union of the columns' filters;
- each column's filters of the layer are a union of groups.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from itertools import pairwise

import numpy as np
from numpy.typing import NDArray

from tb_snapshot_compare.analysis.top_filters import FilterColumns

KEEP_DEFAULT = 4
"""Groups whose occurrences x size are less are left out."""
CLASS_ITERATIONS_MIN = 2
"""Classes with fewer anomaly iterations are left out: nothing can occur there again."""

Indices = NDArray[np.int64]


@dataclass(frozen=True, slots=True)
class MiniSet:
    """`filters` ascending; `occurrences` are indices of the columns, ascending."""

    filters: tuple[int, ...]
    occurrences: tuple[int, ...]


@dataclass(frozen=True, slots=True)
class LayerMiniSets:
    """The mini-sets of a layer: largest first, then the most frequent, then by first filter."""

    layer: int
    sets: tuple[MiniSet, ...]


def mini_sets(
    classes_of: Sequence[int],
    tops: Sequence[FilterColumns],
    keep: int = KEEP_DEFAULT,
    class_iterations_min: int = CLASS_ITERATIONS_MIN,
) -> tuple[LayerMiniSets, ...]:
    """The mini-sets of every layer that has some, in the network's order.

    Time grows with the filters in all columns: 500,000 take about a second.

    Args:
      classes_of: the class of each column, `[columns]`.
      tops: the most changed filters of each column, `[columns]`; columns of one iteration may
        share the object.
      keep: a group is kept when its occurrences x size are at least so many.
      class_iterations_min: columns of classes with fewer are left out before; 1 for none. Indices
        remain those of all columns.
    """
    layers, filters, columns = _memberships(_frequent(classes_of, class_iterations_min), tops)
    order = np.lexsort((columns, filters, layers))
    layers, filters, columns = layers[order], filters[order], columns[order]
    new = np.flatnonzero(np.diff(layers, prepend=-1) | np.diff(filters, prepend=-1))
    groups: dict[tuple[int, bytes], list[int]] = {}
    for start, end in pairwise([*new.tolist(), layers.size]):
        key = (int(layers[start]), columns[start:end].tobytes())
        groups.setdefault(key, []).append(int(filters[start]))
    found: dict[int, list[MiniSet]] = {}
    for (layer, packed), members in groups.items():
        occurrences = tuple(np.frombuffer(packed, np.int64).tolist())
        if len(occurrences) * len(members) >= keep:
            found.setdefault(layer, []).append(MiniSet(tuple(members), occurrences))
    return tuple(LayerMiniSets(layer, _sorted(sets)) for layer, sets in found.items())


def _frequent(classes_of: Sequence[int], least: int) -> Indices:
    """The columns of classes with at least `least` of them."""
    _, which, counts = np.unique(
        np.asarray(classes_of, np.int64), return_inverse=True, return_counts=True
    )
    return np.flatnonzero(counts[which.ravel()] >= least)


def _memberships(
    chosen: Indices, tops: Sequence[FilterColumns]
) -> tuple[Indices, Indices, Indices]:
    """Layer, filter and column of every filter in a chosen column."""
    parts = [tops[column] for column in chosen.tolist()]
    none = np.zeros(0, np.int64)
    layers = np.concatenate([none, *(part.layers.astype(np.int64) for part in parts)])
    filters = np.concatenate([none, *(part.filters.astype(np.int64) for part in parts)])
    columns = np.repeat(chosen, np.array([len(part) for part in parts], np.int64))
    return layers, filters, columns


def _sorted(sets: list[MiniSet]) -> tuple[MiniSet, ...]:
    return tuple(
        sorted(sets, key=lambda each: (-len(each.filters), -len(each.occurrences), each.filters))
    )
