"""What moved first around a step of a log: norms of weights, updates, gradients and moments."""

from dataclasses import dataclass
from typing import TYPE_CHECKING, Literal

import numpy as np
from numpy.typing import NDArray

from tb_snapshot_compare.analysis.excursions import WINDOW_DEFAULT
from tb_snapshot_compare.analysis.loss_spikes import loss_spikes
from tb_snapshot_compare.analysis.spike_forensics import REACH_DEFAULT, spike_forensics
from tb_snapshot_compare.errors import NotFoundError
from tb_snapshot_compare.limits import TRAINING_MOVED_MAX

if TYPE_CHECKING:
    from tb_snapshot_compare.store.log_reader import Log

Quantity = Literal["weight", "update", "gradient", "moment1", "moment2", "loss"]
_QUANTITIES: tuple[Quantity, ...] = ("weight", "update", "gradient", "moment1", "moment2")
_LOSS = "loss"
_FAR = 1e9
"""In deviations: of what is not finite, or was always the same before."""


@dataclass(frozen=True, slots=True)
class MovedSeries:
    """A quantity of a unit that left its usual range; see `contract_training.MovedSeries`."""

    unit: str
    quantity: Quantity
    onset: int
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
    near = dumps[max(0, end - REACH_DEFAULT - WINDOW_DEFAULT) : end]
    names, series, broken = _norms(log, int(near[0]), int(near[-1]))
    loss_steps, loss = loss_of(log)
    found = spike_forensics(seen, near, series, loss_steps, loss, broken=broken)
    onset, away = _loss_onset(loss_steps, loss, int(near[0]), seen)
    if found.loss is not None:
        onset, away = found.loss.step, found.loss.deviation
    moved = []
    for each in found.moved:
        path, kind = names[each.series]
        lead = each.lead
        if lead is None and onset is not None:
            lead = onset - each.onset.step
        moved.append(MovedSeries(path, kind, each.onset.step, lead, _bounded(each.onset.deviation)))
    if onset is not None:
        moved.append(MovedSeries("", "loss", onset, 0, _bounded(away)))
        moved.sort(key=lambda each: each.onset)
    return Forensics(step, onset, tuple(moved[:TRAINING_MOVED_MAX]))


def _loss_onset(
    steps: NDArray[np.int64], loss: NDArray[np.float64], first: int, last: int
) -> tuple[int | None, float]:
    """Where the loss's last spike between two steps begins, and how far it goes."""
    inside = (steps >= first) & (steps <= last)
    for spike in reversed(loss_spikes(loss[inside])):
        return int(steps[inside][spike.first]), spike.deviation
    return None, 0.0


def loss_of(log: "Log") -> tuple[NDArray[np.int64], NDArray[np.float64]]:
    """The steps and values of the training's loss; empty where the log has none.

    Of several values of one step the last counts.
    """
    scalar = log.scalars([_LOSS]).get(_LOSS)
    if scalar is None:
        return np.empty(0, np.int64), np.empty(0)
    last = np.append(np.diff(scalar.steps) > 0, True)
    return scalar.steps[last], scalar.values[last]


def _norms(
    log: "Log", first: int, last: int
) -> tuple[list[tuple[str, Quantity]], NDArray[np.float64], NDArray[np.bool_]]:
    """The norm of every quantity of every layer at dumps, and where it is of values not finite."""
    parents = {unit.parent for unit in log.units}
    paths = [unit.path for unit in log.units if unit.path not in parents]
    names: list[tuple[str, Quantity]] = []
    norms, broken = [], []
    for kind in _QUANTITIES:
        values = log.layer_statistic(kind, "l2", paths, first, last)
        odd = sum(
            log.layer_statistic(kind, name, paths, first, last) > 0 for name in ("nan", "inf")
        )
        known = np.flatnonzero((~np.isnan(values) | (odd > 0)).any(axis=1))
        names += [(paths[row], kind) for row in known.tolist()]
        norms.append(values[known])
        broken.append(np.asarray(odd)[known] > 0)
    return names, np.concatenate(norms), np.concatenate(broken)


def _bounded(deviation: float) -> float:
    return float(np.clip(deviation, -_FAR, _FAR))
