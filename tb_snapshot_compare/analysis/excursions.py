"""Where a series leaves its usual range: far from the median of what came before.

The band at a dump is the median of the preceding dumps, plus and minus so many robust standard
deviations: the median absolute deviation from it, times 1.4826 (Hampel, "The influence curve and
its role in robust estimation", JASA 69, 1974). So neither an earlier spike nor a slow drift moves
it much, and an excursion of less than half the window does not become usual.

Series that are never negative (norms, losses) are judged by their logarithms, as their noise is a
share of their size; zeros count as a thousandth of the least positive value. Changes of less than
`LEAST_CHANGE` are no excursions within the default limits.

`jumps` leaves drift out: a value has to be far from the local trend, the median of the few dumps
before it, judged by how far values usually are from theirs. A norm that grows slowly leaves the
range of fifty dumps some day, and that day says nothing; against the last few dumps it moves as it
always did. A running median needs no model of the drift: a line through the whole window is off for
as long as the window wherever a drift bends, as at a change of the learning rate. The value has to
be half as far from the median of the whole window too, on the same side, so that the return from an
excursion is none: half, as drift widens that band.
"""

import itertools
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

WINDOW_DEFAULT = 50
"""Dumps that make the band."""
DEVIATIONS_DEFAULT = 6.0
"""Half the width of the band: Gaussian noise leaves it less than once in 100,000 dumps."""
BASELINE_MIN = 10
"""Fewer known dumps make no band."""
LEAST_CHANGE = 0.05
"""Relative to the median."""

TREND = 9
"""Dumps whose median is the local trend: a move within fewer than half as many is a jump."""

_TREND_MIN = 3
_LEVEL_SHARE = 0.5
_EXPONENT_MAX = 700.0
_TO_SIGMA = 1.4826
_FEW = 300.0
"""Of n values the deviation is widened by 1 + 300 / n^2: found by simulation, so that noise leaves
the band as seldom however few values make it. Four times for 10 values, an eighth for 50."""
_ZERO = 1e-3
_RETURN_MAX = 1
"""An excursion goes on over so many dumps inside the band."""
_CHUNK = 1 << 21
"""Values of windows in memory together."""

Floats = NDArray[np.float64]
Bools = NDArray[np.bool_]


@dataclass(frozen=True, slots=True)
class Excursion:
    """Indices of the first and last value outside the band, and of the one furthest outside.

    `deviation` is how far that is from the median, in robust standard deviations, with its sign:
    infinite for a value that is broken. `onset` is how far the first one is.
    """

    first: int
    last: int
    peak: int
    deviation: float
    onset: float


