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
from tb_snapshot_compare.readers.bundle_slices import Bounds, cover_problem
from tb_snapshot_compare.readers.crc32c import combined
from tb_snapshot_compare.readers.extents import numpy_dtype
from tb_snapshot_compare.readers.sstable import TableError, table_entries, unmask_crc

SLICE_KEY_START = b"\x00"
SHARDS_MAX = 100_000
ENTRY_MAX_BYTES = 1024 * 1024
"""An entry of a tensor in 1,000 partitions has about 20 kB."""
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
class StoredPiece:
    """A slice of a tensor: `bounds` are (start, length) by axis, `crc32c` is unmasked."""

    bounds: Bounds
    part: StoredPart
    crc32c: int


@dataclass(frozen=True, slots=True)
class StoredTensor:
    """One tensor of the bundle; `parts` in order are its bytes in C order.

    Where the tensor is not sliced along its first axis, `pieces` are its slices, and `parts`
    their bytes in no order. `crc32c` (unmasked) covers all bytes in C order. `problem` says why
    the parts cannot be used; `shape` is () where the stored one is invalid.
    """

    key: str
    dtype: str
    shape: tuple[int, ...]
    parts: tuple[StoredPart, ...]
    crc32c: int | None
    problem: str | None = None
    pieces: tuple[StoredPiece, ...] = ()


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
        pieces = [_piece(key, piece, dtype, shape, entries) for piece in entry.slices]
        if all(_is_whole_but_first(piece.bounds, shape) for piece in pieces):
            pieces.sort(key=lambda piece: piece.bounds[:1])
            _check_rows(pieces, shape[0] if shape else 1)
            parts = tuple(piece.part for piece in pieces)
            checksum = combined((piece.crc32c, piece.part.size) for piece in pieces)
            return StoredTensor(name, dtype, shape, parts, checksum)
    except (IndexFormatError, protos.ProtoError) as error:
        return StoredTensor(name, dtype, shape, (), None, str(error))
    problem = cover_problem([piece.bounds for piece in pieces], shape)
    if problem is not None:
        return StoredTensor(name, dtype, shape, (), None, problem)
    parts = tuple(piece.part for piece in pieces)
    return StoredTensor(name, dtype, shape, parts, None, pieces=tuple(pieces))


def _is_whole_but_first(bounds: Bounds, shape: tuple[int, ...]) -> bool:
    return all(bound == (0, size) for bound, size in zip(bounds[1:], shape[1:], strict=True))


def _bounds(piece: Any, shape: tuple[int, ...]) -> Bounds:
    """(start, length) of a partition by axis; a full extent is stored as an empty message."""
    bounds = _stored_bounds(piece)
    if len(bounds) != len(shape) or any(start < 0 or size < 0 for start, size in bounds):
        raise IndexFormatError(f"a partition {bounds} does not fit its shape {shape}")
    return tuple(
        bound if bound[1] else (0, size) for bound, size in zip(bounds, shape, strict=True)
    )


def _stored_bounds(piece: Any) -> list[tuple[int, int]]:
    return [(int(extent.start), int(extent.length)) for extent in piece.extent]


def _piece(
    key: bytes, piece: Any, dtype: str, shape: tuple[int, ...], entries: dict[bytes, bytes]
) -> StoredPiece:
    bounds = _bounds(piece, shape)
    where = f"its partition at {tuple(start for start, _ in bounds)}"
    if len(bounds) == 1 or _is_whole_but_first(bounds, shape):
        where = f"its partition at row {bounds[0][0] if bounds else 0:,}"
    value = entries.get(slice_key(key, _stored_bounds(piece)))
    if value is None:
        raise IndexFormatError(f"{where} is missing from the index")
    entry = _parse_entry(value)
    problem = _size_problem(entry, dtype, tuple(size for _, size in bounds))
    if problem is not None or _dtype_name(entry.dtype) != dtype:
        raise IndexFormatError(problem or f"{where} has another data type")
    part = StoredPart(entry.shard_id, entry.offset, entry.size)
    return StoredPiece(bounds, part, unmask_crc(entry.crc32c))


def _check_rows(pieces: list[StoredPiece], size: int) -> None:
    expected = 0
    for piece in pieces:
        start, length = piece.bounds[0] if piece.bounds else (expected, 1)
        if start != expected:
            found = "overlap" if start < expected else "leave a gap"
            raise IndexFormatError(f"its partitions {found} at row {expected:,}")
        expected += length
    if expected != size:
        raise IndexFormatError(f"its partitions end at row {expected:,} of {size:,}")


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
