"""Selective search beside OpenCV's fast mode: `python -m benchmarks.selective_search`.

On pictures that come with scikit-image, with boxes drawn by hand around what is in them: how many
boxes each proposes, the share of the drawn ones that a proposal overlaps by half, the mean best
overlap, and the time.
"""

import os
import sys
import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass

import cv2
import numpy as np
import skimage
from numpy.typing import NDArray
from PIL import Image

from benchmarks.report import Table, main
from tb_snapshot_compare.analysis.selective_search import Box, selective_search

Pixels = NDArray[np.uint8]
OVERLAP = 0.5
EDGE = 227
GROUND: dict[str, tuple[Box, ...]] = {
    "astronaut.png": (
        (150, 18, 305, 190),  # head
        (30, 18, 365, 512),  # astronaut
        (30, 205, 365, 512),  # suit
        (110, 150, 300, 295),  # collar
        (275, 345, 512, 512),  # helmet
        (132, 348, 208, 424),  # patch
        (275, 337, 335, 380),  # badge
        (355, 55, 462, 285),  # shuttle
    ),
    "coffee.png": (
        (174, 17, 407, 208),  # cup
        (76, 76, 478, 385),  # saucer
        (194, 112, 360, 206),  # coffee
        (326, 225, 404, 326),  # spoon
    ),
    "chelsea.png": (
        (135, 84, 205, 146),  # left eye
        (296, 109, 342, 165),  # right eye
        (233, 220, 289, 268),  # nose
        (25, 0, 365, 300),  # face
    ),
    "rocket.jpg": (
        (308, 128, 337, 407),  # rocket
        (0, 0, 99, 427),  # tower
        (175, 124, 204, 400),  # mast
    ),
    "camera.png": (
        (0, 62, 333, 512),  # man
        (160, 62, 272, 192),  # head
        (261, 138, 324, 189),  # camera
        (232, 301, 405, 512),  # tripod
        (411, 117, 437, 196),  # building
    ),
    "motorcycle_left.png": (
        (108, 104, 683, 454),  # motorcycle
        (506, 267, 683, 454),  # front wheel
        (119, 240, 260, 408),  # rear wheel
        (323, 235, 462, 371),  # engine
        (312, 162, 490, 267),  # tank
        (506, 123, 565, 185),  # headlight
    ),
    "clock_motion.png": ((145, 90, 280, 215),),
    "horse.png": ((17, 10, 390, 312),),
    "retina.jpg": ((5, 5, 1405, 1405), (140, 560, 320, 800)),
}


@dataclass(frozen=True, slots=True)
class Outcome:
    """What one way proposes for one picture; `best` is the largest overlap of each drawn box."""

    boxes: int
    best: tuple[float, ...]
    seconds: float

    @property
    def found(self) -> int:
        """Drawn boxes that a proposal overlaps by half."""
        return sum(overlap >= OVERLAP for overlap in self.best)


def picture(name: str, edge: int | None = None) -> tuple[Pixels, NDArray[np.float64]]:
    """A picture that comes with scikit-image, and the boxes in it.

    Args:
      name: its file.
      edge: it is stretched to a square of this side; None leaves it as it is.
    """
    path = os.path.join(os.path.dirname(skimage.__file__), "data", name)
    with Image.open(path) as file:
        image = file.convert("RGB")
    boxes = np.array(GROUND[name], float)
    if edge is not None:
        boxes *= [edge / image.width, edge / image.height] * 2
        image = image.resize((edge, edge), Image.Resampling.LANCZOS)
    return np.asarray(image, np.uint8), boxes


def opencv(pixels: Pixels) -> NDArray[np.int64]:
    """The proposals [n, 4] of OpenCV's fast mode."""
    search = cv2.ximgproc.segmentation.createSelectiveSearchSegmentation()
    search.setBaseImage(np.ascontiguousarray(pixels[..., ::-1]))
    search.switchToSelectiveSearchFast()
    left, top, width, height = np.array(search.process(), np.int64).T
    return np.stack([left, top, left + width, top + height], axis=1)


def ours(pixels: Pixels) -> NDArray[np.int64]:
    """The proposals [n, 4] of this package."""
    return np.array(selective_search(pixels), np.int64)


def judge(
    propose: Callable[[Pixels], NDArray[np.int64]], pixels: Pixels, ground: NDArray[np.float64]
) -> Outcome:
    """Runs one way on one picture."""
    started = time.perf_counter()
    boxes = propose(pixels)
    seconds = time.perf_counter() - started
    low = np.maximum(ground[:, None, :2], boxes[None, :, :2])
    high = np.minimum(ground[:, None, 2:], boxes[None, :, 2:])
    shared = (high - low).clip(0).prod(axis=2)
    area = (ground[:, 2:] - ground[:, :2]).prod(axis=1)[:, None]
    others = (boxes[:, 2:] - boxes[:, :2]).prod(axis=1)[None]
    best = (shared / (area + others - shared)).max(axis=1)
    return Outcome(len(boxes), tuple(best.tolist()), seconds)


def tables(tiny: bool = False) -> Iterator[Table]:
    """One table for each size of picture."""
    ours(picture("coffee.png", EDGE)[0])  # imports and warms up
    ways = {"this package": ours, "OpenCV fast": opencv}
    names = list(GROUND)[:2] if tiny else list(GROUND)
    for edge in (EDGE,) if tiny else (EDGE, None):
        found: dict[str, dict[str, Outcome]] = {}
        for name in names:
            pixels, ground = picture(name, edge)
            found[name] = {way: judge(propose, pixels, ground) for way, propose in ways.items()}
        rows = [
            (name.partition(".")[0], *(cell for way in ways for cell in _cells([outcomes[way]])))
            for name, outcomes in found.items()
        ]
        everything = (_cells([outcomes[way] for outcomes in found.values()]) for way in ways)
        rows.append(("all", *(cell for cells in everything for cell in cells)))
        size = "as they are" if edge is None else f"of {edge} x {edge}"
        heads = (f"{way}: {head}" for way in ways for head in ("boxes", "recall", "s"))
        yield Table(f"Proposals in pictures {size}", ("picture", *heads), tuple(rows))


def _cells(outcomes: list[Outcome]) -> tuple[str, str, str]:
    best = [overlap for outcome in outcomes for overlap in outcome.best]
    found = sum(outcome.found for outcome in outcomes)
    boxes = sum(outcome.boxes for outcome in outcomes)
    seconds = sum(outcome.seconds for outcome in outcomes)
    return f"{boxes:,}", f"{found}/{len(best)}", f"{seconds:.2f}"


if __name__ == "__main__":
    main(sys.modules[__name__], __doc__)
