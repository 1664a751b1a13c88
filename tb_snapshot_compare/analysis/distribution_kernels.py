"""The compiled pass that counts differences. Imported by the first block, never at start."""

from typing import Any

import numpy as np
from numpy.typing import NDArray

from tb_snapshot_compare.analysis.compiled import compiled
from tb_snapshot_compare.analysis.kernels import HUGE, difference, relative

Array = NDArray[Any]
Real = Any
"""A float32 or a float64."""

_PIECE, _GROUP = 1024, 32
_SINGLE = 4
_HUGE_SINGLE = 2.0**126
"""Below this neither a sum nor a difference of two float32 overflows."""
TABLES = 4
"""So many tables are counted into where they stay in the cache."""
_LARGEST = float(np.finfo(np.float64).max)


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
def _slice_of(value: float, position: float, edges: Array) -> int:
    """The slice that holds a value, searched from a position counted in slices, NaN for none."""
    last = edges.size - 2
    found = 0
    if position > 0.0:
        found = last if position >= last else int(position)
    while found > 0 and value < edges[found]:
        found -= 1
    while found < last and value >= edges[found + 1]:
        found += 1
    return found


@compiled
def slack(edges: Array, low: float, factor: float) -> float:
    """How far from a whole number the position of an edge may come out.

    Positions, (value - low) * factor, are rounded, but never change places: they grow with the
    value. So a value whose position is further than this from every whole number lies between
    the edges that the position tells.
    """
    most = 0.0
    for k in range(edges.size):
        off = abs((edges[k] - low) * factor - k)
        most = off if off > most or np.isnan(off) else most
    return most


@compiled
def _cells_of(
    a: Array,
    b: Array,
    start: int,
    size: int,
    low: Real,
    factor: Real,
    bins: Real,
    levels: Real,
    room_bin: Real,
    room_level: Real,
    at_zero: Real,
    huge: Real,
    cells: Array,
) -> bool:
    """Writes the cell of each pair from `start` on, bin * levels + level, -1 where in doubt.

    Computes in the type of `low` to `huge`, which all are float32 or all float64. `room_bin` and
    `room_level` are those of `DistributionGrid`; `at_zero` is the position of no difference;
    `huge` a sum of magnitudes below which nothing overflows. Returns whether any is in doubt.
    """
    piece_a, piece_b = a[start : start + size], b[start : start + size]
    nothing = low - low
    one = nothing + bins / bins
    half = one / (one + one)
    last, top = bins - half, levels - half
    for j in range(size):
        u, v = piece_a[j] + nothing, piece_b[j] + nothing
        d, s = v - u, abs(u) + abs(v)
        p = (d - low) * factor
        q = abs(d) / (s if s > nothing else one) * levels
        p = p if d != nothing else at_zero
        p = p if p > half else half
        p = p if p < last else last
        q = q if q > half else half
        q = q if q < top else top
        x, y = np.floor(p), np.floor(q)
        off_p, off_q = abs((p - x) - half), abs((q - y) - half)
        sure = (off_p < room_bin) & (off_q < room_level) & (s < huge)
        cells[j] = np.int32(x * levels + y if sure else -one)
    least = np.int32(0)
    for j in range(size):
        least = min(least, cells[j])
    return bool(least < 0)


@compiled
def _exact_cells(
    a: Array,
    b: Array,
    low_a: Array,
    low_b: Array,
    wide: bool,
    start: int,
    size: int,
    edges: Array,
    factor: float,
    levels: Array,
    cells: Array,
) -> bool:
    """Looks up the cells that are -1, one by one; it stays for pairs that are not finite.

    Returns whether it stays for any. Values of few bits often lie on an edge, so that most pieces
    have some in doubt, but few.
    """
    count = levels.size - 1
    stays = False
    for first in range(0, size, _GROUP):
        group = cells[first : min(first + _GROUP, size)]
        least = np.int32(0)
        for j in range(group.size):
            least = min(least, group[j])
        if least == 0:
            continue
        for j in range(group.size):
            if group[j] < 0:
                i = start + first + j
                d, change = _any_change(
                    np.float64(a[i]), np.float64(low_a[i]), np.float64(b[i]), np.float64(low_b[i]),
                    wide,
                )  # fmt: skip
                if np.isnan(d):
                    stays = True
                else:
                    cell = _slice_of(d, (d - edges[0]) * factor, edges)
                    group[j] = cell * count + _slice_of(change, change * 0.5 * count, levels)
    return stays


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
    room: Array,
    start: int,
    size: int,
    cells: Array,
) -> bool:
    """Writes the cell of each pair from `start` on to `cells` int32, -1 where not both finite.

    The rest are the arguments of `count_pairs`. Returns whether any is -1.
    """
    if wide:
        cells[:size] = -1
    else:
        at_zero = _slice_of(0.0, (0.0 - edges[0]) * factor, edges) + 0.5
        bins, count = edges.size - 1, levels.size - 1
        if a.itemsize == _SINGLE and room[2] > 0.0:
            doubts = _cells_of(
                a, b, start, size, np.float32(edges[0]), np.float32(factor), np.float32(bins),
                np.float32(count), np.float32(room[2]), np.float32(room[3]), np.float32(at_zero),
                np.float32(_HUGE_SINGLE), cells,
            )  # fmt: skip
        else:
            doubts = _cells_of(
                a, b, start, size, edges[0], factor, np.float64(bins), np.float64(count), room[0],
                room[1], at_zero, HUGE, cells,
            )  # fmt: skip
        if not doubts:
            return False
    return _exact_cells(a, b, low_a, low_b, wide, start, size, edges, factor, levels, cells)


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
    room: Array,
    counts: Array,
) -> int:
    """Adds pairs to `counts` int64 `[tables, bins * levels]`, whose sum is meant.

    The arguments a to wide are those of `ValuePairs`; `edges` `[bins + 1]` and `levels`
    `[levels + 1]` are in order; `factor` is in bins per unit; `room` as in `DistributionGrid`.
    Neighbours add to different tables, so that equal cells need not wait for each other.

    Returns:
      The number of pairs that are not both finite.
    """
    cells = np.empty(_PIECE, np.int32)
    tables = counts.shape[0]
    excluded = 0
    for start in range(0, a.size, _PIECE):
        size = min(_PIECE, a.size - start)
        odd = _bin_piece(
            a, b, low_a, low_b, wide, edges, factor, levels, room, start, size, cells
        )  # fmt: skip
        if odd or tables != TABLES or size != _PIECE:
            for j in range(size):
                if cells[j] < 0:
                    excluded += 1
                else:
                    counts[0, cells[j]] += 1
        else:
            for j in range(0, _PIECE, TABLES):
                counts[0, np.uint32(cells[j])] += 1
                counts[1, np.uint32(cells[j + 1])] += 1
                counts[2, np.uint32(cells[j + 2])] += 1
                counts[3, np.uint32(cells[j + 3])] += 1
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
    room: Array,
    chosen: Array,
    marks: Array,
) -> None:
    """Writes 1 to `marks` uint8 `[n]` for each pair in a chosen cell, else 0.

    The arguments a to room are those of `count_pairs`; `chosen` is uint8 `[bins * levels]`.
    """
    cells = np.empty(_PIECE, np.int32)
    for start in range(0, a.size, _PIECE):
        size = min(_PIECE, a.size - start)
        _bin_piece(a, b, low_a, low_b, wide, edges, factor, levels, room, start, size, cells)
        for j in range(size):
            marks[start + j] = chosen[cells[j]] if cells[j] >= 0 else 0
