"""Compiles every kernel: `python -m tb_snapshot_compare.analysis.warming [DTYPE ...]`.

For float32 if no dtype is named. Where the code cannot be kept on disk for other processes,
nothing is compiled, and the exit status is `NOT_KEPT`.
"""

import sys
from collections.abc import Sequence
from typing import Any

import ml_dtypes
import numpy as np
from numpy.typing import NDArray

from tb_snapshot_compare.analysis.distribution import DistributionAccumulator
from tb_snapshot_compare.analysis.filter_axis import FilterAxis
from tb_snapshot_compare.analysis.filter_changes import filter_changes
from tb_snapshot_compare.analysis.locating import CellMarker, LocatedCounts
from tb_snapshot_compare.analysis.numeric_types import value_pairs
from tb_snapshot_compare.analysis.pair_accumulator import PairAccumulator
from tb_snapshot_compare.analysis.slice_measures import Block, SliceSums, WeightExtremes
from tb_snapshot_compare.analysis.unit_statistics import UnitTensor, unit_statistics

NOT_KEPT = 3
_RUN = 256
_RANGE = (-1.0, 1.0, 20, 5)


def warm_up(dtype: str = "float32") -> None:
    """Compiles all kernels for a dtype, or loads them from disk.

    Takes some twenty seconds the first time on a machine and less than a second afterwards.
    Optional: the first block of each kind does the same for its own kernel.
    """
    warm_up_pairs(dtype)
    warm_up_statistics(dtype)
    values = _zeros(4, dtype)
    DistributionAccumulator(*_RANGE).add(values, values)
    marker = CellMarker(*_RANGE, np.ones(_RANGE[2:], np.bool_))
    pixels = np.arange(2)
    for pairs in value_pairs(values, values):
        LocatedCounts(2, 2).add(marker.marks(pairs), 2 * pixels, pixels)
        SliceSums(2, 2).add(Block(pairs, 2 * pixels, pixels))
        WeightExtremes().add(pairs)


def warm_up_pairs(dtype: str = "float32") -> None:
    """The same for the kernels that compare tensors."""
    for axis in (FilterAxis(4, 1), FilterAxis(2, _RUN)):
        values = _zeros(2 * _RUN, dtype)
        accumulator = PairAccumulator(dtype, dtype, values.size, axis)
        accumulator.add(values, values)
        accumulator.finish()


def warm_up_statistics(dtype: str = "float32") -> None:
    """The same for the kernels that a log's rows are made with, those that compare included."""
    axis, values = FilterAxis(4, 1), _zeros(_RUN, dtype)
    filter_changes(values, axis, values, values)
    filter_changes(values, FilterAxis(2, _RUN // 2), values, values)
    some = np.arange(_RUN, dtype=np.float32)
    tensor = UnitTensor(0, some, some, some, axis)
    unit_statistics((-1,), (tensor, UnitTensor(0, some)), (0.5, 1.0))


def _zeros(count: int, dtype: str) -> NDArray[Any]:
    return np.zeros(count, getattr(ml_dtypes, dtype, dtype))


def main(dtypes: Sequence[str]) -> int:
    """Compiles, and prints the folder where the code is kept; returns the exit status."""
    from tb_snapshot_compare.analysis import kernels

    folder = kernels.add_rows.stats.cache_path  # type: ignore[attr-defined]
    if not folder:
        return NOT_KEPT
    for dtype in dtypes or ("float32",):
        warm_up(dtype)
    print(folder)
    return 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
