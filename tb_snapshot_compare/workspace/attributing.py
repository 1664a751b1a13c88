"""Which layer carries a change in outcome: one layer's weights at a time put into the other."""

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from tb_snapshot_compare.inference.values import Mixture, Replacement
from tb_snapshot_compare.workspace.outcomes import Probabilities, predicted
from tb_snapshot_compare.workspace.results import Comparison, FilterMeasures

GROUPS = 8
"""Groups of filters of one layer, by how far they changed."""
_SUFFIXES = {1: "st", 2: "nd", 3: "rd"}
_ALIKE = 1e-12
"""Outcomes closer than this (squared distance) are the same: a share of it would be noise."""


@dataclass(frozen=True, slots=True)
class Part:
    """Tensors of one layer, or some filters of them, that are swapped together."""

    name: str
    tensors: tuple[str, ...]
    filters: tuple[int, ...] | None = None

    @property
    def mixture(self) -> Mixture:
        """The weights of a with this part from b."""
        return Mixture("a", (Replacement(self.tensors, self.filters),))


@dataclass(frozen=True, slots=True)
class PartOutcome:
    """What swapping a part does.

    `carried` is <p - p_a, p_b - p_a> / ||p_b - p_a||^2 over all images and classes: the share
    of the whole change that lies in the whole change's direction; None when a and b predict
    the same. `truth` is the mean change of the true class's probability, None without labels.
    `flips` counts predictions that differ from a's.
    """

    part: Part
    carried: float | None
    truth: float | None
    flips: int


@dataclass(frozen=True, slots=True)
class Attribution:
    """The parts' outcomes, largest share first, beside the whole change from a to b.

    `sum` of the shares need not be 1: layers interact.
    """

    layer: str | None
    images: int
    parts: tuple[PartOutcome, ...]
    sum: float | None
    whole_truth: float | None
    whole_flips: int
    distance: float


def layer_parts(comparison: Comparison) -> tuple[Part, ...]:
    """A part for every layer in which any weight differs, with all its tensors.

    Moving statistics are among a layer's tensors: they are swapped with it.
    """
    tensors: dict[str, list[str]] = {}
    changed: set[str] = set()
    for tensor in comparison.tensors:
        if tensor.layer is None or tensor.scope != "weights" or tensor.status != "compared":
            continue
        tensors.setdefault(tensor.layer, []).append(tensor.name)
        if tensor.measures is not None and tensor.measures.changed:
            changed.add(tensor.layer)
    return tuple(Part(layer, tuple(names)) for layer, names in tensors.items() if layer in changed)


def filter_parts(
    part: Part, measures: FilterMeasures, chosen: Sequence[int] = ()
) -> tuple[Part, ...]:
    """A layer's filters in groups: the chosen ones and the rest, else by how far they changed.

    Args:
      part: The layer.
      measures: Of its filters.
      chosen: Indices of filters; empty makes `GROUPS` groups of equal size, by Euclidean
        distance, the most changed first.
    """
    count = measures.filters
    if chosen:
        own = sorted({index for index in chosen if index < count})
        rest = sorted(set(range(count)).difference(own))
        named = (("chosen filters", own), ("the other filters", rest))
        return tuple(
            Part(f"{len(indices):,} {name}", part.tensors, tuple(indices))
            for name, indices in named
            if indices
        )
    distance = np.nan_to_num(np.frombuffer(measures.arrays["l2"], dtype="<f8"), nan=-1.0)
    order = np.argsort(-distance, kind="stable")
    groups = np.array_split(order, min(GROUPS, count))
    bounds = np.cumsum([0, *(len(group) for group in groups)])
    return tuple(
        Part(
            f"{_ordinal(int(bounds[i]) + 1)} to {_ordinal(int(bounds[i + 1]))} most changed",
            part.tensors,
            tuple(sorted(group.tolist())),
        )
        for i, group in enumerate(groups)
    )


def attribute(
    parts: Sequence[Part],
    outcomes: Sequence[Probabilities],
    a: Probabilities,
    b: Probabilities,
    labels: Sequence[int | None],
    layer: str | None = None,
) -> Attribution:
    """Compares each part's outcome with the whole.

    Args:
      parts: What was swapped.
      outcomes: Class probabilities [images, classes] with each part swapped.
      a: Those of the first snapshot.
      b: Those of the second.
      labels: True classes of the images.
      layer: The layer whose filters the parts are; None when the parts are layers.
    """
    whole = b - a
    size = float(np.sum(whole**2))
    found = [
        PartOutcome(
            part=part,
            carried=float(np.sum((outcome - a) * whole)) / size if size > _ALIKE else None,
            truth=_truth_change(a, outcome, labels),
            flips=_flips(a, outcome),
        )
        for part, outcome in zip(parts, outcomes, strict=True)
    ]
    shares = [outcome.carried for outcome in found if outcome.carried is not None]
    return Attribution(
        layer=layer,
        images=len(a),
        parts=tuple(sorted(found, key=lambda outcome: -(outcome.carried or 0.0))),
        sum=sum(shares) if shares else None,
        whole_truth=_truth_change(a, b, labels),
        whole_flips=_flips(a, b),
        distance=float(np.sqrt(size)),
    )


def _truth_change(
    a: Probabilities, outcome: Probabilities, labels: Sequence[int | None]
) -> float | None:
    rows = [
        (row, label) for row, label in enumerate(labels) if label is not None and label < a.shape[1]
    ]
    if not rows:
        return None
    return float(np.mean([outcome[index] - a[index] for index in rows]))


def _flips(a: Probabilities, outcome: Probabilities) -> int:
    return int(np.count_nonzero(predicted(a) != predicted(outcome)))


def _ordinal(number: int) -> str:
    if number % 100 in (11, 12, 13):
        return f"{number}th"
    return f"{number}{_SUFFIXES.get(number % 10, 'th')}"
