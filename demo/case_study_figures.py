"""The case study's numbers, each asked of the tools that the page uses."""

from __future__ import annotations

from collections import Counter
from dataclasses import dataclass
from typing import TYPE_CHECKING

from demo import tracing
from tb_snapshot_compare.workspace import Patching
from tb_snapshot_compare.workspace.kernel_locating import CellsQuery
from tb_snapshot_compare.workspace.kernel_maps import KernelMaps, KernelQuery

if TYPE_CHECKING:
    from pathlib import Path

    from tb_snapshot_compare.images import ImageSet
    from tb_snapshot_compare.workspace import Distribution, ProbeImages, Probing, Workspace
    from tb_snapshot_compare.workspace.attributing import Attribution
    from tb_snapshot_compare.workspace.outcomes import ImageOutcome, SetOutcome
    from tb_snapshot_compare.workspace.patching import PairPatches
    from tb_snapshot_compare.workspace.probed import Pair
    from tb_snapshot_compare.workspace.results import LayerDifference

TWINS = ("Buttercup", "Daffodil")
"""The user's choice in the flow: the two categories of the paper's case."""
CONVOLUTION = "Conv2D"
BINS, LEVELS = 20, 5
SIGN_CHANGED = f"0-{BINS - 1}.{LEVELS - 1}"
"""The darkest level, in every bin: relative changes from 1.6 to 2."""


@dataclass(frozen=True, slots=True)
class Focus:
    """What the pictures show.

    Attributes:
        far: ids of the snapshots a and b.
        near: ids of a later a and the same b.
        set_id: of the probe images.
        image: the image that b gets wrong.
        layer: the traced one.
        channels: the traced ones, most different first.
        label: number of the image's category.
    """

    far: tuple[str, str]
    near: tuple[str, str]
    set_id: str
    image: str
    layer: str
    channels: tuple[int, ...]
    label: int


@dataclass(frozen=True, slots=True)
class Figures:
    """Everything that the case study states.

    Attributes:
        accuracies: of training and of validation, of each epoch from the first.
        epochs: those of the far pair's a and b, and of the near pair's a.
        set: the probe images.
        outcome: of the far pair.
        layers: how far each layer's weights changed.
        whole: the distribution of the whole model.
        of_layer: that of the traced layer.
        located: weights and slices of the traced layer's kernel in the darkest level.
        slices: of the traced layer's kernel, in all.
        trace: of the twins.
        image: the image that is looked at.
        patches: of the first traced channel on it.
        far_swap: which layer carries the change of the traced images.
        near_swap: the same for the near pair and the images that b confuses.
    """

    accuracies: tuple[tuple[float, float], ...]
    epochs: tuple[int, int, int]
    set: ImageSet
    outcome: SetOutcome
    layers: tuple[LayerDifference, ...]
    whole: Distribution
    of_layer: Distribution
    located: tuple[int, int]
    slices: int
    trace: tracing.Trace
    image: ImageOutcome
    image_name: str
    patches: PairPatches
    far_swap: Attribution
    near_swap: Attribution

    def focus(self, far: Pair, near: Pair) -> Focus:
        """What is to be photographed."""
        assert self.image.label is not None
        return Focus(
            far=(far.a.id, far.b.id),
            near=(near.a.id, near.b.id),
            set_id=self.set.id,
            image=self.image.image,
            layer=self.trace.layer,
            channels=tuple(channel.index for channel in self.trace.channels),
            label=self.image.label,
        )

    def written(self) -> dict[str, str]:
        """The values of the template, as they are printed."""
        first, last, near = self.epochs
        classes = self.set.classes
        image, trace = self.image, self.trace
        weights, slices = self.located
        return {
            "first": str(first),
            "last": str(last),
            "near": str(near),
            "train_first": _percent(self.accuracies[first - 1][0]),
            "train_last": _percent(self.accuracies[last - 1][0]),
            "validation_first": _percent(self.accuracies[first - 1][1]),
            "validation_last": _percent(self.accuracies[last - 1][1]),
            "images": f"{self.outcome.labelled:,}",
            "layer_table": _layer_table(self.layers, trace.changes),
            "most_distance": _largest(self.layers, "l2"),
            "most_distance_convolution": _largest(self.layers, "l2", CONVOLUTION),
            "most_relative": _largest(self.layers, "relative_l2", CONVOLUTION),
            "small_model": _percent(_level_share(self.whole, 0)),
            "small_layer": _percent(_level_share(self.of_layer, 0)),
            "dark_layer": _percent(_level_share(self.of_layer, LEVELS - 1)),
            "located_weights": f"{weights:,}",
            "located_slices": f"{slices:,}",
            "slices": f"{self.slices:,}",
            "located_share": _percent(slices / self.slices),
            "outcome_table": _outcome_table(self.outcome),
            "confusion_table": _confusion_table(self.outcome, classes),
            "twins": " and ".join(TWINS),
            "traced": str(len(trace.images)),
            "traced_wrong": str(trace.wrong),
            "layer": trace.layer,
            "channel_table": _channel_table(trace),
            "channel": str(trace.channels[0].index),
            "image": self.image_name,
            "label": _name(classes, image.label),
            "predicted_a": _name(classes, image.predicted_a),
            "predicted_b": _name(classes, image.predicted_b),
            "truth_a": _percent(image.truth_a or 0.0),
            "truth_b": _percent(image.truth_b or 0.0),
            "proposals": f"{self.patches.proposals:,}",
            "score_a": f"{self.patches.a[0].score:.2f}",
            "score_b": f"{self.patches.b[0].score:.2f}",
            "far_sum": _percent(self.far_swap.sum or 0.0),
            "far_best": _best(self.far_swap),
            "near_sum": _percent(self.near_swap.sum or 0.0),
            "near_best": _best(self.near_swap),
            "near_images": str(self.near_swap.images),
        }


