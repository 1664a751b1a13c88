"""Which layer carries a change in outcome: one layer's weights at a time put into the other."""

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from tb_snapshot_compare.errors import InvalidRequestError, NotFoundError
from tb_snapshot_compare.inference.values import Mixture, Replacement
from tb_snapshot_compare.workspace.outcomes import Probabilities, predicted
from tb_snapshot_compare.workspace.results import Comparison, FilterMeasures

GROUPS = 8
"""Groups of filters of one layer, by how far they changed."""
_SUFFIXES = {1: "st", 2: "nd", 3: "rd"}
_SHOWN = 5
_INNER_PROJECTIONS = frozenset({"query", "key", "value"})
"""Parts of an attention layer whose filters are not the channels of its output."""
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
    part: Part,
    channels: int,
    measures: Sequence[FilterMeasures] = (),
    chosen: Sequence[int] = (),
) -> tuple[Part, ...]:
    """The channels of a layer's output in groups: the chosen and the rest, else by their change.

    Args:
      part: The layer.
      channels: Of its output: the filters.
      measures: Of its tensors. The Euclidean distances of the first whose filters are the
        output's channels (see `channel_distances`) rank the channels.
      chosen: Indices of filters; empty makes `GROUPS` groups of equal size, the most changed
        first, or in order where no tensor tells how far each changed.

    Raises:
      InvalidRequestError: there is no such filter.
    """
    if chosen:
        return _chosen_and_rest(part, channels, chosen)
    distances = next(
        (found for each in measures if (found := channel_distances(each, channels)) is not None),
        None,
    )
    order = np.arange(channels)
    if distances is not None:
        order = np.argsort(-np.nan_to_num(distances, nan=-1.0), kind="stable")
    groups = np.array_split(order, min(GROUPS, channels))
    bounds = np.cumsum([0, *(len(group) for group in groups)])
    return tuple(
        Part(
            _group_name(int(bounds[i]), int(bounds[i + 1]), ranked=distances is not None),
            part.tensors,
            tuple(sorted(group.tolist())),
        )
        for i, group in enumerate(groups)
    )


def measures_of(comparison: Comparison, layer: str) -> tuple[FilterMeasures, ...]:
    """The measures of a layer's filters, of its largest tensor first.

    Raises:
      NotFoundError: no such layer has tensors.
    """
    if all(tensor.layer != layer for tensor in comparison.tensors):
        raise NotFoundError(f"No tensor of a layer {layer!r} is in either snapshot.")
    sizes = {tensor.name: tensor.count for tensor in comparison.tensors}
    own = [entry for entry in comparison.filters if entry.layer == layer]
    return tuple(sorted(own, key=lambda entry: -sizes[entry.tensor]))


def channel_distances(measures: FilterMeasures, channels: int) -> NDArray[np.float64] | None:
    """How far each channel of a layer's output changed in one tensor, [channels].

    The gates of recurrent layers, and the heads of an output projection, are taken together.
    None where the tensor has no filter for each channel: what a separable convolution does to
    each channel of its input, and what attention makes queries, keys and values of.
    """
    layer, _, role = measures.tensor.rpartition("/")
    if role == "depthwise_kernel" or layer.rpartition("/")[2] in _INNER_PROJECTIONS:
        return None
    if measures.filters % channels:
        return None
    distances = np.frombuffer(measures.arrays["l2"], dtype="<f8").reshape(-1, channels)
    total: NDArray[np.float64] = np.sqrt(np.sum(distances**2, axis=0))
    return total


def _chosen_and_rest(part: Part, channels: int, chosen: Sequence[int]) -> tuple[Part, ...]:
    foreign = sorted(index for index in set(chosen) if not 0 <= index < channels)
    if foreign:
        shown = ", ".join(map(str, foreign[:_SHOWN]))
        raise InvalidRequestError(
            f"The layer {part.name!r} has no filter {shown}. Choose from 0 to {channels - 1}."
        )
    own = sorted(set(chosen))
    rest = sorted(set(range(channels)).difference(own))
    named = (("chosen filters", own), ("the other filters", rest))
    return tuple(
        Part(f"{len(indices):,} {name}", part.tensors, tuple(indices))
        for name, indices in named
        if indices
    )


def _group_name(start: int, stop: int, *, ranked: bool) -> str:
    if ranked:
        return f"{_ordinal(start + 1)} to {_ordinal(stop)} most changed"
    return f"Filters {start} to {stop - 1}"


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
