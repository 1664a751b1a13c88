"""The filters that changed most at the dumps of a log, found a few dumps at a time and kept."""

from collections.abc import Callable
from dataclasses import dataclass
from hashlib import blake2b
from typing import TYPE_CHECKING

import numpy as np
from numpy.typing import NDArray

from tb_snapshot_compare.analysis.top_filters import FilterColumns

if TYPE_CHECKING:
    from tb_snapshot_compare.store.log_reader import FilterRows, Log

_DUMPS_AT_ONCE = 64
"""As many as lie together in a log."""
_SORTED_AT_ONCE = 16
_CELLS_AT_ONCE = 1 << 21
"""Cosines in memory at one time: 16 MiB, in a few copies."""

Indices = NDArray[np.int64]


@dataclass(frozen=True, slots=True)
class FilterLayers:
    """The layers of a log that have filters, in the network's order.

    `left_out` are the places of the first convolution and of the last layer: they change at every
    step, and the published views leave them out. None of them where nothing else is left.
    """

    paths: tuple[str, ...]
    left_out: frozenset[int]

    def left_out_paths(self) -> tuple[str, ...]:
        """The layers that are left out, by path."""
        return tuple(self.paths[place] for place in sorted(self.left_out))


def filter_layers(log: "Log", *, every: bool) -> FilterLayers:
    """The layers with filters.

    Args:
      log: the log.
      every: whether none of them is left out.
    """
    parents = {unit.parent for unit in log.units}
    layers = [unit for unit in log.units if unit.filters and unit.path not in parents]
    layers.sort(key=lambda unit: unit.order)
    paths = tuple(unit.path for unit in layers)
    first = next((place for place, unit in enumerate(layers) if "Conv" in unit.kind), None)
    ends = frozenset(place for place in (first, len(layers) - 1) if place is not None)
    return FilterLayers(paths, frozenset() if every or len(ends) >= len(layers) else ends)


@dataclass(frozen=True, slots=True, eq=False)
class TopIndex:
    """The most changed filters of dumps, most changed first.

    `layers` int16 and `filters` int32 `[dumps, depth]`, `cosines` float64, NaN where a dump has
    fewer filters. `steps` int64 `[dumps]`, ascending. `of` and `content` tell of which log.
    """

    steps: Indices
    layers: NDArray[np.int16]
    filters: NDArray[np.int32]
    cosines: NDArray[np.float64]
    of: str = ""
    content: str = ""

    @property
    def nbytes(self) -> int:
        """Bytes of memory."""
        arrays = (self.steps, self.layers, self.filters, self.cosines)
        return sum(array.nbytes for array in arrays)

    @property
    def depth(self) -> int:
        """How many filters of a dump are kept at most."""
        return int(self.layers.shape[1])

    def at(self, step: int, count: int) -> FilterColumns:
        """The `count` most changed filters of a dump."""
        row = int(np.searchsorted(self.steps, step))
        known = slice(0, min(count, int(np.count_nonzero(~np.isnan(self.cosines[row])))))
        return FilterColumns(
            self.layers[row, known].astype(np.int64),
            self.filters[row, known].astype(np.int64),
            self.cosines[row, known],
        )


def top_index(
    log: "Log",
    layers: FilterLayers,
    depth: int,
    known: "TopIndex | None" = None,
    pause: Callable[[], None] = lambda: None,
) -> TopIndex:
    """The `depth` filters with the smallest cosines of every dump.

    Of equal ones those that come first in the network count.

    Args:
      log: the log.
      layers: those of the log, and which are not considered.
      depth: how many filters are kept.
      known: the index of the same log as it was before, whose dumps are not read again. It counts
        where sessions and layers are the same; a dump is written once.
      pause: called between parts; may raise to stop.
    """
    content = log.content_of("filters")
    of = _origin(log, layers, depth)
    if known is not None and (known.of, known.content) == (of, content):
        return known
    steps = log.steps("filters")
    if known is None or known.of != of or not np.isin(known.steps, steps).all():
        known = None
    new = steps if known is None else np.setdiff1d(steps, known.steps)
    at_once = _dumps_at_once(log)
    parts = []
    for start in range(0, new.size, at_once):
        pause()
        parts.append(_part(log, layers, new[start : start + at_once], depth))
    if known is not None:
        parts.append((known.layers, known.filters, known.cosines))
        new = np.concatenate([new, known.steps])
    if not parts:
        none = np.empty((0, depth))
        parts = [(none.astype(np.int16), none.astype(np.int32), none)]
    order = np.argsort(new)
    columns = [np.concatenate(each)[order] for each in zip(*parts, strict=True)]
    return TopIndex(new[order], columns[0], columns[1], columns[2], of, content)


