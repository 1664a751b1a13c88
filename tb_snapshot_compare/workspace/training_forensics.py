"""What moved first around a step of a log: norms of weights, updates, gradients and moments.

Beside them stands the learning rate, where it changed by a step, and the loss. What is seen at the
same dump has no order: the loss and the learning rate are known to the step, a norm only to the
dump, before which it may have moved at any step since the dump before. So what moved goes by the
dump that saw it, and at one dump from causes to effects.
"""

from dataclasses import dataclass
from typing import TYPE_CHECKING, Literal

import numpy as np
from numpy.typing import NDArray

from tb_snapshot_compare.analysis.excursions import TREND, WINDOW_DEFAULT
from tb_snapshot_compare.analysis.loss_spikes import BASELINE, GAP, loss_spikes
from tb_snapshot_compare.analysis.spike_forensics import (
    REACH_DEFAULT,
    Onset,
    spike_forensics,
)
from tb_snapshot_compare.errors import NotFoundError
from tb_snapshot_compare.limits import TRAINING_MOVED_MAX

if TYPE_CHECKING:
    from tb_snapshot_compare.store.log_reader import Log

Quantity = Literal[
    "learning_rate", "gradient", "moment1", "moment2", "update", "weight", "loss"
]  # fmt: skip
NORMS: tuple[Quantity, ...] = ("gradient", "moment1", "moment2", "update", "weight")
_CAUSES: tuple[Quantity, ...] = ("learning_rate", *NORMS, "loss")
"""What moved at one dump goes in this order."""
LOSSES_MAX = 1 << 21
"""Later ones are looked at."""
_LOSSES_NEAR = 1 << 14
"""So many before the reach tell of its losses: what is usual comes from far fewer."""
_LOSS, _RATE = "loss", "learning_rate"
_RATE_TIMES = 1.5
"""A learning rate that changes by less from one step to the next follows a curve."""
_FAR = 1e9
"""In deviations: of what is not finite, or was always the same before."""

Steps = NDArray[np.int64]
Doubles = NDArray[np.float64]


@dataclass(frozen=True, slots=True)
class MovedSeries:
    """A quantity of a unit that left its usual range; see `contract_training.MovedSeries`."""

    unit: str
    quantity: Quantity
    onset: int
    after: int | None
    lead: int | None
    deviation: float


@dataclass(frozen=True, slots=True)
class Forensics:
    """What moved around a step, earliest first."""

    step: int
    loss_onset: int | None
    series: tuple[MovedSeries, ...]


def forensics_of(log: "Log", step: int) -> Forensics:
    """What moved first around a step, up to the first dump that saw it.

    The loss moved where the finding about it begins (`loss_spikes`, or no number), the last one
    until then; where there is none, where it left its own usual range.

    Args:
      log: the log.
      step: any.

    Raises:
      NotFoundError: there is no dump.
    """
    dumps = log.steps("layers")
    if not dumps.size:
        raise NotFoundError("No dump was recorded: nothing tells what moved first.")
    end = min(int(np.searchsorted(dumps, step, "left")) + 1, dumps.size)
    seen = max(step, int(dumps[end - 1]))
    near = dumps[max(0, end - REACH_DEFAULT - WINDOW_DEFAULT - TREND) : end]
    since = int(dumps[max(0, end - REACH_DEFAULT - 1)])
    names, series, broken = _norms(log, int(near[0]), int(near[-1]))
    loss_steps, loss = loss_of(log)
    found = spike_forensics(
        seen,
        near,
        series,
        loss_steps,
        loss,
        broken=broken,
        loss_onset=_loss_onset(loss_steps, loss, (since, step, seen)),
    )
    onset = None if found.loss is None else found.loss.step
    moved = [_moved(*names[each.series], each.onset, onset) for each in found.moved]
    if found.loss is not None:
        moved.append(_moved("", "loss", found.loss, onset))
    rate = _rate_onset(log, since, seen, step if onset is None else onset)
    if rate is not None:
        moved.append(_moved("", "learning_rate", rate, onset))
    moved.sort(key=lambda each: _order(each, near, onset))
    return Forensics(step, onset, tuple(moved[:TRAINING_MOVED_MAX]))


def _moved(unit: str, quantity: Quantity, onset: Onset, loss: int | None) -> MovedSeries:
    lead = None if loss is None else loss - onset.step
    away = float(np.clip(onset.deviation, -_FAR, _FAR))
    return MovedSeries(unit, quantity, onset.step, onset.after, lead, away)


def _order(moved: MovedSeries, dumps: Steps, loss: int | None) -> tuple[int, bool, int, float]:
    """By the dump that saw it; what is known to have moved after the loss follows it there."""
    is_after = loss is not None and moved.after is not None and moved.after >= loss
    return (
        int(np.searchsorted(dumps, moved.onset)),
        is_after,
        _CAUSES.index(moved.quantity),
        -abs(moved.deviation),
    )


