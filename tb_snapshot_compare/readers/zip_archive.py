"""The members of a zip archive, found without reading or inflating any of them.

A stored member is a range of bytes of the archive itself; a deflated one is inflated by the
confined child. Format: APPNOTE.TXT of PKWARE, sections 4.3 and 4.4.
"""

import io
import os
import struct
import zipfile
import zlib
from dataclasses import dataclass
from typing import Any

from tb_snapshot_compare import limits
from tb_snapshot_compare.errors import UnreadableSnapshotError
from tb_snapshot_compare.readers.files import read_bytes

_LOCAL_HEADER = struct.Struct("<4s22xHH")
_END_RECORD = struct.Struct("<10xH10x")
_COUNTED_ELSEWHERE = 0xFFFF
"""What an archive in the Zip64 format has in place of a number of entries."""
_LOCAL_SIGNATURE = b"PK\x03\x04"
_ENCRYPTED = 0x1
_UTF_8 = 0x800
_ZIP_ERRORS = (zipfile.BadZipFile, NotImplementedError, RuntimeError, ValueError, EOFError, OSError)


@dataclass(frozen=True, slots=True)
class Member:
    """One file of an archive.

    `offset` is where its `stored` bytes begin in the archive, `length` is what they are once
    inflated, `crc32` the checksum of that. `problem` says why it cannot be read.
    """

    name: str
    offset: int
    stored: int
    length: int
    deflated: bool
    crc32: int
    problem: str | None = None


def zip_members(handle: Any, path: str, size: int, start: int = 0) -> tuple[Member, ...]:
    """The files in the archive, in the order of its directory.

    Args:
      handle: what `regular_file` gave.
      path: of the archive.
      size: of the archive, in bytes.
      start: where in the file the archive begins.

    Raises:
      UnreadableSnapshotError: not a zip archive, or its directory is damaged or too long.
    """
    try:
        with zipfile.ZipFile(BoundedArchive(handle, path, size, start)) as archive:
            _check_count(handle, path, size, start, archive)
            infos = [info for info in archive.infolist() if not info.filename.endswith("/")]
    except _ZIP_ERRORS as error:
        raise UnreadableSnapshotError(
            f"{path} cannot be read: it is not a complete zip archive ({error}). "
            "Save the snapshot again, or copy the file again if it was copied."
        ) from error
    seen: dict[str, int] = {}
    for info in infos:
        seen[info.filename] = seen.get(info.filename, 0) + 1
    members = {
        info.filename: _member(handle, path, size, start, info, copies=seen[info.filename])
        for info in infos
    }
    return tuple(members.values())


def first_name(start: bytes) -> str | None:
    """The name of the first member of the archive that begins with `start`.

    It is there while the directory, at the end, is not yet written or was cut off.
    """
    if len(start) < _LOCAL_HEADER.size or not start.startswith(_LOCAL_SIGNATURE):
        return None
    length = _LOCAL_HEADER.unpack_from(start)[1]
    return start[_LOCAL_HEADER.size : _LOCAL_HEADER.size + length].decode("utf-8", "replace")


def _check_count(handle: Any, path: str, size: int, begin: int, archive: zipfile.ZipFile) -> None:
    """Returns when the directory has as many entries as the record at its end says.

    Raises:
      zipfile.BadZipFile: it has not: a wrong length in one entry can hide the next.
    """
    start = size - len(archive.comment) - _END_RECORD.size
    (count,) = _END_RECORD.unpack(read_bytes(handle, path, begin + max(start, 0), _END_RECORD.size))
    found = len(archive.infolist())
    if found != count and count != _COUNTED_ELSEWHERE:
        raise zipfile.BadZipFile(f"its directory has {found:,} entries of {count:,}")


def inflated_start(handle: Any, path: str, member: Member, length: int) -> bytes:
    """The first `length` bytes of a member, fewer where it has fewer.

    Raises:
      UnreadableSnapshotError: its compressed bytes are damaged.
    """
    if not member.deflated:
        return read_bytes(handle, path, member.offset, min(length, member.stored))
    compressed = read_bytes(handle, path, member.offset, min(length, member.stored))
    try:
        return zlib.decompressobj(-zlib.MAX_WBITS).decompress(compressed, length)
    except zlib.error as error:
        raise UnreadableSnapshotError(
            f"{path}: its member {member.name} is damaged ({error}). Save the snapshot again."
        ) from error


