"""The learning rate of a training: stages in which it was constant."""

from collections.abc import Sequence

import numpy as np
from numpy.typing import NDArray

from tb_snapshot_compare.limits import TRAINING_STAGES_MAX
from tb_snapshot_compare.workspace.training_values import RateStage, ScalarSeries

_NAMES = ("learning_rate", "lr", "epoch_learning_rate", "epoch_lr")
"""What programs call it: the log, Keras's callbacks; compared without what precedes a slash."""
_EQUAL = 1e-6
"""Relative: TensorBoard keeps values as float32."""

Doubles = NDArray[np.float64]


def learning_rate(series: Sequence[ScalarSeries]) -> ScalarSeries | None:
    """The series of the learning rate; one by step rather than by epoch, then the longest."""
    found = [each for each in series if each.name.lower().rpartition("/")[2] in _NAMES]
    return max(found, key=lambda each: (not each.per_epoch, len(each.x)), default=None)


def rate_stages(
    series: ScalarSeries, last: int, most: int = TRAINING_STAGES_MAX
) -> list[RateStage]:
    """The stages of a learning rate, one after the other without gaps.

    A value by step holds from its step on, one by epoch up to the epoch's end. Where the rate
    changes more often than `most` times there are as many stages of equal length, each with the
    median of its values.

    Args:
      series: the learning rate, over the steps of the log.
      last: the last step of the log.
      most: how many stages there are at most.
    """
    x, y = np.array(series.x), np.array(series.y)
    known = np.isfinite(y)
    x, y = x[known], y[known]
    if not x.size:
        return []
    if series.per_epoch:
        starts, end = np.concatenate(([0.0], x[:-1] + 1)), max(float(x[-1]), last)
    else:
        starts, end = x, max(float(x[-1]), last)
    begins = np.flatnonzero(np.concatenate(([True], ~_equal(y[1:], y[:-1]))))
    if begins.size > most:
        return _coarse(starts, y, end, most)
    firsts = [int(starts[begin]) for begin in begins]
    lasts = [*(first - 1 for first in firsts[1:]), int(end)]
    return [
        RateStage(first, max(first, stop), float(y[begin]))
        for first, stop, begin in zip(firsts, lasts, begins, strict=True)
    ]


def _equal(one: Doubles, other: Doubles) -> NDArray[np.bool_]:
    return np.abs(one - other) <= _EQUAL * np.maximum(np.abs(one), np.abs(other))


def _coarse(starts: Doubles, values: Doubles, end: float, most: int) -> list[RateStage]:
    edges = np.linspace(starts[0], end + 1, most + 1)
    places = np.searchsorted(starts, edges)
    stages = []
    for first, stop, low, high in zip(places, places[1:], edges, edges[1:], strict=False):
        chosen = values[max(int(first) - 1, 0) if first == stop else first : max(int(stop), 1)]
        stages.append(RateStage(int(low), max(int(low), int(high) - 1), float(np.median(chosen))))
    return stages
