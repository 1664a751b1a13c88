"""How large changes are relative to what they change, in bands."""

from collections.abc import Sequence
from types import ModuleType

import numpy as np
from numpy.typing import NDArray

Floats = NDArray[np.float64]
Counts = NDArray[np.int64]

_PREFIXES = 1 << 15
_PREFIX_SHIFT = np.uint64(48)


class BandCounter:
    """Counts the values x of a tensor by |x| / |w|, w being the weight that x belongs to.

    Band 0 is up to the first edge, band k (edge[k-1], edge[k]], the last what is above all edges:
    x is in the first band with |x| <= edge * |w|, the product being rounded to float64. Where w is
    0, x = 0 is in the first band and any other x in the last; a first edge of 0 makes a band of
    zeros. Pairs that are not both finite are in none.
    """

    def __init__(self, edges: Sequence[float]) -> None:
        """Begins without any.

        Args:
          edges: finite, none negative, ascending.

        Raises:
          ValueError: they are not.
        """
        self._edges = np.array(edges, np.float64)
        ascending = np.isfinite(self._edges).all() and (np.diff(self._edges) > 0).all()
        if not ascending or (self._edges < 0).any():
            raise ValueError(f"edges {tuple(edges)}: want finite, ascending numbers, none negative")
        beginnings = (np.arange(_PREFIXES, dtype=np.uint64) << _PREFIX_SHIFT).view(np.float64)
        self._guesses = np.searchsorted(self._edges, beginnings).astype(np.uint16)

    @property
    def bands(self) -> int:
        """How many there are."""
        return int(self._edges.size) + 1

    def add(self, values: Floats, weights: Floats, counts: Counts) -> None:
        """Adds a block of values `[n]` with their weights `[n]` to `counts` `[bands]`."""
        _kernels().count_bands(values, weights, self._edges, self._guesses, counts)


def _kernels() -> ModuleType:
    from tb_snapshot_compare.analysis import statistics_kernels

    return statistics_kernels
