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
from tb_snapshot_compare.analysis.numeric_types import ValuePairs, value_pairs
from tb_snapshot_compare.analysis.pair_accumulator import PairAccumulator

_TINY, _LARGEST = float(np.finfo(np.float64).tiny), float(np.finfo(np.float64).max)


def bin_edges(low: float, high: float, bins: int) -> NDArray[np.float64]:
    """Splits [low, high] evenly as `np.linspace(low, high, bins + 1)` does.

    A range of no width is widened so that it lies in the middle: by half of its magnitude to
    either side, which keeps the scale of the data, and to [-0.5, 0.5] around 0 (NumPy's
    histogram takes 0.5 everywhere). So counts stay total, and where nothing changed all pairs
    are in the bin that holds 0: [0, upper) for an even number of bins.

    Raises:
      ValueError: the ends are not finite or not in order, or there is no bin.
    """
    if not (np.isfinite(low) and np.isfinite(high) and low <= high and bins >= 1):
        raise ValueError(f"cannot split [{low}, {high}] into {bins} bins")
    if low == high:
        half = 0.5 if low == 0 else max(abs(low) / 2, _TINY)
        low, high = max(low - half, -_LARGEST), min(high + half, _LARGEST)
    if max(abs(low), abs(high)) > _LARGEST / 4:
        return np.linspace(low / 4, high / 4, bins + 1) * 4
    return np.linspace(low, high, bins + 1)


def level_edges(levels: int) -> NDArray[np.float64]:
    """Splits [0, 2], the range of the relative percent difference, into equal slices.

    Raises:
      ValueError: there is no level.
    """
    if levels < 1:
        raise ValueError(f"cannot split [0, 2] into {levels} levels")
    return np.linspace(0.0, 2.0, levels + 1)


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
        self._bins = bin_edges(low, high, bins)
        self._levels = level_edges(levels)
        self._factor = index_factor(self._bins)
        self._counts = np.zeros((bins, levels), np.int64)
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
            self._bins,
            self._factor,
            self._levels,
            self._counts,
        )

    def finish(self) -> Distribution:
        """The counts so far."""
        return Distribution(self._bins, self._levels, self._counts.copy(), self._excluded)


def index_factor(edges: NDArray[np.float64]) -> float:
    """Bins per unit of difference; 0, which starts the search at the first bin, near the limits."""
    with np.errstate(over="ignore", divide="ignore"):
        factor = (edges.size - 1) / (edges[-1] - edges[0])
    return float(factor) if np.isfinite(factor) else 0.0


def _kernels() -> ModuleType:
    from tb_snapshot_compare.analysis import distribution_kernels

    return distribution_kernels
