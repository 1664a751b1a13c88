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
    accurate to about 1e-14 relative at any length. Memory: about 250 bytes for each filter (at
    least 512 are counted) and 2 MiB of converted values; nothing grows with the tensor.
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
        self._scaled = np.zeros((2, kernels.ABSOLUTE + 1, self._lanes))
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
        if self._added != self._count:
            raise ValueError(f"{self._added} of {self._count} elements were added")
        lanes = self._filters_by_runs() if self._by_runs else self._lanes_by_rows()
        return PairDifference(lanes.total(), lanes.folded(self._axis) if self._axis else None)

    def _filters_by_runs(self) -> "_LaneSums":
        kernels = _kernels()
        assert self._axis is not None
        last = (max(self._count - 1, 0) // self._axis.stride) % self._axis.count
        kernels.empty(self._tiles, last, self._totals, self._extremes)
        slots = np.concatenate((self._totals[0], self._extremes))
        return _LaneSums(kernels, self._count, slots, self._totals, self._scaled, self._odd)

    def _lanes_by_rows(self) -> "_LaneSums":
        kernels = _kernels()
        kernels.flush(self._tiles, self._totals)
        tiles = self._tiles.shape[0]
        slots = self._tiles.reshape(tiles, kernels.SLOTS, kernels.SLOT)[:, :, : kernels.TILE]
        lanes = slots.transpose(1, 0, 2).reshape(kernels.SLOTS, -1)[:, : self._lanes]
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
    """The accumulated lanes: slots `[SLOTS, n]`, sums and errors `[2, SUMS, n]`, and the rest."""

    kernels: ModuleType
    count: int
    slots: NDArray[np.float64]
    sums: NDArray[np.float64]
    scaled: NDArray[np.float64]
    odd: NDArray[np.int64]

    def total(self) -> DifferenceSums:
        k = self.kernels
        odd = self.odd.sum(axis=1)
        sums = np.zeros(k.SUMS)
        k.combined(np.ascontiguousarray(self.sums), sums)
        return DifferenceSums(
            pairs=self.count,
            finite=self.count - int(odd[k.EXCLUDED]),
            changed=int(self.slots[k.CHANGED].sum()),
            sign_flips=int(self.slots[k.FLIPS].sum()),
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
            low=float(self.slots[k.LOW].min()),
            high=float(self.slots[k.HIGH].max()),
        )

    def _total(self, sums: NDArray[np.float64], slot: int) -> ScaledSum:
        k = self.kernels
        small, big = self.scaled[k.SMALL, slot], self.scaled[k.BIG, slot]
        return ScaledSum(
            float(sums[slot]),
            math.fsum(small) if small.any() else 0.0,
            math.fsum(big) if big.any() else 0.0,
        )

    def folded(self, axis: FilterAxis) -> FilterSums:
        k = self.kernels
        side_by_side = 1 if self.slots.shape[1] == axis.count else axis.stride
        shape = (-1, axis.count, side_by_side)
        odd = self.odd.reshape(k.ODD, *shape).sum(axis=(1, 3))
        slots = self.slots.reshape(k.SLOTS, *shape)
        pairs = _filter_sizes(self.count, axis)
        sums = self.sums.reshape(2, k.SUMS, *shape).sum(axis=(2, 4)).sum(axis=0)
        scaled = self.scaled.reshape(2, k.ABSOLUTE + 1, *shape).sum(axis=(2, 4))
        banks = [np.stack((sums[s], scaled[k.SMALL, s], scaled[k.BIG, s])) for s in range(5)]
        return FilterSums(
            pairs=pairs,
            finite=pairs - odd[k.EXCLUDED],
            changed=slots[k.CHANGED].sum(axis=(0, 2)).astype(np.int64),
            sign_flips=slots[k.FLIPS].sum(axis=(0, 2)).astype(np.int64),
            nan_a=odd[k.NAN_A],
            nan_b=odd[k.NAN_B],
            inf_a=odd[k.INF_A],
            inf_b=odd[k.INF_B],
            squares=banks[k.SQUARES],
            squares_a=banks[k.SQUARES_A],
            squares_b=banks[k.SQUARES_B],
            products=banks[k.PRODUCTS],
            absolute=banks[k.ABSOLUTE],
            relative=2 * sums[k.RELATIVE],
            low=slots[k.LOW].min(axis=(0, 2)),
            high=slots[k.HIGH].max(axis=(0, 2)),
        )


def _filter_sizes(count: int, axis: FilterAxis) -> NDArray[np.int64]:
    """How many of a tensor's elements lie in each filter."""
    periods, rest = divmod(count, axis.count * axis.stride)
    begun = np.clip(rest - np.arange(axis.count) * axis.stride, 0, axis.stride)
    return (periods * axis.stride + begun).astype(np.int64)


def _kernels() -> ModuleType:
    from tb_snapshot_compare.analysis import kernels

    return kernels


def warm_up() -> None:
    """Compiles the kernels for float32, or loads them from the disk cache.

    Takes seconds the first time on a machine and a fraction of one afterwards. Optional: the
    first block does the same.
    """
    values = np.zeros(4, np.float32)
    accumulator = PairAccumulator("float32", "float32", values.size)
    accumulator.add(values, values)
    accumulator.finish()