def gather(
    workspace: Workspace,
    images: ProbeImages,
    probing: Probing,
    far: Pair,
    near: Pair,
    run: Path,
) -> Figures:
    """Asks the tools.

    Args:
        workspace: compares the snapshots.
        images: has one set of labelled images.
        probing: runs the snapshots.
        far: epoch 10 and the last.
        near: a later epoch and the last.
        run: holds what Keras's callback wrote of the training.

    Raises:
        LookupError: no prediction of the twins changed.
    """
    image_set = images.sets(run.name)[0]
    outcome = probing.outcome(far, image_set.id, {})[1]
    first, second = sorted(image_set.classes.index(name) for name in TWINS)
    twins = (first, second)
    trace = tracing.trace(workspace, probing, far, image_set.id, twins)
    looked_at = tracing.changed_between(outcome, twins)[0]
    kernel, located = KernelMaps(workspace).located(
        far.a, far.b, KernelQuery(trace.layer), CellsQuery(BINS, LEVELS, SIGN_CHANGED, "layer")
    )
    return Figures(
        accuracies=accuracies(run),
        epochs=(
            _epoch(far.a.position.epoch),
            _epoch(far.b.position.epoch),
            _epoch(near.a.position.epoch),
        ),
        set=image_set,
        outcome=outcome,
        layers=workspace.comparison(far.a, far.b).layers,
        whole=_distribution(workspace, far, None),
        of_layer=_distribution(workspace, far, trace.layer),
        located=(located.weights, located.slices),
        slices=kernel.layout.rows * kernel.layout.columns,
        trace=trace,
        image=looked_at,
        image_name=images.image(looked_at.image).name,
        patches=Patching(probing, images).patches(
            far, looked_at.image, trace.layer, trace.channels[0].index
        ),
        far_swap=probing.attribution(far, image_set.id, {}, image_ids=trace.images),
        near_swap=probing.attribution(near, image_set.id, {}, image_ids=_confused(outcome, twins)),
    )


