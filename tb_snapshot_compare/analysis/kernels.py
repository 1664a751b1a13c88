"""The compiled passes over pairs of blocks. Imported by the first block, never at start.

Layout of the sums. Element i of the flat tensor adds to *lane* i % lanes (or, where one filter's
elements lie side by side, to the lane of its filter). The number of lanes is a multiple of the
number of filters, so that a filter's sums are those of the lanes that are congruent to it, and
neighbouring elements never add to the same lane: the loops below need no reduction and become
vector instructions without reordering a single addition. Lanes lie in tiles of `TILE`; in a tile
the slots named below follow each other at a distance of `SLOT`, which is not a multiple of
4096 bytes over any two slots, or loads would wait for stores to the aliasing address.

Each lane adds its elements strictly in the tensor's order, and is emptied into a compensated sum
at fixed positions of the tensor (`FLUSH_ROWS`). So a result does not depend on how the tensor
was cut into blocks, nor on the processor, bit for bit.

Range. Squares and products of float64 values may leave float64's range. Values beyond
`TAME_FLOOR` and `TAME_LIMIT` are looked at one by one: what would leave the range is added, scaled
by a power of two, to a second or third sum (the idea of Blue, "A portable Fortran program to find
the Euclidean norm of a vector", TOMS 4(1), 1978).
"""

from typing import Any

import numpy as np
from numpy.typing import NDArray

from tb_snapshot_compare.analysis.compiled import compiled

Array = NDArray[Any]
Sums = tuple[float, ...]

TILE = 256
SLOT = 264
SLOTS = 10
SQUARES, SQUARES_A, SQUARES_B, PRODUCTS, ABSOLUTE, RELATIVE, LOW, HIGH, CHANGED, FLIPS = range(10)
SUMS = 6
"""The first so many slots are sums that are emptied into compensated ones; `RELATIVE` holds
half of the relative percent difference."""

NAN_A, NAN_B, INF_A, INF_B, EXCLUDED = range(5)
ODD = 5
"""Counts of what is not finite, per lane."""

FLUSH_ROWS = 128
TAME_FLOOR, TAME_LIMIT = 2.0**-420, 2.0**480
MIDDLE_LIMIT = 2.0**490
PRODUCT_FLOOR, PRODUCT_LIMIT = 2.0**-980, 2.0**980
SCALE = 600
_DOWN, _UP = 2.0**-SCALE, 2.0**SCALE
HUGE, _SHRINK = 2.0**1000, 2.0**-8
SMALL, BIG = 0, 1


@compiled
def _tame(bits_a: Array, bits_b: Array, start: int, size: int, bounds: Array) -> bool:
    """Whether the floats of these bits are all zero or of a magnitude within bounds.

    The bits of positive floats are ordered as the floats are; those of infinities and NaN lie
    above all finite ones. Integer maxima, unlike float ones, become vector instructions.
    """
    floor, limit, sign = bounds[0], bounds[1], bounds[2]
    first, count = np.uint64(start), np.uint64(size)
    most = sign ^ sign
    for j in range(count):
        most = max(most, max(bits_a[first + j] & ~sign, bits_b[first + j] & ~sign))
    if floor == 0:
        return bool(most <= limit)
    least = ~(sign ^ sign)
    unit = sign // sign
    for j in range(count):
        size_a, size_b = bits_a[first + j] & ~sign, bits_b[first + j] & ~sign
        least = min(least, min(size_a - unit, size_b - unit))
    return bool(most <= limit) and bool(least >= floor - unit)


@compiled
def _with_pair(x: float, y: float, sums: Sums) -> Sums:
    """The sums of one lane, in the order of the slots, with a tame pair added."""
    d, p, s = y - x, x * y, abs(x) + abs(y)
    return (
        sums[0] + d * d,
        sums[1] + x * x,
        sums[2] + y * y,
        sums[3] + p,
        sums[4] + abs(d),
        sums[5] + abs(d) / (s if s > 0.0 else 1.0),
        d if d < sums[6] else sums[6],
        d if d > sums[7] else sums[7],
        sums[8] + (1.0 if x != y else 0.0),
        sums[9] + (1.0 if p < 0.0 else 0.0),
    )


@compiled
def _add_one_row(
    a: Array, b: Array, start: int, size: int, tiles: Array, tile: int, lane: int
) -> None:
    """Adds tame pairs to the lanes from `lane` of one tile."""
    first, count, t = np.uint64(start), np.uint64(size), np.uint64(tile)
    one, begin = np.uint64(SLOT), np.uint64(lane)
    for j in range(count):
        k = begin + j
        sums: Sums = (
            tiles[t, k], tiles[t, one + k], tiles[t, 2 * one + k], tiles[t, 3 * one + k],
            tiles[t, 4 * one + k], tiles[t, 5 * one + k], tiles[t, 6 * one + k],
            tiles[t, 7 * one + k], tiles[t, 8 * one + k], tiles[t, 9 * one + k],
        )  # fmt: skip
        (
            tiles[t, k], tiles[t, one + k], tiles[t, 2 * one + k], tiles[t, 3 * one + k],
            tiles[t, 4 * one + k], tiles[t, 5 * one + k], tiles[t, 6 * one + k],
            tiles[t, 7 * one + k], tiles[t, 8 * one + k], tiles[t, 9 * one + k],
        ) = _with_pair(np.float64(a[first + j]), np.float64(b[first + j]), sums)  # fmt: skip


