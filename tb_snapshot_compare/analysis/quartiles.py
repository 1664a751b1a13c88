"""Exact quartiles of the concatenated values of every unit of a tree, without sorting them.

Each unit has a histogram of the keys of its own values; a parent's is the sum of its children's.
They tell in which bins the wanted ranks lie. A second pass gathers the values of these bins alone,
about a thirtieth of ordinary weights. Where that would be too many, as where most values are equal,
passes over finer and finer bins come first, until a bin is narrow or a single number.
"""

import math
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from types import ModuleType

import numpy as np
from numpy.typing import NDArray

from tb_snapshot_compare.analysis.key_ranges import (
    ZERO,
    ZERO_BIN,
    KeyRange,
    bin_of_prefix,
    bins,
    prefixes_of,
    range_of_bin,
    value_of,
)

Floats = NDArray[np.float64]
Counts = NDArray[np.int64]
Keys = NDArray[np.uint64]
Blocks = Callable[[int], Iterator[Floats]]
"""The finite values of a unit's own tensors, block by block; the same at every call."""

QUARTERS = (0.25, 0.5, 0.75)
GATHERED_MAX = 1 << 22
"""Values gathered at one time: 32 MiB, in some copies."""
_NARROWING_BITS = 12


@dataclass(frozen=True, slots=True)
class _Place:
    """A wanted rank: the range its value lies in, how many values that has, and the rank there."""

    range: KeyRange
    size: int
    rank: int


@dataclass(slots=True)
class _Unit:
    parent: int
    counts: Counts | None = None
    zeros: int = 0
    places: tuple[_Place, ...] = ()
    remainders: tuple[float, ...] = ()
    has_own: bool = False
    ranges: dict[int, KeyRange] = field(default_factory=dict)

    def open_ranges(self) -> dict[int, KeyRange]:
        """The ranges that hold more than one number, by their starts."""
        return {p.range.start: p.range for p in self.places if not p.range.is_one}


class QuartileSearch:
    """Finds the quartiles of every unit of a tree; a unit's values include its children's.

    Memory: some 70 kB for each unit on a path from the root, and 8 bytes for each gathered value.
    """

    def __init__(self, parents: Sequence[int], gathered_max: int = GATHERED_MAX) -> None:
        """Prepares for units; `parents` are their indices, each before its children's, -1 none."""
        self._units = [_Unit(parent) for parent in parents]
        self._gathered_max = gathered_max

    def count(self, unit: int, values: Floats, zeros: int) -> None:
        """Adds a block of finite values of a unit's own, so many of which are zero."""
        own = self._units[unit]
        own.has_own = True
        own.zeros += zeros
        _kernels().count_keys(values.view(np.uint64), bin_of_prefix(), _counts_of(own))

    def find(self, blocks: Blocks) -> Floats:
        """The quartiles of every unit, `[units, 3]`; NaN without values.

        NumPy's default rule: linear between the neighbours of rank (n - 1) q.

        Args:
          blocks: gives the values that were counted once more.
        """
        self._place_ranks()
        while self._waiting() > self._gathered_max:
            self._narrow(blocks)
        return self._gathered(blocks)

    def _place_ranks(self) -> None:
        for unit in reversed(self._units):
            counts = unit.counts
            if counts is None:
                continue
            unit.counts = None
            if unit.parent >= 0:
                above = self._units[unit.parent]
                above.zeros += unit.zeros
                np.add(_counts_of(above), counts, out=above.counts)
            ends = np.cumsum(counts)
            if not ends[-1]:
                continue
            ranks, unit.remainders = _ranks(int(ends[-1]))
            unit.places = tuple(_placed(rank, counts, ends, unit.zeros) for rank in ranks)

    def _waiting(self) -> int:
        """How many values would be gathered, counted once for each unit that wants them."""
        return sum(
            sum({p.range.start: p.size for p in unit.places if not p.range.is_one}.values())
            for unit in self._units
        )

    def _spread_ranges(self) -> None:
        """Tells every unit the open ranges of its own and of the units around it."""
        for unit in self._units:
            around = self._units[unit.parent].ranges if unit.parent >= 0 else {}
            wanted = around | unit.open_ranges()
            unit.ranges = {start: wanted[start] for start in sorted(wanted)}

    def _narrow(self, blocks: Blocks) -> None:
        """Replaces every open range by a 4096th of it, in one pass over all values."""
        self._spread_ranges()
        counted: list[dict[int, Counts]] = [{} for _ in self._units]
        for index in reversed(range(len(self._units))):
            unit, counts = self._units[index], counted[index]
            if unit.has_own and unit.ranges:
                _add_rows(counts, _counted(unit.ranges, blocks(index)))
            unit.places = tuple(_narrowed(place, counts) for place in unit.places)
            if unit.parent >= 0:
                _add_rows(counted[unit.parent], counts)
            counted[index] = {}

    def _gathered(self, blocks: Blocks) -> Floats:
        """The quartiles, once what the open ranges hold fits into memory."""
        self._spread_ranges()
        found: list[list[Keys]] = [[] for _ in self._units]
        quartiles = np.full((len(self._units), len(QUARTERS)), np.nan)
        for index in reversed(range(len(self._units))):
            unit = self._units[index]
            if unit.has_own and unit.ranges:
                found[index] += _keys_within(unit.ranges, blocks(index))
            keys = np.concatenate(found[index]) if found[index] else np.empty(0, np.uint64)
            found[index] = []
            if unit.parent >= 0:
                found[unit.parent].append(keys)
            if unit.places:
                quartiles[index] = _quartiles(unit, keys)
        return quartiles