def accuracies(run: Path) -> tuple[tuple[float, float], ...]:
    """Training and validation accuracy of each epoch, as Keras's callback wrote them."""
    from tensorboard.backend.event_processing.event_accumulator import EventAccumulator
    from tensorboard.util import tensor_util

    curves = []
    for part in ("train", "validation"):
        events = EventAccumulator(str(run / part), {"tensors": 0}).Reload()
        curves.append(
            [
                float(tensor_util.make_ndarray(event.tensor_proto))
                for event in events.Tensors("epoch_accuracy")
            ]
        )
    return tuple(zip(*curves, strict=True))


def _epoch(epoch: int | None) -> int:
    assert epoch is not None
    return epoch


def _distribution(workspace: Workspace, pair: Pair, layer: str | None) -> Distribution:
    return workspace.distribution(
        pair.a, pair.b, bins=BINS, levels=LEVELS, layer=layer, tensor=None
    )


def _confused(outcome: SetOutcome, classes: tuple[int, int]) -> list[str]:
    return [
        image.image
        for image in outcome.images
        if image.label in classes
        and image.predicted_b in classes
        and image.label != image.predicted_b
    ]


def _percent(share: float) -> str:
    return f"{100 * share:.1f} %"


def _name(classes: tuple[str, ...], number: int | None) -> str:
    return "none" if number is None else classes[number]


def _level_share(distribution: Distribution, level: int) -> float:
    return sum(row[level] for row in distribution.counts) / distribution.total


def _measure(layer: LayerDifference, measure: str) -> float:
    value = getattr(layer.measures, measure)
    return 0.0 if value is None else float(value)


def _largest(layers: tuple[LayerDifference, ...], measure: str, kind: str | None = None) -> str:
    found = (layer for layer in layers if kind is None or layer.kind == kind)
    return max(found, key=lambda layer: _measure(layer, measure)).name


def _best(swap: Attribution) -> str:
    part = swap.parts[0]
    return f"{part.part.name} ({_percent(part.carried or 0.0)})"


def _layer_table(layers: tuple[LayerDifference, ...], changes: dict[str, float]) -> str:
    rows = ["| layer | weights | Euclidean distance | relative | maps |", "|---|--:|--:|--:|--:|"]
    for layer in layers:
        maps = f"{changes[layer.name]:.2f}" if layer.name in changes else ""
        distance, relative = (_measure(layer, name) for name in ("l2", "relative_l2"))
        rows.append(
            f"| {layer.name} | {layer.count:,} | {distance:.2f} | {relative:.2f} | {maps} |"
        )
    return "\n".join(rows)


def _outcome_table(outcome: SetOutcome) -> str:
    words = {True: "right", False: "wrong"}
    counts = Counter(
        (image.predicted_a == image.label, image.predicted_b == image.label)
        for image in outcome.images
    )
    rows = ["| a | b | images |", "|---|---|--:|"]
    rows += [f"| {words[a]} | {words[b]} | {n} |" for (a, b), n in sorted(counts.items())]
    return "\n".join(rows)


def _confusion_table(outcome: SetOutcome, classes: tuple[str, ...], count: int = 4) -> str:
    rows = ["| categories | images taken for the other by b |", "|---|--:|"]
    for found in tracing.confusions(outcome)[:count]:
        one, other = (classes[number] for number in found.classes)
        rows.append(f"| {one}, {other} | {found.images} |")
    return "\n".join(rows)


def _channel_table(trace: tracing.Trace) -> str:
    rows = ["| channel | difference of the maps | peak in a | peak in b |", "|--:|--:|--:|--:|"]
    rows += [
        f"| {each.index} | {each.difference:.2f} | {each.peak_a:.2f} | {each.peak_b:.2f} |"
        for each in trace.channels
    ]
    return "\n".join(rows)
