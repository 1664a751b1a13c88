"""Reads `.npz` archives and `.npy` files of NumPy.

A stored member is read in place; a deflated one (`numpy.savez_compressed`) is inflated by the
child into a spool file. What is in Fortran order is put into C order once it is read. Arrays of
Python objects are pickles and are never read.
"""

import os
import zlib
from dataclasses import replace

from tb_snapshot_compare import limits
from tb_snapshot_compare.errors import NoTensorsError, UnreadableSnapshotError
from tb_snapshot_compare.readers.array_names import name_arrays
from tb_snapshot_compare.readers.files import read_bytes
from tb_snapshot_compare.readers.hdf5 import (
    REMEDY,
    OpenFile,
    ask_child,
    keep_if_spooled,
    opened,
    spooling,
)
from tb_snapshot_compare.readers.hdf5_messages import Inflate
from tb_snapshot_compare.readers.npy_header import (
    PREFIX_MAX_BYTES,
    NpyError,
    NpyHeader,
    read_npy_header,
)
from tb_snapshot_compare.readers.spool import SPOOL, SpoolFile
from tb_snapshot_compare.readers.transposing import Rearrangement, rearranged
from tb_snapshot_compare.readers.zip_archive import Member, inflated_start, zip_members
from tb_snapshot_compare.snapshot import Extent, Format, SnapshotContents, TensorInfo

_SUFFIX = ".npy"
_START_BYTES = limits.NPY_HEADER_MAX_BYTES + PREFIX_MAX_BYTES


def read_npz(path: str, *, decode: bool = True) -> SnapshotContents:
    """Opens a `.npz` archive: its arrays by key.

    What is wrong with one array is its problem. Without `decode`, arrays that are compressed
    have no extents.

    Raises:
      UnreadableSnapshotError: not a zip archive, damaged, beyond a limit, not permitted, or
        without any array.
      BeingWrittenError: its writer has not finished, or rewrote it meanwhile.
      SnapshotGoneError: it was deleted.
    """
    with opened(path) as file:
        kept = SPOOL.find(file.generation)
        if kept is not None:
            return kept
        members = zip_members(file.descriptor, path, file.size)
        if not any(member.name.endswith(_SUFFIX) for member in members):
            raise NoTensorsError(f"{path} holds no arrays (.npy members). {REMEDY}")
        with spooling(path) as spool:
            reading = _Reading(file, spool, decode=decode)
            tensors = tuple(reading.member(member) for member in members)
        contents = SnapshotContents(path, Format.NPZ, file.generation, name_arrays(tensors))
        keep_if_spooled(contents)
        return contents


def read_npy(path: str) -> SnapshotContents:
    """Opens a `.npy` file: one array, named after the file.

    Raises: as `read_npz`.
    """
    with opened(path) as file:
        kept = SPOOL.find(file.generation)
        if kept is not None:
            return kept
        with spooling(path) as spool:
            try:
                tensor = _Reading(file, spool, decode=True).whole_file()
            except NpyError as error:
                raise UnreadableSnapshotError(
                    f"{path} is not a readable array of NumPy: {error}. {REMEDY}"
                ) from error
        contents = SnapshotContents(path, Format.NPY, file.generation, name_arrays([tensor]))
        keep_if_spooled(contents)
        return contents


class _Reading:
    """Turns the arrays of one open file into tensors."""

    def __init__(self, file: OpenFile, spool: SpoolFile, *, decode: bool) -> None:
        self._file, self._spool, self._decode = file, spool, decode
        room = max(limits.DECODED_FLOOR_BYTES, limits.DECODED_EXPANSION_MAX * file.size)
        self._room = min(room, limits.SPOOL_MAX_BYTES)

    def whole_file(self) -> TensorInfo:
        """The array of a `.npy` file.

        Raises:
          NpyError: it is none.
        """
        file = self._file
        key = os.path.basename(file.path).removesuffix(_SUFFIX) or _SUFFIX
        header = read_npy_header(
            lambda offset, length: read_bytes(file.descriptor, file.path, offset, length),
            file.size,
        )
        return self._tensor(key, header, file.path, 0)

    def member(self, member: Member) -> TensorInfo:
        """The array in a member of the archive; what is wrong with it is its problem."""
        key = member.name.removesuffix(_SUFFIX) or member.name
        try:
            _check_readable(member)
            start = inflated_start(self._file.descriptor, self._file.path, member, _START_BYTES)
            header = read_npy_header(
                lambda offset, length: start[offset : offset + length], member.length
            )
            if not member.deflated or header.problem is not None:
                checksum = (zlib.crc32(start[: header.start]), member.crc32)
                return self._tensor(key, header, self._file.path, member.offset, checksum)
            if not self._decode:
                return replace(self._tensor(key, header, self._file.path, 0), extents=())
            return self._tensor(key, header, self._spool.path, self._inflated(member))
        except (NpyError, UnreadableSnapshotError) as error:
            reason = str(error).removesuffix(".")
            named = reason if self._file.path in reason else f"{reason} ({self._file.path})"
            return TensorInfo(key, key, "void", (), (), problem=named)

    def _tensor(
        self,
        key: str,
        header: NpyHeader,
        path: str,
        offset: int,
        checksum: tuple[int, int] | None = None,
    ) -> TensorInfo:
        """The tensor of the array file that begins at `offset` of `path`."""
        found = header.problem is None and header.length
        stored = TensorInfo(
            key=key,
            name=key,
            dtype=header.dtype,
            shape=header.shape,
            extents=(Extent(path, offset + header.start, header.length),) if found else (),
            byteorder=header.byteorder,
            problem=header.problem,
            crc32=checksum,
        )
        if not header.fortran:
            return stored
        sides = header.shape[::-1]
        axes = tuple(range(len(sides)))[::-1]
        how = Rearrangement(sides, axes, header.shape)
        return rearranged(replace(stored, shape=sides), self._file.generation, how)

    def _inflated(self, member: Member) -> int:
        """Inflates a member behind what the spool file has; returns where it begins there.

        Raises:
          NpyError: it claims more than an honest archive of this size can hold.
          UnreadableSnapshotError: its compressed bytes are damaged.
        """
        if member.length > self._room:
            raise NpyError(
                f"it declares {member.length:,} bytes, far more than the {member.stored:,} that "
                "are stored can hold; save it again"
            )
        self._room -= member.length
        offset = self._spool.size
        request = Inflate(member.offset, member.stored, member.length, member.crc32)
        ask_child(self._file.path, request, self._file.descriptor, self._spool)
        return offset


def _check_readable(member: Member) -> None:
    if not member.name.endswith(_SUFFIX):
        raise NpyError(f"it is no array: its name does not end in {_SUFFIX}; save it again")
    if member.problem is not None:
        raise NpyError(member.problem)
