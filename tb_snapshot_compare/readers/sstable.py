"""The sorted string table that a tensor bundle's index is: LevelDB's table format.

Read from the sources of the format: `table/format.h`, `table/block.cc` and
`doc/table_format.md` of LevelDB, and TensorFlow's copy of them (`tsl/lib/io/format.cc`,
`block.cc`). A table is a run of blocks, each followed by a type byte and a masked crc32c;
a 48-byte footer at the end points to the index block, whose values point to data blocks.
Keys within a block are prefix-compressed and strictly increase over the whole table.
"""

from collections.abc import Iterator

import google_crc32c

from tb_snapshot_compare.errors import SnapshotGoneError, UnreadableSnapshotError
from tb_snapshot_compare.limits import INDEX_MAX_BYTES, TENSORS_MAX
from tb_snapshot_compare.readers.files import read_bytes, regular_file

FOOTER_BYTES = 48
MAGIC = bytes.fromhex("57fb808b247547db")
TRAILER_BYTES = 5
KEY_MAX_BYTES = 16 * 1024
"""The longest key seen is a few hundred bytes; prefix compression multiplies long ones."""

_CRC_MASK_DELTA = 0xA282EAD8
_HANDLES_BYTES = 40
_COMPRESSIONS = {1: "snappy", 2: "zlib", 4: "zstd"}


class TableError(ValueError):
    """The bytes are not a table, or a damaged one; the message says what is wrong."""


def is_table(path: str) -> bool:
    """Whether the file at `path` ends as a table does.

    The index of a checkpoint is one, and so is a whole checkpoint of TensorFlow's V1 format.
    """
    try:
        with regular_file(path) as (handle, status):
            start = max(status.st_size - len(MAGIC), 0)
            return read_bytes(handle, path, start, status.st_size - start) == MAGIC
    except (SnapshotGoneError, UnreadableSnapshotError):
        return False


def unmask_crc(masked: int) -> int:
    """The crc32c that LevelDB and TensorFlow store as `masked` (`tsl/lib/hash/crc32c.h`)."""
    rotated = (masked - _CRC_MASK_DELTA) & 0xFFFFFFFF
    return ((rotated >> 17) | (rotated << 15)) & 0xFFFFFFFF


def read_varint(data: bytes, position: int) -> tuple[int, int]:
    """A base-128 number of at most 64 bits at `position`, and the position after it."""
    result = shift = 0
    while shift < 64:
        if position >= len(data):
            raise TableError("a number is cut off")
        byte = data[position]
        position += 1
        result |= (byte & 0x7F) << shift
        if byte < 0x80:
            return result, position
        shift += 7
    raise TableError("a number has more than 64 bits")


def table_entries(data: bytes) -> Iterator[tuple[bytes, bytes]]:
    """Yields the (key, value) pairs of the table `data` in key order.

    Every checksum is verified and the order of the keys checked.

    Raises:
      TableError: bad magic, a block outside the file, a wrong checksum, a compressed block,
        a malformed entry, or keys that are unsorted, repeated, too long or too many.
    """
    if len(data) < FOOTER_BYTES:
        raise TableError(f"{len(data)} bytes are too short for a table's footer")
    footer = data[-FOOTER_BYTES:]
    if footer[_HANDLES_BYTES:] != MAGIC:
        raise TableError("the last 8 bytes are not a table's magic number")
    handles = footer[:_HANDLES_BYTES]
    _, position = _read_handle(handles, 0)
    index_handle, _ = _read_handle(handles, position)
    last: bytes | None = None
    count = key_bytes = 0
    for _, handle_bytes in _block_entries(_read_block(data, index_handle)):
        handle, _ = _read_handle(handle_bytes, 0)
        for key, value in _block_entries(_read_block(data, handle)):
            if last is not None and key <= last:
                problem = "repeated" if key == last else "not sorted"
                raise TableError(f"the key {key!r} is {problem}")
            last = key
            count += 1
            key_bytes += len(key)
            if count > TENSORS_MAX or key_bytes > INDEX_MAX_BYTES:
                raise TableError(f"it holds more than {TENSORS_MAX:,} entries")
            yield key, value


def _read_handle(data: bytes, position: int) -> tuple[tuple[int, int], int]:
    offset, position = read_varint(data, position)
    size, position = read_varint(data, position)
    return (offset, size), position


def _read_block(data: bytes, handle: tuple[int, int]) -> bytes:
    offset, size = handle
    end = offset + size
    if end + TRAILER_BYTES > len(data) - FOOTER_BYTES:
        raise TableError(f"a block of {size:,} bytes at {offset:,} lies outside the file")
    stored = int.from_bytes(data[end + 1 : end + TRAILER_BYTES], "little")
    if google_crc32c.value(data[offset : end + 1]) != unmask_crc(stored):
        raise TableError(f"the checksum of the block at {offset:,} is wrong")
    compression = data[end]
    if compression:
        name = _COMPRESSIONS.get(compression, f"type {compression}")
        raise TableError(
            f"the block at {offset:,} is compressed ({name}), which TensorFlow never writes "
            "for checkpoints"
        )
    return data[offset:end]


def _block_entries(block: bytes) -> Iterator[tuple[bytes, bytes]]:
    if len(block) < 4:
        raise TableError("a block is too short for its restart points")
    restarts = int.from_bytes(block[-4:], "little")
    end = len(block) - 4 - 4 * restarts
    if end < 0:
        raise TableError(f"a block claims {restarts:,} restart points")
    key = b""
    position = 0
    while position < end:
        shared, position = read_varint(block, position)
        unshared, position = read_varint(block, position)
        value_size, position = read_varint(block, position)
        value_start = position + unshared
        if shared > len(key) or value_start + value_size > end:
            raise TableError("an entry reaches outside its block")
        if shared + unshared > KEY_MAX_BYTES:
            raise TableError(f"a key has {shared + unshared:,} bytes")
        key = key[:shared] + block[position:value_start]
        position = value_start + value_size
        yield key, block[value_start:position]
