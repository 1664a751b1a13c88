"""Into which bins of change and levels of relative change pairs are counted."""

from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

_SINGLE_ROUNDING = 2.0**-24
_SINGLE_SCALE = 2.0**100
_SINGLE_WHOLE = 2**24
"""Below this every whole number is a float32."""
_SINGLE_ROOM_MIN = 0.48
"""With less room too many pairs would be in doubt for float32 to be worth it."""
_TINY, _LARGEST = float(np.finfo(np.float64).tiny), float(np.finfo(np.float64).max)

Edges = NDArray[np.float64]


@dataclass(frozen=True, slots=True, eq=False)
class DistributionGrid:
    """The edges of bins and levels, one more than there are slices, and how to find slices fast.

    `factor` is in bins per unit of difference; 0, which starts every search at the first bin,
    near float64's limits. `room` `[4]`: a position in bins, and in levels, that is not further
    than this from the middle of a slice is in it whatever was rounded; then the same for
    positions computed in float32, 0 where those are of no use.
    """

    bin_edges: Edges
    level_edges: Edges
    factor: float
    room: Edges

    @property
    def arguments(self) -> tuple[Any, ...]:
        """What the kernels want of it, in their order."""
        return self.bin_edges, self.factor, self.level_edges, self.room


def distribution_grid(low: float, high: float, bins: int, levels: int) -> DistributionGrid:
    """Splits the differences [low, high] and the relative percent differences [0, 2].

    Raises:
      ValueError: as `bin_edges` and `level_edges`.
    """
    from tb_snapshot_compare.analysis import distribution_kernels

    of_bins, of_levels = bin_edges(low, high, bins), level_edges(levels)
    factor = _slices_per_unit(of_bins)
    slack = (
        distribution_kernels.slack(of_bins, float(of_bins[0]), factor),
        distribution_kernels.slack(of_levels, 0.0, levels / 2),
    )
    room = 0.5 - 2 * np.array(slack)
    return DistributionGrid(
        of_bins,
        of_levels,
        factor,
        np.concatenate([room, _room_of_singles(room, of_bins, factor, levels)]),
    )


def _room_of_singles(room: Edges, edges: Edges, factor: float, levels: int) -> Edges:
    """What is left of the room after the rounding errors of float32 arithmetic, twice over.

    With u the unit roundoff, d, low and their difference are off by u each, and so are factor
    and the product: a position p in bins by at most u * (2 * factor * |low| + 4 * |p|), where
    |p| matters up to one bin beyond the last. A position in levels is a quotient of two rounded
    values times their number: off by 4 * u * levels. (Higham, Accuracy and Stability of
    Numerical Algorithms, 2nd ed., section 3.1.)
    """
    low = float(np.abs(edges).max())
    fits = (edges.size - 1) * levels < _SINGLE_WHOLE and low < _SINGLE_SCALE
    if not (fits and 1 / _SINGLE_SCALE < factor < _SINGLE_SCALE):
        return np.zeros(2)
    errors = np.array([2 * factor * low + 4 * (edges.size + 1), 4 * levels])
    left = room - 2 * _SINGLE_ROUNDING * errors
    return left if left.min() > _SINGLE_ROOM_MIN else np.zeros(2)


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


def _slices_per_unit(edges: Edges) -> float:
    with np.errstate(over="ignore", divide="ignore"):
        factor = (edges.size - 1) / (edges[-1] - edges[0])
    return float(factor) if np.isfinite(factor) else 0.0
