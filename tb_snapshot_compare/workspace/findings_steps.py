"""Findings about steps: spikes of loss, learning rate and norms, and what was lost."""

from typing import TYPE_CHECKING

import numpy as np
from numpy.typing import NDArray

from tb_snapshot_compare.analysis.excursions import deviations, excursions
from tb_snapshot_compare.analysis.loss_spikes import loss_spikes
from tb_snapshot_compare.workspace.finding_words import between
from tb_snapshot_compare.workspace.training_forensics import LOSSES_MAX, loss_of
from tb_snapshot_compare.workspace.training_values import Finding

if TYPE_CHECKING:
    from tb_snapshot_compare.store.log_reader import Log

_RATE = "learning_rate"
_SPIKES_MAX = 10
_TEXT_MAX = 2_000
_RATE_TIMES = 3.0
"""So many times the rate before and after."""
_RATE_SHARE = 0.02
"""Of all steps: what lasts longer was meant."""
_NORM_DEVIATIONS = 12.0
_NORM_TIMES = 3.0
"""Of norms of the whole model: so many deviations, and so many times the median before."""
_NORMS = {"gradient": "gradient", "update": "update"}

Doubles = NDArray[np.float64]
Steps = NDArray[np.int64]


def findings_of_steps(log: "Log", axis: str) -> list[Finding]:
    """What happened at some steps, the largest first of each kind."""
    steps, losses = loss_of(log)
    found = [
        *_loss_spikes(steps[-LOSSES_MAX:], losses[-LOSSES_MAX:]),
        *_broken_losses(steps, losses),
    ]
    found += _rate_spikes(log)
    known = [(each.steps[0], each.steps[-1]) for each in found]
    return [*found, *_norm_spikes(log, axis, known), *_lost(log, axis)]


def _loss_spikes(steps: Steps, losses: Doubles) -> list[Finding]:
    found = sorted(loss_spikes(losses), key=lambda each: -each.deviation)
    return [
        Finding(
            f"spike:loss:{steps[each.first]}",
            "spike",
            "warning",
            f"The loss rose to {losses[each.peak]:.3g} "
            f"{between(int(steps[each.first]), int(steps[each.last]), 'step')}: "
            f"{min(each.deviation, 1e6):,.0f} times its usual spread.",
            "forensics",
            steps=(int(steps[each.first]), int(steps[each.last])),
        )
        for each in found[:_SPIKES_MAX]
    ]


def _broken_losses(steps: Steps, losses: Doubles) -> list[Finding]:
    """Stretches of steps at which the loss was NaN or infinite."""
    places = np.flatnonzero(~np.isfinite(losses))
    if not places.size:
        return []
    runs = np.split(places, np.flatnonzero(np.diff(places) > 1) + 1)
    return [
        Finding(
            f"not_finite:loss:{steps[run[0]]}",
            "not_finite",
            "problem",
            f"The loss was NaN or infinite "
            f"{between(int(steps[run[0]]), int(steps[run[-1]]), 'step')}.",
            "forensics",
            steps=(int(steps[run[0]]), int(steps[run[-1]])),
        )
        for run in runs[:_SPIKES_MAX]
    ]


def _rate_spikes(log: "Log") -> list[Finding]:
    """Short stretches of a learning rate that is much larger than before and after."""
    scalar = log.scalars([_RATE]).get(_RATE)
    if scalar is None or scalar.steps.size < 3:
        return []
    steps, rates = scalar.steps, scalar.values
    begins = np.flatnonzero(np.append(True, rates[1:] != rates[:-1]))
    longest = _RATE_SHARE * (steps[-1] - steps[0])
    found = []
    for before, start, end in zip(begins, begins[1:], begins[2:], strict=False):
        first, last = int(steps[start]), int(steps[end - 1])
        usual = max(rates[before], rates[end])
        if usual > 0 and rates[start] >= _RATE_TIMES * usual and last - first <= longest:
            found.append(
                Finding(
                    f"spike:rate:{first}",
                    "spike",
                    "warning",
                    f"The learning rate was {rates[start]:.3g} {between(first, last, 'step')}, "
                    f"{rates[start] / usual:,.0f} times that before and after.",
                    "forensics",
                    steps=(first, last),
                )
            )
    return found[:_SPIKES_MAX]


def _norm_spikes(log: "Log", axis: str, known: list[tuple[int, int]]) -> list[Finding]:
    """Gradients and updates of the whole model that were much larger than before.

    Those beside what is known already say nothing new.
    """
    steps, found = log.steps("layers"), []
    for kind, word in _NORMS.items():
        norms = log.layer_statistic(kind, "l2", [""])
        away = deviations(norms)[0]
        for each in excursions(np.where(away > 0, away, 0.0), _NORM_DEVIATIONS):
            usual = np.nanmedian(norms[0, max(0, each.first - 50) : each.first])
            peak = float(norms[0, each.peak])
            first, last = int(steps[each.first]), int(steps[each.last])
            since = int(steps[max(each.first - 1, 0)])
            if peak < _NORM_TIMES * usual or _touches(known, since, last):
                continue
            known.append((since, last))
            found.append(
                Finding(
                    f"spike:{kind}:{first}",
                    "spike",
                    "warning",
                    f"The {word} of the whole model was {peak / usual:,.0f} times as large as "
                    f"usual {between(first, last, axis)}.",
                    "forensics",
                    steps=(first, last),
                )
            )
    return found[:_SPIKES_MAX]


def _touches(known: list[tuple[int, int]], first: int, last: int) -> bool:
    return any(start <= last and first <= end for start, end in known)


def _lost(log: "Log", axis: str) -> list[Finding]:
    """What the recording could not write."""
    events = [event for event in log.events() if event.kind == "lost"]
    if not events:
        return []
    first, last = events[0].step, events[-1].step
    more = f" {len(events):,} such notes {between(first, last, axis)}." if len(events) > 1 else ""
    return [
        Finding(
            "lost:",
            "lost",
            "warning",
            f"{events[-1].text[:_TEXT_MAX]}{more}",
            "model",
            steps=(first, last),
        )
    ]
