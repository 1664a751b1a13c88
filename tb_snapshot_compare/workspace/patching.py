"""The patches of a probe image that drive a channel of a pair most."""

from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from typing import Literal

import numpy as np
from numpy.typing import NDArray

from tb_snapshot_compare.analysis.selective_search import selective_search
from tb_snapshot_compare.architecture.receptive_field import receptive_field
from tb_snapshot_compare.errors import InvalidRequestError, NotFoundError
from tb_snapshot_compare.images import Preprocessing
from tb_snapshot_compare.inference.values import Wanted
from tb_snapshot_compare.limits import PROPOSALS_MAX
from tb_snapshot_compare.workspace.channel_maps import ChannelMaps
from tb_snapshot_compare.workspace.forward import Network
from tb_snapshot_compare.workspace.image_batches import batch_size, input_size, prepared_pair
from tb_snapshot_compare.workspace.patches import (
    Box,
    Patch,
    best_patches,
    field_patches,
    in_image,
    shows_image,
)
from tb_snapshot_compare.workspace.probe_images import ProbeImages
from tb_snapshot_compare.workspace.probed import NO_CHANGES, Changes, Pair, ProbedPair, Side
from tb_snapshot_compare.workspace.probing import Probing
from tb_snapshot_compare.workspace.streaming import Progress

Way = Literal["crop", "field"]
PATCHES_DEFAULT = 5


@dataclass(frozen=True, slots=True)
class PairPatches:
    """The best patches by a and by b, best first; `proposals` counts what was scored."""

    layer: str
    proposals: int
    a: tuple[Patch, ...]
    b: tuple[Patch, ...]


class Patching:
    """Looks for patches; see `Probing` for what it runs."""

    def __init__(self, probing: Probing, images: ProbeImages) -> None:
        self._probing = probing
        self._images = images

    def patches(
        self,
        pair: Pair,
        image_id: str,
        layer: str,
        channel: int,
        *,
        way: Way = "crop",
        side: Side = "output",
        count: int = PATCHES_DEFAULT,
        changes: Changes = NO_CHANGES,
        progress: Progress | None = None,
    ) -> PairPatches:
        """The best patches of an image for one channel.

        `crop`, the paper's way: proposals of selective search are cut out, resized to the
        input and run; the score is the channel's largest activation. `field`, the direct way:
        the image is run once, and the receptive fields of the channel's largest activations
        are taken.

        Args:
          pair: The snapshots.
          image_id: A probe image.
          layer: Full path of a layer.
          channel: Of the layer's output, or of what feeds it, by `side`.
          way: See above.
          side: See `channel`.
          count: Patches of either snapshot.
          changes: How the image is prepared, where not as suggested.
          progress: Called with proposals done and in all.

        Raises:
          NotFoundError: no such layer or channel.
          InvalidRequestError: the receptive field of the layer is not known.
        """
        probed = self._probing.probed(pair, progress)
        name = layer if side == "output" else self._probing.fed_by(probed, layer)
        if name is None:
            raise NotFoundError(f"The layer {layer!r} is not fed by exactly one layer.")
        channels = probed.layer(name).shape[-1]
        if channels is None or not 0 <= channel < channels:
            raise NotFoundError(f"The layer {name!r} has {channels} channels: none is {channel}.")
        chosen = probed.prepared_as(changes)
        if way == "field":
            maps = self._probing.maps(pair, image_id, name, changes)
            return self._fields(probed, maps, image_id, name, channel, count, chosen)
        return self._crops(probed, image_id, name, channel, count, chosen, progress)

    def _crops(
        self,
        probed: ProbedPair,
        image_id: str,
        layer: str,
        channel: int,
        count: int,
        preprocessing: Preprocessing,
        progress: Progress | None,
    ) -> PairPatches:
        pixels = self._images.pixels(image_id)
        boxes = selective_search(pixels, limit=PROPOSALS_MAX)
        scores = [
            self._scores(probed, pixels, part, layer, channel, preprocessing)
            for part in _reported(boxes, batch_size(probed.networks), progress)
        ]
        of_a, of_b = (np.concatenate(side) for side in zip(*scores, strict=True))
        return PairPatches(
            layer,
            len(boxes),
            tuple(best_patches(boxes, of_a, count)),
            tuple(best_patches(boxes, of_b, count)),
        )

    def _scores(
        self,
        probed: ProbedPair,
        pixels: NDArray[np.uint8],
        boxes: Sequence[Box],
        layer: str,
        channel: int,
        preprocessing: Preprocessing,
    ) -> tuple[NDArray[np.float32], NDArray[np.float32]]:
        """The channel's largest activation for each box, by a and by b."""
        crops = [pixels[top:bottom, left:right] for left, top, right, bottom in boxes]
        wanted = (Wanted(layer, (channel,), "max"),)
        images = prepared_pair(probed.networks, crops, preprocessing)
        a, b = self._probing.run(probed, images, wanted)
        return a.layers[0][:, 0], b.layers[0][:, 0]

    def _fields(
        self,
        probed: ProbedPair,
        maps: ChannelMaps,
        image_id: str,
        layer: str,
        channel: int,
        count: int,
        preprocessing: Preprocessing,
    ) -> PairPatches:
        image_size = self._images.pixels(image_id).shape[:2]
        found = []
        for network, side in ((probed.networks.a, maps.a), (probed.networks.b, maps.b)):
            box_of = _field_of(network, layer, image_size, preprocessing)
            found.append(tuple(field_patches(side[channel], box_of, count)))
        return PairPatches(layer, int(np.prod(maps.a.shape[1:])), found[0], found[1])


def _reported(
    boxes: Sequence[Box], size: int, progress: Progress | None
) -> Iterator[Sequence[Box]]:
    """The boxes in parts of `size`, each reported before it is run."""
    for start in range(0, len(boxes), size):
        if progress is not None:
            progress(start, len(boxes))
        yield boxes[start : start + size]


def _field_of(
    network: Network, layer: str, image_size: tuple[int, int], preprocessing: Preprocessing
) -> Callable[[int, int], Box | None]:
    """Where an output position looks at the image; the whole image behind a dense layer.

    None for positions that look mostly at the border that pads the image; see `shows_image`.
    """
    height, width, _ = input_size(network)
    config, own = network.source.config, network.own_names.get(layer, layer)
    field = None if config is None else receptive_field(config, own)
    if field is None:
        raise InvalidRequestError(
            f"The receptive field of {layer!r} is not known: it needs a Keras configuration of "
            "layers with fixed windows. Use the patches by proposals instead."
        )

    def box_of(row: int, column: int) -> Box | None:
        box = field.box(row, column, height, width)
        if not shows_image(box, (height, width), image_size, preprocessing.resize):
            return None
        return in_image(box, (height, width), image_size, preprocessing.resize)

    return box_of
