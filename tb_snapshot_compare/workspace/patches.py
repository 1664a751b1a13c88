"""The parts of an image that drive a channel most: by proposals, or by receptive fields."""

import math
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from tb_snapshot_compare.images.preparing import Resize

Box = tuple[int, int, int, int]
"""Left, top, right, bottom in pixels of the image; right and bottom are exclusive."""
OVERLAP_MAX = 0.5
"""Two patches that share more (intersection over union) show the same thing: the better stays."""


@dataclass(frozen=True, slots=True)
class Patch:
    """A box and the channel's activation for it."""

    box: Box
    score: float


def best_patches(boxes: Sequence[Box], scores: NDArray[np.float32], count: int) -> list[Patch]:
    """The boxes with the highest scores that do not show the same thing.

    Args:
      boxes: Proposals.
      scores: Of each box; those that are not finite are left out.
      count: How many at most.
    """
    order = np.argsort(-np.nan_to_num(scores.astype(np.float64), nan=-np.inf), kind="stable")
    ranked = (Patch(boxes[i], float(scores[i])) for i in order if np.isfinite(scores[i]))
    return distinct(ranked, count)


def field_patches(
    activation: NDArray[np.float32], box_of: Callable[[int, int], Box | None], count: int
) -> list[Patch]:
    """The receptive fields of a map's largest activations.

    Args:
      activation: The channel's map [height, width] on the whole image.
      box_of: The receptive field of (row, column), None where it shows too little.
      count: How many at most.
    """
    order = np.argsort(-np.nan_to_num(activation.ravel(), nan=-np.inf), kind="stable")
    width = activation.shape[1]
    places = ((int(i) // width, int(i) % width) for i in order)
    ranked = (
        Patch(box, float(activation[row, column]))
        for row, column in places
        if np.isfinite(activation[row, column]) and (box := box_of(row, column)) is not None
    )
    return distinct(ranked, count)


def distinct(ranked: Iterable[Patch], count: int) -> list[Patch]:
    """The first `count` patches, without those that overlap a better one."""
    kept: list[Patch] = []
    for patch in ranked:
        if len(kept) == count:
            break
        if all(overlap(patch.box, other.box) <= OVERLAP_MAX for other in kept):
            kept.append(patch)
    return kept


def overlap(first: Box, second: Box) -> float:
    """Intersection over union of two boxes."""
    width = min(first[2], second[2]) - max(first[0], second[0])
    height = min(first[3], second[3]) - max(first[1], second[1])
    if width <= 0 or height <= 0:
        return 0.0
    shared = width * height
    return shared / (_area(first) + _area(second) - shared)


def _area(box: Box) -> int:
    return (box[2] - box[0]) * (box[3] - box[1])


def in_image(
    box: Box, input_size: tuple[int, int], image_size: tuple[int, int], resize: Resize
) -> Box:
    """A box of the network's input as a box of the image it was made from.

    Args:
      box: In the input's pixels.
      input_size: Height and width of the input.
      image_size: Height and width of the image.
      resize: How the one was made of the other.
    """
    height, width = image_size
    across, down = _placed(box, input_size, image_size, resize)
    x0, x1 = (min(max(side, 0), width) for side in across)
    y0, y1 = (min(max(side, 0), height) for side in down)
    x0, y0 = min(int(x0), width - 1), min(int(y0), height - 1)
    return x0, y0, max(x0 + 1, math.ceil(x1)), max(y0 + 1, math.ceil(y1))


def shows_image(
    box: Box, input_size: tuple[int, int], image_size: tuple[int, int], resize: Resize
) -> bool:
    """Whether a box of the input shows the image rather than the border that pads it.

    It does where at least half of the box lies on the image, or at least half of the image in
    the box: what a box that is larger than the image shows is the image.

    Args:
      box: In the input's pixels, within the input.
      input_size: Height and width of the input.
      image_size: Height and width of the image.
      resize: How the one was made of the other.
    """
    height, width = image_size
    (left, right), (top, bottom) = _placed(box, input_size, image_size, resize)
    met = max(min(right, width) - max(left, 0), 0) * max(min(bottom, height) - max(top, 0), 0)
    return met * 2 >= min((right - left) * (bottom - top), width * height)


def _placed(
    box: Box, input_size: tuple[int, int], image_size: tuple[int, int], resize: Resize
) -> tuple[tuple[float, float], tuple[float, float]]:
    """A box of the input over the image and beyond: left and right, top and bottom."""
    (in_height, in_width), (height, width) = input_size, image_size
    scale_x, scale_y = width / in_width, height / in_height
    left = top = 0.0
    if resize != "stretch":
        pick = min if resize == "crop" else max
        scale_x = scale_y = pick(scale_x, scale_y)
        left, top = (width - in_width * scale_x) / 2, (height - in_height * scale_y) / 2
    across = (left + box[0] * scale_x, left + box[2] * scale_x)
    return across, (top + box[1] * scale_y, top + box[3] * scale_y)
