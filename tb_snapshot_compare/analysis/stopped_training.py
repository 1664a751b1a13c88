"""Units that trained and then stopped: from some dump to the last one nothing in them goes on.

Two things are counted at each dump, either of which is enough:

- *still*: every parameter kept its bits since the dump before,
- *no gradient*: the norm of the gradient is exactly 0.

Neither happens to a unit that trains by rounding or by a small learning rate alone, but both happen
to units that rest: layers that are dropped at random, networks that train in turns, experts that no
sample reached. So a stop has to last for `DUMPS_MIN` dumps, which a unit that rests at every second
dump at random does once in 256 times, and for more than `TIMES_RESTED` times as long as the unit
ever rested before. A rest that a unit began with is none: it was not trained yet.
"""

from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from tb_snapshot_compare.analysis.never_trained import UnitHistory

DUMPS_MIN = 8
"""For so many dumps, the last ones, a unit has to be without change."""
TIMES_RESTED = 2
ACTIVE_MIN = 3
"""At so many dumps before it has to have trained."""


@dataclass(frozen=True, slots=True)
class StoppedUnit:
    """A unit that stopped; `unit` is its row.

    `still_since` is the last dump at which a parameter changed, `without_gradient_since` the first
    of the dumps at which its gradient is 0; None where that does not hold until the last dump. At
    least one of them is known.
    """

    unit: int
    still_since: int | None
    without_gradient_since: int | None

    @property
    def since(self) -> int:
        """The earlier of both."""
        return min(
            each for each in (self.still_since, self.without_gradient_since) if each is not None
        )


def stopped_units(
    history: UnitHistory, gradient_l2: NDArray[Any], steps: NDArray[Any]
) -> tuple[StoppedUnit, ...]:
    """The units that stopped, in their order.

    Dumps at which something is not known tell nothing of it: so no unit is found by gradients that
    were not recorded. A unit whose weights are not finite in the end is left out.

    Args:
      history: of the units that should train; `count` is how many parameters `still` counts among.
      gradient_l2: norms of gradients, floats `[units, dumps]`, NaN where unknown.
      steps: of the dumps, ascending whole numbers `[dumps]`.

    Raises:
      ValueError: lengths do not match.
    """
    if gradient_l2.shape != history.count.shape or history.count.shape[1] != steps.size:
        raise ValueError(
            f"counts of shape {history.count.shape}, gradients of {gradient_l2.shape} and "
            f"{steps.size} steps: want one for each unit and dump"
        )
    if not steps.size:
        return ()
    counted = (history.still >= 0) & (history.count > 0)
    still = np.where(counted, history.still >= history.count, np.nan)
    absent = np.where(np.isnan(gradient_l2), np.nan, gradient_l2 == 0)
    found = []
    for unit in np.flatnonzero(np.isfinite(history.weight_l2[:, -1])).tolist():
        still_from, absent_from = _stop(still[unit]), _stop(absent[unit])
        if still_from is None and absent_from is None:
            continue
        changed = None if still_from is None else np.flatnonzero(still[unit, :still_from] == 0)[-1]
        found.append(
            StoppedUnit(
                unit,
                None if changed is None else int(steps[changed]),
                None if absent_from is None else int(steps[absent_from]),
            )
        )
    return tuple(found)


def _stop(rests: NDArray[np.float64]) -> int | None:
    """The dump from which on a unit rests for good; None where it does not.

    `rests` is 1 at dumps at which it does, 0 where it trains, NaN where that is unknown.
    """
    known = np.flatnonzero(~np.isnan(rests))
    active = np.flatnonzero(rests[known] == 0)
    if active.size < ACTIVE_MIN:
        return None
    lasting = known.size - 1 - int(active[-1])
    rested = int(np.diff(active).max()) - 1
    if lasting < DUMPS_MIN or lasting <= TIMES_RESTED * rested:
        return None
    return int(known[active[-1] + 1])
