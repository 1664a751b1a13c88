"""Where the weights of chosen distribution cells lie on the kernel map."""

import re
import threading
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from tb_snapshot_compare.analysis.locating import CellMarker, LocatedCounts, pooled_counts
from tb_snapshot_compare.analysis.numeric_types import ValuePairs
from tb_snapshot_compare.errors import InvalidRequestError
from tb_snapshot_compare.limits import MAP_BASE_PIXELS
from tb_snapshot_compare.workspace.distributing import check_bounds
from tb_snapshot_compare.workspace.kernel_levels import (
    Places,
    base_exponent,
    levels_of,
    pixel_shape,
    selection_of,
    whole_area,
)
from tb_snapshot_compare.workspace.kernel_pairs import KernelPair
from tb_snapshot_compare.workspace.kernel_pyramids import as_halves, oriented
from tb_snapshot_compare.workspace.kernel_sweeps import sweep
from tb_snapshot_compare.workspace.kernel_values import KernelValues, check
from tb_snapshot_compare.workspace.streaming import ByteCounter, Progress

Halves = NDArray[np.float16]
Indices = NDArray[np.int64]
_CELLS = re.compile(r"([0-9]{1,4})(?:-([0-9]{1,4}))?\.([0-9]{1,4})(?:-([0-9]{1,4}))?")


@dataclass(frozen=True, slots=True)
class CellsQuery:
    """Chosen cells of a distribution, of `layer` or of `tensor` alone (`whole`)."""

    bins: int
    levels: int
    cells: str
    whole: str

    def chosen(self) -> NDArray[np.bool_]:
        """Which cells are chosen, `[bins, levels]`.

        Raises:
          InvalidRequestError: the text is malformed, or names cells that do not exist.
        """
        check_bounds(self.bins, self.levels)
        chosen = np.zeros((self.bins, self.levels), np.bool_)
        for part in self.cells.split(","):
            match = _CELLS.fullmatch(part)
            if match is None:
                raise InvalidRequestError(
                    f"cells: {part!r} is not bins.levels, e.g. 0-9.2-4 or 12.0."
                )
            bins = _span(part, "bins", match[1], match[2], self.bins)
            levels = _span(part, "levels", match[3], match[4], self.levels)
            chosen[bins, levels] = True
        return chosen


def _span(part: str, word: str, first: str, last: str | None, size: int) -> slice:
    begin, end = int(first), int(first if last is None else last)
    if not begin <= end < size:
        raise InvalidRequestError(f"cells: {part!r}: there are the {word} 0 to {size - 1}.")
    return slice(begin, end + 1)


@dataclass(frozen=True, slots=True)
class LocatedPyramid:
    """Counts of weights as float16 `[rows, columns]` from the level `base` on, and the totals."""

    base: int
    levels: tuple[Halves, ...]
    weights: int
    slices: int

    @property
    def nbytes(self) -> int:
        """Bytes of all levels."""
        return sum(level.nbytes for level in self.levels)


def locate(
    values: KernelValues,
    pair: KernelPair,
    places: Places,
    marker: CellMarker,
    progress: Progress | None = None,
    pixels: int = MAP_BASE_PIXELS,
) -> LocatedPyramid:
    """Counts the marked weights under each pixel of every level of at most `pixels` pixels.

    Raises:
      SnapshotGoneError, SnapshotChangedError: the files changed while they were read.
    """
    layout = pair.layout
    levels = levels_of(layout)
    base = base_exponent(levels, pixels)
    area = whole_area(layout)
    counts = LocatedCounts(*pixel_shape(layout, area, base))
    slices = 0
    lock = threading.Lock()

    def consume(pairs: ValuePairs, outer_pixels: Indices, inner_pixels: Indices) -> None:
        nonlocal slices
        found = counts.add(marker.marks(pairs), outer_pixels, inner_pixels)
        with lock:
            slices += found

    selection = selection_of(layout, places, area, base)
    sweep(values, pair, selection, consume, ByteCounter(pair.nbytes, progress))
    check(pair)
    level_counts = counts.counts
    weights = int(level_counts.sum())
    kept = []
    for level in levels:
        if level.exponent >= base:
            kept.append(as_halves(oriented(level_counts.astype(np.float64), layout), 1.0))
            level_counts = pooled_counts(level_counts)
    return LocatedPyramid(base, tuple(kept), weights, slices)
