"""The levels of detail of a kernel map, and which stored rows and columns a part of one shows."""

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from tb_snapshot_compare.analysis.matrix_layout import MatrixLayout
from tb_snapshot_compare.limits import MAP_BASE_PIXELS
from tb_snapshot_compare.workspace.kernel_sweeps import Selection

Indices = NDArray[np.int64]
TILE = 256
"""The edge of a tile in pixels."""
WEIGHTS_LEVEL = -1


@dataclass(frozen=True, slots=True)
class Level:
    """Pixels of 2^exponent x 2^exponent slices; of single weights where it is `WEIGHTS_LEVEL`."""

    exponent: int
    rows: int
    columns: int
    pixel_rows: int
    pixel_columns: int


def levels_of(layout: MatrixLayout) -> tuple[Level, ...]:
    """From single weights to the first level that fits into one tile."""
    found = []
    if layout.cells > 1:
        rows, columns = layout.rows * layout.cell_rows, layout.columns * layout.cell_columns
        found.append(Level(WEIGHTS_LEVEL, rows, columns, 1, 1))
    exponent = 0
    while True:
        side = 1 << exponent
        rows, columns = -(-layout.rows // side), -(-layout.columns // side)
        found.append(
            Level(exponent, rows, columns, side * layout.cell_rows, side * layout.cell_columns)
        )
        if max(rows, columns) <= TILE:
            return tuple(found)
        exponent += 1


def base_exponent(levels: tuple[Level, ...], pixels: int = MAP_BASE_PIXELS) -> int:
    """The finest level of at most so many pixels, not finer than slices."""
    return next(
        level.exponent
        for level in levels
        if level.exponent >= 0 and (level.rows * level.columns <= pixels or level is levels[-1])
    )


@dataclass(frozen=True, slots=True, eq=False)
class Places:
    """The stored index at each place of the map; None for the stored order itself."""

    rows: Indices | None = None
    columns: Indices | None = None

    def stored_rows(self, first: int, end: int) -> Indices:
        """The stored rows at places from `first` up to `end`."""
        return _stored(self.rows, first, end)

    def stored_columns(self, first: int, end: int) -> Indices:
        """The stored columns at places from `first` up to `end`."""
        return _stored(self.columns, first, end)


@dataclass(frozen=True, slots=True)
class Area:
    """Places of slices: rows and columns from a first one up to an end."""

    rows: tuple[int, int]
    columns: tuple[int, int]

    @property
    def shape(self) -> tuple[int, int]:
        """Rows and columns of slices."""
        return (self.rows[1] - self.rows[0], self.columns[1] - self.columns[0])


def selection_of(layout: MatrixLayout, places: Places, area: Area, exponent: int) -> Selection:
    """The weights of an area, in pixels of 2^exponent x 2^exponent slices from its corner on."""
    rows, columns = places.stored_rows(*area.rows), places.stored_columns(*area.columns)
    outers, inners = (columns, rows) if layout.rows_inside else (rows, columns)
    _, width = pixel_shape(layout, area, exponent)
    ascending = np.argsort(inners, kind="stable")
    return Selection(
        outers=outers,
        outer_pixels=(np.arange(outers.size) >> exponent) * width,
        inners=inners[ascending],
        inner_pixels=ascending >> exponent,
    )


def pixel_shape(layout: MatrixLayout, area: Area, exponent: int) -> tuple[int, int]:
    """Outer and inner pixels of an area."""
    rows, columns = (-(-size // (1 << exponent)) for size in area.shape)
    return (columns, rows) if layout.rows_inside else (rows, columns)


def whole_area(layout: MatrixLayout) -> Area:
    """Every slice."""
    return Area((0, layout.rows), (0, layout.columns))


def _stored(order: Indices | None, first: int, end: int) -> Indices:
    return np.arange(first, end) if order is None else order[first:end]
