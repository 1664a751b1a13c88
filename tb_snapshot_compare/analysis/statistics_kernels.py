"""The compiled passes over blocks of one array. Imported by the first block, never at start.

A *key* is the bits of a float64 as an unsigned integer in the order of the numbers: the sign bit
of positive ones is flipped, and every bit of negative ones. Counting keys by their upper bits
gives histograms that can be added up, in which every rank is found exactly.
"""

from typing import Any

import numpy as np
from numpy.typing import NDArray

from tb_snapshot_compare.analysis.compiled import compiled

Array = NDArray[Any]

LANES = 32
SUM, ERROR, MAGNITUDE, SQUARES, DEVIATION, DEVIATION_SQUARES = range(6)
SUMS = 6

_SIGN = np.uint64(1 << 63)
_PLACE = np.uint64(63)
_PREFIX = np.uint64(48)
_SIZE = np.uint64((1 << 63) - 1)
_NONE = np.uint64(0)


@compiled
def add_up(x: Array, centre: float, lanes: Array, sums: Array) -> None:
    """Writes the sums of finite values `[n]` to `sums` `[SUMS]`.

    `SUM` and its rounding error (Knuth's TwoSum), those of magnitudes and squares, and of the
    deviations from `centre` and their squares. `lanes` `[SUMS, LANES]` is room to work in.
    """
    lanes[:] = 0.0
    rows = x.size // LANES
    for row in range(rows):
        first = row * LANES
        for j in range(LANES):
            value, before = x[first + j], lanes[SUM, j]
            after = before + value
            back = after - before
            lanes[ERROR, j] += (before - (after - back)) + (value - back)
            lanes[SUM, j] = after
            lanes[MAGNITUDE, j] += abs(value)
            lanes[SQUARES, j] += value * value
            d = value - centre
            lanes[DEVIATION, j] += d
            lanes[DEVIATION_SQUARES, j] += d * d
    for i in range(rows * LANES, x.size):
        value, j = x[i], i - rows * LANES
        before = lanes[SUM, j]
        after = before + value
        back = after - before
        lanes[ERROR, j] += (before - (after - back)) + (value - back)
        lanes[SUM, j] = after
        lanes[MAGNITUDE, j] += abs(value)
        lanes[SQUARES, j] += value * value
        d = value - centre
        lanes[DEVIATION, j] += d
        lanes[DEVIATION_SQUARES, j] += d * d
    for slot in range(ERROR, SUMS):
        total = 0.0
        for j in range(LANES):
            total += lanes[slot, j]
        sums[slot] = total
    total, error = 0.0, sums[ERROR]
    for j in range(LANES):
        value = lanes[SUM, j]
        after = total + value
        back = after - total
        error += (total - (after - back)) + (value - back)
        total = after
    sums[SUM], sums[ERROR] = total, error


@compiled
def _key(bits: Any) -> Any:
    """The key of a float64's bits, both as unsigned integers."""
    return bits ^ ((_NONE - (bits >> _PLACE)) | _SIGN)


@compiled
def count_keys(bits: Array, bin_of: Array, counts: Array) -> None:
    """Adds the keys of bits `[n]` to the bins that their first 16 bits are in."""
    for i in range(bits.size):
        counts[bin_of[_key(bits[i]) >> _PREFIX]] += 1


@compiled
def _place_of(key: Any, starts: Array, ends: Array) -> int:
    """Which of the disjoint ranges of keys, in order, holds a key; -1 for none."""
    low, high = 0, starts.size
    while low < high:
        middle = (low + high) // 2
        if starts[middle] <= key:
            low = middle + 1
        else:
            high = middle
    return low - 1 if low > 0 and key <= ends[low - 1] else -1


@compiled
def count_within(
    bits: Array, touched: Array, starts: Array, ends: Array, shifts: Array, counts: Array
) -> None:
    """Adds the keys in some ranges to `counts` `[ranges, bins]`, by the bits above `shifts`.

    `touched` `[65536]` is whether any range holds keys with these first 16 bits.
    """
    for i in range(bits.size):
        key = _key(bits[i])
        if touched[key >> _PREFIX]:
            place = _place_of(key, starts, ends)
            if place >= 0:
                counts[place, (key - starts[place]) >> shifts[place]] += 1


@compiled
def gather(bits: Array, touched: Array, starts: Array, ends: Array, found: Array) -> int:
    """Writes the keys in some ranges to the beginning of `found` `[n]`; returns how many."""
    count = 0
    for i in range(bits.size):
        key = _key(bits[i])
        if touched[key >> _PREFIX] and _place_of(key, starts, ends) >= 0:
            found[count] = key
            count += 1
    return count


@compiled
def count_bands(x: Array, weights: Array, edges: Array, guesses: Array, counts: Array) -> None:
    """Adds values `[n]` to the bands `[edges + 1]` of their size relative to weights `[n]`.

    The band is the first edge with |x| <= edge * |w|, in float64; pairs that are not both finite
    are left out. `guesses` `[32768]` is about where to look, by the first 16 bits of |x| / |w|.
    """
    for i in range(x.size):
        size, weight = abs(x[i]), abs(weights[i])
        if not (np.isfinite(size) and np.isfinite(weight)):
            continue
        ratio = size / weight if weight > 0.0 else size
        band = guesses[np.float64(ratio).view(np.uint64) >> _PREFIX]
        while band < edges.size and size > edges[band] * weight:
            band += 1
        while band > 0 and size <= edges[band - 1] * weight:
            band -= 1
        counts[band] += 1