def _loss_onset(steps: Steps, loss: Doubles, reach: tuple[int, int, int]) -> Onset | None:
    """Where the last finding about the loss begins until a step, else the first one after it.

    What rose and then was no number any more is one finding.

    Args:
      steps: of the losses.
      loss: in order of steps; of too many those before the reach's end count.
      reach: a finding has to last beyond the first of these steps, begins at the second or before
        where there is such a one, and never after the third.
    """
    since, step, seen = reach
    steps, loss = steps[-LOSSES_MAX:], loss[-LOSSES_MAX:]
    begin, end = np.searchsorted(steps, [since, seen], "right").tolist()
    start = _block_before(begin)
    if start < end and not np.isfinite(loss[start]):  # what is no number may have begun long before
        finite = np.flatnonzero(np.isfinite(loss[:start]))
        start = _block_before(int(finite[-1])) if finite.size else 0
    steps, loss = steps[start:end], loss[start:end]
    inside = [each for each in _loss_findings(loss) if steps[each[1]] > since]
    if not inside:
        return None
    before = [each for each in inside if steps[each[0]] <= step]
    place, _, away = before[-1] if before else inside[0]
    return Onset(int(steps[place]), int(steps[place - 1]) if place else None, away)


def _block_before(place: int) -> int:
    """Where one of the blocks begins in which findings are looked for, far enough before a loss."""
    return max(0, place - _LOSSES_NEAR) // BASELINE * BASELINE


def _loss_findings(loss: Doubles) -> list[tuple[int, int, float]]:
    """First and last place, and deviation, of what rose or is no number, near ones together."""
    found = [(spike.first, spike.last, spike.onset) for spike in loss_spikes(loss)]
    edges = np.diff(np.concatenate([[False], ~np.isfinite(loss), [False]]).astype(np.int8))
    runs = zip(np.flatnonzero(edges > 0).tolist(), np.flatnonzero(edges < 0).tolist(), strict=True)
    joined: list[tuple[int, int, float]] = []
    for first, last, away in sorted([*found, *((a, b - 1, np.inf) for a, b in runs)]):
        if joined and first - joined[-1][1] <= GAP:
            begin, end, begun = joined[-1]
            joined[-1] = (begin, max(end, last), begun)
        else:
            joined.append((first, last, away))
    return joined


def _rate_onset(log: "Log", first: int, last: int, anchor: int) -> Onset | None:
    """The largest step of the learning rate between two steps, the first of equal ones.

    Those until `anchor` go before those after it. The deviation is how many times the rate before.
    """
    steps, rates = _scalar(log, _RATE)
    with np.errstate(divide="ignore", invalid="ignore"):
        times = rates[1:] / rates[:-1]
        size = np.abs(np.log(np.where(rates[1:] == rates[:-1], 1.0, times)))
    inside = (steps[1:] > first) & (steps[1:] <= last) & (size >= np.log(_RATE_TIMES))
    before = inside & (steps[1:] <= anchor)
    places = np.flatnonzero(before if before.any() else inside)
    if not places.size:
        return None
    if np.isfinite(size[places]).any():  # a rise from 0 begins a warm-up
        places = places[np.isfinite(size[places])]
    place = int(places[size[places].round(6).argmax()])
    return Onset(int(steps[place + 1]), int(steps[place]), float(times[place]))


def loss_of(log: "Log") -> tuple[Steps, Doubles]:
    """The steps and values of the training's loss; empty where the log has none.

    Of several values of one step the last counts.
    """
    return _scalar(log, _LOSS)


def _scalar(log: "Log", name: str) -> tuple[Steps, Doubles]:
    scalar = log.scalars([name]).get(name)
    if scalar is None:
        return np.empty(0, np.int64), np.empty(0)
    last = np.append(np.diff(scalar.steps) > 0, True)
    return scalar.steps[last], scalar.values[last]


def _norms(
    log: "Log", first: int, last: int
) -> tuple[list[tuple[str, Quantity]], Doubles, NDArray[np.bool_]]:
    """The norm of every quantity of every layer at dumps, and where it is of values not finite."""
    parents = {unit.parent for unit in log.units}
    paths = [unit.path for unit in log.units if unit.path not in parents]
    names: list[tuple[str, Quantity]] = []
    norms, broken = [], []
    for kind in NORMS:
        values = log.layer_statistic(kind, "l2", paths, first, last)
        odd = sum(
            log.layer_statistic(kind, name, paths, first, last) > 0 for name in ("nan", "inf")
        )
        known = np.flatnonzero((~np.isnan(values) | (odd > 0)).any(axis=1))
        names += [(paths[row], kind) for row in known.tolist()]
        norms.append(values[known])
        broken.append(np.asarray(odd)[known] > 0)
    return names, np.concatenate(norms), np.concatenate(broken)
