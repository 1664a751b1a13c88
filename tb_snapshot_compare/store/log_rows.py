"""Reads segments: their footers when they turn up, their rows when somebody asks for them.

Nothing of a file is decoded that was not looked at before: the footer against the checksum in its
name, its schema against the table's, pages against their checksums and within bounds.
"""

import os
import struct
import threading
from collections import OrderedDict
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import pyarrow as pa
import pyarrow.parquet as pq

from tb_snapshot_compare.limits import (
    LOG_BLOCK_BYTES_MAX,
    LOG_FOOTER_MAX_BYTES,
    LOG_TEXT_BYTES_MAX,
)
from tb_snapshot_compare.store.log_pages import Chunk, check
from tb_snapshot_compare.store.log_segments import (
    KEY,
    DamagedSegmentError,
    Segment,
    SegmentName,
    checksum,
    described,
)
from tb_snapshot_compare.store.log_tables import BANDS, STORED

_KEPT = 32
_KEPT_BYTES_MAX = 1 << 20
_MAGIC = b"PAR1"
_TAIL = struct.Struct("<I4s")
_PLAIN_NAMES = frozenset({"text", "detail", "png"})
"""Columns whose values are decoded one by one: a dictionary could make them take any space."""


def load(path: Path, table: str, name: SegmentName) -> Segment:
    """A segment of a table as its footer describes it; `name` is the one it has or is to have.

    Raises:
      DamagedSegmentError: it is not what was written.
      OSError: it cannot be read.
    """
    with _descriptor(path) as descriptor:
        size = os.fstat(descriptor).st_size
        metadata = _metadata(descriptor, name, size)
    with _decoding(str(name)):
        if not metadata.schema.to_arrow_schema().equals(STORED[table], check_metadata=False):
            raise DamagedSegmentError(str(name), f"its columns are not those of table {table}")
        document = (metadata.metadata or {}).get(KEY)
        if document is None:
            raise DamagedSegmentError(str(name), "it does not describe itself")
        segment = described(table, name, size, metadata.num_rows, document)
        groups = [metadata.row_group(number) for number in range(metadata.num_row_groups)]
        if [group.num_rows for group in groups] != [block.rows for block in segment.blocks]:
            raise DamagedSegmentError(str(name), "its row groups are not those it describes")
        if any(not 0 <= group.total_byte_size <= _bytes_max(table) for group in groups):
            raise DamagedSegmentError(str(name), "a row group is larger than any")
    return segment


class SegmentRows:
    """The rows of one segment. What was looked at once is not looked at again. Thread-safe."""

    def __init__(self, path: Path, segment: Segment) -> None:
        self._path = path
        self._segment = segment
        self._checked: set[tuple[int, str]] = set()

    def read(self, columns: Sequence[str], blocks: Sequence[int] | None = None) -> pa.Table:
        """Some columns of some row groups, in their order; of all row groups for None.

        Raises:
          DamagedSegmentError: a part of these is not what was written.
          OSError: it cannot be read; FileNotFoundError when it was merged into another one.
        """
        numbers = list(range(len(self._segment.blocks)) if blocks is None else blocks)
        metadata = self._looked_at(columns, numbers)
        with (
            _decoding(self._segment.text),
            pq.ParquetFile(self._path, metadata=metadata, page_checksum_verification=True) as file,
        ):
            rows = file.read_row_groups(numbers, columns=list(columns), use_threads=False)
            for column in rows.columns:
                if not pa.types.is_primitive(column.type):
                    column.validate(full=True)  # a name may be the hundredth of ten
        if len(rows) != sum(self._segment.blocks[number].rows for number in numbers):
            raise DamagedSegmentError(self._segment.text, "a row group has not the rows it says")
        return rows

    def check(self) -> None:
        """Looks at all pages, before another library reads the file.

        Raises:
          DamagedSegmentError: one is not what was written.
          OSError: the file cannot be read.
        """
        blocks = range(len(self._segment.blocks))
        self._looked_at(STORED[self._segment.table].names, blocks)

    def _looked_at(self, columns: Sequence[str], blocks: Sequence[int]) -> Any:
        """The footer, once the pages are what was written."""
        with _descriptor(self._path) as descriptor, _decoding(self._segment.text):
            key = (self._segment.name, str(self._path))
            metadata = _kept.get(key)
            if metadata is None:
                metadata = _metadata(descriptor, self._segment.name, self._segment.size)
                _kept.put(key, metadata)
            for block in blocks:
                new = {name for name in columns if (block, name) not in self._checked}
                if new:
                    self._check(descriptor, metadata.row_group(block), block, new)
                    self._checked.update((block, name) for name in new)
        return metadata

    def _check(self, descriptor: int, group: Any, block: int, columns: set[str]) -> None:
        for index in range(group.num_columns):
            column = group.column(index)
            if column.path_in_schema.partition(".")[0] in columns:
                check(descriptor, self._segment.text, self._chunk(column, block))

    def _chunk(self, column: Any, number: int) -> Chunk:
        name = column.path_in_schema.partition(".")[0]
        rows = self._segment.blocks[number].rows
        values = column.num_values
        length = column.total_compressed_size
        start = min(
            offset
            for offset in (column.dictionary_page_offset, column.data_page_offset)
            if offset is not None
        )
        if not (
            (rows <= values <= rows * BANDS if name == "bands" else values == rows)
            and 0 < length <= _bytes_max(self._segment.table)
            and 0 < column.total_uncompressed_size <= _bytes_max(self._segment.table)
            and 0 < start <= self._segment.size - length
        ):
            raise DamagedSegmentError(self._segment.text, f"column {name} is not where it says")
        return Chunk(
            name,
            start,
            length,
            column.total_uncompressed_size,
            values,
            column.encodings,
            name not in _PLAIN_NAMES,
        )


