"""Numbers of a log as arrays: what lies in rectangles, and what lies row by row.

Nothing larger than the answer and a row group for each thread is in memory.
"""

from collections.abc import Callable, Iterator, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, replace
from typing import Any, TypeVar

import numpy as np
import numpy.typing as npt
import pyarrow as pa

from tb_snapshot_compare import processors
from tb_snapshot_compare.errors import InvalidRequestError
from tb_snapshot_compare.limits import LOG_CELLS_MAX
from tb_snapshot_compare.store.log_columns import codes, column
from tb_snapshot_compare.store.log_listing import Source, TableState
from tb_snapshot_compare.store.log_segments import Grid, Steps

THREADS_MAX = 2
_BATCH_ROWS = 1 << 18
"""A megabyte of a column."""
Rows = npt.NDArray[np.intp]
Place = Callable[[Grid], Rows | None]
"""The row of the answer for each member of a grid, or -1; None where there is none."""
_Item = TypeVar("_Item")
_Result = TypeVar("_Result")


@dataclass(frozen=True, slots=True)
class Target:
    """A part of a row group that belongs into an answer.

    Its rows from `offset` are a rectangle of `shape`; of its rows and columns those in `members`
    and `dumps` go to `rows` and `columns` of the answer.
    """

    source: Source
    block: int
    group: str
    offset: int
    shape: tuple[int, int]
    members: Rows
    dumps: Rows
    rows: Rows
    columns: Rows

    def moved(self, offset: int) -> "Target":
        """The same, for an answer in which its rows begin later."""
        return replace(self, rows=self.rows + offset)

    def part(self, values: npt.NDArray[Any]) -> npt.NDArray[Any]:
        """What is wanted of a row group's column, [rows, columns]."""
        height, width = self.shape
        values = values[self.offset : self.offset + height * width].reshape(height, width)
        return values[_span(self.members)][:, _span(self.dumps)]

    def put(self, part: npt.NDArray[Any], answer: npt.NDArray[Any]) -> None:
        """Puts a part where it belongs."""
        columns = _span(self.columns)
        if isinstance(columns, slice):
            answer[_span(self.rows), columns] = part
        else:
            answer[np.ix_(self.rows, columns)] = part


def _span(indices: Rows) -> slice | Rows:
    """Indices as a slice where they are consecutive, which is copied faster."""
    if (
        len(indices)
        and indices[-1] - indices[0] == len(indices) - 1
        and (np.diff(indices) == 1).all()
    ):
        return slice(int(indices[0]), int(indices[-1]) + 1)
    return indices


def targets(sources: Sequence[Source], steps: Steps, place: Place) -> list[list[Target]]:
    """Where the answer for some steps lies: for each row group that has a part of it."""
    found = []
    placed: dict[int, tuple[Rows, Rows] | None] = {}
    for source in sources:
        first, last = source.segment.name.first, source.segment.name.last
        if not len(steps) or last < steps[0] or first > steps[-1]:
            continue
        wanted = steps if source.part.steps is None else np.intersect1d(steps, source.part.steps)
        axes = [_common(axis, wanted, steps) for axis in source.segment.axes]
        for number, block in enumerate(source.segment.blocks):
            offset = 0
            of_block = []
            for grid in block.grids:
                dumps, columns = axes[grid.axis]
                shape = (grid.height, len(source.segment.axes[grid.axis]))
                if len(dumps):
                    if id(grid) not in placed:  # segments that are laid out alike share theirs
                        placed[id(grid)] = _placed(place(grid))
                    both = placed[id(grid)]
                    if both is not None:
                        members, rows = both
                        target = Target(
                            source, number, grid.group, offset, shape, members, dumps, rows, columns
                        )
                        of_block.append(target)
                offset += shape[0] * shape[1]
            if of_block:
                found.append(of_block)
    return found


def every(grid: Grid) -> Rows:
    """A row of the answer for each member of a grid: that of its index."""
    return grid.indices().astype(np.intp)


def _placed(rows: Rows | None) -> tuple[Rows, Rows] | None:
    """Members of a grid that have a row in the answer, and these rows."""
    if rows is None:
        return None
    members = np.flatnonzero(rows >= 0)
    return (members, rows[members]) if len(members) else None


def _common(axis: Steps, wanted: Steps, steps: Steps) -> tuple[Rows, Rows]:
    """Indices within an axis of the steps that are wanted, and within all steps of the answer."""
    dumps = np.flatnonzero(np.isin(axis, wanted))
    return dumps, np.searchsorted(steps, axis[dumps])


