"""The finding about layers that stopped training, one for all of them."""

from collections.abc import Sequence
from typing import TYPE_CHECKING

import numpy as np

from tb_snapshot_compare.analysis.stopped_training import StoppedUnit, stopped_units
from tb_snapshot_compare.workspace.finding_words import named
from tb_snapshot_compare.workspace.findings_layers import LayerHistory, should_train
from tb_snapshot_compare.workspace.training_values import Finding

if TYPE_CHECKING:
    from tb_snapshot_compare.store.log_reader import Log

_RATE = "learning_rate"


def findings_of_stops(log: "Log", layers: LayerHistory) -> list[Finding]:
    """What trained and then stopped; a note where the learning rate is 0 since then."""
    if not layers.units or not layers.steps.size:
        return []
    found = stopped_units(layers.history, layers.gradient_l2, layers.steps)
    found = tuple(each for each in found if should_train(layers.units[each.unit]))
    if not found:
        return []
    paths = [layers.paths[each.unit] for each in found]
    rate = _without_rate_since(log)
    if rate is not None and not all(_explains(rate, each, layers) for each in found):
        rate = None
    ended = rate is not None and all(each.without_gradient_since is None for each in found)
    texts = [_who(layers, paths), *_evidence(layers.axis, found)]
    if rate is not None:
        texts.append(f"The learning rate is 0 since step {rate:,}.")
    return [
        Finding(
            f"stopped:{paths[0]}",
            "stopped",
            "note" if ended else "warning",
            " ".join(texts),
            "layers",
            tuple(paths),
            (),
            (min(each.since for each in found), int(layers.steps[-1])),
        )
    ]


def _explains(rate: int, found: StoppedUnit, layers: LayerHistory) -> bool:
    """Whether a learning rate that is 0 since a step is why the weights do not change."""
    if found.still_since is None:
        return True
    still = int(np.searchsorted(layers.steps, found.still_since, "right"))
    return rate <= int(layers.steps[still])


def _who(layers: LayerHistory, paths: Sequence[str]) -> str:
    """Of the layers that should train."""
    total = sum(map(should_train, layers.units))
    if len(paths) == 1:
        return f"{paths[0]} stopped training."
    if len(paths) == total:
        return f"All {total:,} layers stopped training."
    return f"{len(paths):,} of {total:,} layers stopped training: {named(paths)}."


def _evidence(axis: str, found: Sequence[StoppedUnit]) -> list[str]:
    """Sentences; the steps are those since which they hold of all layers that they speak of."""
    absent = [step for each in found if (step := each.without_gradient_since) is not None]
    still = [step for each in found if (step := each.still_since) is not None]
    texts = []
    if absent:
        whose = _whose(len(absent), len(found))
        verb = "gradient is" if len(found) == 1 else "gradients are"
        texts.append(f"{whose} {verb} 0 since {axis} {max(absent):,}.")
    if still:
        whose = _whose(len(still), len(found))
        texts.append(f"{whose} weights have not changed since {axis} {max(still):,}.")
    return texts


def _whose(count: int, total: int) -> str:
    if total == 1:
        return "Its"
    return "Their" if count == total else f"Of {count:,} of them the"


def _without_rate_since(log: "Log") -> int | None:
    """The step since which the learning rate is 0, to the end; None where it is not."""
    scalar = log.scalars([_RATE]).get(_RATE)
    if scalar is None or not scalar.steps.size or scalar.values[-1] != 0:
        return None
    positive = np.flatnonzero(scalar.values != 0)
    return int(scalar.steps[positive[-1] + 1 if positive.size else 0])
