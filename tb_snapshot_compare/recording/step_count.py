"""How many steps a Keras model has behind it when a training of it begins.

The optimizer's count says so, but not always: it is that of whole accumulations, steps whose scaled
gradients overflowed are missing, a model that is compiled again has an optimizer that begins at 0,
and a model written in code may train with optimizers of its own. Rows of later steps do not count
once a training goes on with earlier ones, so a number that is too small would hide what was
recorded.
"""

from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any
from weakref import ReferenceType, WeakKeyDictionary, ref

from tb_snapshot_compare.recording.keras_arrays import inner_optimizer


@dataclass(slots=True)
class _Known:
    """Where a training of a model in this process was: at a step of so many updates."""

    optimizer: ReferenceType[Any] | None
    updates: int
    step: int


_known: WeakKeyDictionary[Any, _Known] = WeakKeyDictionary()


def steps_behind(model: Any) -> int:
    """The step from which a training that begins goes on.

    Trainings of one model in one process follow each other, unless its optimizer was taken back to
    an earlier count.
    """
    updates = _updates(model)
    known = _known.get(model)
    if known is None:
        return updates
    own = inner_optimizer(model.optimizer)
    is_same = (known.optimizer() if known.optimizer else None) is own
    return max(known.step + updates - (known.updates if is_same else 0), 0)


def note_step(model: Any, step: int) -> None:
    """Remembers at which step a model is."""
    own = inner_optimizer(model.optimizer)
    _known[model] = _Known(None if own is None else ref(own), _updates(model), step)


def updates_of(optimizer: Any) -> int:
    """How often an optimizer was asked to update.

    `iterations` counts accumulations of gradients; the variable behind it counts their steps.
    """
    return int(getattr(optimizer, "_iterations", optimizer.iterations).numpy())


def _updates(model: Any) -> int:
    """How often the optimizer that was used most was asked to update."""
    return max((updates_of(each) for each in _optimizers(model)), default=0)


def _optimizers(model: Any) -> Iterator[Any]:
    for each in (model.optimizer, *vars(model).values()):
        inner = inner_optimizer(each)
        if hasattr(inner, "iterations") and hasattr(inner, "apply"):
            yield inner
