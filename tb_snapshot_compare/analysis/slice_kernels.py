"""The compiled passes of the kernel map. Imported by the first block, never at start.

A block is `[cells, outers, inners]` in C order. Its element (k, o, i) belongs to the pixel
`outer_pixels[o] + inner_pixels[i]`. Sums are taken in `LANES` lanes of neighbouring elements,
which are emptied into their pixels after at most `GROUP` outers, so that the loops below become
vector instructions without reordering an addition, and the result does not depend on how the
outers were cut into blocks, as long as blocks begin at multiples of `GROUP`.
"""

from typing import Any

import numpy as np
from numpy.typing import NDArray

from tb_snapshot_compare.analysis.compiled import compiled
from tb_snapshot_compare.analysis.kernels import difference, relative

Array = NDArray[Any]
Sums = tuple[float, float, float, float, float, float, float, float, float, float, float, float]
LANES = 256
GROUP = 8
SLOT = 264

SQUARES, SQUARES_A, SQUARES_B, PRODUCTS, ABSOLUTE, RELATIVE = range(6)
DIFFERENCES, VALUES_A, VALUES_B, CHANGED, FLIPS, LARGEST = range(6, 12)
EXCLUDED, ONLY_A, ONLY_B, SUM_ONLY_A, SUM_ONLY_B, SQUARES_ONLY_A, SQUARES_ONLY_B = range(12, 19)
PAIRS = 19
SLOTS = 20
"""Of a pixel. The first twelve are over pairs with both values finite (`RELATIVE` half of the
relative percent difference; `LARGEST` a maximum); `EXCLUDED` counts the other pairs, `ONLY_A`
and what follows those of them with a finite value on that side; `PAIRS` counts all."""
_ODD = EXCLUDED

LOW_CHANGE, HIGH_CHANGE, LOW_SIZE, LOW_A, HIGH_A, LOW_B, HIGH_B = range(7)
LOW_RELATIVE, HIGH_RELATIVE, LOW_RATIO, HIGH_RATIO = range(7, 11)
ENDS = 11
"""Extremes over single weights; `RATIO` is |b - a| / |a|, 0 for two zeros."""


@compiled
def _all_finite(bits_a: Array, bits_b: Array, start: int, size: int, bounds: Array) -> bool:
    """Whether the floats of these bits are all finite; `bounds` are those of infinity and -0.0."""
    limit, sign = bounds[0], bounds[1]
    first, count = np.uint64(start), np.uint64(size)
    most = sign ^ sign
    for j in range(count):
        most = max(most, max(bits_a[first + j] & ~sign, bits_b[first + j] & ~sign))
    return bool(most < limit)


@compiled
def _with_pair(x: float, y: float, sums: Sums) -> Sums:
    """The sums of one lane, in the order of the slots, with a finite pair added."""
    d, p, s = y - x, x * y, abs(x) + abs(y)
    size = abs(d)
    return (
        sums[0] + d * d,
        sums[1] + x * x,
        sums[2] + y * y,
        sums[3] + p,
        sums[4] + size,
        sums[5] + size / (s if s > 0.0 else 1.0),
        sums[6] + d,
        sums[7] + x,
        sums[8] + y,
        sums[9] + (1.0 if x != y else 0.0),
        sums[10] + (1.0 if p < 0.0 else 0.0),
        size if size > sums[11] else sums[11],
    )


@compiled
def _add_run(a: Array, b: Array, start: int, size: int, lanes: Array) -> None:
    """Adds finite pairs to the lanes."""
    first, count, one = np.uint64(start), np.uint64(size), np.uint64(SLOT)
    for k in range(count):
        sums: Sums = (
            lanes[k], lanes[one + k], lanes[2 * one + k], lanes[3 * one + k],
            lanes[4 * one + k], lanes[5 * one + k], lanes[6 * one + k], lanes[7 * one + k],
            lanes[8 * one + k], lanes[9 * one + k], lanes[10 * one + k], lanes[11 * one + k],
        )  # fmt: skip
        (
            lanes[k], lanes[one + k], lanes[2 * one + k], lanes[3 * one + k],
            lanes[4 * one + k], lanes[5 * one + k], lanes[6 * one + k], lanes[7 * one + k],
            lanes[8 * one + k], lanes[9 * one + k], lanes[10 * one + k], lanes[11 * one + k],
        ) = _with_pair(np.float64(a[first + k]), np.float64(b[first + k]), sums)  # fmt: skip


