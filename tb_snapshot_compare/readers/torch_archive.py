"""The archive that `torch.save` writes since PyTorch 1.6: a pickle and its storages in a zip.

`NAME/data.pkl` says which tensors there are, `NAME/data/0`, `NAME/data/1`, ... are the storages,
uncompressed, and `NAME/byteorder` is that of all (`torch/serialization.py`,
`caffe2/serialize/inline_container.h`). TorchScript archives have the same, and code beside it.
The pickle is interpreted as data (see `pickle_values`); nothing that it names runs.
"""

import zlib
from collections.abc import Mapping
from dataclasses import dataclass

from tb_snapshot_compare import limits
from tb_snapshot_compare.errors import UnreadableSnapshotError
from tb_snapshot_compare.readers.files import Handle, read_bytes
from tb_snapshot_compare.readers.generation import check_generation
from tb_snapshot_compare.readers.hdf5 import REMEDY, ask_child, opened, spooling
from tb_snapshot_compare.readers.hdf5_messages import Inflate
from tb_snapshot_compare.readers.pickle_values import PickleFormatError, Source, interpret
from tb_snapshot_compare.readers.spool import DerivedPath, SpoolPath
from tb_snapshot_compare.readers.torch_detection import PICKLE, archive_name
from tb_snapshot_compare.readers.torch_storages import ByteOrder, Place, Storages
from tb_snapshot_compare.readers.torch_values import TORCH_GLOBALS, storage_of
from tb_snapshot_compare.readers.zip_archive import Member, inflated_start, zip_members
from tb_snapshot_compare.snapshot import Generation

_CHECKED_BYTES = 1024 * 1024


@dataclass(frozen=True, slots=True)
class Region:
    """`size` bytes from `start` on of the open file `path`, of a snapshot of that generation."""

    handle: Handle
    path: str
    generation: Generation
    start: int
    size: int


@dataclass(frozen=True, slots=True, eq=False)
class Archive:
    """What the archive's pickle of `size` bytes holds, and where its storages lie."""

    value: object
    size: int
    storages: Storages


def read_archive(region: Region, pickle_max: int | None = None) -> Archive:
    """Reads the pickle of an archive; see `torch_values` for what is in it.

    Args:
      region: where the archive lies.
      pickle_max: the bytes that its pickle may have, None for those of any pickle.

    Raises:
      UnreadableSnapshotError: not such an archive, damaged, or beyond a limit.
    """
    members = zip_members(region.handle, region.path, region.size, region.start)
    name = archive_name(members)
    if name is None:
        raise _unreadable(region, f"the archive has no {PICKLE}. {REMEDY}")
    found = {member.name: member for member in members}
    pickled = found[f"{name}/{PICKLE}"]
    longest = max(pickled.length, pickled.stored)
    if pickle_max is not None and longest > pickle_max:
        raise _unreadable(
            region, f"{PICKLE} has {longest:,} bytes, more than the {pickle_max:,} of one tensor"
        )
    order = _byteorder(region, found.get(f"{name}/byteorder"))
    places = _Places(region.path, region.generation, f"{name}/data/", found)
    storages = Storages(places.find, order, region.generation)
    return Archive(_value(region, pickled), pickled.length, storages)


def _value(region: Region, member: Member) -> object:
    if member.problem is not None:
        raise _unreadable(region, f"{PICKLE}: {member.problem}. {REMEDY}")
    source = _source(region, member)
    _check_sum(region, member, source)
    try:
        return interpret(source, 0, TORCH_GLOBALS, storage_of).value
    except PickleFormatError as error:
        raise _unreadable(region, f"{PICKLE} cannot be read: {error}. {REMEDY}") from error


def _source(region: Region, member: Member) -> Source:
    """The bytes of `data.pkl`, in the file where they are not compressed."""
    if not member.deflated:
        return Source(
            lambda at, n: read_bytes(region.handle, region.path, member.offset + at, n),
            member.stored,
        )
    longest = max(member.length, member.stored)
    if longest > limits.PICKLE_DEFLATED_MAX_BYTES:
        raise _unreadable(region, f"{PICKLE} is compressed, and declares {longest:,} bytes")
    return Source.of(inflated_start(region.handle, region.path, member, longest))


def _check_sum(region: Region, member: Member, source: Source) -> None:
    """Checks the pickle's crc32, which `torch.save` leaves 0 where it is told not to compute it."""
    if not member.crc32:
        return
    crc = 0
    for start in range(0, source.size, _CHECKED_BYTES):
        crc = zlib.crc32(source.read(start, min(_CHECKED_BYTES, source.size - start)), crc)
    if crc != member.crc32:
        raise _unreadable(
            region, f"{PICKLE} has the checksum {crc:08x}, not {member.crc32:08x}. {REMEDY}"
        )


def _byteorder(region: Region, member: Member | None) -> ByteOrder:
    """Little-endian where nothing is said, as in files before PyTorch 2.1."""
    if member is None or member.problem is not None:
        return "little"
    word = inflated_start(region.handle, region.path, member, len(b"little"))
    return "big" if word == b"big" else "little"


@dataclass(frozen=True, slots=True)
class _Places:
    """Where the storages of an archive lie, whose members are called `prefix` and a key."""

    path: str
    generation: Generation
    prefix: str
    members: Mapping[str, Member]

    def find(self, key: str) -> Place:
        """The place of a storage; one that is compressed is inflated when it is first read."""
        member = self.members.get(self.prefix + key)
        if member is None:
            return self._missing(
                f"its storage {key[:100]} is missing in {self.path}; copy the file again"
            )
        if member.problem is not None:
            return self._missing(member.problem)
        checksum = member.crc32 or None  # 0 where `torch.save` was told not to compute it
        if not member.deflated:
            return Place(self.path, member.offset, member.stored, crc32=checksum)
        room = max(limits.DECODED_FLOOR_BYTES, limits.DECODED_EXPANSION_MAX * member.stored)
        if member.length > min(room, limits.SPOOL_MAX_BYTES):
            return self._missing(
                f"its storage {member.name} declares {member.length:,} bytes, far more than the "
                f"{member.stored:,} that are stored in {self.path}"
            )
        path = DerivedPath(self.path, lambda: self._inflated(member))
        return Place(path, 0, member.length, crc32=checksum)

    def _missing(self, problem: str) -> Place:
        return Place(self.path, 0, 0, problem)

    def _inflated(self, member: Member) -> SpoolPath:
        check_generation(self.generation)
        request = Inflate(member.offset, member.stored, member.length, member.crc32)
        with opened(self.path) as file, spooling(self.path) as spool:
            ask_child(self.path, request, file.descriptor, spool)
            check_generation(self.generation)
            return spool.path


def _unreadable(region: Region, reason: str) -> UnreadableSnapshotError:
    return UnreadableSnapshotError(f"{region.path} is not read: {reason.removesuffix('.')}.")