@compiled
def _add_four_rows(
    a: Array, b: Array, start: int, lanes: int, size: int, tiles: Array, tile: int
) -> None:
    """The same as four calls of `_add_one_row`, with a quarter of the loads and stores."""
    count, t, one = np.uint64(size), np.uint64(tile), np.uint64(SLOT)
    r0, row = np.uint64(start), np.uint64(lanes)
    r1, r2, r3 = r0 + row, r0 + row + row, r0 + row + row + row
    for k in range(count):
        sums: Sums = (
            tiles[t, k], tiles[t, one + k], tiles[t, 2 * one + k], tiles[t, 3 * one + k],
            tiles[t, 4 * one + k], tiles[t, 5 * one + k], tiles[t, 6 * one + k],
            tiles[t, 7 * one + k], tiles[t, 8 * one + k], tiles[t, 9 * one + k],
        )  # fmt: skip
        sums = _with_pair(np.float64(a[r0 + k]), np.float64(b[r0 + k]), sums)
        sums = _with_pair(np.float64(a[r1 + k]), np.float64(b[r1 + k]), sums)
        sums = _with_pair(np.float64(a[r2 + k]), np.float64(b[r2 + k]), sums)
        sums = _with_pair(np.float64(a[r3 + k]), np.float64(b[r3 + k]), sums)
        (
            tiles[t, k], tiles[t, one + k], tiles[t, 2 * one + k], tiles[t, 3 * one + k],
            tiles[t, 4 * one + k], tiles[t, 5 * one + k], tiles[t, 6 * one + k],
            tiles[t, 7 * one + k], tiles[t, 8 * one + k], tiles[t, 9 * one + k],
        ) = sums  # fmt: skip


@compiled
def difference(x: float, low_x: float, y: float, low_y: float) -> float:
    """(y + low_y) - (x + low_x), rounded once.

    The parts of a 64-bit integer are multiples of 2^32 and remainders, so between integers every
    step but the last is exact; against a float the rounding errors are carried (Knuth's TwoSum).
    """
    d = y - x
    back = d - y
    error = (y - (d - back)) - (x + back)
    low = low_y - low_x
    total = d + low
    back = total - d
    return total + (error + ((d - (total - back)) + (low - back)))


@compiled
def relative(x: float, y: float, d: float) -> float:
    """Half of the relative percent difference, |d| / (|x| + |y|), also near float64's limit."""
    if max(abs(x), abs(y)) > HUGE:
        x, y = x * _SHRINK, y * _SHRINK
        d = y - x
    s = abs(x) + abs(y)
    return abs(d) / s if s > 0.0 else 0.0


@compiled
def _term(x: float, y: float) -> tuple[int, float]:
    """x*y, and the sum to which it belongs: -1, `SMALL` (scaled up) or `BIG` (scaled down)."""
    p = x * y
    size = abs(p)
    if (PRODUCT_FLOOR <= size <= PRODUCT_LIMIT) or x == 0.0 or y == 0.0:
        return -1, p
    if size > PRODUCT_LIMIT:
        return BIG, (x * _DOWN) * (y * _DOWN)
    return SMALL, (x * _UP) * (y * _UP)