@compiled
def _add_four_runs(a: Array, b: Array, start: int, step: int, size: int, lanes: Array) -> None:
    """The same as four calls of `_add_run`, with a quarter of the loads and stores."""
    count, one, row = np.uint64(size), np.uint64(SLOT), np.uint64(step)
    r0 = np.uint64(start)
    r1, r2, r3 = r0 + row, r0 + row + row, r0 + row + row + row
    for k in range(count):
        sums: Sums = (
            lanes[k], lanes[one + k], lanes[2 * one + k], lanes[3 * one + k],
            lanes[4 * one + k], lanes[5 * one + k], lanes[6 * one + k], lanes[7 * one + k],
            lanes[8 * one + k], lanes[9 * one + k], lanes[10 * one + k], lanes[11 * one + k],
        )  # fmt: skip
        sums = _with_pair(np.float64(a[r0 + k]), np.float64(b[r0 + k]), sums)
        sums = _with_pair(np.float64(a[r1 + k]), np.float64(b[r1 + k]), sums)
        sums = _with_pair(np.float64(a[r2 + k]), np.float64(b[r2 + k]), sums)
        sums = _with_pair(np.float64(a[r3 + k]), np.float64(b[r3 + k]), sums)
        (
            lanes[k], lanes[one + k], lanes[2 * one + k], lanes[3 * one + k],
            lanes[4 * one + k], lanes[5 * one + k], lanes[6 * one + k], lanes[7 * one + k],
            lanes[8 * one + k], lanes[9 * one + k], lanes[10 * one + k], lanes[11 * one + k],
        ) = sums  # fmt: skip


@compiled
def _add_runs(
    a: Array,
    b: Array,
    bits_a: Array,
    bits_b: Array,
    low_a: Array,
    low_b: Array,
    wide: bool,
    start: int,
    step: int,
    count: int,
    size: int,
    bounds: Array,
    lanes: Array,
) -> bool:
    """Adds `count` runs, each `step` elements after the one before, in their order.

    Returns whether any pair may not be finite.
    """
    odd, i = wide, count - count
    while i < count:
        at = start + i * step
        four = not wide and i + 4 <= count
        for k in range(4):
            four = four and _all_finite(bits_a, bits_b, at + k * step, size, bounds)
        if four:
            _add_four_runs(a, b, at, step, size, lanes)
            i += 4
            continue
        if not wide and _all_finite(bits_a, bits_b, at, size, bounds):
            _add_run(a, b, at, size, lanes)
        else:
            odd = True
            _add_any(a, b, low_a, low_b, wide, at, size, lanes)
        i += 1
    return odd


@compiled
def _add_any(
    a: Array, b: Array, low_a: Array, low_b: Array, wide: bool, start: int, size: int, lanes: Array
) -> None:
    """Adds pairs of any kind one by one."""
    for k in range(size):
        j = start + k
        x: float = np.float64(a[j])
        y: float = np.float64(b[j])
        d = y - x
        if wide:
            d = difference(x, np.float64(low_a[j]), y, np.float64(low_b[j]))
            x, y = x + low_a[j], y + low_b[j]
        fine_a, fine_b = np.isfinite(x), np.isfinite(y)
        if fine_a and fine_b:
            lanes[SQUARES * SLOT + k] += d * d
            lanes[SQUARES_A * SLOT + k] += x * x
            lanes[SQUARES_B * SLOT + k] += y * y
            lanes[PRODUCTS * SLOT + k] += x * y
            lanes[ABSOLUTE * SLOT + k] += abs(d)
            lanes[RELATIVE * SLOT + k] += relative(x, y, d)
            lanes[DIFFERENCES * SLOT + k] += d
            lanes[VALUES_A * SLOT + k] += x
            lanes[VALUES_B * SLOT + k] += y
            lanes[CHANGED * SLOT + k] += d != 0.0
            lanes[FLIPS * SLOT + k] += (x < 0.0 < y) or (y < 0.0 < x)
            lanes[LARGEST * SLOT + k] = max(abs(d), lanes[LARGEST * SLOT + k])
            continue
        lanes[EXCLUDED * SLOT + k] += 1.0
        same = x == y or (np.isnan(x) and np.isnan(y))
        lanes[CHANGED * SLOT + k] += not same
        if fine_a:
            lanes[ONLY_A * SLOT + k] += 1.0
            lanes[SUM_ONLY_A * SLOT + k] += x
            lanes[SQUARES_ONLY_A * SLOT + k] += x * x
        if fine_b:
            lanes[ONLY_B * SLOT + k] += 1.0
            lanes[SUM_ONLY_B * SLOT + k] += y
            lanes[SQUARES_ONLY_B * SLOT + k] += y * y


@compiled
def _runs_of(pixels: Array, ends: Array) -> int:
    """Writes where runs of lanes of one pixel end to `ends`; returns how many there are."""
    count = 0
    for k in range(1, pixels.size):
        if pixels[k] != pixels[k - 1]:
            ends[count] = k
            count += 1
    ends[count] = pixels.size
    return count + 1


