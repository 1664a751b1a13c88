"""Selective search: where objects may lie in an image, in its fast mode.

Uijlings, van de Sande, Gevers and Smeulders, "Selective Search for Object Recognition", IJCV 104
(2013). Small regions (Felzenszwalb and Huttenlocher 2004) are merged, the two most alike first,
until one is left; the box of every region on the way is a proposal. Diversity comes from two
colour spaces, two sizes of the first regions and two measures of likeness (section 3.2, table 5).
"""

from collections.abc import Iterator
from itertools import pairwise
from typing import Any

import numpy as np
from numpy.typing import NDArray

from tb_snapshot_compare.analysis.selective_search_merging import Regions, merge

Box = tuple[int, int, int, int]
"""Left, top, right, bottom in pixels; right and bottom are exclusive."""

SEGMENTED_EDGE = 256
"""Larger images are segmented reduced to this: finer regions give no better boxes."""
_SHORTEST = 16
PROPOSALS_DEFAULT = 2_000
_SCALES = (25.0, 100.0)
"""Of the first segmentation: the smallest regions have as many pixels. Published are 50 and 100,
for photographs of 500 pixels; here they have half as many."""
_SIGMA = 0.8
_COLOUR_BINS = 25
_ORIENTATIONS = 8
_TEXTURE_BINS = 10
_SMALLEST_SHARE = 20
"""Boxes narrower than this part of the image's shorter side are left out."""

Planes = NDArray[np.float64]