@compiled
def _add_any(
    a: Array,
    b: Array,
    low_a: Array,
    low_b: Array,
    wide: bool,
    start: int,
    size: int,
    at: int,
    lanes: int,
    stride: int,
    tiles: Array,
    scaled: Array,
    odd: Array,
) -> None:
    """Adds pairs of any kind one by one; the first is element `at` of the tensor."""
    lane, left = (at // stride) % lanes, stride - at % stride
    for j in range(start, start + size):
        t, k = lane // TILE, lane % TILE
        x: float = np.float64(a[j])
        y: float = np.float64(b[j])
        d = y - x
        if wide:
            d = difference(x, np.float64(low_a[j]), y, np.float64(low_b[j]))
            x, y = x + low_a[j], y + low_b[j]
        if np.isfinite(x) and np.isfinite(y):
            for slot, u, v in ((SQUARES_A, x, x), (SQUARES_B, y, y), (PRODUCTS, x, y)):
                bank, term = _term(u, v)
                if bank < 0:
                    tiles[t, slot * SLOT + k] += term
                else:
                    scaled[bank, slot, lane] += term
            if abs(d) <= MIDDLE_LIMIT:
                bank, term = _term(d, d)
                tiles[t, ABSOLUTE * SLOT + k] += abs(d)
            else:
                reduced = y * _DOWN - x * _DOWN
                bank, term = BIG, reduced * reduced
                scaled[BIG, ABSOLUTE, lane] += abs(reduced)
            if bank < 0:
                tiles[t, SQUARES * SLOT + k] += term
            else:
                scaled[bank, SQUARES, lane] += term
            tiles[t, RELATIVE * SLOT + k] += relative(x, y, d)
            tiles[t, LOW * SLOT + k] = min(d, tiles[t, LOW * SLOT + k])
            tiles[t, HIGH * SLOT + k] = max(d, tiles[t, HIGH * SLOT + k])
            tiles[t, CHANGED * SLOT + k] += d != 0.0
            tiles[t, FLIPS * SLOT + k] += (x < 0.0 < y) or (y < 0.0 < x)
        else:
            odd[EXCLUDED, lane] += 1
            odd[NAN_A, lane] += np.isnan(x)
            odd[NAN_B, lane] += np.isnan(y)
            odd[INF_A, lane] += np.isinf(x)
            odd[INF_B, lane] += np.isinf(y)
            same = x == y or (np.isnan(x) and np.isnan(y))
            tiles[t, CHANGED * SLOT + k] += not same
        left -= 1
        if left == 0:
            lane, left = lane + 1, stride
            lane = 0 if lane == lanes else lane


@compiled
def flush(tiles: Array, totals: Array) -> None:
    """Empties the sums into `totals` (2, SUMS, tiles, TILE): sums and their rounding errors."""
    for t in range(tiles.shape[0]):
        for slot in range(SUMS):
            total, error = totals[0, slot, t], totals[1, slot, t]
            for j in range(TILE):
                value, before = tiles[t, slot * SLOT + j], total[j]
                after = before + value
                back = after - before
                error[j] += (before - (after - back)) + (value - back)
                total[j] = after
                tiles[t, slot * SLOT + j] = 0.0


@compiled
def add_pairs(
    a: Array,
    b: Array,
    bits_a: Array,
    bits_b: Array,
    low_a: Array,
    low_b: Array,
    wide: bool,
    at: int,
    lanes: int,
    stride: int,
    bounds: Array,
    tiles: Array,
    totals: Array,
    scaled: Array,
    odd: Array,
) -> None:
    """Adds a block of pairs to the sums of a tensor.

    The arguments a to low_b and wide are those of `ValuePairs`, float32 or float64 `[n]`;
    `bits_a` and `bits_b` the values seen as unsigned integers. `at` is the index in the tensor
    of the block's first element; `lanes` and `stride` map elements to lanes as said above.
    `bounds` are the floor and the limit of what is tame, and -0.0, as bits `[3]`.

    The state: `tiles` `[tiles, SLOTS * SLOT]`; `totals` as in `flush`; `scaled` sums of small
    and of big terms, scaled up and down `[2, ABSOLUTE + 1, lanes]`; `odd` `[ODD, lanes]`.
    """
    period = FLUSH_ROWS * lanes
    i = at - at  # Not a literal 0, for which numba would compile all that is called once more.
    while i < a.size:
        position = at + i
        if position > 0 and position % period == 0:
            flush(tiles, totals)
        room = min(a.size - i, period - position % period)
        lane = position % lanes
        if wide or stride != 1:
            size = room
            _add_any(a, b, low_a, low_b, wide, i, size, position, lanes, stride, tiles, scaled, odd)
        elif lane == 0 and room >= 4 * lanes:
            size = 4 * lanes
            for t in range(tiles.shape[0]):
                first = i + t * TILE
                width = min(TILE, lanes - t * TILE)
                if (
                    _tame(bits_a, bits_b, first, width, bounds)
                    and _tame(bits_a, bits_b, first + lanes, width, bounds)
                    and _tame(bits_a, bits_b, first + 2 * lanes, width, bounds)
                    and _tame(bits_a, bits_b, first + 3 * lanes, width, bounds)
                ):
                    _add_four_rows(a, b, first, lanes, width, tiles, t)
                    continue
                for start in range(first, first + size, lanes):
                    _add_any(
                        a, b, low_a, low_b, wide,
                        start, width, at + start, lanes, stride, tiles, scaled, odd,
                    )  # fmt: skip
        else:
            size = min(room, lanes - lane, TILE - lane % TILE)
            if _tame(bits_a, bits_b, i, size, bounds):
                _add_one_row(a, b, i, size, tiles, lane // TILE, lane % TILE)
            else:
                _add_any(
                    a, b, low_a, low_b, wide, i, size, position, lanes, stride, tiles, scaled, odd
                )
        i += size
