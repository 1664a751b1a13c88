"""The compiled passes over pairs of blocks. Imported by the first block, never at start.

Layout of the sums. Every element adds to a *lane*, and neighbouring elements never to the same
one: the loops below need no reduction and become vector instructions without reordering a single
addition. `TILE` lanes make a tile, in which the slots named below follow each other at a distance
of `SLOT`, which is not a multiple of 4096 bytes over any two slots, or loads would wait for stores
to the aliasing address. There are two ways from elements to lanes:

- *rows* (`add_rows`): element i of the flat tensor adds to lane i % lanes, where lanes is a
  multiple of the number of filters times the elements of a filter that lie side by side. So a
  filter's sums are those of lanes at fixed places.
- *runs* (`add_runs`), where many elements of a filter lie side by side: element j of such a run
  adds to lane j % TILE of one tile, which is emptied into the filter's sums at the end of the run.

Each lane adds its elements strictly in the tensor's order, and is emptied into a compensated sum
at fixed positions of the tensor (every `FLUSH_ROWS` rows, and at the ends of runs). So a result
does not depend on how the tensor was cut into blocks, nor on the processor, bit for bit.

Range. Squares and products of float64 values may leave float64's range. Values beyond
`TAME_FLOOR` and `TAME_LIMIT` are looked at one by one: what would leave the range is added, scaled
by a power of two, to a second or third sum (the idea of Blue, "A portable Fortran program to find
the Euclidean norm of a vector", TOMS 4(1), 1978).
"""

from typing import Any

import numpy as np
from numpy.typing import NDArray

from tb_snapshot_compare.analysis.compiled import compiled
from tb_snapshot_compare.analysis.half_kernels import value_of

Array = NDArray[Any]
Sums = tuple[float, ...]

TILE = 64
SLOT = 72
SLOTS = 10
SQUARES, SQUARES_A, SQUARES_B, PRODUCTS, ABSOLUTE, RELATIVE, LOW, HIGH, CHANGED, FLIPS = range(10)
SUMS = 6
"""The first so many slots are sums that are emptied into compensated ones; `RELATIVE` holds
half of the relative percent difference."""

NAN_A, NAN_B, INF_A, INF_B, EXCLUDED = range(5)
ODD = 5
"""Counts of what is not finite, per lane."""

FLUSH_ROWS = 128
_SPAN = 4096
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
        ) = _with_pair(value_of(a[first + j]), value_of(b[first + j]), sums)  # fmt: skip