def _counts_of(unit: _Unit) -> Counts:
    if unit.counts is None:
        unit.counts = np.zeros(bins(), np.int64)
    return unit.counts


def _ranks(count: int) -> tuple[list[int], tuple[float, ...]]:
    """The two ranks beside each quartile, and how far it lies from the lower to the upper."""
    positions = [(count - 1) * quarter for quarter in QUARTERS]
    lower = [math.floor(position) for position in positions]
    ranks = [rank for low in lower for rank in (low, min(low + 1, count - 1))]
    return ranks, tuple(p - low for p, low in zip(positions, lower, strict=True))


def _placed(rank: int, counts: Counts, ends: Counts, zeros: int) -> _Place:
    index = int(np.searchsorted(ends, rank, side="right"))
    size = int(counts[index])
    only_zeros = index == ZERO_BIN and size == zeros
    found = ZERO if only_zeros else range_of_bin(index)
    return _Place(found, size, rank - (int(ends[index]) - size))


def _shift(wide: KeyRange) -> int:
    return max((wide.end - wide.start).bit_length() - _NARROWING_BITS, 0)


def _narrowed(place: _Place, counts: dict[int, Counts]) -> _Place:
    row = counts.get(place.range.start)
    if row is None or place.range.is_one:
        return place
    ends = np.cumsum(row)
    index = int(np.searchsorted(ends, place.rank, side="right"))
    size, shift = int(row[index]), _shift(place.range)
    start = place.range.start + (index << shift)
    end = min(start + (1 << shift) - 1, place.range.end)
    return _Place(KeyRange(start, end), size, place.rank - (int(ends[index]) - size))


def _add_rows(counts: dict[int, Counts], more: Mapping[int, Counts]) -> None:
    for start, row in more.items():
        counts[start] = counts[start] + row if start in counts else row


def _counted(ranges: Mapping[int, KeyRange], blocks: Iterable[Floats]) -> dict[int, Counts]:
    """How many values lie in each part of each range, by its start."""
    counts = np.zeros((len(ranges), 1 << _NARROWING_BITS), np.int64)
    shifts = np.array([_shift(each) for each in ranges.values()], np.uint64)
    starts, ends = _ends(ranges)
    touched = prefixes_of(ranges.values())
    for values in blocks:
        bits = values.view(np.uint64)
        _kernels().count_within(bits, touched, starts, ends, shifts, counts)
    return dict(zip(ranges, counts, strict=True))


def _keys_within(ranges: Mapping[int, KeyRange], blocks: Iterable[Floats]) -> list[Keys]:
    starts, ends = _ends(ranges)
    touched = prefixes_of(ranges.values())
    found = []
    for values in blocks:
        keys = np.empty(values.size, np.uint64)
        count = _kernels().gather(values.view(np.uint64), touched, starts, ends, keys)
        found.append(keys[:count].copy())
    return found


def _ends(ranges: Mapping[int, KeyRange]) -> tuple[Keys, Keys]:
    ends = [each.end for each in ranges.values()]
    return np.array(list(ranges), np.uint64), np.array(ends, np.uint64)


def _quartiles(unit: _Unit, keys: Keys) -> list[float]:
    values = [_value(place, keys) for place in unit.places]
    return [
        _between(values[2 * k], values[2 * k + 1], part) for k, part in enumerate(unit.remainders)
    ]


def _value(place: _Place, keys: Keys) -> float:
    span = place.range
    if span.is_one:
        return value_of(span.start)
    inside = keys[(keys >= np.uint64(span.start)) & (keys <= np.uint64(span.end))]
    return value_of(int(np.partition(inside, place.rank)[place.rank]))


def _between(low: float, high: float, part: float) -> float:
    """As NumPy interpolates (`_lerp` in `numpy/lib/_function_base_impl.py`)."""
    apart = high - low
    return low + apart * part if part < 0.5 else high - apart * (1.0 - part)


def _kernels() -> ModuleType:
    from tb_snapshot_compare.analysis import statistics_kernels

    return statistics_kernels
