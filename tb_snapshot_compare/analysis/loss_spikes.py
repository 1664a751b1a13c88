"""Spikes of a loss that is known at every step.

A loss is a spike where its logarithm exceeds what those before it lead to expect by many robust
standard deviations (see `excursions`), and it is larger than all of them: losses of single batches
are spread by a factor rather than by an amount, and both change as training goes on, so that few
losses before say more than many. Where they fall, they are expected to go on falling, along the
line of the median slope (Theil 1950, Sen 1968). The losses before are those of the usual steps: a
spike does not widen the band for the next one. Many spikes in a row are a new level, with which the
next ones are compared; its beginning is a spike. Where losses are not positive there is nothing to
compare.
"""

import numpy as np
from numpy.typing import NDArray

from tb_snapshot_compare.analysis.excursions import Excursion

BASELINE = 64
"""Losses that the next ones are compared with."""
BASELINE_MIN = 32
DEVIATIONS = 6.0
LOSSES_PER_FALSE_ALARM = 240_000
"""Of so many losses drawn from normal, exponential and log-normal laws one was so far away."""
STAYING = 64
"""So many losses beyond the band in a row are a new level."""
GAP = 16
"""Spikes no further apart are one: a loss comes back in swings."""
_BLOCK = 32
_TO_SIGMA = 1.4826
_LEAST_SIGMA = 0.02
"""Of losses that are nearly the same: an eighth more is no spike."""

Floats = NDArray[np.float64]


def loss_spikes(losses: NDArray[np.float64]) -> tuple[Excursion, ...]:
    """The spikes of a series of losses, in order; what is not finite is neither loss nor spike.

    Losses are judged in blocks of 32 by those before the block. A million take about a second.

    Args:
      losses: in order of steps, `[n]`.

    Returns:
      Indices of losses, and how far the largest is from what was expected.
    """
    usual: Floats = np.empty(0)
    away = np.zeros(losses.size)
    staying = 0
    for start in range(0, losses.size, _BLOCK):
        block = losses[start : start + _BLOCK]
        known = np.isfinite(block)
        beyond, deviation = beyond_usual(block, known, usual)
        away[start : start + _BLOCK] = np.where(beyond, deviation, 0.0)
        staying = staying + int(beyond.sum()) if beyond.any() else 0
        fresh = block[known & ~beyond]
        if staying >= STAYING:
            usual, staying, fresh = np.empty(0), 0, block[known]
        usual = np.concatenate([usual, fresh])[-BASELINE:]
    return _joined(np.flatnonzero(away), away)


def beyond_usual(
    block: Floats, known: NDArray[np.bool_], usual: Floats
) -> tuple[NDArray[np.bool_], Floats]:
    """Which losses are spikes, and how far all are from what is expected, in deviations.

    Args:
      block: losses `[n]`.
      known: which of them are finite.
      usual: finite losses before them, the newest `BASELINE`; of fewer than `BASELINE_MIN`
        positive ones nothing follows.
    """
    if usual.size < BASELINE_MIN:
        return np.zeros(block.size, np.bool_), np.zeros(block.size)
    logs = np.log(usual[usual > 0])
    if logs.size < BASELINE_MIN:
        return np.zeros(block.size, np.bool_), np.zeros(block.size)
    slope = min(_median_slope(logs), 0.0)
    level = logs - slope * np.arange(logs.size)
    median = float(np.median(level))
    sigma = max(_TO_SIGMA * float(np.median(np.abs(level - median))), _LEAST_SIGMA)
    expected = median + slope * (logs.size + np.arange(block.size))
    losses = np.where(known & (block > 0), block, np.exp(expected))
    deviation = (np.log(losses) - expected) / sigma
    return (deviation > DEVIATIONS) & (losses > usual.max()), deviation


def _median_slope(values: Floats) -> float:
    """The median of the slopes between all pairs of values."""
    places = np.arange(values.size)
    first, second = np.triu_indices(values.size, 1)
    return float(np.median((values[second] - values[first]) / (places[second] - places[first])))


def _joined(places: NDArray[np.int64], away: Floats) -> tuple[Excursion, ...]:
    if not places.size:
        return ()
    parts = np.split(places, np.flatnonzero(np.diff(places) > GAP) + 1)
    found = []
    for part in parts:
        peak = int(part[away[part].argmax()])
        first, last = int(part[0]), int(part[-1])
        found.append(Excursion(first, last, peak, float(away[peak]), float(away[first])))
    return tuple(found)
