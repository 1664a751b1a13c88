"""All difference measures of a pair of tensors, and of each of their filters, in one pass."""

import math
from dataclasses import dataclass
from types import ModuleType
from typing import Any

import numpy as np
from numpy.typing import NDArray

from tb_snapshot_compare.analysis.difference_sums import (
    DifferenceSums,
    FilterSums,
    ScaledSum,
)
from tb_snapshot_compare.analysis.filter_axis import FilterAxis
from tb_snapshot_compare.analysis.numeric_types import (
    ValuePairs,
    half_pairs,
    is_half,
    joint_form,
    value_pairs,
)
from tb_snapshot_compare.analysis.sum_columns import COUNTS, SumColumns

_LANES_MIN = 128
"""Lanes of a tensor of few filters: enough that adding to a lane does not wait for itself."""
_LANES_MAX = 16_384
_ROWS_MIN = 16
"""By rows go filters of more than one element side by side only where that is worth the lanes."""
_RUN_MIN = 64
"""A run shorter than a tile is not worth emptying it."""


@dataclass(frozen=True, slots=True)
class PairDifference:
    """What is known of a pair of tensors; `filters` is None where none were asked for."""

    total: DifferenceSums
    filters: FilterSums | None


class PairAccumulator:
    """Takes the two tensors block by block and gives their exact sums.

    The result is the same, bit for bit, for every way of cutting the tensors into blocks, and
    swapping the tensors swaps what belongs to a and b and leaves the rest as it is. Sums are
    accurate to about 1e-14 relative at any length. Memory: about 400 bytes for each filter (at
    least 128 are counted) and 1 MiB of converted values; nothing grows with the tensor.
    Not to be shared by threads; several may run side by side, as the kernels release the GIL.
    """

    def __init__(
        self, dtype_a: str, dtype_b: str, count: int, filter_axis: FilterAxis | None = None
    ) -> None:
        """Prepares for tensors of `count` elements each.

        Raises:
          ValueError: a dtype is not comparable.
        """
        self._form = joint_form(dtype_a, dtype_b)
        self._count = count
        self._axis = filter_axis
        self._added = 0
        axis = filter_axis or FilterAxis(1, 1)
        kernels = _kernels()
        self._by_runs = _goes_by_runs(axis, count)
        if self._by_runs:
            self._lanes, tiles = axis.count, 1
            self._totals = np.zeros((2, kernels.SUMS, axis.count))
            self._extremes = np.zeros((kernels.SLOTS - kernels.SUMS, axis.count))
            self._extremes[kernels.LOW - kernels.SUMS] = np.inf
            self._extremes[kernels.HIGH - kernels.SUMS] = -np.inf
        else:
            period = axis.count * axis.stride
            self._lanes = period * -(-_LANES_MIN // period)
            tiles = -(-self._lanes // kernels.TILE)
            self._totals = np.zeros((2, kernels.SUMS, tiles, kernels.TILE))
        self._tiles = np.zeros((tiles, kernels.SLOTS * kernels.SLOT))
        slots = self._tiles.reshape(tiles, kernels.SLOTS, kernels.SLOT)
        slots[:, kernels.LOW], slots[:, kernels.HIGH] = np.inf, -np.inf
        in_range = self._form == "single"  # of float64, as are all squares and products
        self._scaled = np.zeros((2, kernels.ABSOLUTE + 1, 0 if in_range else self._lanes))
        self._odd = np.zeros((kernels.ODD, self._lanes), np.int64)
        self._half = dtype_a == dtype_b and is_half(dtype_a)
        self._bounds = _bounds(kernels, dtype_a if self._half else self._form)

    def add(self, block_a: NDArray[Any], block_b: NDArray[Any]) -> None:
        """Adds the next elements of both tensors, in flat C order.

        Args:
          block_a: 1-D, in its stored dtype and byte order.
          block_b: the same number of elements in theirs.

        Raises:
          ValueError: the blocks do not match, or pass the end of the tensor.
        """
        if self._added + block_a.size > self._count:
            raise ValueError(
                f"{self._added + block_a.size} elements were added to a tensor of {self._count}"
            )
        if self._half:
            self._add(half_pairs(block_a, block_b))
            return
        for pairs in value_pairs(block_a, block_b, self._form):
            self._add(pairs)

    def _add(self, pairs: ValuePairs) -> None:
        bits = self._bounds.dtype
        bits_a, bits_b = pairs.a.view(bits), pairs.b.view(bits)
        values = (pairs.a, pairs.b, bits_a, bits_b, pairs.low_a, pairs.low_b, pairs.wide)
        tiles, totals, scaled, odd = self._tiles, self._totals, self._scaled, self._odd
        at, bounds = self._added, self._bounds
        if self._by_runs:
            assert self._axis is not None
            where = (at, self._axis.count, self._axis.stride, bounds)
            _kernels().add_runs(*values, *where, tiles, totals, self._extremes, scaled, odd)
        else:
            _kernels().add_rows(*values, at, self._lanes, bounds, tiles, totals, scaled, odd)
        self._added += pairs.a.size

    def finish(self) -> PairDifference:
        """The sums of the whole tensors.

        Raises:
          ValueError: fewer elements were added than the tensors have.
        """
        columns = self.columns()
        return PairDifference(columns.whole, columns[1:].as_filters() if self._axis else None)

    def columns(self) -> SumColumns:
        """The same as columns: the whole, then the filters. Raises as `finish`."""
        lanes = self._lane_sums()
        columns = SumColumns.empty(1 + (self._axis.count if self._axis else 0))
        columns[:1].set_whole(lanes.total())
        if self._axis:
            lanes.fold(self._axis, columns[1:])
        return columns

    def filter_columns(self) -> SumColumns:
        """The filters of `columns`, of which there are some, without the whole."""
        assert self._axis is not None
        columns = SumColumns.empty(self._axis.count)
        self._lane_sums().fold(self._axis, columns)
        return columns

    def _lane_sums(self) -> "_LaneSums":
        if self._added != self._count:
            raise ValueError(f"{self._added} of {self._count} elements were added")
        return self._filters_by_runs() if self._by_runs else self._lanes_by_rows()

    def _filters_by_runs(self) -> "_LaneSums":
        kernels = _kernels()
        assert self._axis is not None
        last = (max(self._count - 1, 0) // self._axis.stride) % self._axis.count
        kernels.empty(self._tiles, last, self._totals, self._extremes)
        sums = self._totals
        return _LaneSums(kernels, self._count, self._extremes, sums, self._scaled, self._odd)

    def _lanes_by_rows(self) -> "_LaneSums":
        kernels = _kernels()
        kernels.flush(self._tiles, self._totals)
        tiles = self._tiles.shape[0]
        slots = self._tiles.reshape(tiles, kernels.SLOTS, kernels.SLOT)
        extremes = slots[:, kernels.SUMS :, : kernels.TILE].transpose(1, 0, 2)
        lanes = extremes.reshape(extremes.shape[0], -1)[:, : self._lanes]
        sums = self._totals.reshape(2, kernels.SUMS, -1)[:, :, : self._lanes]
        return _LaneSums(kernels, self._count, lanes, sums, self._scaled, self._odd)


def _bounds(kernels: ModuleType, form: str) -> NDArray[Any]:
    """The floor and the limit of what is tame, and -0.0, as bits of the values' size `[3]`."""
    if is_half(form):
        largest = 0x7BFF if form == "float16" else 0x7F7F
        return np.array([0, largest, 0x8000], np.uint16)
    if form == "single":
        return np.array([0, np.finfo(np.float32).max, -0.0], np.float32).view(np.uint32)
    return np.array([kernels.TAME_FLOOR, kernels.TAME_LIMIT, -0.0]).view(np.uint64)


def _goes_by_runs(axis: FilterAxis, count: int) -> bool:
    """Whether the elements of a filter that lie side by side are worth a tile of their own."""
    period = axis.count * axis.stride
    few = period > _LANES_MAX or count < _ROWS_MIN * period
    return axis.stride >= _RUN_MIN or (axis.stride > 1 and few)


@dataclass(frozen=True, slots=True)
class _LaneSums:
    """The accumulated lanes.

    `extremes` are the slots that are no sums `[SLOTS - SUMS, n]`; `sums` values and their
    rounding errors `[2, SUMS, n]`; `scaled` and `odd` as the kernels have them, `scaled` without
    lanes where no term leaves float64's range.
    """

    kernels: ModuleType
    count: int
    extremes: NDArray[np.float64]
    sums: NDArray[np.float64]
    scaled: NDArray[np.float64]
    odd: NDArray[np.int64]

    def total(self) -> DifferenceSums:
        k = self.kernels
        odd = self.odd.sum(axis=1)
        sums = np.zeros(k.SUMS)
        k.combined(np.ascontiguousarray(self.sums), sums)
        low, high, changed, flips = self.extremes
        return DifferenceSums(
            pairs=self.count,
            finite=self.count - int(odd[k.EXCLUDED]),
            changed=int(changed.sum()),
            sign_flips=int(flips.sum()),
            nan_a=int(odd[k.NAN_A]),
            nan_b=int(odd[k.NAN_B]),
            inf_a=int(odd[k.INF_A]),
            inf_b=int(odd[k.INF_B]),
            squares=self._total(sums, k.SQUARES),
            squares_a=self._total(sums, k.SQUARES_A),
            squares_b=self._total(sums, k.SQUARES_B),
            products=self._total(sums, k.PRODUCTS),
            absolute=self._total(sums, k.ABSOLUTE),
            relative=2 * float(sums[k.RELATIVE]),
            low=float(low.min()),
            high=float(high.max()),
        )

    def _total(self, sums: NDArray[np.float64], slot: int) -> ScaledSum:
        if not self.scaled.size:
            return ScaledSum(float(sums[slot]))
        small, big = self.scaled[self.kernels.SMALL, slot], self.scaled[self.kernels.BIG, slot]
        return ScaledSum(
            float(sums[slot]),
            math.fsum(small) if small.any() else 0.0,
            math.fsum(big) if big.any() else 0.0,
        )

    def fold(self, axis: FilterAxis, columns: SumColumns) -> None:
        """Writes the sums of the filters to as many columns."""
        k = self.kernels
        low, high, changed, flips = _by_filter(self.extremes, axis)
        pairs = _filter_sizes(self.count, axis)
        odd = _folded(self.odd, axis)
        of = dict(zip(COUNTS, columns.counts, strict=True))
        of["pairs"][:] = pairs
        of["finite"][:] = pairs - odd[k.EXCLUDED]
        of["changed"][:] = changed.sum(axis=(0, 2))
        of["sign_flips"][:] = flips.sum(axis=(0, 2))
        for name, count in zip(
            ("nan_a", "nan_b", "inf_a", "inf_b"), odd[: k.EXCLUDED], strict=True
        ):
            of[name][:] = count
        values, errors = _folded(self.sums, axis)
        slots = (k.SQUARES, k.SQUARES_A, k.SQUARES_B, k.PRODUCTS, k.ABSOLUTE)
        for slot, bank in zip(slots, columns.scaled, strict=True):
            bank[0], bank[1:] = values[slot] + errors[slot], 0.0
            if self.scaled.size:
                bank[1 + k.SMALL], bank[1 + k.BIG] = _folded(self.scaled[:, slot], axis)
        columns.relative[:] = 2 * (values[k.RELATIVE] + errors[k.RELATIVE])
        columns.ends[0], columns.ends[1] = low.min(axis=(0, 2)), high.max(axis=(0, 2))


def _by_filter(lanes: NDArray[Any], axis: FilterAxis) -> NDArray[Any]:
    """`[..., lanes]` as `[..., rows, filters, lanes of a filter side by side]`."""
    side_by_side = 1 if lanes.shape[-1] == axis.count else axis.stride
    return lanes.reshape(*lanes.shape[:-1], -1, axis.count, side_by_side)


def _folded(lanes: NDArray[Any], axis: FilterAxis) -> NDArray[Any]:
    """The sums of lanes `[..., lanes]` for each filter `[..., filters]`; no copy of single ones."""
    if lanes.shape[-1] == axis.count:
        return lanes
    folded: NDArray[Any] = _by_filter(lanes, axis).sum(axis=(-3, -1))
    return folded


def _filter_sizes(count: int, axis: FilterAxis) -> NDArray[np.int64]:
    """How many of a tensor's elements lie in each filter."""
    periods, rest = divmod(count, axis.count * axis.stride)
    sizes = np.full(axis.count, periods * axis.stride, np.int64)
    whole, part = divmod(rest, axis.stride)
    sizes[:whole] += axis.stride
    if part:
        sizes[whole] += part
    return sizes


def _kernels() -> ModuleType:
    from tb_snapshot_compare.analysis import kernels

    return kernels