def deviations(
    values: NDArray[Any], window: int = WINDOW_DEFAULT, broken: Bools | None = None
) -> Floats:
    """How far each value is from the median of those before, in robust standard deviations.

    Args:
      values: floats `[series, dumps]`; NaN where unknown.
      window: how many dumps before it make a value's band.
      broken: dumps at which a series has NaN or infinite values, bool `[series, dumps]`.

    Returns:
      float64 `[series, dumps]`, signed: NaN where the value is unknown, or fewer than
      `BASELINE_MIN` of the dumps before it are known; infinite where it is broken or infinite.

    Raises:
      ValueError: `window` is below `BASELINE_MIN`.
    """
    if window < BASELINE_MIN:
        raise ValueError(f"a window of {window} dumps: want {BASELINE_MIN} or more")
    if not values.size:
        return np.full(values.shape, np.nan)
    scaled, in_logs = scaled_series(values)
    known = np.isfinite(scaled)
    series, dumps = scaled.shape
    padded = np.full((series, dumps + window), np.nan)
    padded[:, window:] = np.where(known, scaled, np.nan)
    found = np.full(scaled.shape, np.nan)
    rows = max(_CHUNK // (dumps * window), 1)
    columns = max(_CHUNK // (rows * window), 1)
    for start, first in itertools.product(range(0, series, rows), range(0, dumps, columns)):
        part = slice(start, start + rows), slice(first, first + columns)
        own = padded[part[0], first : min(first + columns, dumps) + window - 1]
        before = np.lib.stride_tricks.sliding_window_view(own, window, axis=1)
        found[part] = _from_baselines(scaled[part], before, in_logs[part[0], None])
    infinite = np.isinf(np.asarray(values, np.float64))
    if broken is not None:
        infinite |= broken
    found[infinite] = np.inf
    return found


def jumps(
    values: NDArray[Any], window: int = WINDOW_DEFAULT, broken: Bools | None = None
) -> Floats:
    """How far each value is from the trend of those before.

    Arguments, and what is raised, as of `deviations`.

    Returns:
      float64 `[series, dumps]`, signed, in robust standard deviations from the trend, at most twice
      as far as from the median of the window, and 0 where it lies between the two: NaN where either
      is not known, infinite where the value is broken or infinite.
    """
    level = deviations(values, window, broken) / _LEVEL_SHARE
    if not values.size:
        return level
    scaled, in_logs = scaled_series(values)
    away = np.where(np.isfinite(scaled), scaled, np.nan)
    away -= _trend(away)
    shares = np.exp(np.clip(away, -_EXPONENT_MAX, _EXPONENT_MAX))
    trend = deviations(np.where(in_logs[:, None], shares, away), window)
    lesser = np.where(np.abs(trend) < np.abs(level), trend, level)
    lesser[np.sign(trend) != np.sign(level)] = 0
    lesser[np.isnan(trend) | np.isnan(level)] = np.nan
    lesser[np.isinf(level)] = level[np.isinf(level)]
    return lesser


def _trend(values: Floats) -> Floats:
    """The median of the `TREND` values before each, NaN where few are known."""
    padded = np.pad(values, ((0, 0), (TREND, 0)), constant_values=np.nan)[:, :-1]
    ordered = np.sort(np.lib.stride_tricks.sliding_window_view(padded, TREND, axis=1), axis=-1)
    counts = np.isfinite(ordered).sum(axis=-1)
    return np.where(counts >= _TREND_MIN, _median(ordered, counts), np.nan)


def scaled_series(values: NDArray[Any]) -> tuple[Floats, Bools]:
    """The logarithms of series that are never negative, others as they are; and which is which.

    Args:
      values: floats `[series, n]`; NaN and infinities remain.
    """
    plain = np.array(values, np.float64)
    finite = np.isfinite(plain)
    in_logs: Bools = ~np.any(finite & (plain < 0), axis=1)
    least = np.where(finite & (plain > 0), plain, np.inf).min(axis=1, initial=np.inf)
    least = np.where(np.isinf(least), 1.0, least)[:, None]
    raised = np.where(
        plain > 0, plain, np.where(plain == 0, np.maximum(least * _ZERO, 5e-324), 1.0)
    )
    logs = np.where(np.isnan(plain), np.nan, np.log(raised))
    return np.where(in_logs[:, None], logs, plain), in_logs


def robust_band(baseline: Floats, in_logs: Bools) -> tuple[Floats, Floats]:
    """The median and the robust standard deviation over the last axis, NaN left out.

    NaN where fewer than `BASELINE_MIN` values are known.
    """
    ordered = np.sort(baseline, axis=-1)
    counts = np.isfinite(ordered).sum(axis=-1)
    enough = counts >= BASELINE_MIN
    median = _median(ordered, counts)
    away = np.sort(np.abs(ordered - median[..., None]), axis=-1)
    spread = _TO_SIGMA * _median(away, counts) * (1 + _FEW / np.maximum(counts, 1) ** 2)
    least = np.where(in_logs, np.log1p(LEAST_CHANGE), LEAST_CHANGE * np.abs(median))
    sigma = np.maximum(spread, least / DEVIATIONS_DEFAULT)
    return np.where(enough, median, np.nan), np.where(enough, sigma, np.nan)


def _median(ordered: Floats, counts: NDArray[Any]) -> Floats:
    """Of the first `counts` values of ascending ones, which NaN follow."""
    ends = ((counts - 1).clip(0) // 2, (counts // 2).clip(0, ordered.shape[-1] - 1))
    low, high = (np.take_along_axis(ordered, end[..., None], axis=-1)[..., 0] for end in ends)
    middle: Floats = (low + high) / 2
    return middle


def excursions(
    deviation: Floats, limit: float = DEVIATIONS_DEFAULT, places: NDArray[Any] | None = None
) -> tuple[Excursion, ...]:
    """The excursions of one series, in order.

    Args:
      deviation: from `deviations`, `[n]`.
      limit: values at least so far away are outside.
      places: where the values lie in dumps, ascending whole numbers; None for one at each.
    """
    outside = np.flatnonzero(np.abs(deviation) >= limit)  # not of NaN
    if not outside.size:
        return ()
    where = outside if places is None else places[outside]
    parts = np.split(outside, np.flatnonzero(np.diff(where) > _RETURN_MAX + 1) + 1)
    return tuple(_excursion(part, deviation) for part in parts)


def _excursion(outside: NDArray[np.int64], deviation: Floats) -> Excursion:
    peak = int(outside[np.abs(deviation[outside]).argmax()])
    first, last = int(outside[0]), int(outside[-1])
    return Excursion(first, last, peak, float(deviation[peak]), float(deviation[first]))


def _from_baselines(values: Floats, before: Floats, in_logs: Bools) -> Floats:
    median, sigma = robust_band(before, in_logs)
    away = np.where(np.isfinite(values), values, np.nan) - median
    # A series that was 0 throughout has a band of no width: whatever leaves it is far away.
    beyond = np.where(away == 0, 0.0, np.copysign(np.inf, away))
    beyond[np.isnan(away)] = np.nan
    return np.divide(away, sigma, out=beyond, where=sigma > 0)