@compiled
def _add_tame_rows(a: Array, b: Array, start: int, size: int, lanes: int, tiles: Array) -> None:
    """Adds tame pairs from the first lane on, a multiple of four rows of lanes.

    The same as calls of `_add_one_row`, with a quarter of the loads and stores.
    """
    one, row = np.uint64(SLOT), np.uint64(lanes)
    for i in range(start, start + size, 4 * lanes):
        for tile in range(tiles.shape[0]):
            t, count = np.uint64(tile), np.uint64(min(TILE, lanes - tile * TILE))
            r0 = np.uint64(i + tile * TILE)
            r1, r2, r3 = r0 + row, r0 + row + row, r0 + row + row + row
            for k in range(count):
                sums: Sums = (
                    tiles[t, k], tiles[t, one + k], tiles[t, 2 * one + k],
                    tiles[t, 3 * one + k], tiles[t, 4 * one + k], tiles[t, 5 * one + k],
                    tiles[t, 6 * one + k], tiles[t, 7 * one + k], tiles[t, 8 * one + k],
                    tiles[t, 9 * one + k],
                )  # fmt: skip
                sums = _with_pair(value_of(a[r0 + k]), value_of(b[r0 + k]), sums)
                sums = _with_pair(value_of(a[r1 + k]), value_of(b[r1 + k]), sums)
                sums = _with_pair(value_of(a[r2 + k]), value_of(b[r2 + k]), sums)
                sums = _with_pair(value_of(a[r3 + k]), value_of(b[r3 + k]), sums)
                (
                    tiles[t, k], tiles[t, one + k], tiles[t, 2 * one + k],
                    tiles[t, 3 * one + k], tiles[t, 4 * one + k], tiles[t, 5 * one + k],
                    tiles[t, 6 * one + k], tiles[t, 7 * one + k], tiles[t, 8 * one + k],
                    tiles[t, 9 * one + k],
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
    tiles: Array,
    tile: int,
    lane: int,
    scaled: Array,
    odd: Array,
    owner: int,
    owners: int,
) -> None:
    """Adds pairs of any kind one by one to the lanes from `lane` of one tile.

    What the lanes do not hold is added to `scaled` and `odd` from `owner` on: to as many owners
    as there are pairs where `owners` is 1, to one where it is 0.
    """
    for j in range(size):
        k, o = lane + j, owner + j * owners
        x: float = value_of(a[start + j])
        y: float = value_of(b[start + j])
        d = y - x
        if wide:
            low_x, low_y = np.float64(low_a[start + j]), np.float64(low_b[start + j])
            d = difference(x, low_x, y, low_y)
            x, y = x + low_x, y + low_y
        if np.isfinite(x) and np.isfinite(y):
            for slot, u, v in ((SQUARES_A, x, x), (SQUARES_B, y, y), (PRODUCTS, x, y)):
                bank, term = _term(u, v)
                if bank < 0:
                    tiles[tile, slot * SLOT + k] += term
                else:
                    scaled[bank, slot, o] += term
            if abs(d) <= MIDDLE_LIMIT:
                bank, term = _term(d, d)
                tiles[tile, ABSOLUTE * SLOT + k] += abs(d)
            else:
                reduced = y * _DOWN - x * _DOWN
                bank, term = BIG, reduced * reduced
                scaled[BIG, ABSOLUTE, o] += abs(reduced)
            if bank < 0:
                tiles[tile, SQUARES * SLOT + k] += term
            else:
                scaled[bank, SQUARES, o] += term
            tiles[tile, RELATIVE * SLOT + k] += relative(x, y, d)
            tiles[tile, LOW * SLOT + k] = min(d, tiles[tile, LOW * SLOT + k])
            tiles[tile, HIGH * SLOT + k] = max(d, tiles[tile, HIGH * SLOT + k])
            tiles[tile, CHANGED * SLOT + k] += d != 0.0
            tiles[tile, FLIPS * SLOT + k] += (x < 0.0 < y) or (y < 0.0 < x)
        else:
            odd[EXCLUDED, o] += 1
            odd[NAN_A, o] += np.isnan(x)
            odd[NAN_B, o] += np.isnan(y)
            odd[INF_A, o] += np.isinf(x)
            odd[INF_B, o] += np.isinf(y)
            same = x == y or (np.isnan(x) and np.isnan(y))
            tiles[tile, CHANGED * SLOT + k] += not same


@compiled
def _add_mixed(
    a: Array,
    b: Array,
    bits_a: Array,
    bits_b: Array,
    low_a: Array,
    low_b: Array,
    wide: bool,
    start: int,
    size: int,
    lane: int,
    lanes: int,
    bounds: Array,
    tiles: Array,
    scaled: Array,
    odd: Array,
    owner: int,
    owners: int,
) -> None:
    """Adds pairs of any kind from `lane` on, a piece of a tile at a time.

    `owner` is that of the first lane; see `_add_any`.
    """
    i, stop = start, start + size
    while i < stop:
        t, k = lane // TILE, lane % TILE
        count = min(stop - i, lanes - lane, TILE - k)
        if not wide and _tame(bits_a, bits_b, i, count, bounds):
            _add_one_row(a, b, i, count, tiles, t, k)
        else:
            _add_any(
                a, b, low_a, low_b, wide, i, count, tiles, t, k, scaled, odd,
                owner + lane * owners, owners,
            )  # fmt: skip
        i += count
        lane = (lane + count) % lanes


