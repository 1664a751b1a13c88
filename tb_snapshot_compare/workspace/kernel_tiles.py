"""Tiles of the kernel map: cut from the levels that are kept, or computed from the weights."""

import re
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from tb_snapshot_compare.analysis.locating import CellMarker, LocatedCounts
from tb_snapshot_compare.analysis.matrix_layout import MatrixLayout
from tb_snapshot_compare.analysis.numeric_types import ValuePairs
from tb_snapshot_compare.analysis.slice_measures import Block, SliceQuantity, SliceSums
from tb_snapshot_compare.errors import InvalidRequestError
from tb_snapshot_compare.limits import MAP_TILES_MAX
from tb_snapshot_compare.workspace.kernel_levels import (
    TILE,
    WEIGHTS_LEVEL,
    Area,
    Level,
    Places,
    pixel_shape,
    selection_of,
)
from tb_snapshot_compare.workspace.kernel_pairs import KernelPair
from tb_snapshot_compare.workspace.kernel_pyramids import as_halves, oriented
from tb_snapshot_compare.workspace.kernel_sweeps import sweep
from tb_snapshot_compare.workspace.kernel_values import KernelValues

Halves = NDArray[np.float16]
Indices = NDArray[np.int64]
_TILE = re.compile(r"([0-9]{1,3})\.([0-9]{1,9})\.([0-9]{1,9})")


@dataclass(frozen=True, slots=True)
class TileAddress:
    """A tile of a level, counted in tiles."""

    level: int
    row: int
    column: int


def parse_tiles(text: str, levels: tuple[Level, ...]) -> tuple[TileAddress, ...]:
    """`level.row.column,...` as addresses of tiles that exist.

    Raises:
      InvalidRequestError: malformed, too many, or outside the map.
    """
    parts = text.split(",")
    if len(parts) > MAP_TILES_MAX:
        raise InvalidRequestError(
            f"tiles: {len(parts)} were asked for, at most {MAP_TILES_MAX} are given at once. "
            "Ask for the rest separately."
        )
    return tuple(_address(part, levels) for part in parts)


def _address(text: str, levels: tuple[Level, ...]) -> TileAddress:
    match = _TILE.fullmatch(text)
    if match is None:
        raise InvalidRequestError(f"tiles: {text!r} is not level.row.column, e.g. 1.0.3.")
    address = TileAddress(*(int(part) for part in match.groups()))
    if address.level >= len(levels):
        raise InvalidRequestError(
            f"tiles: {text!r} is of level {address.level}; the levels are 0 to {len(levels) - 1}."
        )
    level = levels[address.level]
    rows, columns = -(-level.rows // TILE), -(-level.columns // TILE)
    if address.row >= rows or address.column >= columns:
        raise InvalidRequestError(
            f"tiles: {text!r} lies outside level {address.level}, which has {rows} x {columns} "
            "tiles."
        )
    return address


def crop(level: NDArray[Any], address: TileAddress) -> NDArray[Any]:
    """The tile of a whole level."""
    rows, columns = address.row * TILE, address.column * TILE
    return level[rows : rows + TILE, columns : columns + TILE]


def quantity_tile(
    values: KernelValues,
    pair: KernelPair,
    places: Places,
    level: Level,
    address: TileAddress,
    quantity: SliceQuantity,
    unit: float,
) -> Halves:
    """A tile computed from its weights, float16 `[rows, columns]` in multiples of `unit`."""
    window = _Window(pair.layout, level, address)
    sums = SliceSums(*window.shape)

    def consume(pairs: ValuePairs, outer_pixels: Indices, inner_pixels: Indices) -> None:
        sums.add(Block(pairs, outer_pixels, inner_pixels))

    window.sweep(values, pair, places, consume)
    return as_halves(window.cut(sums.quantity(quantity)), unit)


def located_tile(
    values: KernelValues,
    pair: KernelPair,
    places: Places,
    level: Level,
    address: TileAddress,
    marker: CellMarker,
) -> Halves:
    """How many marked weights lie under each pixel, float16 `[rows, columns]`."""
    window = _Window(pair.layout, level, address)
    counts = LocatedCounts(*window.shape)

    def consume(pairs: ValuePairs, outer_pixels: Indices, inner_pixels: Indices) -> None:
        counts.add(marker.marks(pairs), outer_pixels, inner_pixels)

    window.sweep(values, pair, places, consume)
    return as_halves(window.cut(counts.counts), 1.0)


class _Window:
    """The slices under a tile, and how their pixels become the tile.

    Single weights are summed as pixels `[cells * outers, inners]`.
    """

    def __init__(self, layout: MatrixLayout, level: Level, address: TileAddress) -> None:
        self._layout, self._level = layout, level
        top, left = address.row * TILE, address.column * TILE
        bottom, right = min(top + TILE, level.rows), min(left + TILE, level.columns)
        self._single = level.exponent == WEIGHTS_LEVEL
        if self._single:
            height, width = layout.cell_rows, layout.cell_columns
            self._area = Area(
                (top // height, -(-bottom // height)), (left // width, -(-right // width))
            )
            rows, columns = (first - part[0] * size for first, part, size in (
                (top, self._area.rows, height), (left, self._area.columns, width)
            ))  # fmt: skip
            self._crop = slice(rows, rows + bottom - top), slice(columns, columns + right - left)
            self._exponent = 0
        else:
            side = 1 << level.exponent
            self._area = Area(
                (top * side, min(bottom * side, layout.rows)),
                (left * side, min(right * side, layout.columns)),
            )
            self._crop = slice(None), slice(None)
            self._exponent = level.exponent

    @property
    def shape(self) -> tuple[int, int]:
        """Outer and inner pixels."""
        outers, inners = pixel_shape(self._layout, self._area, self._exponent)
        return (outers * self._layout.cells, inners) if self._single else (outers, inners)

    def sweep(self, values: KernelValues, pair: KernelPair, places: Places, consume: Any) -> None:
        selection = selection_of(self._layout, places, self._area, self._exponent)
        cells, (pixels, width) = self._layout.cells, self.shape

        def of_cells(pairs: ValuePairs, outer_pixels: Indices, inner_pixels: Indices) -> None:
            starts = np.arange(cells) * (pixels // cells * width)
            consume(pairs, (starts[:, None] + outer_pixels).reshape(-1), inner_pixels)

        sweep(values, pair, selection, of_cells if self._single else consume)

    def cut(self, pixels: NDArray[Any]) -> NDArray[Any]:
        """The tile `[rows, columns]` out of the pixels."""
        layout = self._layout
        if self._single:
            cells = pixels.reshape(layout.cell_rows, layout.cell_columns, -1, pixels.shape[1])
            order = (3, 0, 2, 1) if layout.rows_inside else (2, 0, 3, 1)
            rows, columns = self._area.shape
            pixels = cells.transpose(order).reshape(
                rows * layout.cell_rows, columns * layout.cell_columns
            )
        else:
            pixels = oriented(pixels, layout)
        return pixels[self._crop]
