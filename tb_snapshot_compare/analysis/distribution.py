"""How the signed changes b - a are distributed, by bin and by level of relative change.

The paper's difference distribution (CNNComparator, 2017, view 1b) in two exact streaming passes:
the first finds the range of b - a, the second counts. The measures' pass finds the range as well
(`DifferenceSums.difference_range`), so that the first is seldom needed on its own.
"""

from dataclasses import dataclass
from types import ModuleType
from typing import Any

import numpy as np
from numpy.typing import NDArray

from tb_snapshot_compare.analysis.difference_sums import DifferenceRange, DifferenceSums
from tb_snapshot_compare.analysis.distribution_grid import distribution_grid
from tb_snapshot_compare.analysis.numeric_types import ValuePairs, value_pairs
from tb_snapshot_compare.analysis.pair_accumulator import PairAccumulator

_TABLE_CELLS_MAX = 2048
"""Larger tables are counted once: several would not stay in the cache."""


@dataclass(frozen=True, slots=True, eq=False)
class Distribution:
    """Counts of finite pairs: `counts` int64 `[bins, levels]`; `excluded` are the others.

    Edges are float64, one more than there are bins and levels.
    """

    bin_edges: NDArray[np.float64]
    level_edges: NDArray[np.float64]
    counts: NDArray[np.int64]
    excluded: int

    @property
    def total(self) -> int:
        """The number of pairs counted."""
        return int(self.counts.sum())

    def __add__(self, other: "Distribution") -> "Distribution":
        """The distribution over the tensors of both.

        Raises:
          ValueError: their edges differ.
        """
        if not (
            np.array_equal(self.bin_edges, other.bin_edges)
            and np.array_equal(self.level_edges, other.level_edges)
        ):
            raise ValueError("cannot add distributions over different bins or levels")
        return Distribution(
            self.bin_edges,
            self.level_edges,
            self.counts + other.counts,
            self.excluded + other.excluded,
        )


class RangeAccumulator:
    """The first pass, for one or more tensors: the range of b - a over the finite pairs."""

    def __init__(self) -> None:
        self._sums = DifferenceSums()

    def add(self, block_a: NDArray[Any], block_b: NDArray[Any]) -> None:
        """Adds pairs: 1-D blocks of equal length, each in its stored dtype.

        Raises:
          ValueError: the blocks do not match or are not comparable.
        """
        pair = PairAccumulator(block_a.dtype.name, block_b.dtype.name, block_a.size)
        pair.add(block_a, block_b)
        self._sums += pair.finish().total

    def finish(self) -> DifferenceRange:
        """The range so far; [0, 0] without finite pairs."""
        return self._sums.difference_range()


class DistributionAccumulator:
    """The second pass: counts the pairs of one or more tensors, block by block.

    A pair is counted where NumPy would in float64: its bin is that of `np.histogram` for the
    differences and these edges (half-open, the last bin closed), its level that of
    `2*abs(x-y)/(abs(x)+abs(y))`, 0 for two zeros, among the level edges, likewise. 64-bit
    integers differ by the exact difference rounded once. A difference outside [low, high]
    falls into the first or last bin, so that every finite pair is counted once. Swapping a and
    b mirrors the counts, but for differences that lie on an edge (half-open bins hold their
    lower edge) or within a rounding error of it (mirrored edges are rounded anew).
    """

    def __init__(self, low: float, high: float, bins: int, levels: int) -> None:
        """Prepares for differences in [low, high], as `difference_range()` tells.

        Raises:
          ValueError: as `bin_edges` and `level_edges`.
        """
        self._grid = distribution_grid(low, high, bins, levels)
        cells = bins * levels
        tables = _kernels().TABLES if cells <= _TABLE_CELLS_MAX else 1
        self._counts = np.zeros((tables, cells), np.int64)
        self._excluded = 0

    def add(self, block_a: NDArray[Any], block_b: NDArray[Any]) -> None:
        """Counts pairs: 1-D blocks of equal length, each in its stored dtype.

        Raises:
          ValueError: the blocks do not match or are not comparable.
        """
        for pairs in value_pairs(block_a, block_b):
            self.add_pairs(pairs)

    def add_pairs(self, pairs: ValuePairs) -> None:
        """Counts pairs that are in a form that the kernels take already."""
        self._excluded += _kernels().count_pairs(
            pairs.a,
            pairs.b,
            pairs.low_a,
            pairs.low_b,
            pairs.wide,
            *self._grid.arguments,
            self._counts,
        )

    def finish(self) -> Distribution:
        """The counts so far."""
        grid = self._grid
        counts = self._counts.sum(axis=0).reshape(grid.bin_edges.size - 1, -1)
        return Distribution(grid.bin_edges, grid.level_edges, counts, self._excluded)


def _kernels() -> ModuleType:
    from tb_snapshot_compare.analysis import distribution_kernels

    return distribution_kernels