@compiled
def _empty(lanes: Array, slot: int, size: int, pixel: int, pixels: Array, sums: Array) -> None:
    """Adds a slot of the lanes to their pixels."""
    at = slot * SLOT
    for k in range(size):
        sums[slot, pixel + pixels[k]] += lanes[at + k]
        lanes[at + k] = 0.0


@compiled
def _empty_largest(lanes: Array, size: int, pixel: int, pixels: Array, sums: Array) -> None:
    at = LARGEST * SLOT
    for k in range(size):
        p = pixel + pixels[k]
        sums[LARGEST, p] = max(sums[LARGEST, p], lanes[at + k])
        lanes[at + k] = 0.0


@compiled
def _empty_runs(
    lanes: Array, slot: int, ends: Array, runs: int, pixel: int, pixels: Array, sums: Array
) -> None:
    """As `_empty`, for pixels of many lanes: four sums at a time, so that none waits."""
    at, begin = slot * SLOT, 0
    for run in range(runs):
        end = ends[run]
        p = pixel + pixels[begin]
        total = lanes[at + begin]
        if end - begin >= 4:
            one, two, three = lanes[at + begin + 1], lanes[at + begin + 2], lanes[at + begin + 3]
            k = begin + 4
            while k + 4 <= end:
                total += lanes[at + k]
                one += lanes[at + k + 1]
                two += lanes[at + k + 2]
                three += lanes[at + k + 3]
                k += 4
            for j in range(k, end):
                total += lanes[at + j]
            total = (total + two) + (one + three)
        else:
            for j in range(begin + 1, end):
                total += lanes[at + j]
        sums[slot, p] += total
        begin = end
    lanes[at : at + begin] = 0.0


@compiled
def _empty_largest_runs(
    lanes: Array, ends: Array, runs: int, pixel: int, pixels: Array, sums: Array
) -> None:
    at, begin = LARGEST * SLOT, 0
    for run in range(runs):
        p = pixel + pixels[begin]
        largest = sums[LARGEST, p]
        for k in range(begin, ends[run]):
            largest = max(largest, lanes[at + k])
        sums[LARGEST, p] = largest
        begin = ends[run]
    lanes[at : at + begin] = 0.0


@compiled
def add_block(
    a: Array,
    b: Array,
    bits_a: Array,
    bits_b: Array,
    low_a: Array,
    low_b: Array,
    wide: bool,
    bounds: Array,
    outer_pixels: Array,
    inner_pixels: Array,
    sums: Array,
) -> None:
    """Adds a block of pairs to `sums` float64 `[SLOTS, pixels]`.

    The arguments a to wide are those of `ValuePairs`, float32 or float64
    `[cells * outers * inners]`, with their bits; `bounds` the bits of infinity and of -0.0;
    `outer_pixels` and `inner_pixels` int64 `[outers]` and `[inners]`.
    """
    outers, inners = outer_pixels.size, inner_pixels.size
    cells = a.size // (outers * inners)
    lanes, ends = np.zeros(SLOTS * SLOT), np.empty(LANES, np.int64)
    for start in range(0, inners, LANES):
        size = min(LANES, inners - start)
        pixels = inner_pixels[start : start + size]
        runs = _runs_of(pixels, ends)
        first = start - start
        while first < outers:
            pixel = outer_pixels[first]
            last, odd = first + 1, wide
            while last < outers and last - first < GROUP and outer_pixels[last] == pixel:
                last += 1
            if cells == 1:
                odd = _add_runs(
                    a, b, bits_a, bits_b, low_a, low_b, wide, first * inners + start, inners,
                    last - first, size, bounds, lanes,
                )  # fmt: skip
            else:
                for o in range(first, last):
                    odd |= _add_runs(
                        a, b, bits_a, bits_b, low_a, low_b, wide, o * inners + start,
                        outers * inners, cells, size, bounds, lanes,
                    )  # fmt: skip
            slots = PAIRS if odd else LARGEST
            for slot in range(slots):
                if slot == LARGEST:
                    continue
                if 2 * runs > size:
                    _empty(lanes, slot, size, pixel, pixels, sums)
                else:
                    _empty_runs(lanes, slot, ends, runs, pixel, pixels, sums)
            if 2 * runs > size:
                _empty_largest(lanes, size, pixel, pixels, sums)
            else:
                _empty_largest_runs(lanes, ends, runs, pixel, pixels, sums)
            weights = float((last - first) * cells)
            for k in range(size):
                sums[PAIRS, pixel + pixels[k]] += weights
            first = last


