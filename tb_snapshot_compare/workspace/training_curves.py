"""The scalar series of a log, thinned so that no excursion is lost."""

import itertools
import math
from collections.abc import Sequence
from typing import TYPE_CHECKING

import numpy as np
from numpy.typing import NDArray

from tb_snapshot_compare.limits import CURVE_POINTS_MAX, TRAINING_CURVES_MAX
from tb_snapshot_compare.workspace.training_values import ScalarSeries

if TYPE_CHECKING:
    from tb_snapshot_compare.store.log_reader import Log

_FIRST = ("loss", "learning_rate")


def log_series(log: "Log", names: Sequence[str] | None = None) -> list[ScalarSeries]:
    """The series of a log by name, loss and learning rate first; at most 2,000 points each.

    Args:
      log: the log.
      names: only these; None for all of them.
    """
    found = [name for name in log.scalar_names() if names is None or name in names]
    found.sort(key=lambda name: (name not in _FIRST, name))
    return [_read(log, name) for name in found[:TRAINING_CURVES_MAX]]


def _read(log: "Log", name: str) -> ScalarSeries:
    scalar = log.scalars([name])[name]
    kept = thinned(scalar.values, CURVE_POINTS_MAX)
    x, y = scalar.steps[kept].astype(float).tolist(), scalar.values[kept].tolist()
    return ScalarSeries(name, tuple(x), tuple(y))


def thinned(values: NDArray[np.float64], most: int) -> NDArray[np.int64]:
    """Which of many values are drawn: of equal parts each part's least and greatest.

    Args:
      values: any; what is not finite is the greatest of its part.
      most: how many at most.

    Returns:
      Ascending indices; all of them where there are no more than `most`.
    """
    count = values.size
    if count <= most:
        return np.arange(count)
    bounds = np.linspace(0, count, max(most // 2, 2)).astype(np.int64)
    high = np.where(np.isfinite(values), values, math.inf)
    found = {0, count - 1}
    for start, stop in itertools.pairwise(bounds):
        part = high[start:stop]
        found.update((start + int(part.argmin()), start + int(part.argmax())))
    return np.array(sorted(found), np.int64)
