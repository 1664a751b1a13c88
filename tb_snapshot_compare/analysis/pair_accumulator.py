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
from tb_snapshot_compare.analysis.numeric_types import ValuePairs, joint_form, value_pairs

_LANES_MIN = 512
"""Lanes of a tensor of few filters: enough that adding to a lane does not wait for itself."""


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
        filters, self._stride = (filter_axis.count, filter_axis.stride) if filter_axis else (1, 1)
        repeats = -(-_LANES_MIN // filters) if self._stride == 1 else 1
        self._lanes = filters * repeats
        kernels = _kernels()
        tiles = -(-self._lanes // kernels.TILE)
        self._tiles = np.zeros((tiles, kernels.SLOTS * kernels.SLOT))
        slots = self._tiles.reshape(tiles, kernels.SLOTS, kernels.SLOT)
        slots[:, kernels.LOW], slots[:, kernels.HIGH] = np.inf, -np.inf
        self._totals = np.zeros((2, kernels.SUMS, tiles, kernels.TILE))
        self._scaled = np.zeros((2, kernels.ABSOLUTE + 1, self._lanes))
        self._odd = np.zeros((kernels.ODD, self._lanes), np.int64)
        self._bits = np.uint32 if self._form == "single" else np.uint64
        tame = (
            np.array([0, np.finfo(np.float32).max, -0.0], np.float32)
            if self._form == "single"
            else np.array([kernels.TAME_FLOOR, kernels.TAME_LIMIT, -0.0])
        )
        self._bounds = tame.view(self._bits)

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
        for pairs in value_pairs(block_a, block_b, self._form):
            self._add(pairs)

    def _add(self, pairs: ValuePairs) -> None:
        _kernels().add_pairs(
            pairs.a,
            pairs.b,
            pairs.a.view(self._bits),
            pairs.b.view(self._bits),
            pairs.low_a,
            pairs.low_b,
            pairs.wide,
            self._added,
            self._lanes,
            self._stride,
            self._bounds,
            self._tiles,
            self._totals,
            self._scaled,
            self._odd,
        )
        self._added += pairs.a.size

    def finish(self) -> PairDifference:
        """The sums of the whole tensors.

        Raises:
          ValueError: fewer elements were added than the tensors have.
        """
        if self._added != self._count:
            raise ValueError(f"{self._added} of {self._count} elements were added")
        kernels = _kernels()
        kernels.flush(self._tiles, self._totals)
        lanes = self._lane_sums(kernels)
        return PairDifference(lanes.total(), lanes.folded(self._axis) if self._axis else None)

    def _lane_sums(self, kernels: ModuleType) -> "_LaneSums":
        tiles = self._tiles.shape[0]
        slots = self._tiles.reshape(tiles, kernels.SLOTS, kernels.SLOT)[:, :, : kernels.TILE]
        lanes = slots.transpose(1, 0, 2).reshape(kernels.SLOTS, -1)[:, : self._lanes]
        sums = self._totals.reshape(2, kernels.SUMS, -1)[:, :, : self._lanes]
        return _LaneSums(kernels, self._count, lanes, sums, self._scaled, self._odd)


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
        return DifferenceSums(
            pairs=self.count,
            finite=self.count - int(odd[k.EXCLUDED]),
            changed=int(self.slots[k.CHANGED].sum()),
            sign_flips=int(self.slots[k.FLIPS].sum()),
            nan_a=int(odd[k.NAN_A]),
            nan_b=int(odd[k.NAN_B]),
            inf_a=int(odd[k.INF_A]),
            inf_b=int(odd[k.INF_B]),
            squares=self._total(k.SQUARES),
            squares_a=self._total(k.SQUARES_A),
            squares_b=self._total(k.SQUARES_B),
            products=self._total(k.PRODUCTS),
            absolute=self._total(k.ABSOLUTE),
            relative=2 * math.fsum(self.sums[:, k.RELATIVE].flat),
            low=float(self.slots[k.LOW].min()),
            high=float(self.slots[k.HIGH].max()),
        )

    def _total(self, slot: int) -> ScaledSum:
        k = self.kernels
        small, big = self.scaled[k.SMALL, slot], self.scaled[k.BIG, slot]
        return ScaledSum(
            math.fsum(self.sums[:, slot].flat),
            math.fsum(small) if small.any() else 0.0,
            math.fsum(big) if big.any() else 0.0,
        )

    def folded(self, axis: FilterAxis) -> FilterSums:
        k = self.kernels
        odd = self.odd.reshape(k.ODD, -1, axis.count).sum(axis=1)
        slots = self.slots.reshape(k.SLOTS, -1, axis.count)
        pairs = _filter_sizes(self.count, axis)
        sums = self.sums.reshape(2, k.SUMS, -1, axis.count).sum(axis=2).sum(axis=0)
        scaled = self.scaled.reshape(2, k.ABSOLUTE + 1, -1, axis.count).sum(axis=2)
        banks = [np.stack((sums[s], scaled[k.SMALL, s], scaled[k.BIG, s])) for s in range(5)]
        return FilterSums(
            pairs=pairs,
            finite=pairs - odd[k.EXCLUDED],
            changed=slots[k.CHANGED].sum(axis=0).astype(np.int64),
            sign_flips=slots[k.FLIPS].sum(axis=0).astype(np.int64),
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
            low=slots[k.LOW].min(axis=0),
            high=slots[k.HIGH].max(axis=0),
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
