"""The compiled pass that counts differences. Imported by the first block, never at start."""

from typing import Any

import numpy as np
from numpy.typing import NDArray

from tb_snapshot_compare.analysis.compiled import compiled
from tb_snapshot_compare.analysis.kernels import HUGE, difference, relative

Array = NDArray[Any]

_PIECE = 1024
_LARGEST = float(np.finfo(np.float64).max)


@compiled
def _guess(position: float, bins: int) -> int:
    """The bin at a position counted in bins; the first for NaN, which an overflow may leave."""
    if position >= bins:
        return bins - 1
    return int(position) if position > 0.0 else 0


@compiled
def _any_change(x: float, low_x: float, y: float, low_y: float, wide: bool) -> tuple[float, float]:
    """The difference and the relative percent difference of any pair; NaN if not both finite."""
    d = y - x
    if wide:
        d = difference(x, low_x, y, low_y)
        x, y = x + low_x, y + low_y
    if not (np.isfinite(x) and np.isfinite(y)):
        return np.nan, np.nan
    change = 2.0 * relative(x, y, d)
    return min(max(d, -_LARGEST), _LARGEST), change


@compiled
def _bin_piece(
    a: Array,
    b: Array,
    low_a: Array,
    low_b: Array,
    wide: bool,
    edges: Array,
    factor: float,
    levels: Array,
    start: int,
    size: int,
    differences: Array,
    changes: Array,
    cells: Array,
) -> None:
    """Writes the cell of each pair from `start` on, bin * levels + level, to `cells` int64.

    -1 for a pair that is not finite on both sides. `differences` and `changes` are scratch of
    the size of `cells`; the rest are the arguments of `count_pairs`.
    """
    bins, count = edges.size - 1, levels.size - 1
    first, per_level = edges[0], 0.5 * count
    piece_a, piece_b = a[start : start + size], b[start : start + size]
    for j in range(size):
        u: float = np.float64(piece_a[j])
        v: float = np.float64(piece_b[j])
        s = abs(u) + abs(v)
        changes[j] = 2.0 * (abs(v - u) / (s if s > 0.0 else 1.0))
        differences[j] = v - u if s < HUGE else np.nan
    for j in range(size):
        d, change = differences[j], changes[j]
        if wide or np.isnan(d):
            i = start + j
            d, change = _any_change(
                np.float64(a[i]), np.float64(low_a[i]), np.float64(b[i]), np.float64(low_b[i]),
                wide,
            )  # fmt: skip
            if np.isnan(d):
                cells[j] = -1
                continue
        cell = _guess((d - first) * factor, bins)
        while cell > 0 and d < edges[cell]:
            cell -= 1
        while cell < bins - 1 and d >= edges[cell + 1]:
            cell += 1
        level = _guess(change * per_level, count)
        while level > 0 and change < levels[level]:
            level -= 1
        while level < count - 1 and change >= levels[level + 1]:
            level += 1
        cells[j] = cell * count + level


@compiled
def count_pairs(
    a: Array,
    b: Array,
    low_a: Array,
    low_b: Array,
    wide: bool,
    edges: Array,
    factor: float,
    levels: Array,
    counts: Array,
) -> int:
    """Adds pairs to `counts` int64 `[bins, levels]`.

    The arguments a to wide are those of `ValuePairs`; `edges` `[bins + 1]` and `levels`
    `[levels + 1]` are in order; `factor` is in bins per unit: from there the search starts.

    Returns:
      The number of pairs that are not both finite.
    """
    flat = counts.reshape(counts.size)
    differences, changes = np.empty(_PIECE), np.empty(_PIECE)
    cells = np.empty(_PIECE, np.int64)
    excluded = 0
    for start in range(0, a.size, _PIECE):
        size = min(_PIECE, a.size - start)
        _bin_piece(
            a, b, low_a, low_b, wide, edges, factor, levels, start, size, differences, changes,
            cells,
        )  # fmt: skip
        for j in range(size):
            if cells[j] < 0:
                excluded += 1
            else:
                flat[cells[j]] += 1
    return excluded


@compiled
def mark_pairs(
    a: Array,
    b: Array,
    low_a: Array,
    low_b: Array,
    wide: bool,
    edges: Array,
    factor: float,
    levels: Array,
    chosen: Array,
    marks: Array,
) -> None:
    """Writes 1 to `marks` uint8 `[n]` for each pair in a chosen cell, else 0.

    The arguments a to levels are those of `count_pairs`; `chosen` is uint8 `[bins * levels]`.
    """
    differences, changes = np.empty(_PIECE), np.empty(_PIECE)
    cells = np.empty(_PIECE, np.int64)
    for start in range(0, a.size, _PIECE):
        size = min(_PIECE, a.size - start)
        _bin_piece(
            a, b, low_a, low_b, wide, edges, factor, levels, start, size, differences, changes,
            cells,
        )  # fmt: skip
        for j in range(size):
            marks[start + j] = chosen[cells[j]] if cells[j] >= 0 else 0
