"""Which weights lie in chosen cells of a difference distribution."""

from types import ModuleType
from typing import Any

import numpy as np
from numpy.typing import NDArray

from tb_snapshot_compare.analysis.distribution_grid import distribution_grid
from tb_snapshot_compare.analysis.numeric_types import ValuePairs

Indices = NDArray[np.int64]


class CellMarker:
    """Marks the weights that `DistributionAccumulator` counts in chosen cells.

    The same code decides in both, so that the counts agree to the last weight.
    """

    def __init__(
        self, low: float, high: float, bins: int, levels: int, chosen: NDArray[np.bool_]
    ) -> None:
        """Takes what the accumulator takes, and which cells `[bins, levels]` are chosen.

        Raises:
          ValueError: as `bin_edges` and `level_edges`, or `chosen` has another shape.
        """
        if chosen.shape != (bins, levels):
            raise ValueError(f"chosen cells of shape {chosen.shape}: want {(bins, levels)}")
        self._grid = distribution_grid(low, high, bins, levels)
        self._chosen = chosen.astype(np.uint8).reshape(-1)

    def marks(self, pairs: ValuePairs) -> NDArray[np.uint8]:
        """1 for each pair in a chosen cell, else 0; uint8 of the pairs' length."""
        marks = np.empty(pairs.a.size, np.uint8)
        _distribution_kernels().mark_pairs(
            pairs.a,
            pairs.b,
            pairs.low_a,
            pairs.low_b,
            pairs.wide,
            *self._grid.arguments,
            self._chosen,
            marks,
        )
        return marks


class LocatedCounts:
    """How many marked weights lie under each of `outers` x `inners` pixels."""

    def __init__(self, outers: int, inners: int) -> None:
        self._counts = np.zeros(outers * inners, np.int64)
        self._shape = (outers, inners)

    def add(self, marks: NDArray[np.uint8], outer_pixels: Indices, inner_pixels: Indices) -> int:
        """Adds a block as `SliceSums.add`; returns how many of its slices have a marked weight."""
        slices: int = _slice_kernels().add_marks(marks, outer_pixels, inner_pixels, self._counts)
        return slices

    @property
    def counts(self) -> NDArray[np.int64]:
        """Counts int64 `[outers, inners]`."""
        return self._counts.reshape(self._shape)


def pooled_counts(counts: NDArray[np.int64]) -> NDArray[np.int64]:
    """The counts of pools of 2 x 2 pixels; those at the far edges may hold fewer."""
    padded = np.pad(counts, [(0, size % 2) for size in counts.shape])
    rows, columns = (size // 2 for size in padded.shape)
    pooled: NDArray[np.int64] = padded.reshape(rows, 2, columns, 2).sum(axis=(1, 3))
    return pooled


def _distribution_kernels() -> Any:
    from tb_snapshot_compare.analysis import distribution_kernels

    return distribution_kernels


def _slice_kernels() -> ModuleType:
    from tb_snapshot_compare.analysis import slice_kernels

    return slice_kernels
