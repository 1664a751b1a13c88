"""The index of a tensor bundle: which tensors it holds, and where their bytes lie.

`<prefix>.index` is a sorted string table: the empty key holds a BundleHeaderProto, every
other key a BundleEntryProto, and keys that begin with a zero byte the slices of partitioned
tensors (TensorFlow, `core/util/tensor_bundle/tensor_bundle.{h,cc}`,
`core/protobuf/tensor_bundle.proto`, `core/util/saved_tensor_slice_util.cc`).

What is wrong with one entry is that entry's `problem`; what is wrong with the table is an
error. Shapes and sizes are checked with Python integers before anything is allocated.
"""

import math
from dataclasses import dataclass
from typing import Any, Literal

from tb_snapshot_compare.limits import RANK_MAX
from tb_snapshot_compare.readers import protos
from tb_snapshot_compare.readers.extents import numpy_dtype
from tb_snapshot_compare.readers.sstable import TableError, table_entries, unmask_crc

SLICE_KEY_START = b"\x00"
SHARDS_MAX = 100_000
ENTRY_MAX_BYTES = 1024 * 1024
"""An entry of a tensor in 1,000 partitions has about 20 kB."""
PARTS_MAX = 65_536
"""Runs of bytes of one tensor; one that is partitioned along its second axis has one a row."""
SUPPORTED_VERSION = 1
"""`kTensorBundleVersion`; a writer states the least version that a reader must know."""

_ESCAPES = {0x00: b"\x00\xff", 0xFF: b"\xff\x00"}

NOT_NUMERIC = frozenset({"string", "resource", "variant"})

# The numbers 1, 2, ... of tensorflow/core/framework/types.proto; quantized types (11-13, 15,
# 16) are stored as their integers.
_DTYPE_WORDS = """
    float32 float64 int32 uint8 int16 int8 string complex64 int64 bool int8 uint8 int32 bfloat16
    int16 uint16 uint16 complex128 float16 resource variant uint32 uint64 float8_e5m2
    float8_e4m3fn float8_e4m3fnuz float8_e4m3b11fnuz float8_e5m2fnuz int4 uint4 int2 uint2
    float4_e2m1fn
"""
DTYPES = dict(enumerate(_DTYPE_WORDS.split(), start=1))


class IndexFormatError(ValueError):
    """The bytes are not the index of a tensor bundle, or a damaged one."""


@dataclass(frozen=True, slots=True)
class StoredPart:
    """`size` bytes at `offset` of data file number `shard`."""

    shard: int
    offset: int
    size: int


@dataclass(frozen=True, slots=True)
class StoredTensor:
    """One tensor of the bundle; `parts` in order are its bytes in C order.

    `crc32c` (unmasked) covers the bytes of a tensor of one part. `problem` says why the
    parts cannot be used; `shape` is () where the stored one is invalid.
    """

    key: str
    dtype: str
    shape: tuple[int, ...]
    parts: tuple[StoredPart, ...]
    crc32c: int | None
    problem: str | None = None


@dataclass(frozen=True, slots=True)
class BundleIndex:
    """Every tensor of a bundle in key order, and how its data files are laid out."""

    shards: int
    byteorder: Literal["little", "big"]
    tensors: tuple[StoredTensor, ...]


def parse_bundle_index(data: bytes) -> BundleIndex:
    """Parses the content of an `.index` file.

    Raises:
      IndexFormatError: not a table, damaged, without a valid header, or of a newer version.
    """
    try:
        entries = dict(table_entries(data))
        header = protos.parse("Header", _header_bytes(entries))
    except (TableError, protos.ProtoError) as error:
        raise IndexFormatError(str(error)) from error
    if not 0 < header.num_shards <= SHARDS_MAX:
        raise IndexFormatError(f"the header claims {header.num_shards:,} data files")
    if header.version.min_consumer > SUPPORTED_VERSION:
        raise IndexFormatError(
            f"it needs a reader of version {header.version.min_consumer}, this is "
            f"{SUPPORTED_VERSION}"
        )
    if header.endianness not in (0, 1):
        raise IndexFormatError(f"the header names byte order {header.endianness}")
    tensors = (
        _stored_tensor(key, value, entries)
        for key, value in entries.items()
        if key and not key.startswith(SLICE_KEY_START)
    )
    return BundleIndex(
        shards=header.num_shards,
        byteorder="big" if header.endianness else "little",
        tensors=tuple(tensors),
    )


