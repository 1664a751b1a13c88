"""Spike forensics: what moved first before the loss did.

Series by unit have a value at each dump (gradient norms, update norms, moments of the optimizer),
the loss at each step. Around a chosen step it is asked of each of them when it left its usual
range by a jump: drift is no onset (see `excursions.jumps`). The loss is judged against that of the
same number of dumps before, so that all bands reach equally far back, unless its onset is given;
it is known to the step, the others' to the dump: an onset at a dump happened after the dump before.
"""

from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from tb_snapshot_compare.analysis.excursions import (
    BASELINE_MIN,
    DEVIATIONS_DEFAULT,
    TREND,
    WINDOW_DEFAULT,
    Excursion,
    excursions,
    jumps,
    robust_band,
    scaled_series,
)

REACH_DEFAULT = 20
"""An onset is looked for in so many dumps before the chosen step."""

Floats = NDArray[np.float64]
Indices = NDArray[np.int64]


@dataclass(frozen=True, slots=True)
class Onset:
    """When a series left its band: after step `after`, and at `step` at the latest.

    `after` is the step recorded before; None where there is none. `deviation` is how far it was at
    `step`, in robust standard deviations with their sign, infinite where values were NaN or
    infinite.
    """

    step: int
    after: int | None
    deviation: float


@dataclass(frozen=True, slots=True)
class MovedSeries:
    """A series that moved: `series` is its row.

    `lead` is how many steps before the loss's onset its own is at least, `lead_at_most` at most;
    negative after it, None where the loss did not move (or, for `lead_at_most`, where nothing was
    recorded before).
    """

    series: int
    onset: Onset
    lead: int | None
    lead_at_most: int | None


@dataclass(frozen=True, slots=True)
class SpikeForensics:
    """What moved around `step`, the first to move first; then by size, then by row.

    `loss` is None where the loss did not move. `judged` is how many of the series had a band at
    that time.
    """

    step: int
    loss: Onset | None
    moved: tuple[MovedSeries, ...]
    judged: int


def spike_forensics(
    step: int,
    steps: NDArray[Any],
    series: NDArray[Any],
    loss_steps: NDArray[Any],
    loss: NDArray[Any],
    *,
    broken: NDArray[np.bool_] | None = None,
    loss_onset: Onset | None = None,
    window: int = WINDOW_DEFAULT,
    reach: int = REACH_DEFAULT,
    limit: float = DEVIATIONS_DEFAULT,
) -> SpikeForensics:
    """What moved before the loss did, around a step.

    The loss's excursion is the largest that begins in the last `reach` dumps until `step`, upwards
    or downwards, where its onset is not given. Of every other series it is the one under way at the
    dump at which the loss's begins, else the last one before, else the first one after. Without an
    excursion of the loss, the chosen step stands for its onset.

    Args:
      step: the chosen one.
      steps: of the dumps, ascending whole numbers `[dumps]`.
      series: floats `[series, dumps]`; NaN where unknown.
      loss_steps: where the loss is known, ascending whole numbers `[n]`.
      loss: floats `[n]`; a loss that is NaN or infinite has moved.
      broken: dumps at which a series has NaN or infinite values, bool `[series, dumps]`: it has
        moved, whatever the value.
      loss_onset: where the loss moved, if that is known.
      window: dumps that make the band; see `excursions`.
      reach: dumps in which an onset is looked for.
      limit: half the width of the band, in robust standard deviations.

    Raises:
      ValueError: lengths do not match, or `window` is below `BASELINE_MIN`.
    """
    if series.shape[1:] != steps.shape or loss.shape != loss_steps.shape:
        raise ValueError(
            f"series of shape {series.shape} at {steps.size} dumps, {loss.size} losses at "
            f"{loss_steps.size} steps: want a value for each"
        )
    end = int(np.searchsorted(steps, step, "right"))
    start = max(end - reach, 0)
    if end == 0:
        return SpikeForensics(step, None, (), 0)
    first = max(start - window - TREND, 0)
    near = slice(first, end)
    broken_near = None if broken is None else broken[:, near]
    away, reached = jumps(series[:, near], window, broken_near), start - first
    moved_loss = loss_onset or _loss_onset(
        step, steps[:end], start, loss_steps, loss, window, limit
    )
    anchor = step if moved_loss is None else moved_loss.step
    dump = min(int(np.searchsorted(steps[:end], anchor)), end - 1) - first
    moved = []
    for row in np.flatnonzero((np.abs(away[:, reached:]) >= limit).any(axis=1)).tolist():
        begun = tuple(each for each in excursions(away[row], limit) if each.first >= reached)
        if not begun:
            continue
        onset = _onset(_nearest(begun, dump), steps[:end].astype(np.int64), first)
        moved.append(MovedSeries(row, onset, *_leads(onset, moved_loss)))
    moved.sort(key=lambda each: (each.onset.step, -abs(each.onset.deviation), each.series))
    judged = int((~np.isnan(away[:, reached:])).any(axis=1).sum())
    return SpikeForensics(step, moved_loss, tuple(moved), judged)


def _loss_onset(
    step: int,
    steps: NDArray[Any],
    start: int,
    loss_steps: NDArray[Any],
    loss: NDArray[Any],
    window: int,
    limit: float,
) -> Onset | None:
    """Of the largest excursion after dump `start` - 1, until `step`."""
    first = max(start - window, 0)
    from_step = steps[first - 1] if first else -np.inf
    chosen = (loss_steps > from_step) & (loss_steps <= step)
    at, values = loss_steps[chosen].astype(np.int64), np.asarray(loss[chosen], np.float64)
    # What happens after the last dump belongs to the next one.
    dumps = np.searchsorted(steps, at)
    away = _loss_deviations(values, dumps, start, window)
    found = excursions(away, limit, dumps)
    if not found:
        return None
    largest = max(found, key=lambda each: (abs(each.deviation), -each.first))
    return _onset(largest, at, 0)


def _loss_deviations(values: Floats, dumps: Indices, start: int, window: int) -> Floats:
    """As `deviations`, with one band for all that lies between two dumps; NaN before `start`."""
    scaled, in_logs = scaled_series(values[None])
    baseline = np.where(np.isfinite(scaled[0]), scaled[0], np.nan)
    away = np.full(values.size, np.nan)
    for dump in np.unique(dumps[dumps >= start]).tolist():
        here = dumps == dump
        before = baseline[(dumps >= dump - window) & (dumps < dump)]
        if before.size < BASELINE_MIN:
            continue
        median, sigma = robust_band(before[None], in_logs)
        away[here] = (baseline[here] - median) / np.maximum(sigma, np.finfo(np.float64).tiny)
    away[(dumps >= start) & ~np.isfinite(values)] = np.inf
    return away


def _nearest(found: tuple[Excursion, ...], dump: int) -> Excursion:
    """The last that begins at a dump or before, else the first."""
    before = [each for each in found if each.first <= dump]
    return before[-1] if before else found[0]


def _onset(excursion: Excursion, steps: Indices, offset: int) -> Onset:
    first = offset + excursion.first
    after = int(steps[first - 1]) if first else None
    return Onset(int(steps[first]), after, excursion.onset)


def _leads(onset: Onset, loss: Onset | None) -> tuple[int | None, int | None]:
    if loss is None:
        return None, None
    at_most = None if onset.after is None else loss.step - onset.after - 1
    return loss.step - onset.step, at_most
