"""Findings about layers: what never trained, what is dead, and what is no number."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np
from numpy.typing import NDArray

from tb_snapshot_compare.analysis.never_trained import (
    DUMPS_MIN,
    TrainingFinding,
    UnitHistory,
    never_trained,
)
from tb_snapshot_compare.limits import TRAINING_EXAMINED_MAX
from tb_snapshot_compare.workspace.finding_words import between, counted, named
from tb_snapshot_compare.workspace.training_values import Finding

if TYPE_CHECKING:
    from tb_snapshot_compare.store.log_reader import Log
    from tb_snapshot_compare.store.log_tables import Unit

_NOT_TRAINED = frozenset({"Normalization", "Discretization", "Rescaling", "StftSpectrogram"})
"""Layers whose weights are not learned."""
_STATISTICS = "BatchNorm"
_ALONE_MAX = 4
"""So many layers of one kind have a finding each; more are one finding."""
_INCIDENTS_MAX = 10
_KINDS = ("weight", "gradient")
"""An update is not finite where the weights are not, or were not one dump before."""

Doubles = NDArray[np.float64]


@dataclass(frozen=True, slots=True)
class LayerHistory:
    """The layers of a log, and what was counted of them at its dumps, `[layers, dumps]`."""

    units: tuple["Unit", ...]
    steps: NDArray[np.int64]
    history: UnitHistory
    gradient_l2: Doubles
    statistics_still: NDArray[np.int64]
    """Of batch norms: 1 where no moving statistic changed, 0 where some did, -1 where unknown."""
    axis: str

    @property
    def paths(self) -> list[str]:
        """Of the layers."""
        return [unit.path for unit in self.units]


def layer_history(log: "Log", axis: str) -> LayerHistory:
    """Reads what findings about layers are made of, of as many of the newest dumps as there may be.

    `axis` is what the log's steps count.
    """
    from tb_snapshot_compare.store.log_tables import MOVING

    parents = {unit.parent for unit in log.units}
    units = tuple(unit for unit in log.units if unit.path not in parents and unit.parameters)
    paths = [unit.path for unit in units]
    steps = log.steps("layers")[-max(TRAINING_EXAMINED_MAX // max(len(units), 1), 1) :]
    first = int(steps[0]) if steps.size else None

    def counts(kind: str, statistic: str) -> NDArray[np.int64]:
        values = log.layer_statistic(kind, statistic, paths, first)
        return np.where(np.isnan(values), -1, values).astype(np.int64)

    count, still = counts("update", "count"), counts("update", "still")
    moving = counts(MOVING, "count"), counts(MOVING, "still")
    return LayerHistory(
        units,
        steps,
        UnitHistory(
            count=count,
            still=still,
            # Of a batch norm, the norm of all weights is that of its moving variance.
            update_l2=np.where(
                moving[0] > 0, np.nan, log.layer_statistic("update", "l2", paths, first)
            ),
            weight_l2=log.layer_statistic("weight", "l2", paths, first),
            dead=counts("weight", "dead"),
        ),
        log.layer_statistic("gradient", "l2", paths, first),
        np.where(
            moving[0] > 0,
            moving[1] == moving[0],
            # Older logs have the moving half of a batch norm's weights among its updates.
            np.where((still >= 0) & (count == counts("weight", "count")), 2 * still >= count, -1),
        ),
        axis,
    )


def findings_of_layers(layers: LayerHistory) -> list[Finding]:
    """What never trained, batch-norm statistics that never move, and dead filters."""
    if not layers.units or not layers.steps.size:
        return []
    trained = [row for row, unit in enumerate(layers.units) if should_train(unit)]
    found = [
        (trained[each.unit], each)
        for each in never_trained(_rows(layers.history, trained), layers.steps)
    ]
    stuck = [entry for entry in found if entry[1].kind != "dead filters"]
    dead = [entry for entry in found if entry[1].kind == "dead filters" and entry[1].dumps > 1]
    return [
        *_stuck(layers, stuck),
        *_frozen_statistics(layers, {row for row, _ in stuck}),
        *_dead(layers, dead),
    ]


def should_train(unit: "Unit") -> bool:
    """Whether the weights of a layer are learned."""
    return unit.kind not in _NOT_TRAINED


def _rows(history: UnitHistory, rows: Sequence[int]) -> UnitHistory:
    chosen = list(rows)
    return UnitHistory(
        history.count[chosen],
        history.still[chosen],
        history.update_l2[chosen],
        history.weight_l2[chosen],
        history.dead[chosen],
    )


_Found = Sequence[tuple[int, TrainingFinding]]


def _stuck(layers: LayerHistory, found: _Found) -> list[Finding]:
    """Layers without a gradient were frozen on purpose, if gradients were recorded at all."""
    gradients = layers.gradient_l2
    recorded = bool(np.isfinite(gradients).any())
    frozen = [row for row, _ in found if recorded and not np.isfinite(gradients[row]).any()]
    findings = []
    if frozen:
        first, last = _ends(found)
        findings.append(
            Finding(
                "never_trained:frozen",
                "never_trained",
                "note",
                f"{named([layers.paths[row] for row in frozen])}: frozen. The weights did not "
                f"change {between(first, last, layers.axis)}, and have no gradient.",
                "layers",
                tuple(layers.paths[row] for row in frozen),
                (),
                (first, last),
            )
        )
    left = [entry for entry in found if entry[0] not in frozen]
    if len(left) <= _ALONE_MAX:
        return [*findings, *(_never_trained(layers, [entry]) for entry in left)]
    return [*findings, _never_trained(layers, left)]


def _never_trained(layers: LayerHistory, found: _Found) -> Finding:
    rows = [row for row, _ in found]
    paths = [layers.paths[row] for row in rows]
    first, last = _ends(found)
    largest = max(each.largest_update for _, each in found)
    how = (
        "stayed bit for bit the same"
        if largest == 0
        else (f"changed by no more than rounding ({largest:.1e} of their norm)")
    )
    gradients = layers.gradient_l2[rows]
    known = gradients[np.isfinite(gradients)]
    why = ""
    if known.size:
        why = " Its gradient is 0." if not known.any() else " It has a gradient that is not used."
        if len(rows) > 1:
            why = ""
    return Finding(
        f"never_trained:{paths[0]}",
        "never_trained",
        "warning",
        f"{named(paths)} never trained: the weights {how} "
        f"{between(first, last, layers.axis)}.{why}",
        "layers",
        tuple(paths),
        (),
        (first, last),
    )


def _ends(found: _Found) -> tuple[int, int]:
    return min(each.first_step for _, each in found), max(each.last_step for _, each in found)


def _frozen_statistics(layers: LayerHistory, stuck: set[int]) -> list[Finding]:
    """Batch-norm layers whose moving statistics never changed.

    Where gradients were recorded and a layer has none, it was frozen on purpose.
    """
    still = layers.statistics_still
    has_gradient = np.atleast_1d(np.isfinite(layers.gradient_l2).any(axis=1))
    rows = []
    for row, unit in enumerate(layers.units):
        known = still[row] >= 0
        if (
            _STATISTICS in unit.kind
            and row not in stuck
            and (has_gradient[row] or not has_gradient.any())
            and known.sum() >= DUMPS_MIN
            and still[row][known].all()
        ):
            rows.append(row)
    if not rows:
        return []
    paths = [layers.paths[row] for row in rows]
    steps = layers.steps[(still[rows] >= 0).any(axis=0)]
    first, last = int(steps[0]), int(steps[-1])
    return [
        Finding(
            f"frozen_statistics:{paths[0]}",
            "frozen_statistics",
            "warning",
            f"{named(paths)}: the moving mean and variance did not change "
            f"{between(first, last, layers.axis)}. The trained network normalizes by what it began "
            "with.",
            "layers",
            tuple(paths),
            (),
            (first, last),
        )
    ]


def _dead(layers: LayerHistory, found: _Found) -> list[Finding]:
    if len(found) > _ALONE_MAX:
        paths = [layers.paths[row] for row, _ in found]
        filters = sum(each.count for _, each in found)
        first, last = _ends(found)
        text = (
            f"{counted(filters, 'filter', 'filters')} of {named(paths)} have only zeros as weights."
        )
        return [
            Finding(
                "dead_filters:", "dead_filters", "warning", text, "layers", tuple(paths), (),
                (first, last),
            )
        ]  # fmt: skip
    findings = []
    for row, each in found:
        unit = layers.units[row]
        have = "has" if each.count == 1 else "have"
        text = (
            f"{each.count:,} of {unit.filters:,} filters of {unit.path} {have} only zeros as "
            f"weights, {between(each.first_step, each.last_step, layers.axis)}."
        )
        findings.append(
            Finding(
                f"dead_filters:{unit.path}",
                "dead_filters",
                "warning",
                text,
                "layers",
                (unit.path,),
                (),
                (each.first_step, each.last_step),
            )
        )
    return findings


def not_finite(log: "Log", layers: LayerHistory) -> list[Finding]:
    """Stretches of dumps at which weights or gradients were NaN or infinite."""
    if not layers.units:
        return []
    bad = np.zeros((len(_KINDS), len(layers.units), layers.steps.size), np.bool_)
    since = int(layers.steps[0]) if layers.steps.size else None
    for place, kind in enumerate(_KINDS):
        for name in ("nan", "inf"):
            bad[place] |= log.layer_statistic(kind, name, layers.paths, since) > 0
    dumps = np.flatnonzero(bad.any(axis=(0, 1)))
    if not dumps.size:
        return []
    runs = np.split(dumps, np.flatnonzero(np.diff(dumps) > 1) + 1)
    return [_incident(layers, bad[:, :, run], layers.steps[run]) for run in runs[:_INCIDENTS_MAX]]


def _incident(layers: LayerHistory, bad: NDArray[np.bool_], steps: NDArray[np.int64]) -> Finding:
    """`bad` `[kinds, layers, dumps]` of one stretch; the layers of its first dump are its units."""
    first = np.flatnonzero(bad[:, :, 0].any(axis=0))
    later = np.setdiff1d(np.flatnonzero(bad.any(axis=(0, 2))), first)
    kinds = [kind for place, kind in enumerate(_KINDS) if bad[place][first, 0].any()]
    words = " and ".join(f"{kind}s" for kind in kinds)
    paths = [layers.paths[row] for row in first]
    more = "1 more layer" if later.size == 1 else f"{later.size:,} more layers"
    spread = f" Then in {more}." if later.size else ""
    start, end = int(steps[0]), int(steps[-1])
    return Finding(
        f"not_finite:{start}",
        "not_finite",
        "problem",
        f"{named(paths)}: {words} were NaN or infinite {between(start, end, layers.axis)}.{spread}",
        "layers",
        tuple(paths),
        (),
        (start, end),
        tuple(layers.paths[row] for row in later),
    )
