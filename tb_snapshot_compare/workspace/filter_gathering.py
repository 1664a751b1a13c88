"""The measures of every layer's filters, made while the sums come in: sums take twice the room."""

from dataclasses import dataclass
from functools import lru_cache

import numpy as np
from numpy.typing import NDArray

from tb_snapshot_compare.analysis import OwnSums, SumColumns, filter_measures
from tb_snapshot_compare.workspace.pairing import TensorPair
from tb_snapshot_compare.workspace.results import FilterMeasures

_COLUMNS = 1 << 14
"""So many filters are worked on at once."""


@dataclass(frozen=True, slots=True)
class _Waiting:
    """Filters whose measures are not made yet."""

    pair: TensorPair
    filters: SumColumns


class FilterGatherer:
    """Makes the measures of the filters of each layer's largest tensor. For one thread.

    A layer's filters are those of its kernel: the largest tensor that has some and can be read.
    """

    def __init__(self, wanted: bool = True) -> None:
        """Begins without any, and stays so where none are wanted."""
        self._wanted = wanted
        self._ranks: dict[str | None, tuple[int, int]] = {}
        self._places: dict[str | None, int] = {}
        self._waiting: dict[str | None, _Waiting] = {}
        self._columns = 0
        self._made: dict[str | None, FilterMeasures] = {}

    def add(self, place: int, pair: TensorPair, sums: SumColumns) -> None:
        """Takes a pair's columns; `place` is its own among all, in whatever order they come."""
        if sums.size > 1 and self._is_largest(place, pair):
            self._waiting[pair.layer] = _Waiting(pair, sums[1:])
            self._columns += sums.size - 1
            if self._columns >= _COLUMNS:
                self._make()

    def add_unchanged(self, place: int, pair: TensorPair, own: OwnSums) -> None:
        """Takes the columns of a pair of equal tensors."""
        count = own.filters.shape[1]
        if count and self._is_largest(place, pair):
            arrays = _unchanged(count) if own.is_finite else _as_bytes(own.unchanged_filters())
            self._made[pair.layer] = FilterMeasures(pair.name, pair.layer, count, arrays)

    def _is_largest(self, place: int, pair: TensorPair) -> bool:
        """Notes a pair; whether it stands for its layer now, in place of what may have waited."""
        layer, rank = pair.layer, (pair.count, -place)
        self._places[layer] = min(place, self._places.get(layer, place))
        if not self._wanted or rank <= self._ranks.get(layer, (-1, 0)):
            return False
        self._ranks[layer] = rank
        if layer in self._waiting:
            self._columns -= self._waiting.pop(layer).filters.size
        return True

    def finish(self) -> tuple[FilterMeasures, ...]:
        """The measures, layers in the order in which their first tensors with filters stand."""
        self._make()
        return tuple(
            self._made[layer] for layer in sorted(self._made, key=self._places.__getitem__)
        )

    def _make(self) -> None:
        """Makes the measures of what waits; of little filters, those of many tensors at once."""
        waiting, self._waiting, self._columns = self._waiting, {}, 0
        changed = {k: one for k, one in waiting.items() if one.filters.counts[2].any()}
        few = {k: one for k, one in changed.items() if one.filters.size < _COLUMNS}
        if few:
            first, *others = (one.filters for one in few.values())
            arrays = filter_measures(first.beside(*others))
            start = 0
            for layer, one in few.items():
                stop = start + one.filters.size
                parts = {name: v[start:stop].astype("<f8").tobytes() for name, v in arrays.items()}
                self._made[layer] = _result(one, parts)
                start = stop
        for layer, one in waiting.items():
            if layer not in few:
                self._made[layer] = _result(one, _by_pieces(one.filters))


@lru_cache(maxsize=8)
def _unchanged(count: int) -> dict[str, bytes]:
    """The measures of `count` equal filters of finite values; nobody changes them."""
    return _as_bytes(OwnSums.of_finite(count, count, np.zeros(3)).unchanged_filters())


def _as_bytes(arrays: dict[str, NDArray[np.float64]]) -> dict[str, bytes]:
    """The arrays' bytes; those of one array are one object."""
    made = {id(values): np.asarray(values, "<f8").tobytes() for values in arrays.values()}
    return {name: made[id(values)] for name, values in arrays.items()}


def _by_pieces(filters: SumColumns) -> dict[str, bytes]:
    pieces: dict[str, list[bytes]] = {}
    for start in range(0, filters.size, _COLUMNS):
        for name, values in filter_measures(filters[start : start + _COLUMNS]).items():
            pieces.setdefault(name, []).append(np.asarray(values, "<f8").tobytes())
    return {name: b"".join(parts) for name, parts in pieces.items()}


def _result(one: _Waiting, arrays: dict[str, bytes]) -> FilterMeasures:
    return FilterMeasures(one.pair.name, one.pair.layer, one.filters.size, arrays)