class _Footers:
    """Footers that were read last: those of large segments take a millisecond or two."""

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._footers: OrderedDict[tuple[SegmentName, str], Any] = OrderedDict()

    def get(self, key: tuple[SegmentName, str]) -> Any | None:
        with self._lock:
            if key in self._footers:
                self._footers.move_to_end(key)
            return self._footers.get(key)

    def put(self, key: tuple[SegmentName, str], footer: Any) -> None:
        if footer.serialized_size > _KEPT_BYTES_MAX:
            return
        with self._lock:
            self._footers[key] = footer
            if len(self._footers) > _KEPT:
                self._footers.popitem(last=False)


_kept = _Footers()


def _bytes_max(table: str) -> int:
    return LOG_TEXT_BYTES_MAX if table in ("events", "thumbnails") else LOG_BLOCK_BYTES_MAX


@contextmanager
def _descriptor(path: Path) -> Iterator[int]:
    descriptor = os.open(path, os.O_RDONLY | os.O_NONBLOCK)
    try:
        yield descriptor
    finally:
        os.close(descriptor)


def _metadata(descriptor: int, name: SegmentName, size: int) -> Any:
    """The footer, which is that of the name."""
    if size < _TAIL.size + 2 * len(_MAGIC):
        raise DamagedSegmentError(str(name), "it is cut short")
    tail = os.pread(descriptor, _TAIL.size, size - _TAIL.size)
    length, magic = _TAIL.unpack(tail) if len(tail) == _TAIL.size else (0, b"")
    if magic != _MAGIC or not 0 < length <= min(LOG_FOOTER_MAX_BYTES, size - _TAIL.size):
        raise DamagedSegmentError(str(name), "it is cut short or no Parquet file")
    footer = os.pread(descriptor, length, size - _TAIL.size - length)
    if checksum(footer) != name.checksum:
        raise DamagedSegmentError(str(name), "its footer does not match the checksum in its name")
    with _decoding(str(name)):
        return pq.read_metadata(pa.BufferReader(_MAGIC + footer + tail))


@contextmanager
def _decoding(name: str) -> Iterator[None]:
    """What the library says of damaged bytes is an error of the segment."""
    try:
        yield
    except DamagedSegmentError:
        raise
    except OSError as error:
        if error.errno is not None:
            raise
        raise DamagedSegmentError(name, f"it cannot be decoded: {error}") from error
    except (pa.ArrowException, ValueError, TypeError, AttributeError) as error:
        raise DamagedSegmentError(name, f"it cannot be decoded: {error}") from error
