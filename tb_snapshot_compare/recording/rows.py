"""The rows of a dump: statistics of every unit, and measures of every filter."""

from collections.abc import Iterator, Mapping, Sequence
from typing import Any, TypeVar

import numpy as np
from numpy.typing import NDArray

from tb_snapshot_compare.analysis import (
    UnitStatistics,
    UnitTensor,
    filter_changes,
    unit_statistics,
)
from tb_snapshot_compare.recording.hierarchy import Hierarchy
from tb_snapshot_compare.recording.values import Arrays, Dump
from tb_snapshot_compare.store.log_tables import (
    BAND_EDGES,
    COUNTS,
    MEASURES,
    MOVING,
    STATISTICS,
)

Columns = dict[str, Any]
T = TypeVar("T")
_DEAD = frozenset({"weight", "update", "gradient"})
_CHANGES = frozenset({"update", MOVING})


def layer_rows(dump: Dump, before: Arrays | None, hierarchy: Hierarchy) -> Columns:
    """The columns of `layers`: a row for every unit and kind of which there are values.

    An update is the weights less those of the dump before, and its bands are of |update / weight|
    with the weights before, as that is what it changed; those of gradients are with the weights
    of the dump itself. Moving means and variances are among the weights but not among the updates,
    which would be theirs: a variance may change by thousands. Their changes are rows of their own.

    Args:
      dump: The arrays of one step.
      before: The weights of the dump before it; None for the first one.
      hierarchy: That of the network.
    """
    found = []
    for kind, tensors in _of_kinds(dump, before, hierarchy):
        edges = BAND_EDGES if kind in ("update", "gradient") else None
        found.append((kind, unit_statistics(hierarchy.parents, tensors, edges)))
    return unit_columns(dump.step, found, hierarchy)


def unit_columns(
    step: int, found: Sequence[tuple[str, UnitStatistics]], hierarchy: Hierarchy
) -> Columns:
    """The columns of `layers` from the statistics of each kind.

    Args:
      step: of the dump.
      found: the statistics of all units by kind (`weight`, `update`, ...), at least one.
      hierarchy: whose units these are.
    """
    words: dict[str, list[Any]] = {name: [] for name in ("unit", "kind", "bands", "dead", "still")}
    numbers: dict[str, list[Any]] = {name: [] for name in (*COUNTS, *STATISTICS)}
    for kind, statistics in found:
        rows = np.flatnonzero(statistics.count)
        nothing = [None] * rows.size
        bands = statistics.bands
        words["unit"] += [hierarchy.units[row].path for row in rows.tolist()]
        words["kind"] += [kind] * rows.size
        words["bands"] += nothing if bands is None else bands[rows].tolist()
        words["dead"] += statistics.dead[rows].tolist() if kind in _DEAD else nothing
        words["still"] += statistics.still[rows].tolist() if kind in _CHANGES else nothing
        for name, values in numbers.items():
            values.append(getattr(statistics, name)[rows])
    joined = {name: np.concatenate(values) for name, values in numbers.items()}
    return {"step": np.full(len(words["unit"]), step), **words, **joined}


def _of_kinds(
    dump: Dump, before: Arrays | None, hierarchy: Hierarchy
) -> Iterator[tuple[str, list[UnitTensor]]]:
    weights = dump.weights
    yield "weight", _tensors(weights, hierarchy)
    if before is not None:
        for kind, chosen in by_training(weights, hierarchy).items():
            yield kind, _tensors(chosen, hierarchy, before=before, weights=before)
    if dump.gradients:
        yield "gradient", _tensors(dump.gradients, hierarchy, weights=weights)
    for kind, moments in dump.moments.items():
        yield kind, _tensors(moments, hierarchy)


def by_training(names: Mapping[str, T], hierarchy: Hierarchy) -> dict[str, dict[str, T]]:
    """What has names of tensors, by the kind of row that tells of their changes; none is empty."""
    found: dict[str, dict[str, T]] = {}
    for name, value in names.items():
        place = hierarchy.places.get(name)
        if place is not None:
            found.setdefault(MOVING if place.is_buffer else "update", {})[name] = value
    return found


def _tensors(
    values: Arrays,
    hierarchy: Hierarchy,
    *,
    before: Arrays | None = None,
    weights: Arrays | None = None,
) -> list[UnitTensor]:
    found = []
    for name, array in values.items():
        place = hierarchy.places.get(name)
        if place is not None:
            then = before[name] if before is not None else None
            beside = weights[name] if weights is not None else None
            found.append(UnitTensor(place.unit, array, then, beside, place.axis))
    return found


def filter_rows(dump: Dump, before: Arrays | None, hierarchy: Hierarchy) -> Columns:
    """The columns of `filters`, layer by layer; none without layers that have filters.

    Arguments as of `layer_rows`.
    """
    found = []
    for name, (layer, axis) in hierarchy.kernels.items():
        then = None if before is None else before[name]
        gradient = dump.gradients.get(name)
        found.append((layer, filter_changes(dump.weights[name], axis, then, gradient)))
    return filter_columns(dump.step, found)


def filter_columns(step: int, found: Sequence[tuple[str, Mapping[str, NDArray[Any]]]]) -> Columns:
    """The columns of `filters` from the measures of each layer's filters, by the layer's path."""
    if not found:
        return {}
    counts = [measures[MEASURES[0]].size for _, measures in found]
    layers = [layer for (layer, _), count in zip(found, counts, strict=True) for _ in range(count)]
    return {
        "step": np.full(len(layers), step),
        "layer": layers,
        "filter": np.concatenate([np.arange(count, dtype=np.int32) for count in counts]),
        **{name: np.concatenate([each[name] for _, each in found]) for name in MEASURES},
    }


def units_with_nan(columns: Mapping[str, Any]) -> list[tuple[str, str, int, int]]:
    """Units in which weights or gradients are not finite: path, kind, how many NaN and infinite."""
    found = zip(columns["unit"], columns["kind"], columns["nan"], columns["inf"], strict=True)
    return [
        (unit, kind, int(nan), int(inf))
        for unit, kind, nan, inf in found
        if nan + inf and kind in ("weight", "gradient")
    ]
