"""Reads `.keras` archives: the HDF5 inside is read in place, at its offset in the zip.

Keras stores the members of its archives without compression, so the values of a contiguous
dataset are a byte range of the archive itself. A recompressed archive is inflated by the
child into a spool file first.
"""

import zipfile
import zlib
from dataclasses import dataclass

from tb_snapshot_compare import limits
from tb_snapshot_compare.errors import UnreadableSnapshotError
from tb_snapshot_compare.readers.files import Handle
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
from tb_snapshot_compare.readers.hdf5_messages import Description, Inflate
from tb_snapshot_compare.readers.pickled_weights import PickledWeights
from tb_snapshot_compare.readers.spool import SPOOL, SpoolFile
from tb_snapshot_compare.readers.weights_file import FilePlaces, tensors_of
from tb_snapshot_compare.readers.zip_archive import BoundedArchive, data_offset
from tb_snapshot_compare.snapshot import Format, SnapshotContents

CONFIG_MEMBER = "config.json"
WEIGHTS_MEMBER = "model.weights.h5"
PICKLED_MEMBER = "model.weights.npz"
_ENCRYPTED = 0x1
_READ_BYTES = 1024 * 1024
_ZIP_ERRORS = (
    zipfile.BadZipFile, zlib.error, NotImplementedError, RuntimeError, ValueError, EOFError, OSError
)  # fmt: skip


@dataclass(frozen=True, slots=True)
class _Weights:
    """Where the inner HDF5 lies: stored in the archive, or inflated in a spool file."""

    path: str
    descriptor: Handle
    offset: int
    length: int


def read_config(path: str) -> str:
    """The Keras configuration of a `.keras` archive as JSON text; its weights are left alone.

    Raises: as `read_keras_archive`.
    """
    with opened(path) as file:
        _, text = _members(file)
        decode_config(text, path, CONFIG_MEMBER)
        return text


def read_keras_archive(path: str, *, decode: bool = True) -> SnapshotContents:
    """Opens a `.keras` archive.

    Without `decode` it is listed only: values that are compressed have no extents and take no
    lasting room on the disk, and an archive that would inflate to more than
    PROBE_DECODED_MAX_BYTES has no tensors. Weights in a pickle (`.npz`) are interpreted as data.

    Raises:
      UnreadableSnapshotError: not a zip, damaged, encrypted, with duplicate members, beyond a
        limit, or not permitted.
      BeingWrittenError: its writer has not finished, or rewrote it meanwhile.
      SnapshotGoneError: it was deleted.
    """
    with opened(path) as file:
        kept = SPOOL.find(file.generation)
        if kept is not None:
            return kept
        members, text = _members(file)
        config = decode_config(text, path, CONFIG_MEMBER)
        stored = members.get(WEIGHTS_MEMBER) or members[PICKLED_MEMBER]
        if not decode and _inflates_far(stored):
            _check_room(file, stored)
            return SnapshotContents(path, Format.KERAS, file.generation, (), model_config=text)
        with spooling(path) as inflated, spooling(path) as spool:
            weights = _locate(file, stored, inflated)
            description, start = _described(file, stored, weights, spool, decode=decode)
            places = FilePlaces(weights.path, start, spool.path)
            tensors = tensors_of(description, places, config)
            contents = SnapshotContents(
                path=path,
                format=Format.KERAS,
                generation=file.generation,
                tensors=tensors,
                position=position_of(path, tensors, file.generation),
                model_config=text,
            )
        if not decode:
            return without_spooled(contents)
        keep_if_spooled(contents)
        return contents


def _inflates_far(info: zipfile.ZipInfo) -> bool:
    compressed = info.compress_type != zipfile.ZIP_STORED
    return compressed and info.file_size > limits.PROBE_DECODED_MAX_BYTES


def _check_room(file: OpenFile, info: zipfile.ZipInfo) -> None:
    room = max(limits.DECODED_FLOOR_BYTES, limits.DECODED_EXPANSION_MAX * info.compress_size)
    if info.file_size > min(room, limits.SPOOL_MAX_BYTES):
        raise _unreadable(
            file,
            f"{info.filename} declares {info.file_size} bytes, far more than the "
            f"{info.compress_size} that are stored",
        )


def _members(file: OpenFile) -> tuple[dict[str, zipfile.ZipInfo], str]:
    """The archive's members by name, and the text of its configuration."""
    try:
        with zipfile.ZipFile(BoundedArchive(file.descriptor, file.path, file.size)) as archive:
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
    pickled = PICKLED_MEMBER in members and WEIGHTS_MEMBER not in members
    for name in (CONFIG_MEMBER, PICKLED_MEMBER if pickled else WEIGHTS_MEMBER):
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


def _described(
    file: OpenFile, info: zipfile.ZipInfo, weights: _Weights, spool: SpoolFile, *, decode: bool
) -> tuple[Description, int]:
    """What the weights are, and where in their file the offsets of that count from."""
    place = (weights.descriptor, weights.offset, weights.length)
    if info.filename == PICKLED_MEMBER:
        return PickledWeights(file, *place, spool).describe(decode=decode), 0
    return describe(file, *place, spool, decode=decode), weights.offset


def _locate(file: OpenFile, info: zipfile.ZipInfo, inflated: SpoolFile) -> _Weights:
    """The bytes of the inner HDF5, inflating them first where they are compressed."""
    offset = data_offset(file.descriptor, file.path, file.size, 0, info)
    if offset is None or offset + info.compress_size > file.size:
        raise _unreadable(file, f"{info.filename} is cut off or overwritten")
    if info.compress_type == zipfile.ZIP_STORED:
        return _Weights(file.path, file.descriptor, offset, info.compress_size)
    _check_room(file, info)
    request = Inflate(offset, info.compress_size, info.file_size, info.CRC)
    ask_child(file.path, request, file.descriptor, inflated)
    return _Weights(inflated.path, inflated.descriptor, 0, info.file_size)


def _unreadable(file: OpenFile, reason: str) -> UnreadableSnapshotError:
    return UnreadableSnapshotError(f"{file.path} cannot be read: {reason}. {REMEDY}")
