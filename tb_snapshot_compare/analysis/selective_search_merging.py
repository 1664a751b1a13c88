"""Merging the regions of an image, the two most alike first."""

import heapq
from dataclasses import dataclass
from typing import TypeVar

import numpy as np
from numpy.typing import NDArray

Number = TypeVar("Number", np.int64, np.float64)


@dataclass(frozen=True, slots=True)
class Regions:
    """The first regions of an image.

    `sizes` [n] in pixels; `boxes` [n, 4] left, top, right, bottom; `colour` and `texture` are
    histograms [n, bins] that sum to 1; `neighbours` [m, 2] are pairs that touch; `pixels` is the
    size of the image.
    """

    sizes: NDArray[np.int64]
    boxes: NDArray[np.int64]
    colour: NDArray[np.float64]
    texture: NDArray[np.float64]
    neighbours: NDArray[np.int64]
    pixels: int


def merge(regions: Regions, *, with_colour: bool) -> NDArray[np.int64]:
    """Merges until one region is left, or none touch.

    Likeness is the sum, each in 0..1, of the intersections of the histograms of texture and, with
    `with_colour`, of colour, of how small both are, and of how well they fill the box around both
    (Uijlings et al. 2013, equations 2 to 5). Of equal pairs the first made is merged first.

    Returns:
      The boxes [merges, 4] of what came of each merge, in order.
    """
    merging = _Merging(regions, with_colour)
    return merging.run()


class _Merging:
    def __init__(self, regions: Regions, with_colour: bool) -> None:
        first = len(regions.sizes)
        self._pixels = regions.pixels
        self._made = first
        self._sizes = _with_room(regions.sizes)
        self._boxes = _with_room(regions.boxes)
        histograms = [regions.texture, regions.colour][: 1 + with_colour]
        self._histograms = _with_room(np.concatenate(histograms, axis=1))
        self._near: dict[int, set[int]] = {index: set() for index in range(first)}
        for one, other in regions.neighbours.tolist():
            self._near[one].add(other)
            self._near[other].add(one)
        pairs = regions.neighbours
        likeness = self._likeness(pairs[:, 0], pairs[:, 1])
        self._pairs = [
            (-value, one, other)
            for value, (one, other) in zip(likeness.tolist(), pairs.tolist(), strict=True)
        ]
        heapq.heapify(self._pairs)

    def run(self) -> NDArray[np.int64]:
        first = self._made
        while self._pairs:
            _, one, other = heapq.heappop(self._pairs)
            if one in self._near and other in self._near:
                self._merge(one, other)
        return self._boxes[first : self._made]

    def _merge(self, one: int, other: int) -> None:
        new = self._made
        self._made += 1
        sizes = self._sizes[[one, other]]
        self._sizes[new] = sizes.sum()
        self._boxes[new, :2] = np.minimum(self._boxes[one, :2], self._boxes[other, :2])
        self._boxes[new, 2:] = np.maximum(self._boxes[one, 2:], self._boxes[other, 2:])
        shares = sizes / sizes.sum()
        self._histograms[new] = shares @ self._histograms[[one, other]]
        near = (self._near.pop(one) | self._near.pop(other)) - {one, other}
        for neighbour in near:
            self._near[neighbour] -= {one, other}
            self._near[neighbour].add(new)
        self._near[new] = near
        ordered = np.array(sorted(near), np.int64)
        likeness = self._likeness(ordered, np.full(len(ordered), new))
        for value, neighbour in zip(likeness.tolist(), ordered.tolist(), strict=True):
            heapq.heappush(self._pairs, (-value, neighbour, new))

    def _likeness(self, ones: NDArray[np.int64], others: NDArray[np.int64]) -> NDArray[np.float64]:
        sizes = self._sizes[ones] + self._sizes[others]
        low = np.minimum(self._boxes[ones, :2], self._boxes[others, :2])
        high = np.maximum(self._boxes[ones, 2:], self._boxes[others, 2:])
        around = (high - low).prod(axis=1)
        alike = np.minimum(self._histograms[ones], self._histograms[others]).sum(axis=1)
        small = 1 - sizes / self._pixels
        filling = 1 - (around - sizes) / self._pixels
        return np.asarray(alike + small + filling)


def _with_room(values: NDArray[Number]) -> NDArray[Number]:
    """A copy with rows for what n - 1 merges make."""
    room = np.zeros((max(0, len(values) - 1), *values.shape[1:]), values.dtype)
    return np.concatenate([values, room])