def selective_search(
    pixels: NDArray[np.uint8],
    *,
    limit: int = PROPOSALS_DEFAULT,
    smallest: int | None = None,
    seed: int = 0,
) -> tuple[Box, ...]:
    """Proposes boxes of an image that may hold an object or a part of one.

    The same image gives the same boxes in the same order: what was merged last, the largest,
    tends to come first, mixed with the other strategies' at random by `seed` (section 3.3).

    Args:
      pixels: uint8 [height, width, 3], RGB.
      limit: proposals at most.
      smallest: least width and height in pixels; None for a twentieth of the shorter side.
      seed: of the order.

    Returns:
      Different boxes, the whole image among them.
    """
    height, width = pixels.shape[:2]
    smallest = max(2, min(height, width) // _SMALLEST_SHARE) if smallest is None else smallest
    whole = (0, 0, width, height)
    if min(height, width) < 3:
        return (whole,)[:limit]
    small = _reduced(pixels)
    ranked: dict[Box, float] = {whole: 0.0}
    random = np.random.default_rng(seed)
    for strategy in _strategies(small):
        boxes = _scaled(strategy, small.shape[:2], (height, width))
        ranks = np.arange(len(boxes), 0, -1) * random.random(len(boxes))
        for box, rank in zip(boxes, ranks, strict=True):
            if box[2] - box[0] >= smallest and box[3] - box[1] >= smallest:
                ranked[box] = min(rank, ranked.get(box, np.inf))
    return tuple(sorted(ranked, key=lambda box: (ranked[box], box))[:limit])


def _strategies(pixels: NDArray[np.uint8]) -> Iterator[NDArray[np.int64]]:
    """The boxes [n, 4] of each strategy, in order of merging."""
    from skimage.segmentation import felzenszwalb  # slow to import, needed rarely

    for planes in _colour_spaces(pixels):
        colour = _quantized_colour(planes)
        texture = _quantized_texture(planes)
        for scale in _SCALES:
            labels: NDArray[np.int64] = felzenszwalb(
                planes, scale=scale, sigma=_SIGMA, min_size=int(scale), channel_axis=-1
            )
            regions = _regions(labels, colour, texture)
            yield regions.boxes
            yield merge(regions, with_colour=True)
            yield merge(regions, with_colour=False)


def _reduced(pixels: NDArray[np.uint8]) -> NDArray[np.uint8]:
    """The image with `SEGMENTED_EDGE` pixels along its longer side.

    The shorter side keeps at least `_SHORTEST`, where it has as many: a strip stays an area.
    """
    longest = max(pixels.shape[:2])
    if longest <= SEGMENTED_EDGE:
        return pixels
    from skimage.transform import resize  # slow to import, needed rarely

    shape = [
        max(min(side, _SHORTEST), round(side * SEGMENTED_EDGE / longest))
        for side in pixels.shape[:2]
    ]
    for axis, side in enumerate(shape):
        pixels = _averaged(pixels, axis, pixels.shape[axis] // (2 * side))
    reduced = resize(pixels, shape, order=1, anti_aliasing=True, preserve_range=True)
    return np.asarray(reduced.round(), np.uint8)


def _averaged(pixels: NDArray[np.uint8], axis: int, block: int) -> NDArray[np.uint8]:
    """Means of about `block` pixels along an axis: cheap, before the exact reduction."""
    if block < 2:
        return pixels
    length = pixels.shape[axis]
    edges = np.linspace(0, length, length // block + 1).round().astype(np.int64)
    rows = np.moveaxis(pixels, axis, 0)
    means = [
        rows[start:stop].mean(axis=0, dtype=np.float32).round().astype(np.uint8)
        for start, stop in pairwise(edges.tolist())
    ]
    return np.moveaxis(np.stack(means), 0, axis)


def _colour_spaces(pixels: NDArray[np.uint8]) -> Iterator[Planes]:
    """HSV and Lab, each plane in 0..1."""
    from skimage.color import rgb2hsv, rgb2lab  # slow to import, needed rarely

    yield rgb2hsv(pixels)
    lab = rgb2lab(pixels)
    yield ((lab - [0, -128, -128]) / [100, 255, 255]).clip(0, 1)


def _quantized_colour(planes: Planes) -> NDArray[np.int64]:
    """The bin [height, width, 3] of every pixel in each plane, numbered over all planes."""
    bins = np.minimum((planes * _COLOUR_BINS).astype(np.int64), _COLOUR_BINS - 1)
    return bins + np.arange(planes.shape[2]) * _COLOUR_BINS


def _quantized_texture(planes: Planes) -> NDArray[np.int64]:
    """The bin [height, width, 24] of the Gaussian derivative in eight directions of each plane.

    Sigma is 1, as published. A direction counts the positive part of the derivative, so that
    opposite ones differ; the scale goes up to the plane's steepest place.
    """
    from scipy.ndimage import gaussian_filter  # slow to import, needed rarely

    angles = 2 * np.pi * np.arange(_ORIENTATIONS) / _ORIENTATIONS
    layers = []
    for plane in np.moveaxis(planes, 2, 0):
        down = gaussian_filter(plane, 1, order=(1, 0))
        along = gaussian_filter(plane, 1, order=(0, 1))
        steepest = max(float(np.hypot(down, along).max()), 1e-9)
        for angle in angles:
            response = (np.cos(angle) * along + np.sin(angle) * down) / steepest
            layers.append((response.clip(0, 1) * _TEXTURE_BINS).astype(np.int64))
    bins = np.minimum(np.stack(layers, axis=2), _TEXTURE_BINS - 1)
    return np.asarray(bins + np.arange(len(layers)) * _TEXTURE_BINS)


def _regions(
    labels: NDArray[np.int64], colour: NDArray[np.int64], texture: NDArray[np.int64]
) -> Regions:
    count = int(labels.max()) + 1
    rows, columns = np.indices(labels.shape)
    flat = labels.ravel()
    boxes = np.empty((count, 4), np.int64)
    boxes[:, :2], boxes[:, 2:] = labels.size, 0
    for axis, places in ((0, columns.ravel()), (1, rows.ravel())):
        np.minimum.at(boxes[:, axis], flat, places)
        np.maximum.at(boxes[:, axis + 2], flat, places + 1)
    return Regions(
        sizes=np.bincount(flat, minlength=count),
        boxes=boxes,
        colour=_histograms(labels, colour, count, 3 * _COLOUR_BINS),
        texture=_histograms(labels, texture, count, 3 * _ORIENTATIONS * _TEXTURE_BINS),
        neighbours=_neighbours(labels, count),
        pixels=labels.size,
    )


def _histograms(
    labels: NDArray[np.int64], bins: NDArray[np.int64], count: int, width: int
) -> NDArray[np.float64]:
    """Of every region the share of its pixels in each bin, over all layers of `bins`: sum 1."""
    cells = labels[:, :, None] * width + bins
    counted = np.bincount(cells.ravel(), minlength=count * width).reshape(count, width)
    return np.asarray(counted / counted.sum(axis=1, keepdims=True))


def _neighbours(labels: NDArray[np.int64], count: int) -> NDArray[np.int64]:
    """Pairs [n, 2] of regions that touch, the smaller number first."""
    pairs: list[Any] = []
    for one, other in (
        (labels[:, :-1], labels[:, 1:]),
        (labels[:-1], labels[1:]),
        (labels[:-1, :-1], labels[1:, 1:]),
        (labels[:-1, 1:], labels[1:, :-1]),
    ):
        low, high = np.minimum(one, other).ravel(), np.maximum(one, other).ravel()
        pairs.append((low * count + high)[low != high])
    codes = np.unique(np.concatenate(pairs))
    return np.stack([codes // count, codes % count], axis=1)


def _scaled(boxes: NDArray[np.int64], given: tuple[int, ...], wanted: tuple[int, int]) -> list[Box]:
    """Boxes of the reduced image as boxes of the image, rounded outwards."""
    down, along = wanted[0] / given[0], wanted[1] / given[1]
    factors = np.array([along, down, along, down])
    scaled = boxes * factors
    scaled[:, :2] = np.floor(scaled[:, :2] + 1e-9)
    scaled[:, 2:] = np.ceil(scaled[:, 2:] - 1e-9)
    limits = [wanted[1], wanted[0], wanted[1], wanted[0]]
    left, top, right, bottom = np.minimum(scaled, limits).astype(int).T.tolist()
    return list(zip(left, top, right, bottom, strict=True))