def _header_bytes(entries: dict[bytes, bytes]) -> bytes:
    header = entries.get(b"")
    if header is None:
        raise IndexFormatError("the table has no bundle header: it is not a checkpoint's index")
    return header


def _stored_tensor(key: bytes, value: bytes, entries: dict[bytes, bytes]) -> StoredTensor:
    name = key.decode("utf-8", "backslashreplace")
    try:
        entry = _parse_entry(value)
        dtype = _dtype_name(entry.dtype)
        shape = _checked_shape(entry.shape, dtype)
    except (IndexFormatError, protos.ProtoError) as error:
        return StoredTensor(name, "unknown", (), (), None, f"its entry is corrupt: {error}")
    if entry.slices:
        return _partitioned_tensor(name, key, entry, dtype, shape, entries)
    problem = _size_problem(entry, dtype, shape)
    return StoredTensor(
        key=name,
        dtype=dtype,
        shape=shape,
        parts=() if problem else (StoredPart(entry.shard_id, entry.offset, entry.size),),
        crc32c=unmask_crc(entry.crc32c),
        problem=problem,
    )


def _parse_entry(value: bytes) -> Any:
    if len(value) > ENTRY_MAX_BYTES:
        raise IndexFormatError(f"it has {len(value):,} bytes")
    return protos.parse("Entry", value)


def _dtype_name(number: int) -> str:
    name = DTYPES.get(number)
    if name is None or (name not in NOT_NUMERIC and numpy_dtype(name) is None):
        raise IndexFormatError(f"data type {number} is not one of TensorFlow's")
    return name


def _checked_shape(shape: Any, dtype: str) -> tuple[int, ...]:
    if shape.unknown_rank:
        raise IndexFormatError("its rank is unknown")
    if len(shape.dim) > RANK_MAX:
        raise IndexFormatError(f"it has {len(shape.dim)} dimensions, more than {RANK_MAX}")
    sizes = tuple(int(dim.size) for dim in shape.dim)
    if any(size < 0 for size in sizes):
        raise IndexFormatError(f"its shape {sizes} has a negative dimension")
    if math.prod(size for size in sizes if size) * _item_bytes(dtype) >= 2**63:
        raise IndexFormatError(f"its shape {sizes} overflows")
    return sizes


def _item_bytes(dtype: str) -> int:
    known = numpy_dtype(dtype)
    return known.itemsize if known is not None else 1


def _size_problem(entry: Any, dtype: str, shape: tuple[int, ...]) -> str | None:
    if entry.shard_id < 0 or entry.offset < 0 or entry.size < 0:
        return (
            f"its entry is corrupt: shard {entry.shard_id}, offset {entry.offset:,}, "
            f"size {entry.size:,}"
        )
    needed = math.prod(shape) * _item_bytes(dtype)
    if dtype not in NOT_NUMERIC and entry.size != needed:
        return (
            f"its entry is corrupt: stored {entry.size:,} bytes, shape {shape} of {dtype} "
            f"needs {needed:,}"
        )
    return None


def _partitioned_tensor(
    name: str,
    key: bytes,
    entry: Any,
    dtype: str,
    shape: tuple[int, ...],
    entries: dict[bytes, bytes],
) -> StoredTensor:
    try:
        axis = _partition_axis(entry, shape)
        pieces = [_piece(key, piece, axis, dtype, shape, entries) for piece in entry.slices]
        pieces.sort(key=lambda piece: piece.start)
        _check_cover(pieces, shape[axis] if shape else 1)
        parts = _interleaved(pieces, math.prod(shape[:axis]))
    except (IndexFormatError, protos.ProtoError) as error:
        return StoredTensor(name, dtype, shape, (), None, str(error))
    return StoredTensor(name, dtype, shape, parts, pieces[0].crc32c if len(pieces) == 1 else None)


@dataclass(frozen=True, slots=True)
class _Piece:
    """The indices [start, start + length) along the axis at which a tensor is partitioned."""

    start: int
    length: int
    part: StoredPart
    crc32c: int


