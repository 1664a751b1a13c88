"""Looks at the pages of a segment before a library decodes them: whole, and of a bounded size.

A page begins with a header in Thrift's compact protocol (parquet.thrift, PageHeader) that says how
long it is, packed and unpacked, and its CRC-32. Libraries allocate what a header says, and DuckDB
does not compare checksums; so both are looked at here, once for each part of a file.
"""

import os
import zlib
from dataclasses import dataclass
from typing import Any

from tb_snapshot_compare.limits import LOG_PAGE_BYTES_MAX
from tb_snapshot_compare.store.log_segments import DamagedSegmentError

_HEADER_BYTES = 4096
"""More than any header that is written here has."""
_DATA_PAGE, _DICTIONARY_PAGE = 0, 2
_TYPE, _UNPACKED, _PACKED, _CRC, _DATA, _DICTIONARY = 1, 2, 3, 4, 5, 7
"""Numbers of fields of a page's header; those of the two kinds of pages that are written here have
the number of values and their encoding first, and a data page's those of its levels."""
_VALUES, _ENCODING, _DEFINITIONS, _REPETITIONS = 1, 2, 3, 4
_ENCODINGS = {
    "PLAIN": 0,
    "RLE": 3,
    "DELTA_BINARY_PACKED": 5,
    "RLE_DICTIONARY": 8,
    "BYTE_STREAM_SPLIT": 9,
}
_HAS = {
    _DATA_PAGE: {_TYPE, _UNPACKED, _PACKED, _CRC, _DATA},
    _DICTIONARY_PAGE: {_TYPE, _UNPACKED, _PACKED, _CRC, _DICTIONARY},
}
_MAY_HAVE = {_DATA_PAGE: {1, 2, 3, 4, 5}, _DICTIONARY_PAGE: {1, 2, 3}}
"""Statistics too, or whether the dictionary is sorted."""
_LEVELS = {_DATA_PAGE: (_DEFINITIONS, _REPETITIONS), _DICTIONARY_PAGE: ()}
_TRUE, _FALSE, _I32, _I64, _BINARY, _STRUCT = 1, 2, 5, 6, 8, 12
_NESTING_MAX = 4


@dataclass(frozen=True, slots=True)
class Chunk:
    """A column of a row group, as the footer tells of it.

    It has `values`, nulls counted, and takes `unpacked` bytes with its pages' headers.
    """

    column: str
    start: int
    length: int
    unpacked: int
    values: int
    encodings: tuple[str, ...]
    takes_dictionary: bool


class _DamagedError(Exception):
    """The bytes are no header."""


def check(descriptor: int, name: str, chunk: Chunk) -> None:
    """Reads a chunk of an open segment.

    Raises:
      DamagedSegmentError: it is not what was written, or larger than anything written here.
      OSError: it cannot be read.
    """
    data = os.pread(descriptor, chunk.length, chunk.start)
    if len(data) != chunk.length:
        raise DamagedSegmentError(name, f"it is cut short in column {chunk.column}")
    try:
        _check_pages(data, chunk)
    except (_DamagedError, IndexError) as error:
        raise DamagedSegmentError(name, f"column {chunk.column} is damaged ({error})") from error


def _check_pages(data: bytes, chunk: Chunk) -> None:
    position = values = unpacked = 0
    while position < len(data):
        header = _Header(data[position : position + _HEADER_BYTES])
        fields = header.struct()
        packed, size = _number(fields, _PACKED), _number(fields, _UNPACKED)
        values += _values(fields, chunk, first=not position)
        position += header.position
        if not 0 <= packed <= len(data) - position:
            raise _DamagedError("a page is cut short")
        if not 0 <= size <= LOG_PAGE_BYTES_MAX:
            raise _DamagedError("a page is larger than any")
        if zlib.crc32(data[position : position + packed]) != _number(fields, _CRC) & 0xFFFFFFFF:
            raise _DamagedError("a checksum does not match")
        unpacked += size + header.position
        position += packed
    if (values, unpacked) != (chunk.values, chunk.unpacked):
        raise _DamagedError(
            f"it has {values} values in {unpacked} bytes instead of "
            f"{chunk.values} in {chunk.unpacked}"
        )


def _values(fields: dict[int, Any], chunk: Chunk, *, first: bool) -> int:
    """How many values of the column a page adds."""
    kind = _number(fields, _TYPE)
    of_page = fields.get(_DATA if kind == _DATA_PAGE else _DICTIONARY)
    is_possible = kind == _DATA_PAGE or (first and chunk.takes_dictionary)
    if kind not in (_DATA_PAGE, _DICTIONARY_PAGE) or not is_possible or _HAS[kind] != set(fields):
        raise _DamagedError("a page is of another kind")
    if not isinstance(of_page, dict):
        raise _DamagedError("a page's header is none")
    if not set(of_page) <= _MAY_HAVE[kind]:
        raise _DamagedError("a page's header has other fields")
    levels = {_number(of_page, field) for field in _LEVELS[kind]}
    known = {_ENCODINGS.get(name) for name in chunk.encodings}
    if _number(of_page, _ENCODING) not in known or not levels <= {_ENCODINGS["RLE"]}:
        raise _DamagedError("a page is encoded in another way")
    values = _number(of_page, _VALUES)
    if values < 0:
        raise _DamagedError("a page has no values")
    return values if kind == _DATA_PAGE else 0


def _number(fields: dict[int, Any], field: int) -> int:
    value = fields.get(field)
    if not isinstance(value, int):
        raise _DamagedError(f"a header lacks field {field}")
    return value


class _Header:
    """Reads one struct of the compact protocol, as it is written here: in the shortest form.

    Fields are had by number; binaries are skipped. See
    https://github.com/apache/thrift/blob/master/doc/specs/thrift-compact-protocol.md.
    """

    def __init__(self, data: bytes) -> None:
        self._data = data
        self.position = 0

    def struct(self, depth: int = 0) -> dict[int, Any]:
        """The struct that begins here."""
        if depth > _NESTING_MAX:
            raise _DamagedError("a header is nested too deep")
        fields: dict[int, Any] = {}
        number = 0
        while byte := self._byte():
            if not byte >> 4:
                raise _DamagedError("a header has other fields")
            number += byte >> 4
            fields[number] = self._value(byte & 15, depth)
        return fields

    def _value(self, kind: int, depth: int) -> Any:
        if kind == _I32 or (kind == _I64 and depth > 1):  # counts in statistics
            value = self._zigzag()
            if kind == _I32 and not -(2**31) <= value < 2**31:
                raise _DamagedError("a header has too large a number")
            return value
        if kind in (_TRUE, _FALSE) and depth:
            return None
        if kind == _BINARY and depth > 1:
            length = self._varint()
            if length > len(self._data):
                raise _DamagedError("a header is cut short")
            self.position += length
            return None
        if kind == _STRUCT:
            return self.struct(depth + 1)
        raise _DamagedError(f"a header has a field of type {kind}")

    def _byte(self) -> int:
        byte = self._data[self.position]
        self.position += 1
        return byte

    def _varint(self) -> int:
        value = shift = 0
        while True:
            byte = self._byte()
            value |= (byte & 127) << shift
            if byte < 128:
                if shift and not byte:
                    raise _DamagedError("a header has a number of another form")
                return value
            shift += 7
            if shift > 63:
                raise _DamagedError("a header has too long a number")

    def _zigzag(self) -> int:
        value = self._varint()
        return (value >> 1) ^ -(value & 1)
