"""Puts files of a log where readers find them: whole and safe on disk, or not at all."""

import errno
import io
import os
import secrets
import struct
from collections.abc import Callable, Iterable, Iterator
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import msgspec
import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq

from tb_snapshot_compare.store.log_layout import Piece
from tb_snapshot_compare.store.log_segments import (
    KEY,
    Block,
    Description,
    Grid,
    Runs,
    Segment,
    SegmentName,
    checksum,
    encode_blocks,
)
from tb_snapshot_compare.store.log_tables import STORED

TEMPORARY = ".tmp-"
_COMPRESSION = 3
_PAGE_BYTES = 1 << 20
_SPLIT = "BYTE_STREAM_SPLIT"
_DELTA = "DELTA_BINARY_PACKED"
_DELTAS = {"image": _DELTA, "bands.list.element": _DELTA}
"""Of ascending or small numbers."""
_PLAIN = frozenset({"predicted", "text", "detail", "png"})
_STATISTICS = ("step", "name", "unit", "kind", "layer", "image")
"""Columns with their least and greatest value in the footer, for whoever looks for some rows."""


@dataclass(frozen=True, slots=True)
class Draft:
    """What a segment will say of itself, but for where its rows lie."""

    table: str
    session: str
    number: int
    runs: Runs
    level: int = 0
    replaces: tuple[str, ...] = ()

    def name(self, footer: bytes) -> SegmentName:
        """Of the file that ends in this footer."""
        last = self.runs["start"] + self.runs["stride"] * (self.runs["count"] - 1)
        first = int(self.runs["start"].min())
        return SegmentName(first, int(last.max()), self.session, self.number, checksum(footer))


class _File(io.RawIOBase):
    """A new file that takes everything whatever fails, and then says what has failed.

    Parquet's writer cannot be left before its end.
    """

    def __init__(self, path: Path) -> None:
        super().__init__()
        self._descriptor = os.open(path, os.O_RDWR | os.O_CREAT | os.O_EXCL, 0o666)
        self._size = 0
        self._error: OSError | None = None

    def writable(self) -> bool:
        return True

    def tell(self) -> int:
        return self._size

    def write(self, data: Any) -> int:
        view = memoryview(data).cast("B")
        rest = view if self._error is None else view[:0]
        try:
            while rest:
                rest = rest[os.write(self._descriptor, rest) :]
        except OSError as error:
            self._error = error
        self._size += len(view)
        return len(view)

    def finish(self) -> None:
        """Makes what was written safe.

        Raises:
          OSError: of this or an earlier call.
        """
        if self._error is not None:
            raise self._error
        os.fsync(self._descriptor)
        if os.fstat(self._descriptor).st_size != self._size:
            raise OSError(errno.EIO, "a file is not as long as what was written")

    def footer(self) -> bytes:
        """Of a Parquet file."""
        (length,) = struct.unpack("<I4x", os.pread(self._descriptor, 8, self._size - 8))
        return os.pread(self._descriptor, length, self._size - 8 - length)

    def close(self) -> None:
        if not self.closed:
            os.close(self._descriptor)
        super().close()


def write_segment(
    folder: Path,
    draft: Draft,
    pieces: Iterable[Piece],
    check: Callable[[Path, SegmentName], None] | None = None,
) -> Segment:
    """Writes a segment of a log.

    Args:
      folder: Of its table.
      draft: What it says.
      pieces: Its row groups.
      check: Looks at the finished file before that gets its name.

    Raises:
      OSError: there is no such segment, unless it could not be taken away again.
    """
    make_directory(folder)
    with _temporary(folder) as temporary:
        with _File(temporary) as file:
            blocks, axes = _write_parquet(file, draft, pieces)
            file.finish()
            name, size = draft.name(file.footer()), file.tell()
        if check is not None:
            check(temporary, name)
        os.rename(temporary, folder / str(name))
        try:
            sync_directory(folder)
        except OSError:
            with suppress(OSError):
                os.unlink(folder / str(name))
            raise
    return Segment(
        draft.table,
        name,
        size,
        sum(block.rows for block in blocks),
        draft.level,
        draft.runs,
        frozenset(draft.replaces),
        tuple(np.frombuffer(axis, "<i8") for axis in axes),
        tuple(blocks),
    )


def _write_parquet(
    file: _File, draft: Draft, pieces: Iterable[Piece]
) -> tuple[list[Block], list[bytes]]:
    schema = STORED[draft.table]
    dictionaries = [
        field.name
        for field in schema
        if not pa.types.is_floating(field.type) and field.name not in _PLAIN | _DELTAS.keys()
    ]
    encodings = {field.name: _SPLIT for field in schema if pa.types.is_floating(field.type)} | {
        path: coding for path, coding in _DELTAS.items() if path.partition(".")[0] in schema.names
    }
    blocks: list[Block] = []
    axes: dict[bytes, int] = {}
    with pq.ParquetWriter(
        file,
        schema,
        compression="zstd",
        compression_level=_COMPRESSION,
        use_dictionary=dictionaries,
        column_encoding=encodings,
        write_statistics=[name for name in _STATISTICS if name in schema.names],
        data_page_size=_PAGE_BYTES,
        write_page_checksum=True,
    ) as writer:
        for piece in pieces:
            writer.write_table(piece.rows, row_group_size=len(piece.rows))
            blocks.append(Block(piece.key, len(piece.rows), tuple(_grids(piece, axes))))
        description = Description(
            session=draft.session,
            level=draft.level,
            runs=draft.runs.tobytes(),
            replaces=draft.replaces,
            axes=tuple(axes),
            blocks=encode_blocks(blocks),
        )
        writer.add_key_value_metadata({KEY: msgspec.json.encode(description)})
    return blocks, list(axes)


def _grids(piece: Piece, axes: dict[bytes, int]) -> Iterator[Grid]:
    for rectangle in piece.rectangles:
        axis = axes.setdefault(rectangle.steps.astype("<i8").tobytes(), len(axes))
        members = rectangle.members
        counted = np.array_equal(members, np.arange(len(members)))
        yield Grid(
            rectangle.group, len(members) if counted else members.astype("<i4").tobytes(), axis
        )


def write_document(path: Path, document: bytes) -> None:
    """Writes or replaces a small file.

    Raises:
      OSError: it is as it was, or not surely the new one.
    """
    make_directory(path.parent)
    with _temporary(path.parent) as temporary:
        with _File(temporary) as file:
            file.write(document)
            file.finish()
        os.replace(temporary, path)
        sync_directory(path.parent)


def make_directory(directory: Path) -> None:
    """Makes a directory, and those above it, and their names safe."""
    if not directory.is_dir():
        make_directory(directory.parent)
        directory.mkdir(exist_ok=True)
        sync_directory(directory.parent)


def sync_directory(directory: Path) -> None:
    """Makes the names in a directory safe, unless its file system does that by itself."""
    descriptor = os.open(directory, os.O_RDONLY)
    try:
        os.fsync(descriptor)
    except OSError as error:
        if error.errno not in (errno.EINVAL, errno.ENOTSUP):
            raise
    finally:
        os.close(descriptor)


@contextmanager
def _temporary(directory: Path) -> Iterator[Path]:
    """A name for an unfinished file, which is gone afterwards."""
    path = directory / f"{TEMPORARY}{secrets.token_hex(8)}"
    try:
        yield path
    finally:
        with suppress(OSError):
            path.unlink()