def _partition_axis(entry: Any, shape: tuple[int, ...]) -> int:
    """The one axis along which a tensor is partitioned, the first where there is none."""
    axes = {
        axis
        for piece in entry.slices
        for axis, bound in enumerate(_bounds(piece, shape))
        if bound != (0, shape[axis])
    }
    if len(axes) > 1:
        raise IndexFormatError(
            f"it is partitioned along {len(axes)} axes, which is not read; save it partitioned "
            "along one axis, or whole"
        )
    return axes.pop() if axes else 0


def _bounds(piece: Any, shape: tuple[int, ...]) -> list[tuple[int, int]]:
    """(start, length) of a partition by axis; a full extent is stored as an empty message."""
    bounds = _stored_bounds(piece)
    if len(bounds) != len(shape) or any(start < 0 or size < 0 for start, size in bounds):
        raise IndexFormatError(f"a partition {bounds} does not fit its shape {shape}")
    return [bound if bound[1] else (0, size) for bound, size in zip(bounds, shape, strict=True)]


def _stored_bounds(piece: Any) -> list[tuple[int, int]]:
    return [(int(extent.start), int(extent.length)) for extent in piece.extent]


def _piece(
    key: bytes,
    piece: Any,
    axis: int,
    dtype: str,
    shape: tuple[int, ...],
    entries: dict[bytes, bytes],
) -> _Piece:
    bounds = _bounds(piece, shape)
    start, length = bounds[axis] if bounds else (0, 1)
    where = f"its partition at {'row' if axis == 0 else f'index of axis {axis}:'} {start:,}"
    value = entries.get(slice_key(key, _stored_bounds(piece)))
    if value is None:
        raise IndexFormatError(f"{where} is missing from the index")
    entry = _parse_entry(value)
    part_shape = (*shape[:axis], length, *shape[axis + 1 :]) if shape else ()
    problem = _size_problem(entry, dtype, part_shape)
    if problem is not None or _dtype_name(entry.dtype) != dtype:
        raise IndexFormatError(problem or f"{where} has another data type")
    part = StoredPart(entry.shard_id, entry.offset, entry.size)
    return _Piece(start, length, part, unmask_crc(entry.crc32c))


def _check_cover(pieces: list[_Piece], size: int) -> None:
    expected = 0
    for piece in pieces:
        if piece.start != expected:
            found = "overlap" if piece.start < expected else "leave a gap"
            raise IndexFormatError(f"its partitions {found} at row {expected:,}")
        expected += piece.length
    if expected != size:
        raise IndexFormatError(f"its partitions end at row {expected:,} of {size:,}")


def _interleaved(pieces: list[_Piece], outer: int) -> tuple[StoredPart, ...]:
    """The bytes in C order: each piece gives one run for every index of the axes before its own."""
    if outer * len(pieces) > PARTS_MAX:
        raise IndexFormatError(
            f"it is partitioned into {outer * len(pieces):,} runs of bytes, more than the "
            f"{PARTS_MAX:,} that are read; save it whole, or partitioned along its first axis"
        )
    runs = [(piece.part, piece.part.size // max(outer, 1)) for piece in pieces]
    return tuple(
        StoredPart(part.shard, part.offset + number * size, size)
        for number in range(outer)
        for part, size in runs
    )


def slice_key(key: bytes, bounds: list[tuple[int, int]]) -> bytes:
    """The table key of a slice of `key` (`EncodeTensorNameSlice`, in ordered code).

    Args:
      key: the tensor's key.
      bounds: (start, length) for each axis; length 0 stands for the whole axis.
    """
    escaped = b"".join(_ESCAPES.get(byte, bytes([byte])) for byte in key)
    encoded = bytearray(SLICE_KEY_START + escaped + b"\x00\x01" + _unsigned_code(len(bounds)))
    for start, length in bounds:
        encoded += _signed_code(start) + _signed_code(length or -1)
    return bytes(encoded)


def _unsigned_code(value: int) -> bytes:
    """`OrderedCode::WriteNumIncreasing` (`core/lib/strings/ordered_code.cc`)."""
    digits = value.to_bytes((value.bit_length() + 7) // 8, "big")
    return bytes([len(digits)]) + digits


def _signed_code(value: int) -> bytes:
    """`OrderedCode::WriteSignedNumIncreasing`: sign and length bits, then the number."""
    length = (~value if value < 0 else value).bit_length() // 7 + 1
    bits = 8 * length
    header = ((1 << length) - 1) << (bits - length)
    return ((value & ((1 << bits) - 1)) ^ header).to_bytes(length, "big")
