"""One slice of a kernel with its weights, and the distribution of an area of the map."""

import re
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from tb_snapshot_compare import analysis
from tb_snapshot_compare.analysis import DistributionAccumulator, Measures, PairAccumulator
from tb_snapshot_compare.analysis.numeric_types import ValuePairs
from tb_snapshot_compare.analysis.slice_measures import joined_pairs
from tb_snapshot_compare.errors import InvalidRequestError
from tb_snapshot_compare.workspace.kernel_levels import Area, Places, selection_of
from tb_snapshot_compare.workspace.kernel_pairs import KernelPair
from tb_snapshot_compare.workspace.kernel_values import KernelValues, check
from tb_snapshot_compare.workspace.streaming import ByteCounter, Progress

Floats = NDArray[np.float64]
_SPAN = re.compile(r"([0-9]{1,10})(?:-([0-9]{1,10}))?")


@dataclass(frozen=True, slots=True, eq=False)
class SliceValues:
    """A slice of a and of b, and b - a, float64 `[cell_rows, cell_columns]`, as they are.

    `index` has a text for each axis of the stored shape; 64-bit integers are rounded.
    """

    row: int
    column: int
    index: tuple[str, ...]
    a: Floats
    b: Floats
    difference: Floats
    measures: Measures


def slice_values(values: KernelValues, pair: KernelPair, row: int, column: int) -> SliceValues:
    """The slice at a stored row and column.

    Raises:
      InvalidRequestError: there is no such slice.
      SnapshotGoneError, SnapshotChangedError: the files are not those that were opened.
    """
    layout = pair.layout
    for word, index, size in (("row", row, layout.rows), ("column", column, layout.columns)):
        if not 0 <= index < size:
            raise InvalidRequestError(
                f"{word}={index}: tensor {pair.name!r} has the {word}s 0 to {size - 1}."
            )
    outer, inner = (column, row) if layout.rows_inside else (row, column)
    a, b = values.stored(pair, outer, inner)
    accumulator = PairAccumulator(pair.a.dtype, pair.b.dtype, layout.cells)
    accumulator.add(a, b)
    pairs = joined_pairs(a, b)
    x, y, difference = _float64(pairs)
    shape = (layout.cell_rows, layout.cell_columns)
    return SliceValues(
        row=row,
        column=column,
        index=layout.index(row, column),
        a=x.reshape(shape),
        b=y.reshape(shape),
        difference=difference.reshape(shape),
        measures=accumulator.finish().total.measures(),
    )


def area_distribution(
    values: KernelValues,
    pair: KernelPair,
    places: Places,
    area: Area,
    accumulator: DistributionAccumulator,
    progress: Progress | None = None,
) -> analysis.Distribution:
    """The distribution of the weights of an area, in the accumulator's bins and levels.

    Raises:
      SnapshotGoneError, SnapshotChangedError: the files changed while they were read.
    """
    layout = pair.layout
    selection = selection_of(layout, places, area, 0)
    size = pair.nbytes // pair.count
    rows, columns = area.shape
    counter = ByteCounter(rows * columns * layout.cells * size, progress)
    for part in values.parts(pair, selection.outers, selection.inners):
        accumulator.add_pairs(part.pairs)
        counter.add(part.count * size)
    check(pair)
    return accumulator.finish()


def parse_area(rows: str, columns: str, pair: KernelPair) -> Area:
    """`first-last` places of rows and of columns.

    Raises:
      InvalidRequestError: malformed, empty or outside the map.
    """
    layout = pair.layout
    return Area(_span("rows", rows, layout.rows), _span("columns", columns, layout.columns))


def _span(name: str, text: str, size: int) -> tuple[int, int]:
    match = _SPAN.fullmatch(text)
    if match is None:
        raise InvalidRequestError(f"{name}={text!r} is not a range of places, e.g. 0-63.")
    first, last = int(match[1]), int(match[2] or match[1])
    if not first <= last < size:
        raise InvalidRequestError(f"{name}={text!r}: the map has the places 0 to {size - 1}.")
    return first, last + 1


def _float64(pairs: ValuePairs) -> tuple[Floats, Floats, Floats]:
    a, b = pairs.a.astype(np.float64), pairs.b.astype(np.float64)
    with np.errstate(invalid="ignore", over="ignore"):
        difference = b - a
        if pairs.wide:
            difference = difference + (pairs.low_b - pairs.low_a)
            a, b = a + pairs.low_a, b + pairs.low_b
    return a, b, difference


def texts_of(values: Floats) -> dict[str, Any]:
    """The names of what is not finite, by `row,column`."""
    names = {True: "nan", False: "inf"}
    return {
        f"{row},{column}": names[bool(np.isnan(value))] if not value < 0 else "-inf"
        for row, column in np.argwhere(~np.isfinite(values)).tolist()
        for value in (values[row, column],)
    }