@compiled
def add_extremes(
    a: Array,
    b: Array,
    bits_a: Array,
    bits_b: Array,
    low_a: Array,
    low_b: Array,
    wide: bool,
    bounds: Array,
    ends: Array,
) -> None:
    """Widens the extremes over single weights, `ends` float64 `[ENDS * SLOT]` in lanes."""
    one = np.uint64(SLOT)
    for start in range(0, a.size, LANES):
        size = min(LANES, a.size - start)
        if wide or not _all_finite(bits_a, bits_b, start, size, bounds):
            _widen_any(a, b, low_a, low_b, wide, start, size, ends)
            continue
        first = np.uint64(start)
        for k in range(np.uint64(size)):
            x: float = np.float64(a[first + k])
            y: float = np.float64(b[first + k])
            d, s = y - x, abs(x) + abs(y)
            size_d = abs(d)
            change = size_d / (s if s > 0.0 else 1.0)
            ratio = size_d / abs(x) if size_d > 0.0 else 0.0
            ends[k] = min(ends[k], d)
            ends[one + k] = max(ends[one + k], d)
            ends[2 * one + k] = min(ends[2 * one + k], size_d)
            ends[3 * one + k] = min(ends[3 * one + k], x)
            ends[4 * one + k] = max(ends[4 * one + k], x)
            ends[5 * one + k] = min(ends[5 * one + k], y)
            ends[6 * one + k] = max(ends[6 * one + k], y)
            ends[7 * one + k] = min(ends[7 * one + k], change)
            ends[8 * one + k] = max(ends[8 * one + k], change)
            ends[9 * one + k] = ratio if ratio < ends[9 * one + k] else ends[9 * one + k]
            fits = ratio > ends[10 * one + k] and ratio < np.inf
            ends[10 * one + k] = ratio if fits else ends[10 * one + k]


@compiled
def _widen_any(
    a: Array, b: Array, low_a: Array, low_b: Array, wide: bool, start: int, size: int, ends: Array
) -> None:
    for k in range(size):
        j = start + k
        x: float = np.float64(a[j])
        y: float = np.float64(b[j])
        d = y - x
        if wide:
            d = difference(x, np.float64(low_a[j]), y, np.float64(low_b[j]))
            x, y = x + low_a[j], y + low_b[j]
        if np.isfinite(x):
            ends[LOW_A * SLOT + k] = min(ends[LOW_A * SLOT + k], x)
            ends[HIGH_A * SLOT + k] = max(ends[HIGH_A * SLOT + k], x)
        if np.isfinite(y):
            ends[LOW_B * SLOT + k] = min(ends[LOW_B * SLOT + k], y)
            ends[HIGH_B * SLOT + k] = max(ends[HIGH_B * SLOT + k], y)
        if not (np.isfinite(x) and np.isfinite(y)):
            continue
        change = relative(x, y, d)
        ends[LOW_CHANGE * SLOT + k] = min(ends[LOW_CHANGE * SLOT + k], d)
        ends[HIGH_CHANGE * SLOT + k] = max(ends[HIGH_CHANGE * SLOT + k], d)
        ends[LOW_SIZE * SLOT + k] = min(ends[LOW_SIZE * SLOT + k], abs(d))
        ends[LOW_RELATIVE * SLOT + k] = min(ends[LOW_RELATIVE * SLOT + k], change)
        ends[HIGH_RELATIVE * SLOT + k] = max(ends[HIGH_RELATIVE * SLOT + k], change)
        if x != 0.0 or d == 0.0:
            ratio = abs(d) / abs(x) if d != 0.0 else 0.0
            ends[LOW_RATIO * SLOT + k] = min(ends[LOW_RATIO * SLOT + k], ratio)
            if ratio < np.inf:
                ends[HIGH_RATIO * SLOT + k] = max(ends[HIGH_RATIO * SLOT + k], ratio)


@compiled
def add_marks(marks: Array, outer_pixels: Array, inner_pixels: Array, counts: Array) -> int:
    """Counts the marked weights of a block in `counts` int64 `[pixels]`.

    Args:
      marks: uint8 `[cells * outers * inners]`, 1 for a weight that counts, else 0.
      outer_pixels: as in `add_block`.
      inner_pixels: as in `add_block`.
      counts: added to.

    Returns:
      The number of slices with a marked weight.
    """
    outers, inners = outer_pixels.size, inner_pixels.size
    cells = marks.size // (outers * inners)
    slices = 0
    row = np.zeros(inners, np.int64)
    for o in range(outers):
        row[:] = 0
        for k in range(cells):
            at = (k * outers + o) * inners
            for i in range(inners):
                row[i] += marks[at + i]
        pixel = outer_pixels[o]
        for i in range(inners):
            if row[i] > 0:
                slices += 1
                counts[pixel + inner_pixels[i]] += row[i]
    return slices