def fill(
    table: TableState,
    found: Sequence[Sequence[Target]],
    answers: Mapping[str, npt.NDArray[Any]],
    change: Callable[[Target, npt.NDArray[Any]], npt.NDArray[Any]] | None = None,
) -> None:
    """Reads columns of a table and puts them into answers, by column; changed, if need be."""

    def read(batch: Sequence[Sequence[Target]]) -> None:
        blocks = [of_block[0].block for of_block in batch]
        source = batch[0][0].source
        rows = source.rows.read(list(answers), blocks)
        for name, answer in answers.items():
            values = column(rows, name)
            start = 0
            for block, of_block in zip(blocks, batch, strict=True):
                end = start + source.segment.blocks[block].rows
                for target in of_block:
                    part = target.part(values[start:end])
                    target.put(part if change is None else change(target, part), answer)
                start = end

    for _ in each(read, list(_batches(found)), in_turn=table.repeats):
        pass


def _batches(found: Sequence[Sequence[Target]]) -> Iterator[list[Sequence[Target]]]:
    """Row groups of one segment that are read at once."""
    batch: list[Sequence[Target]] = []
    rows = 0
    for of_block in found:
        first = of_block[0]
        more = first.source.segment.blocks[first.block].rows
        if batch and (batch[0][0].source is not first.source or rows + more > _BATCH_ROWS):
            yield batch
            batch, rows = [], 0
        batch.append(of_block)
        rows += more
    if batch:
        yield batch


def fill_layers(
    table: TableState,
    steps: Steps,
    kind: str,
    units: Sequence[str],
    names: Sequence[str],
    put: Callable[[Rows, Rows, Sequence[pa.Array]], None],
) -> None:
    """Reads columns of `layers`, of one kind.

    Args:
      table: `layers`.
      steps: Of the answer's columns.
      kind: Of rows.
      units: Of the answer's rows.
      names: Of the columns.
      put: Called by several threads with rows and columns of the answer, and the values of each
        column.
    """
    places = {unit: number for number, unit in enumerate(units)}
    if not len(steps):
        return

    def read(source: Source) -> None:
        blocks = [
            number
            for number, block in enumerate(source.segment.blocks)
            if block.key in (None, kind)
        ]
        wanted = steps if source.part.steps is None else np.intersect1d(steps, source.part.steps)
        first, last = source.segment.name.first, source.segment.name.last
        if not blocks or not ((wanted >= first) & (wanted <= last)).any():
            return
        rows = source.rows.read(["step", "unit", "kind", *names], blocks)
        kinds, kind_names = codes(rows, "kind")
        of_unit, unit_names = codes(rows, "unit")
        row = np.array([places.get(unit, -1) for unit in unit_names], np.intp)[of_unit]
        step = column(rows, "step")
        is_kind = np.array([each == kind for each in kind_names], bool)[kinds]
        at = np.minimum(np.searchsorted(wanted, step), len(wanted) - 1)
        chosen = np.flatnonzero(is_kind & (row >= 0) & (wanted[at] == step))
        values = [rows.column(name).combine_chunks() for name in names]
        if len(chosen) < len(step):
            values = [each.take(pa.array(chosen)) for each in values]
        put(row[chosen], np.searchsorted(steps, step[chosen]), values)

    for _ in each(read, table.sources, in_turn=table.repeats):
        pass


def each(
    work: Callable[[_Item], _Result], items: Sequence[_Item], *, in_turn: bool = False
) -> Iterator[_Result]:
    """The results for items, in their order, found by as many threads as may be busy.

    `in_turn`: one after the other, since a later one may write over an earlier one.
    """
    threads = 1 if in_turn else min(THREADS_MAX, processors.available(), len(items))
    if threads < 2:
        yield from map(work, items)
        return
    with ThreadPoolExecutor(threads, "log") as pool:
        yield from pool.map(work, items)


def empty(kind: npt.DTypeLike, fill_value: object, *shape: int) -> npt.NDArray[Any]:
    """An answer to be filled.

    Raises:
      InvalidRequestError: it would be too large.
    """
    cells = int(np.prod(shape, dtype=object))
    if cells > LOG_CELLS_MAX:
        raise InvalidRequestError(
            f"This part of the log has {cells:,} numbers; {LOG_CELLS_MAX:,} are given at once. "
            "Ask for fewer steps, or fewer images or filters."
        )
    return np.full(shape, fill_value, kind)
