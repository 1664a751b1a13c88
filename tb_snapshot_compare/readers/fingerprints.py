"""What tells the contents of tensors apart: stored checksums, and digests of bytes that were read.

A stored checksum is what the file says; a digest is XXH3-128 of what was read, which takes a
tenth of the time of comparing (https://github.com/Cyan4973/xxHash). Neither is proof against
somebody who forges it; both are against chance: 2^-32 and 2^-128 for each pair of contents.
"""

import zlib
from collections.abc import Sequence
from dataclasses import dataclass
from hashlib import blake2b
from typing import Any

import xxhash

from tb_snapshot_compare.readers.crc32c import CRC32, CRC32C, combined, extend_crc32c
from tb_snapshot_compare.readers.extents import check_checksum
from tb_snapshot_compare.snapshot import TensorInfo


def stored_identity(tensor: TensorInfo) -> str | None:
    """What the file states of the tensor's bytes; None where it has no checksum of them."""
    if tensor.crc32c is not None:
        return f"crc32c {tensor.crc32c:08x}"
    if tensor.crc32 is not None:
        return f"crc32 {tensor.crc32[0]:08x} {tensor.crc32[1]:08x}"
    return None if tensor.unread_crc32 is None else f"crc32 0 {tensor.unread_crc32:08x}"


def digest_identity(values: memoryview) -> str:
    """Of all of a tensor's bytes."""
    return f"xxh3 {xxhash.xxh3_128_hexdigest(values)}"


def check_values(tensor: TensorInfo, values: memoryview, *, believed: bool = False) -> None:
    """Checks all of a tensor's bytes against the checksum that the file states, if any.

    Args:
      tensor: whose values they are.
      values: as they are stored.
      believed: as in `PartPrinter`.

    Raises:
      UnreadableSnapshotError: they do not agree.
    """
    extend = _extends(tensor, believed)
    if extend is not None and values:
        _, before, stored = _stored(tensor)
        check_checksum(tensor, extend(before, values), stored)


@dataclass(frozen=True, slots=True)
class PartPrint:
    """Of `length` bytes of a tensor: their checksum and their digest, where these were wanted."""

    length: int
    crc: int
    digest: bytes


class PartPrinter:
    """Called with the bytes of a part of a tensor, block by block."""

    def __init__(self, tensor: TensorInfo, *, digest: bool, believed: bool = False) -> None:
        """Prepares for a part of `tensor`.

        Args:
          tensor: the whole.
          digest: whether its digest is wanted.
          believed: whether its checksum was believed in place of reading another tensor, so that
            it is checked even where that takes long.
        """
        self._extend = _extends(tensor, believed)
        self._hash = xxhash.xxh3_128() if digest else None
        self._length = self._crc = 0

    @property
    def wanted(self) -> bool:
        """Whether there is anything to be seen."""
        return self._extend is not None or self._hash is not None

    def __call__(self, block: memoryview) -> None:
        """Adds the next block."""
        self._length += len(block)
        if self._extend is not None:
            self._crc = self._extend(self._crc, block)
        if self._hash is not None:
            self._hash.update(block)

    def finish(self) -> PartPrint:
        """The print of the part."""
        return PartPrint(self._length, self._crc, self._hash.digest() if self._hash else b"")


def checked_identity(
    tensor: TensorInfo, parts: Sequence[PartPrint], *, believed: bool = False
) -> str | None:
    """The identity of a tensor by the prints of all its parts, in order; None without digests.

    Raises:
      UnreadableSnapshotError: its bytes do not have the checksum that the file states.
    """
    if _extends(tensor, believed) is not None and any(part.length for part in parts):
        polynomial, before, stored = _stored(tensor)
        pieces = [(part.crc, part.length) for part in parts]
        check_checksum(tensor, combined(pieces, polynomial, before), stored)
    if not all(part.digest for part in parts):
        return None
    if len(parts) == 1:
        return f"xxh3 {parts[0].digest.hex()}"
    tree = b"".join(part.digest + part.length.to_bytes(8, "little") for part in parts)
    return f"xxh3 {len(parts)} {blake2b(tree, digest_size=16).hexdigest()}"


def _extends(tensor: TensorInfo, believed: bool) -> Any:
    if tensor.crc32c is not None:
        return extend_crc32c
    if tensor.crc32 is not None or (believed and tensor.unread_crc32 is not None):
        return _extend_crc32
    return None


def _extend_crc32(crc: int, block: memoryview) -> int:
    return zlib.crc32(block, crc)


def _stored(tensor: TensorInfo) -> tuple[int, int, int]:
    if tensor.crc32c is not None:
        return CRC32C, 0, tensor.crc32c
    before, after = tensor.crc32 or (0, tensor.unread_crc32 or 0)
    return CRC32, before, after
