"""From a changed prediction to the channels behind it, with the tools of the Compare tab alone.

What a user does in the page, one step after the other: take the images that moved between two
classes in the flow, see which layer's maps changed most on them, take the channels of that layer
whose maps changed most. Nothing here knows what the images show: it is given two outputs of the
network, by number.
"""

from __future__ import annotations

from collections import Counter
from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np

if TYPE_CHECKING:
    from collections.abc import Sequence

    from numpy.typing import NDArray

    from tb_snapshot_compare.workspace import Probing, Workspace
    from tb_snapshot_compare.workspace.outcomes import ImageOutcome, SetOutcome
    from tb_snapshot_compare.workspace.probed import Pair

CHANNELS = 5
MAP_AXES = 3
"""Height, width and channels."""
KERNEL = "kernel"


@dataclass(frozen=True, slots=True)
class Confusion:
    """Two classes that b takes for each other.

    Attributes:
        classes: the outputs' numbers, the smaller first.
        images: how many images of either b takes for the other.
    """

    classes: tuple[int, int]
    images: int


@dataclass(frozen=True, slots=True)
class TracedChannel:
    """A channel of the traced layer, with means over the traced images.

    Attributes:
        index: of the channel.
        difference: ||map in b - map in a||, the page's measure of a channel.
        peak_a: the largest activation in a, which is what patches are scored by.
        peak_b: the largest activation in b.
    """

    index: int
    difference: float
    peak_a: float
    peak_b: float


@dataclass(frozen=True, slots=True)
class Trace:
    """Where a changed prediction leads.

    Attributes:
        images: ids of the images whose prediction changed, those that b gets wrong first.
        wrong: how many of them b gets wrong.
        changes: how far the maps of each layer changed on these images, in network order: the
            mean of ||b - a|| / (||a|| + ||b||), in [0, 1].
        layer: the one with the largest change.
        channels: of this layer, the most different first.
    """

    images: tuple[str, ...]
    wrong: int
    changes: dict[str, float]
    layer: str
    channels: tuple[TracedChannel, ...]


def confusions(outcome: SetOutcome) -> tuple[Confusion, ...]:
    """The pairs of classes that b takes for each other, the most frequent first."""
    found = Counter(
        (min(image.label, image.predicted_b), max(image.label, image.predicted_b))
        for image in outcome.images
        if image.label is not None and image.label != image.predicted_b
    )
    ordered = sorted(found.items(), key=lambda item: (-item[1], item[0]))
    return tuple(Confusion(classes, images) for classes, images in ordered)


def changed_between(outcome: SetOutcome, classes: tuple[int, int]) -> tuple[ImageOutcome, ...]:
    """Images of two classes that b calls one of the two, and that a called otherwise than b.

    Those that b gets wrong come first; among them, and among the others, those that b gives the
    least probability of their true class.
    """
    found = [
        image
        for image in outcome.images
        if image.label in classes
        and image.predicted_b in classes
        and image.predicted_a != image.predicted_b
    ]
    return tuple(
        sorted(found, key=lambda image: (image.predicted_b == image.label, image.truth_b or 0.0))
    )


def trace(
    workspace: Workspace,
    probing: Probing,
    pair: Pair,
    set_id: str,
    classes: tuple[int, int],
    count: int = CHANNELS,
) -> Trace:
    """Follows the change of two classes' images to channels.

    Args:
        workspace: compares the snapshots.
        probing: runs them.
        pair: the snapshots.
        set_id: a set of labelled probe images.
        classes: two outputs of the network.
        count: how many channels are wanted.

    Raises:
        LookupError: no prediction changed, or no layer with a kernel has maps.
    """
    outcome = probing.outcome(pair, set_id, {})[1]
    images = changed_between(outcome, classes)
    layers = _layers_with_maps(workspace, probing, pair)
    if not images or not layers:
        missing = "prediction changed" if not images else "layer with a kernel has maps"
        raise LookupError(f"No {missing} for the classes {classes[0]} and {classes[1]}.")
    ids = tuple(image.image for image in images)
    changes = {layer: _change(probing, pair, ids, layer) for layer in layers}
    largest = max(changes, key=lambda layer: changes[layer])
    return Trace(
        images=ids,
        wrong=sum(image.predicted_b != image.label for image in images),
        changes=changes,
        layer=largest,
        channels=_channels(probing, pair, ids, largest)[:count],
    )


def _layers_with_maps(workspace: Workspace, probing: Probing, pair: Pair) -> list[str]:
    """Layers that have a kernel and whose output has positions, in network order."""
    tensors = workspace.comparison(pair.a, pair.b).tensors
    with_kernel = {tensor.layer for tensor in tensors if tensor.role == KERNEL}
    return [
        layer.name
        for layer in probing.probed(pair).layers
        if layer.name in with_kernel and len(layer.shape) == MAP_AXES
    ]


def _change(probing: Probing, pair: Pair, images: Sequence[str], layer: str) -> float:
    """Mean over the images of ||b - a|| / (||a|| + ||b||), of all maps of a layer."""
    shares = []
    for image in images:
        maps = probing.maps(pair, image, layer, {})
        total = float(np.linalg.norm(maps.a) + np.linalg.norm(maps.b))
        shares.append(float(np.linalg.norm(maps.b - maps.a)) / total if total else 0.0)
    return float(np.mean(shares))


def _channels(
    probing: Probing, pair: Pair, images: Sequence[str], layer: str
) -> tuple[TracedChannel, ...]:
    """All channels of a layer, the most different on average first."""
    maps = [probing.maps(pair, image, layer, {}) for image in images]
    difference = np.mean([each.difference for each in maps], axis=0)
    peak_a = np.mean([_peaks(each.a) for each in maps], axis=0)
    peak_b = np.mean([_peaks(each.b) for each in maps], axis=0)
    return tuple(
        TracedChannel(int(i), float(difference[i]), float(peak_a[i]), float(peak_b[i]))
        for i in np.argsort(-difference, kind="stable")
    )


def _peaks(maps: NDArray[np.float32]) -> NDArray[np.float64]:
    """The largest activation of each channel; `maps` is [channels, height, width]."""
    peaks: NDArray[np.float64] = maps.max(axis=(1, 2)).astype(np.float64)
    return peaks