_Part = tuple[NDArray[np.int16], NDArray[np.int32], NDArray[np.float64]]


def _origin(log: "Log", layers: FilterLayers, depth: int) -> str:
    sessions = [session.id for session in log.sessions]
    told = repr((sessions, layers.paths, sorted(layers.left_out), depth))
    return blake2b(told.encode(), digest_size=10).hexdigest()


def _dumps_at_once(log: "Log") -> int:
    parents = {unit.parent for unit in log.units}
    filters = sum(unit.filters for unit in log.units if unit.path not in parents)
    return max(1, min(_DUMPS_AT_ONCE, _CELLS_AT_ONCE // max(filters, 1)))


def _part(log: "Log", layers: FilterLayers, steps: Indices, depth: int) -> _Part:
    """Of some dumps, which are read at once."""
    rows = log.filters_over(steps.tolist(), ["cosine"])
    of_layer = _places(rows, layers)
    chosen = np.flatnonzero((of_layer >= 0) & ~np.isin(of_layer, list(layers.left_out)))
    parts = [
        _sorted(rows.values["cosine"][chosen, at : at + _SORTED_AT_ONCE], depth)
        for at in range(0, steps.size, _SORTED_AT_ONCE)
    ]
    best, cosines = (np.concatenate(each, axis=1) for each in zip(*parts, strict=True))
    fill = ((0, 0), (0, depth - len(best)))
    return (
        np.pad(of_layer[chosen][best].T, fill).astype(np.int16),
        np.pad(rows.filters[chosen][best].T, fill).astype(np.int32),
        np.pad(cosines.T, fill, constant_values=np.nan),
    )


def _sorted(values: NDArray[np.float64], depth: int) -> tuple[Indices, NDArray[np.float64]]:
    """The rows of the smallest values below 1 of each column, ascending, and these; then NaN."""
    values[~(values < 1)] = np.inf
    best = _smallest(values, depth)
    order = np.argsort(np.take_along_axis(values, best, 0), axis=0, kind="stable")
    best = np.take_along_axis(best, order, 0)
    cosines = np.take_along_axis(values, best, 0)
    cosines[np.isinf(cosines)] = np.nan
    return best, cosines


def _places(rows: "FilterRows", layers: FilterLayers) -> Indices:
    """The place of each row's layer, -1 for layers that are not known."""
    places = {path: place for place, path in enumerate(layers.paths)}
    known = np.array([places.get(name, -1) for name in rows.layers], np.int64)
    return known[rows.codes] if known.size else np.empty(0, np.int64)


def _smallest(values: NDArray[np.float64], count: int) -> Indices:
    """The rows of the `count` smallest values of each column, ascending; of equal ones the first.

    All rows where there are no more.
    """
    rows, columns = values.shape
    if rows <= count:
        return np.broadcast_to(np.arange(rows)[:, None], (rows, columns))
    last = np.partition(values, count - 1, axis=0)[count - 1]
    below, equal = values < last, values == last
    room = count - below.sum(axis=0)
    chosen = below | (equal & (np.cumsum(equal, axis=0) <= room))
    _, found = np.nonzero(chosen.T)
    return found.reshape(columns, count).T


def filters_of_dumps(rows: "FilterRows", layers: FilterLayers) -> list[FilterColumns]:
    """All filters of each dump that was read, of the layers that are known.

    Args:
      rows: with their cosines.
      layers: what is called a layer.
    """
    of_layer = _places(rows, layers)
    chosen = of_layer >= 0
    numbers = rows.filters[chosen].astype(np.int64)
    return [
        FilterColumns(of_layer[chosen], numbers, cosines)
        for cosines in rows.values["cosine"][chosen].T
    ]