@compiled
def _even_rows(room: int, lanes: int) -> int:
    """The elements of as many rows, in fours, as are worth checking for tameness at once."""
    four = 4 * lanes
    return min(room // four * four, max(_SPAN // four * four, four))


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
def add_rows(
    a: Array,
    b: Array,
    bits_a: Array,
    bits_b: Array,
    low_a: Array,
    low_b: Array,
    wide: bool,
    at: int,
    lanes: int,
    bounds: Array,
    tiles: Array,
    totals: Array,
    scaled: Array,
    odd: Array,
) -> None:
    """Adds a block of pairs to the sums of a tensor, by rows.

    The arguments a to low_b and wide are those of `ValuePairs`, float32 or float64 `[n]`, or
    the bits of 16-bit floats (`half_kernels`); `bits_a` and `bits_b` are the values seen as
    unsigned integers. `at` is the index in the tensor of the block's first element. `bounds`
    are the floor and the limit of what is tame, and -0.0, as bits `[3]`.

    The state: `tiles` `[tiles, SLOTS * SLOT]`; `totals` as in `flush`; `scaled` sums of small
    and of big terms, scaled up and down `[2, ABSOLUTE + 1, lanes]`; `odd` `[ODD, lanes]`.
    """
    period = FLUSH_ROWS * lanes
    i = at - at  # Not a literal 0, for which numba would compile all that is called once more.
    none, one = i, i + 1
    while i < a.size:
        position = at + i
        if position > 0 and position % period == 0:
            flush(tiles, totals)
        room = min(a.size - i, period - position % period)
        lane = position % lanes
        size = _even_rows(room, lanes) if lane == 0 and not wide else 0
        if size > 0 and _tame(bits_a, bits_b, i, size, bounds):
            _add_tame_rows(a, b, i, size, lanes, tiles)
        else:
            size = size if size > 0 else min(room, lanes - lane)
            _add_mixed(
                a, b, bits_a, bits_b, low_a, low_b, wide, i, size, lane, lanes, bounds, tiles,
                scaled, odd, none, one,
            )  # fmt: skip
        i += size


@compiled
def empty(tile: Array, owner: int, totals: Array, extremes: Array) -> None:
    """Empties one tile `[1, SLOTS * SLOT]` into the sums of a filter."""
    quarter = TILE // 4
    for slot in range(SUMS):
        first = slot * SLOT
        p, q, r, s = 0.0, 0.0, 0.0, 0.0
        for j in range(first, first + quarter):
            p, q = p + tile[0, j], q + tile[0, j + quarter]
            r, s = r + tile[0, j + 2 * quarter], s + tile[0, j + 3 * quarter]
        value, before = (p + q) + (r + s), totals[0, slot, owner]
        after = before + value
        back = after - before
        totals[1, slot, owner] += (before - (after - back)) + (value - back)
        totals[0, slot, owner] = after
    low, high = extremes[LOW - SUMS, owner], extremes[HIGH - SUMS, owner]
    changed, flips = 0.0, 0.0
    for j in range(TILE):
        low = min(tile[0, LOW * SLOT + j], low)
        high = max(tile[0, HIGH * SLOT + j], high)
        changed += tile[0, CHANGED * SLOT + j]
        flips += tile[0, FLIPS * SLOT + j]
    extremes[LOW - SUMS, owner], extremes[HIGH - SUMS, owner] = low, high
    extremes[CHANGED - SUMS, owner] += changed
    extremes[FLIPS - SUMS, owner] += flips
    tile[:] = 0.0
    tile[0, LOW * SLOT : LOW * SLOT + TILE] = np.inf
    tile[0, HIGH * SLOT : HIGH * SLOT + TILE] = -np.inf


@compiled
def combined(sums: Array, totals: Array) -> None:
    """Adds up compensated sums and their rounding errors `[2, n, lanes]` into `totals` `[n]`."""
    for slot in range(sums.shape[1]):
        total, error = 0.0, 0.0
        for lane in range(sums.shape[2]):
            value = sums[0, slot, lane]
            after = total + value
            back = after - total
            error += ((total - (after - back)) + (value - back)) + sums[1, slot, lane]
            total = after
        totals[slot] = total + error


@compiled
def add_runs(
    a: Array,
    b: Array,
    bits_a: Array,
    bits_b: Array,
    low_a: Array,
    low_b: Array,
    wide: bool,
    at: int,
    filters: int,
    stride: int,
    bounds: Array,
    tile: Array,
    totals: Array,
    extremes: Array,
    scaled: Array,
    odd: Array,
) -> None:
    """Adds a block of pairs to the sums of a tensor, by runs of `stride` elements of a filter.

    The arguments are those of `add_rows` but for the state: `tile` `[1, SLOTS * SLOT]`;
    `totals` sums and their rounding errors `[2, SUMS, filters]`; `extremes` the other slots
    `[SLOTS - SUMS, filters]`; `scaled` and `odd` of each filter.
    """
    period = FLUSH_ROWS * TILE
    i = at - at
    none, lanes = i, i + TILE
    while i < a.size:
        position = at + i
        within = position % stride
        owner = (position // stride) % filters
        lane = within % TILE
        room = min(a.size - i, stride - within, period - within % period)
        size = _even_rows(room, TILE) if lane == 0 and not wide else 0
        if size > 0 and _tame(bits_a, bits_b, i, size, bounds):
            _add_tame_rows(a, b, i, size, TILE, tile)
        else:
            size = size if size > 0 else min(room, TILE - lane)
            _add_mixed(
                a, b, bits_a, bits_b, low_a, low_b, wide, i, size, lane, lanes, bounds, tile,
                scaled, odd, owner, none,
            )  # fmt: skip
        i += size
        within += size
        if within == stride or within % period == 0:
            empty(tile, owner, totals, extremes)
