"""Reads `.keras` archives: the HDF5 inside is read in place, at its offset in the zip.

Keras stores the members of its archives without compression, so the values of a contiguous
dataset are a byte range of the archive itself. A recompressed archive is inflated by the
child into a spool file first.
"""

import io
import os
import struct
import zipfile
from dataclasses import dataclass
from typing import Any

from tb_snapshot_compare import limits
from tb_snapshot_compare.errors import UnreadableSnapshotError
from tb_snapshot_compare.readers.hdf5 import (
    REMEDY,
    OpenFile,
    ask_child,
    decode_config,
    describe,
    keep_if_spooled,
    opened,
    position_of,
    spooling,
    without_spooled,
)
from tb_snapshot_compare.readers.hdf5_messages import Inflate
from tb_snapshot_compare.readers.spool import SPOOL, SpoolFile
from tb_snapshot_compare.readers.weights_file import Places, tensors_of
from tb_snapshot_compare.snapshot import Format, SnapshotContents

CONFIG_MEMBER = "config.json"
WEIGHTS_MEMBER = "model.weights.h5"
PICKLED_MEMBER = "model.weights.npz"
_LOCAL_HEADER = struct.Struct("<4s22xHH")
_LOCAL_SIGNATURE = b"PK\x03\x04"
_ENCRYPTED = 0x1
_READ_BYTES = 1024 * 1024
_ZIP_ERRORS = (zipfile.BadZipFile, NotImplementedError, RuntimeError, ValueError, EOFError, OSError)


@dataclass(frozen=True, slots=True)
class _Weights:
    """Where the inner HDF5 lies: stored in the archive, or inflated in a spool file."""

    path: str
    descriptor: int
    offset: int
    length: int


def read_keras_archive(path: str, *, decode: bool = True) -> SnapshotContents:
    """Opens a `.keras` archive.

    Without `decode` it is listed only: values that are compressed have no extents and take no
    lasting room on the disk, and an archive that would inflate to more than
    PROBE_DECODED_MAX_BYTES has no tensors.

    Raises:
      UnreadableSnapshotError: not a zip, damaged, encrypted, with duplicate or pickled
        members, beyond a limit, or not permitted.
      BeingWrittenError: its writer has not finished, or rewrote it meanwhile.
      SnapshotGoneError: it was deleted.
    """
    with opened(path) as file:
        kept = SPOOL.find(file.generation)
        if kept is not None:
            return kept
        members, text = _members(file)
        config = decode_config(text, path, CONFIG_MEMBER)
        if not decode and _inflates_far(members[WEIGHTS_MEMBER]):
            return SnapshotContents(path, Format.KERAS, file.generation, (), model_config=text)
        with spooling(path) as inflated, spooling(path) as spool:
            weights = _locate(file, members[WEIGHTS_MEMBER], inflated)
            description = describe(
                file, weights.descriptor, weights.offset, weights.length, spool, decode=decode
            )
            places = Places(weights.path, weights.offset, spool.path)
            tensors = tensors_of(description, places, config)
            contents = SnapshotContents(
                path=path,
                format=Format.KERAS,
                generation=file.generation,
                tensors=tensors,
                position=position_of(path, weights.descriptor, tensors, places),
                model_config=text,
            )
        if not decode:
            return without_spooled(contents)
        keep_if_spooled(contents)
        return contents


def _inflates_far(info: zipfile.ZipInfo) -> bool:
    compressed = info.compress_type != zipfile.ZIP_STORED
    return compressed and info.file_size > limits.PROBE_DECODED_MAX_BYTES


def _members(file: OpenFile) -> tuple[dict[str, zipfile.ZipInfo], str]:
    """The archive's members by name, and the text of its configuration."""
    try:
        with zipfile.ZipFile(_Archive(file)) as archive:
            members: dict[str, zipfile.ZipInfo] = {}
            for info in archive.infolist():
                if info.filename in members:
                    raise _unreadable(file, f"it holds {info.filename} twice")
                members[info.filename] = info
            _check_members(file, members)
            return members, _config_text(file, archive, members[CONFIG_MEMBER])
    except _ZIP_ERRORS as error:
        raise _unreadable(file, f"it is not a complete zip archive ({error})") from error


