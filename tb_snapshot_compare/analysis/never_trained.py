"""Units that never trained: parameters that stay as they are although they should change.

Three kinds of finding, from what was counted at each dump:

- *unchanged*: every parameter is the same, bit for bit, at all dumps that are known.
- *below noise*: parameters change, but at no dump by more than a few units in the last place of
  their dtype, relative to the unit's norm: rounding moves them, not training.
- *dead filters*: filters all of whose weights are 0 at the newest dump.

Which units should train is for the caller to say: what is frozen on purpose has to be left out.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any, Literal

import ml_dtypes
import numpy as np
from numpy.typing import NDArray

DUMPS_MIN = 3
"""Updates that have to be known before anything is said."""
ULPS = 4.0
"""Units in the last place: what an optimizer's rounding leaves where its step is 0 but for that."""

FindingKind = Literal["unchanged", "below noise", "dead filters"]
Counts = NDArray[np.int64]
Floats = NDArray[np.float64]


@dataclass(frozen=True, slots=True)
class UnitHistory:
    """What was counted of units at every dump: arrays `[units, dumps]`.

    `count` is how many parameters a unit has, `still` how many of them kept their bits since the
    dump before, whole numbers, -1 where that is unknown, as at the first dump. `update_l2` and
    `weight_l2` are the norms of the change and of the weights, floats, NaN where unknown. `dead`
    is how many filters have no weight but 0, -1 where unknown.
    """

    count: NDArray[Any]
    still: NDArray[Any]
    update_l2: NDArray[Any]
    weight_l2: NDArray[Any]
    dead: NDArray[Any]

    def __post_init__(self) -> None:
        arrays = (self.count, self.still, self.update_l2, self.weight_l2, self.dead)
        shapes = sorted({array.shape for array in arrays})
        if len(shapes) > 1 or len(shapes[0]) != 2:
            raise ValueError(f"counts of shapes {shapes}: want one, [units, dumps]")


@dataclass(frozen=True, slots=True)
class TrainingFinding:
    """What is wrong with a unit, and what shows it.

    `unit` is its row. `first_step` and `last_step` are the first and last dump at which it holds
    without a break until the newest known one, `dumps` how many known dumps these are. `count` is
    the number of parameters, or of dead filters at the last step. `largest_update` is the largest
    ||update|| / ||weights|| at these dumps: 0 where unchanged, NaN for dead filters.
    """

    unit: int
    kind: FindingKind
    first_step: int
    last_step: int
    dumps: int
    count: int
    largest_update: float


def never_trained(
    history: UnitHistory,
    steps: NDArray[Any],
    dtypes: str | Sequence[str] = "float32",
    dumps_min: int = DUMPS_MIN,
) -> tuple[TrainingFinding, ...]:
    """What there is to say of each unit, in the order of the units.

    A unit without parameters is never found, nor one of which fewer than `dumps_min` updates are
    known; dead filters need one dump.

    Args:
      history: of the units that should train.
      steps: of the dumps, ascending whole numbers `[dumps]`.
      dtypes: the NumPy or ml_dtypes name of the parameters' dtype, of all units or of each.
      dumps_min: updates that have to be known.

    Raises:
      ValueError: lengths do not match, or a dtype is no floating-point type.
    """
    units = history.count.shape[0]
    names = [dtypes] * units if isinstance(dtypes, str) else list(dtypes)
    if history.count.shape[1] != steps.size or len(names) != units:
        raise ValueError(
            f"{units} units x {history.count.shape[1]} dumps, with {steps.size} steps and "
            f"{len(names)} dtypes: want one for each"
        )
    found = []
    relative = relative_updates(history)
    for unit, name in enumerate(names):
        finding = _stuck(unit, history, steps, relative[unit], ULPS * _epsilon(name), dumps_min)
        found += [each for each in (finding, _dead(unit, history, steps)) if each is not None]
    return tuple(found)


def relative_updates(history: UnitHistory) -> Floats:
    """||update|| / ||weights||, float64 `[units, dumps]`.

    Infinite where weights that are 0 changed, 0 where they did not, NaN where unknown.
    """
    update = np.asarray(history.update_l2, np.float64)
    weight = np.asarray(history.weight_l2, np.float64)
    relative = np.where(update > 0, np.inf, 0.0)
    relative[np.isnan(update) | np.isnan(weight)] = np.nan
    return np.divide(update, weight, out=relative, where=weight > 0)


def _stuck(
    unit: int,
    history: UnitHistory,
    steps: NDArray[Any],
    relative: Floats,
    noise: float,
    dumps_min: int,
) -> TrainingFinding | None:
    count, still = history.count[unit], history.still[unit]
    bits = np.flatnonzero(still >= 0)
    sizes = np.flatnonzero(~np.isnan(relative))
    if bits.size and (count[bits] > 0).all() and (still[bits] == count[bits]).all():
        kind: FindingKind = "unchanged"
        known, largest = bits, 0.0
    elif sizes.size and (count[sizes] > 0).all() and (relative[sizes] <= noise).all():
        kind, known, largest = "below noise", sizes, float(relative[sizes].max())
    else:
        return None
    if known.size < dumps_min:
        return None
    first, last = int(steps[known[0]]), int(steps[known[-1]])
    return TrainingFinding(unit, kind, first, last, known.size, int(count[known[-1]]), largest)


def _dead(unit: int, history: UnitHistory, steps: NDArray[Any]) -> TrainingFinding | None:
    dead = history.dead[unit]
    known = np.flatnonzero(dead >= 0)
    if not known.size or dead[known[-1]] == 0:
        return None
    alive = np.flatnonzero(dead[known] == 0)
    run = known[alive[-1] + 1 if alive.size else 0 :]
    first, last = int(steps[run[0]]), int(steps[run[-1]])
    return TrainingFinding(
        unit, "dead filters", first, last, run.size, int(dead[run[-1]]), float("nan")
    )


def _epsilon(dtype: str) -> float:
    """The distance of 1 to the next number.

    Raises:
      ValueError: no floating-point type has this name.
    """
    try:
        return float(ml_dtypes.finfo(getattr(ml_dtypes, dtype, dtype)).eps)
    except (TypeError, ValueError) as error:
        raise ValueError(f"dtype '{dtype}': want a floating-point type, as float32") from error
