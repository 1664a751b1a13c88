"""Where the rows of a segment lie: sorted, in row groups of what is looked at together.

Filters and images lie in rectangles, of one row for each of them and every step: a reader finds
their numbers without any other column.
"""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
import numpy.typing as npt
import pyarrow as pa

from tb_snapshot_compare.store.log_columns import codes, column, renumbered
from tb_snapshot_compare.store.log_segments import Indices, Steps

KEYS = {"filters": "layer", "layers": "kind", "scalars": "name"}
"""The column of which all rows of a merged segment's row group have one value."""
MEMBERS = {"filters": "filter", "images": "image", "thumbnails": "image"}
"""The column of what a grid has rows of."""
_ORDER = {
    "scalars": ("name", "step", "time"),
    "layers": ("kind", "unit", "step"),
    "events": ("step", "time"),
}
_BLOCK_ROWS = 1 << 20
"""Of a row group of filters, unless one layer has more."""
_THUMBNAILS = 64
"""In a row group: one is asked for at a time."""
_IMAGES_ROWS = 1 << 16
"""Of a row group of images: 1,024 at 64 steps, so that few have the images of a class."""
Ranks = npt.NDArray[np.int64]
Members = npt.NDArray[np.integer[Any]]


@dataclass(frozen=True, slots=True)
class Rectangle:
    """Rows of some filters of a layer (`group`), or of images, at some steps."""

    group: str
    members: Indices
    steps: Steps


@dataclass(frozen=True, slots=True)
class Piece:
    """A row group to be: sorted rows, which are all of `key` or of several for None."""

    key: str | None
    rows: pa.Table
    rectangles: tuple[Rectangle, ...] = ()


def pieces(
    table: str, rows: pa.Table, key: str | None = None, ranks: Ranks | None = None
) -> Iterator[Piece]:
    """Sorts rows and cuts them.

    Args:
      table: Of the rows.
      rows: As `log_columns.stored` makes them; all of `key` where it is given.
      key: Of the row group.
      ranks: Places of probe images, by index, in the order that images shall have.
    """
    rows = renumbered(rows)
    if table == "images":
        yield from _images(rows, ranks)
    elif table == "thumbnails":
        rows = rows.take(np.argsort(column(rows, "image"), kind="stable"))
        for start in range(0, len(rows), _THUMBNAILS):
            yield Piece(None, *_rectangled(table, "", rows.slice(start, _THUMBNAILS), None))
    elif table == "filters":
        names, layers = codes(rows, "layer")
        order = np.argsort(names, kind="stable")
        bounds = np.searchsorted(names[order], np.arange(len(layers) + 1))
        parts = (
            _rectangled(table, layer, rows.take(order[bounds[number] : bounds[number + 1]]), None)
            for number, layer in enumerate(layers)
            if bounds[number] < bounds[number + 1]
        )
        yield from _cut(key, parts)
    else:
        yield Piece(key, _sorted(table, rows))


def image_chunks(images: Indices, steps: int, ranks: Ranks | None) -> npt.NDArray[np.int64]:
    """For images, the number of the row group in which they belong with so many steps."""
    height = max(_IMAGES_ROWS // max(steps, 1), 1)
    places = images.astype(np.int64) if ranks is None else ranks[images]
    return places // height


def _images(rows: pa.Table, ranks: Ranks | None) -> Iterator[Piece]:
    images, steps = column(rows, "image"), len(np.unique(column(rows, "step")))
    ranks = ranks if steps > 1 else None  # a list of images for each dump were half its size
    chunks = image_chunks(images, steps, ranks)
    for chunk in np.unique(chunks):
        part = rows.take(np.flatnonzero(chunks == chunk))
        yield Piece(None, *_rectangled("images", "", part, ranks))


def _sorted(table: str, rows: pa.Table) -> pa.Table:
    keys = [
        codes(rows, name)[0]
        if pa.types.is_dictionary(rows.schema.field(name).type)
        else column(rows, name)
        for name in _ORDER[table]
    ]
    return rows.take(np.lexsort(keys[::-1]))


def _cut(
    key: str | None, parts: Iterator[tuple[pa.Table, tuple[Rectangle, ...]]]
) -> Iterator[Piece]:
    """Puts parts together as far as a row group may grow."""
    tables: list[pa.Table] = []
    rectangles: list[Rectangle] = []
    count = 0
    for rows, more in parts:
        if tables and count + len(rows) > _BLOCK_ROWS:
            yield Piece(key, pa.concat_tables(tables), tuple(rectangles))
            tables, rectangles, count = [], [], 0
        tables.append(rows)
        rectangles.extend(more)
        count += len(rows)
    yield Piece(key, pa.concat_tables(tables), tuple(rectangles))


def _rectangled(
    table: str, group: str, rows: pa.Table, ranks: Ranks | None
) -> tuple[pa.Table, tuple[Rectangle, ...]]:
    members = column(rows, MEMBERS[table])
    steps = column(rows, "step") if "step" in rows.schema.names else np.zeros(len(rows), np.int64)
    order, found = rectangles(members, steps, ranks)
    return rows.take(order), tuple(Rectangle(group, members, steps) for members, steps in found)


def rectangles(
    members: Indices, steps: Steps, ranks: Ranks | None = None
) -> tuple[npt.NDArray[np.intp], Sequence[tuple[Indices, Steps]]]:
    """An order of rows in which they are rectangles, and these: members, and ascending steps.

    One rectangle where every member has every step once; else one for each step, and one more for
    rows that are given twice, in the order given.

    Args:
      members: Of the rows.
      steps: Of the rows.
      ranks: Places of the members, by index; they are in their own order without.
    """
    places: Members = members if ranks is None else ranks[members]
    order = np.lexsort((steps, places))
    width = int(np.argmax(places[order] != places[order[0]])) or len(order)
    if _is_rectangle(places[order], steps[order], width):
        return order, [(members[order[::width]], steps[order[:width]])]
    same = (np.diff(places[order], prepend=-1) == 0) & (np.diff(steps[order], prepend=-1) == 0)
    starts = np.maximum.accumulate(np.where(same, 0, np.arange(len(order))))
    again = np.arange(len(order)) - starts
    by_step = np.lexsort((places[order], again, steps[order]))
    order, again = order[by_step], again[by_step]
    changes = (np.diff(steps[order]) != 0) | (np.diff(again) != 0)
    parts = np.split(order, np.flatnonzero(changes) + 1)
    return order, [(members[part], steps[part[:1]]) for part in parts]


def _is_rectangle(members: Members, steps: Steps, width: int) -> bool:
    if len(members) % width:
        return False
    by_member, by_step = members.reshape(-1, width), steps.reshape(-1, width)
    return bool(
        (by_member == by_member[:, :1]).all()
        and (by_step == by_step[:1]).all()
        and (np.diff(by_step[0]) > 0).all()
        and (np.diff(by_member[:, 0]) > 0).all()
    )
