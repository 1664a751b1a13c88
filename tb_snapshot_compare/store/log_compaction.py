"""Merges segments of one session: few large ones are read faster than many small ones.

A merged segment is written and looked at before those that it replaces are deleted, and readers
leave these out as soon as it is there. So it does not matter where the work is interrupted.
"""

from collections.abc import Iterable, Iterator, Sequence
from contextlib import suppress
from functools import partial
from pathlib import Path

import numpy as np
import pyarrow as pa

from tb_snapshot_compare.limits import LOG_MERGED_AT_ONCE, LOG_MERGED_ROWS, LOG_MERGED_RUNS
from tb_snapshot_compare.store.log_columns import codes, column
from tb_snapshot_compare.store.log_files import Draft, sync_directory, write_segment
from tb_snapshot_compare.store.log_layout import KEYS, Piece, Ranks, image_chunks, pieces
from tb_snapshot_compare.store.log_rows import SegmentRows, load
from tb_snapshot_compare.store.log_segments import (
    DamagedSegmentError,
    Segment,
    SegmentName,
    steps_of,
)
from tb_snapshot_compare.store.log_tables import STORED


def due(segments: Sequence[Segment]) -> tuple[Segment, ...]:
    """Segments of one session and table that are to be merged next, the oldest first; or none.

    They are of one level, so that every row is written again once for each level.
    """
    by_level: dict[int, list[Segment]] = {}
    for segment in sorted(segments, key=lambda segment: segment.name.number):
        by_level.setdefault(segment.level, []).append(segment)
    for _, found in sorted(by_level.items()):
        chosen = tuple(found[:LOG_MERGED_AT_ONCE])
        if (
            len(chosen) == LOG_MERGED_AT_ONCE
            and sum(segment.rows for segment in chosen) <= LOG_MERGED_ROWS[chosen[0].table]
            and sum(len(segment.runs) for segment in chosen) <= LOG_MERGED_RUNS
        ):
            return chosen
    return ()


def merge(
    folder: Path, segments: Sequence[Segment], number: int, ranks: Ranks | None = None
) -> Segment:
    """Writes the segment that replaces others of one session, and deletes these.

    Args:
      folder: Of their table.
      segments: By number.
      number: Of the new one, greater than theirs.
      ranks: Places of probe images, by index, in the order that images shall have.

    Raises:
      OSError: all is as it was, unless the new segment could not be taken away again.
      DamagedSegmentError: one of them is not what was written; all is as it was.
    """
    replaced = [segment.text for segment in segments]
    for segment in segments:
        replaced += [name for name in sorted(segment.replaces) if (folder / name).exists()]
    draft = Draft(
        segments[0].table,
        segments[0].session,
        number,
        np.concatenate([segment.runs for segment in segments]),
        max(segment.level for segment in segments) + 1,
        tuple(replaced),
    )
    sources = [_Source(folder / segment.text, segment) for segment in segments]
    rows = sum(segment.rows for segment in segments)
    merged = write_segment(
        folder, draft, _merged(draft, sources, ranks), partial(_check, draft.table, rows)
    )
    delete(folder, draft.replaces)
    return merged


def delete(folder: Path, names: Iterable[str]) -> None:
    """Deletes segments that another one replaces; those that cannot be stay, and are ignored."""
    for name in names:
        with suppress(OSError):
            (folder / name).unlink()
    with suppress(OSError):
        sync_directory(folder)


def _check(table: str, rows: int, path: Path, name: SegmentName) -> None:
    segment = load(path, table, name)
    SegmentRows(path, segment).check()
    if segment.rows != rows:
        raise DamagedSegmentError(str(name), f"it has {segment.rows} rows instead of {rows}")


class _Source:
    """A segment to be merged. The row group read last is kept: more may be wanted of it."""

    def __init__(self, path: Path, segment: Segment) -> None:
        self._blocks = segment.blocks
        self._columns = STORED[segment.table].names
        self._rows = SegmentRows(path, segment)
        self._kept: tuple[int, pa.Table] | None = None

    def whole(self) -> Iterator[pa.Table]:
        """All row groups."""
        return (self._block(number) for number in range(len(self._blocks)))

    def keys(self, column: str) -> dict[str, list[int]]:
        """The row groups in which each value of a column of names lies."""
        found: dict[str, list[int]] = {}
        for number, block in enumerate(self._blocks):
            names = codes(self._block(number), column)[1] if block.key is None else [block.key]
            for name in names:
                found.setdefault(name, []).append(number)
        return found

    def of_key(self, column: str, key: str, numbers: Sequence[int]) -> Iterator[pa.Table]:
        """The rows of one value, from the row groups given."""
        for number in numbers:
            rows = self._block(number)
            if self._blocks[number].key is None:
                indices, names = codes(rows, column)
                rows = rows.filter(pa.array(indices == names.index(key)))
            yield rows

    def chunks(self, steps: int, ranks: Ranks | None) -> dict[int, list[int]]:
        """The row groups in which the images of each chunk lie."""
        found: dict[int, list[int]] = {}
        for number, block in enumerate(self._blocks):
            members = np.concatenate([grid.indices() for grid in block.grids])
            for chunk in np.unique(image_chunks(members, steps, ranks)).tolist():
                found.setdefault(chunk, []).append(number)
        return found

    def of_chunk(
        self, chunk: int, numbers: Sequence[int], steps: int, ranks: Ranks | None
    ) -> Iterator[pa.Table]:
        """The rows of a chunk's images, from the row groups given."""
        for number in numbers:
            rows = self._block(number)
            chunks = image_chunks(column(rows, "image"), steps, ranks)
            yield rows.filter(pa.array(chunks == chunk))

    def _block(self, number: int) -> pa.Table:
        if self._kept is None or self._kept[0] != number:
            self._kept = (number, self._rows.read(self._columns, [number]))
        return self._kept[1]


def _merged(draft: Draft, sources: Sequence[_Source], ranks: Ranks | None) -> Iterator[Piece]:
    table = draft.table
    if table == "images":
        return _merged_images(sources, len(np.unique(steps_of(draft.runs))), ranks)
    if table in KEYS:
        return _merged_by_key(table, sources)
    whole = pa.concat_tables([rows for source in sources for rows in source.whole()])
    return pieces(table, whole)


def _merged_by_key(table: str, sources: Sequence[_Source]) -> Iterator[Piece]:
    places = [source.keys(KEYS[table]) for source in sources]
    for key in sorted(set().union(*places)):
        parts = [
            rows
            for source, place in zip(sources, places, strict=True)
            for rows in source.of_key(KEYS[table], key, place.get(key, ()))
        ]
        yield from pieces(table, pa.concat_tables(parts), key)


def _merged_images(sources: Sequence[_Source], steps: int, ranks: Ranks | None) -> Iterator[Piece]:
    places = [source.chunks(steps, ranks) for source in sources]
    for chunk in sorted(set().union(*places)):
        parts = [
            rows
            for source, place in zip(sources, places, strict=True)
            for rows in source.of_chunk(chunk, place.get(chunk, ()), steps, ranks)
        ]
        yield from pieces("images", pa.concat_tables(parts), ranks=ranks)