def _check_members(file: OpenFile, members: dict[str, zipfile.ZipInfo]) -> None:
    if PICKLED_MEMBER in members and WEIGHTS_MEMBER not in members:
        raise UnreadableSnapshotError(
            f"{file.path} keeps its weights in {PICKLED_MEMBER}, which is a Python pickle and "
            "could run code, so it is not read. Load and save the model with Keras 3, which "
            f"writes {WEIGHTS_MEMBER}."
        )
    for name in (CONFIG_MEMBER, WEIGHTS_MEMBER):
        info = members.get(name)
        if info is None:
            raise _unreadable(file, f"it has no member {name}")
        if info.flag_bits & _ENCRYPTED:
            raise _unreadable(file, f"its member {name} is encrypted")
        if info.compress_type not in (zipfile.ZIP_STORED, zipfile.ZIP_DEFLATED):
            raise _unreadable(file, f"its member {name} uses compression {info.compress_type}")


def _config_text(file: OpenFile, archive: zipfile.ZipFile, info: zipfile.ZipInfo) -> str:
    if info.file_size > limits.CONFIG_MAX_BYTES:
        raise _unreadable(file, f"{CONFIG_MEMBER} declares {info.file_size} bytes")
    with archive.open(info) as member:
        content = b"".join(iter(lambda: member.read(_READ_BYTES), b""))
    if len(content) != info.file_size:
        raise _unreadable(file, f"{CONFIG_MEMBER} is not {info.file_size} bytes long")
    return content.decode("utf-8")


def _locate(file: OpenFile, info: zipfile.ZipInfo, inflated: SpoolFile) -> _Weights:
    """The bytes of the inner HDF5, inflating them first where they are compressed."""
    header = os.pread(file.descriptor, _LOCAL_HEADER.size, info.header_offset)
    if len(header) < _LOCAL_HEADER.size:
        raise _unreadable(file, f"{WEIGHTS_MEMBER} lies outside of it")
    signature, name_length, extra_length = _LOCAL_HEADER.unpack(header)
    offset = info.header_offset + _LOCAL_HEADER.size + name_length + extra_length
    if signature != _LOCAL_SIGNATURE or offset + info.compress_size > file.size:
        raise _unreadable(file, f"{WEIGHTS_MEMBER} is cut off")
    if info.compress_type == zipfile.ZIP_STORED:
        return _Weights(file.path, file.descriptor, offset, info.compress_size)
    room = max(limits.DECODED_FLOOR_BYTES, limits.DECODED_EXPANSION_MAX * info.compress_size)
    if info.file_size > min(room, limits.SPOOL_MAX_BYTES):
        raise _unreadable(
            file,
            f"{WEIGHTS_MEMBER} declares {info.file_size} bytes, far more than the "
            f"{info.compress_size} that are stored",
        )
    request = Inflate(offset, info.compress_size, info.file_size, info.CRC)
    ask_child(file.path, request, file.descriptor, inflated)
    return _Weights(inflated.path, inflated.descriptor, 0, info.file_size)


def _unreadable(file: OpenFile, reason: str) -> UnreadableSnapshotError:
    return UnreadableSnapshotError(f"{file.path} cannot be read: {reason}. {REMEDY}")


class _Archive(io.RawIOBase):
    """The archive as a file that refuses single reads larger than a directory may be.

    zipfile reads the whole central directory at once, whatever size it claims.
    """

    def __init__(self, file: OpenFile) -> None:
        super().__init__()
        self._file = file
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
        base = {os.SEEK_SET: 0, os.SEEK_CUR: self._position, os.SEEK_END: self._file.size}
        self._position = base[whence] + offset
        if self._position < 0:
            raise OSError("negative position")
        return self._position

    def read(self, size: int | None = -1) -> bytes:
        """At most `size` bytes; OSError where that is more than a directory may have."""
        wanted = max(self._file.size - self._position, 0)
        if size is not None and size >= 0:
            wanted = min(size, wanted)
        if wanted > limits.ARCHIVE_DIRECTORY_MAX_BYTES:
            raise OSError(
                f"its directory is longer than {limits.ARCHIVE_DIRECTORY_MAX_BYTES} bytes"
            )
        data = os.pread(self._file.descriptor, wanted, self._position)
        self._position += len(data)
        return data

    def readinto(self, buffer: Any) -> int:
        """Fills as much of `buffer` as is left."""
        data = self.read(len(buffer))
        buffer[: len(data)] = data
        return len(data)