def data_offset(
    handle: Any, path: str, size: int, archive: int, info: zipfile.ZipInfo
) -> int | None:
    """Where in the archive a member's bytes begin; None where it has no header there.

    `archive` is where in the file the archive of `size` bytes begins.

    Nothing but the name tells which member a header is of: no checksum covers the directory.
    """
    name_start = info.header_offset + _LOCAL_HEADER.size
    if not _LOCAL_HEADER.size <= name_start <= size:
        return None
    header = read_bytes(handle, path, archive + info.header_offset, _LOCAL_HEADER.size)
    signature, name_length, extra_length = _LOCAL_HEADER.unpack(header)
    name = info.orig_filename.encode("utf-8" if info.flag_bits & _UTF_8 else "cp437")
    if signature != _LOCAL_SIGNATURE or name_length != len(name):
        return None
    if name_start + name_length > size:
        return None
    if read_bytes(handle, path, archive + name_start, len(name)) != name:
        return None
    start: int = name_start + name_length + extra_length
    return start


def _member(
    handle: Any, path: str, size: int, archive: int, info: zipfile.ZipInfo, *, copies: int
) -> Member:
    problem = _problem(info, copies)
    offset = 0
    if problem is None:
        start = data_offset(handle, path, size, archive, info)
        if start is None or start + info.compress_size > size:
            problem = f"its place in {path} is cut off or overwritten; copy the file again"
        else:
            offset = archive + start
    return Member(
        name=info.filename,
        offset=offset,
        stored=info.compress_size,
        length=info.file_size,
        deflated=info.compress_type == zipfile.ZIP_DEFLATED,
        crc32=info.CRC,
        problem=problem,
    )


def _problem(info: zipfile.ZipInfo, copies: int) -> str | None:
    if copies > 1:
        return f"the archive holds {info.filename} {copies} times; save it again"
    if info.flag_bits & _ENCRYPTED:
        return "it is encrypted; save it without a password"
    if info.compress_type not in (zipfile.ZIP_STORED, zipfile.ZIP_DEFLATED):
        return f"it uses compression {info.compress_type}, only stored and deflated are read"
    if info.compress_type == zipfile.ZIP_STORED and info.compress_size != info.file_size:
        return f"its {info.compress_size:,} stored bytes are said to be {info.file_size:,}"
    return None


class BoundedArchive(io.RawIOBase):
    """The archive as a file that refuses single reads larger than a directory may be.

    zipfile reads the whole central directory at once, whatever size it claims.
    """

    def __init__(self, handle: Any, path: str, size: int, start: int = 0) -> None:
        super().__init__()
        self._handle, self._path, self._size, self._start = handle, path, size, start
        self._position = 0

    def readable(self) -> bool:
        """Always."""
        return True

    def seekable(self) -> bool:
        """Always."""
        return True

    def tell(self) -> int:
        """The position in the archive."""
        return self._position

    def seek(self, offset: int, whence: int = os.SEEK_SET) -> int:
        """Moves to a position in the archive."""
        base = {os.SEEK_SET: 0, os.SEEK_CUR: self._position, os.SEEK_END: self._size}
        self._position = base[whence] + offset
        if self._position < 0:
            raise OSError("negative position")
        return self._position

    def read(self, size: int | None = -1) -> bytes:
        """At most `size` bytes; OSError where that is more than a directory may have."""
        wanted = max(self._size - self._position, 0)
        if size is not None and size >= 0:
            wanted = min(size, wanted)
        if wanted > limits.ARCHIVE_DIRECTORY_MAX_BYTES:
            raise OSError(
                f"its directory is longer than {limits.ARCHIVE_DIRECTORY_MAX_BYTES} bytes"
            )
        data = read_bytes(self._handle, self._path, self._start + self._position, wanted)
        self._position += len(data)
        return data

    def readinto(self, buffer: Any) -> int:
        """Fills as much of `buffer` as is left."""
        data = self.read(len(buffer))
        buffer[: len(data)] = data
        return len(data)
