"""Many small tensors of one shape in one pass: a tensor of 64 values is not worth its own.

Each tensor is a few filters of one wide vector. A filter's elements are added in their order
whatever lies beside it, so a tensor's sums do not depend on which others are in its group.
"""

from typing import Any

import numpy as np
from numpy.typing import NDArray

from tb_snapshot_compare.analysis.filter_axis import FilterAxis
from tb_snapshot_compare.analysis.pair_accumulator import PairAccumulator
from tb_snapshot_compare.analysis.sum_columns import SumColumns

_ELEMENTS_MAX = 1 << 14
_ROWS_MAX = 1 << 10
_LANES = 1 << 10
"""Filters of a group, at least: so many that the accumulator gives each one lane."""


def is_small(count: int, axis: FilterAxis | None) -> bool:
    """Whether such tensors are compared in groups, and never otherwise."""
    width = axis.count if axis else count
    return 0 < count <= _ELEMENTS_MAX and count // width <= _ROWS_MAX


def group_sums(a: NDArray[Any], b: NDArray[Any], axis: FilterAxis | None) -> list[SumColumns]:
    """The sums of each of n small tensors and of their filters.

    Args:
      a: The first of each pair, `[n, elements]` in their stored dtype.
      b: The second, likewise, in theirs.
      axis: How filters lie in each; None where there are none.
    """
    width = axis.count if axis else a.shape[1]
    stride = axis.stride if axis else 1
    first, second = (_lanes_last(values, width, stride) for values in (a, b))
    lanes = FilterAxis(first.shape[1], 1)
    accumulator = PairAccumulator(a.dtype.name, b.dtype.name, first.size, lanes)
    accumulator.add(first.reshape(-1), second.reshape(-1))
    columns = accumulator.filter_columns()
    wholes = _wholes(columns[: a.shape[0] * width], width)
    return [
        wholes[k : k + 1].beside(columns[k * width : (k + 1) * width])
        if axis
        else wholes[k : k + 1]
        for k in range(a.shape[0])
    ]


def _lanes_last(values: NDArray[Any], width: int, stride: int) -> NDArray[Any]:
    """`[n, elements]` as `[rows, lanes]`: lane k * width + f is filter f of tensor k."""
    n, elements = values.shape
    rows = elements // width
    lanes = np.zeros((rows, max(n * width, _LANES)), values.dtype)
    cut = values.reshape(n, rows // stride, width, stride).transpose(1, 3, 0, 2)
    lanes[:, : n * width].reshape(rows // stride, stride, n, width)[...] = cut
    return lanes


def _wholes(filters: SumColumns, width: int) -> SumColumns:
    """The sums of each `width` filters, whose rounding errors are carried."""
    n = filters.size // width
    ends = filters.ends.reshape(2, n, width)
    sums = np.concatenate((filters.scaled.reshape(-1, filters.size), filters.relative[None]))
    added = _added(sums.reshape(-1, width)).reshape(-1, n)
    return SumColumns(
        filters.counts.reshape(-1, n, width).sum(axis=2),
        added[:-1].reshape(*filters.scaled.shape[:2], n),
        added[-1],
        np.stack([ends[0].min(axis=1), ends[1].max(axis=1)]),
    )


def _added(rows: NDArray[np.float64]) -> NDArray[np.float64]:
    """The sum of every row `[n, filters]`, rounding errors carried; most rows are zero."""
    from tb_snapshot_compare.analysis import kernels

    some = np.flatnonzero(rows.any(axis=1))
    values = np.zeros((2, some.size, rows.shape[1]))
    np.take(rows, some, axis=0, out=values[0])
    sums = np.zeros(some.size)
    kernels.combined(values, sums)
    totals = np.zeros(rows.shape[0])
    totals[some] = sums
    return totals
