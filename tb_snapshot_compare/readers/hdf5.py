"""Reads `.weights.h5` and legacy `.h5` files without HDF5 in this process."""

import json
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, replace
from typing import Any

import msgspec

from tb_snapshot_compare import limits
from tb_snapshot_compare.errors import (
    BeingWrittenError,
    ReaderUnavailableError,
    SnapshotChangedError,
    SnapshotCompareError,
    SnapshotGoneError,
    UnreadableSnapshotError,
)
from tb_snapshot_compare.readers.backup_directory import METADATA, backup_epoch
from tb_snapshot_compare.readers.child_messages import Refused
from tb_snapshot_compare.readers.child_process import CHILD, ChildEndedError
from tb_snapshot_compare.readers.files import Handle, regular_file
from tb_snapshot_compare.readers.generation import check_generation, generation_of
from tb_snapshot_compare.readers.hdf5_messages import (
    Describe,
    Description,
    Inflated,
    Reply,
    Request,
)
from tb_snapshot_compare.readers.layer_roles import Config
from tb_snapshot_compare.readers.legacy_names import is_legacy, legacy_tensors
from tb_snapshot_compare.readers.range_server import child_source
from tb_snapshot_compare.readers.spool import SPOOL, SpoolFile, spool_paths
from tb_snapshot_compare.readers.weights_file import (
    ITERATION,
    FilePlaces,
    read_scalar,
    tensors_of,
)
from tb_snapshot_compare.snapshot import (
    FileStamp,
    FileStatus,
    Format,
    Generation,
    Position,
    SnapshotContents,
    TensorInfo,
)
from tb_snapshot_compare.storage.faults import StoreError

_REPLIES: msgspec.msgpack.Decoder[Reply] = msgspec.msgpack.Decoder(Reply)
REMEDY = "Save the snapshot again, or copy the file again if it was copied."


@dataclass(frozen=True, slots=True)
class OpenFile:
    """A snapshot's file, open, with the stamp that it had when it was opened."""

    path: str
    descriptor: Handle
    size: int
    modified: float
    generation: Generation


def read_hdf5(
    path: str,
    format: Format,  # noqa: A002
    *,
    decode: bool = True,
) -> SnapshotContents:
    """Opens a `.weights.h5` (Keras 3) or a legacy `.h5` file.

    A file whose content is of the other kind than its name is read as what it is. Without
    `decode`, tensors that are not stored contiguously have no extents.

    Raises:
      UnreadableSnapshotError: not HDF5, damaged, beyond a limit, or not permitted.
      BeingWrittenError: its writer has not finished, or rewrote it meanwhile.
      SnapshotGoneError: it was deleted.
    """
    with opened(path) as file:
        kept = SPOOL.find(file.generation)
        if kept is not None:
            return kept
        with spooling(path) as spool:
            description = describe(file, file.descriptor, 0, file.size, spool, decode=decode)
            places = FilePlaces(path, 0, spool.path)
            text = description.attributes.get("model_config")
            config = _decoded_config(text, path)
            legacy = is_legacy(description)
            naming = legacy_tensors if legacy else tensors_of
            tensors = naming(description, places, config)
            contents = SnapshotContents(
                path=path,
                format=Format.LEGACY_H5 if legacy else format,
                generation=file.generation,
                tensors=tensors,
                position=position_of(path, tensors, file.generation),
                model_config=text if config is not None else None,
            )
        keep_if_spooled(contents)
        return contents


@contextmanager
def opened(path: str) -> Iterator[OpenFile]:
    """Opens `path` and checks at the end that it was not rewritten meanwhile.

    Failures inside the block become BeingWrittenError where the file changed while it was
    read or is younger than SETTLE_SECONDS.
    """
    generation = generation_of([path])
    with regular_file(path) as (descriptor, status):
        stamp = generation.stamps[0]
        file = OpenFile(path, descriptor, status.st_size, status.st_mtime, generation)
        try:
            _check_same(stamp, status)
            yield file
            check_generation(generation)
        except SnapshotChangedError as error:
            raise being_written(path) from error
        except (SnapshotGoneError, ReaderUnavailableError, StoreError):
            raise
        except SnapshotCompareError as error:
            if is_unsettled(file):
                raise being_written(path) from error
            raise


def _check_same(stamp: FileStamp, status: FileStatus) -> None:
    """Returns when the opened file is the one that was stamped."""
    if FileStamp.of(stamp.path, status) != stamp:
        raise SnapshotChangedError(f"{stamp.path} was replaced while it was being opened.")


def is_unsettled(file: OpenFile) -> bool:
    """Whether the file is so young, or changed so recently, that it may be incomplete."""
    try:
        check_generation(file.generation)
    except SnapshotCompareError:
        return True
    return abs(time.time() - file.modified) < limits.SETTLE_SECONDS


def being_written(path: str) -> BeingWrittenError:
    """The error for a snapshot that changed while it was read, or is too young to be whole."""
    return BeingWrittenError(
        f"{path} is being written: it is incomplete or changed while it was read. "
        "It will be listed as ready when its writer has finished."
    )


@contextmanager
def spooling(path: str) -> Iterator[SpoolFile]:
    """A spool file for the snapshot at `path`; it goes with the last extent in it."""
    spool = SPOOL.create(path)
    try:
        yield spool
    finally:
        spool.close()


def keep_if_spooled(contents: SnapshotContents) -> None:
    """Remembers contents with decoded values, so that they are decoded once."""
    if spool_paths(contents):
        SPOOL.keep(contents)


def without_spooled(contents: SnapshotContents) -> SnapshotContents:
    """The contents for a listing: tensors that lie in a spool file have no extents."""
    decoded = spool_paths(contents)
    return replace(
        contents,
        tensors=tuple(
            replace(tensor, extents=())
            if any(extent.path in decoded for extent in tensor.extents)
            else tensor
            for tensor in contents.tensors
        ),
    )


def describe(
    file: OpenFile,
    source: Handle,
    offset: int,
    length: int,
    spool: SpoolFile,
    *,
    decode: bool = True,
) -> Description:
    """What the HDF5 in `length` bytes at `offset` of the open file `source` holds.

    Raises:
      UnreadableSnapshotError: HDF5 refuses the bytes, or the child ended over them.
    """
    room = max(limits.DECODED_FLOOR_BYTES, limits.DECODED_EXPANSION_MAX * file.size)
    request = Describe(offset, length, min(room, limits.SPOOL_MAX_BYTES), decode)
    reply = ask_child(file.path, request, source, spool)
    if not isinstance(reply, Description):
        raise UnreadableSnapshotError(f"{file.path}: HDF5 reader gave no description. {REMEDY}")
    return reply


def ask_child(
    path: str, request: Request, source: Handle, spool: SpoolFile
) -> Description | Inflated:
    """The child's answer; its death or refusal is this file's error and no other's."""
    try:
        with child_source(source) as descriptor:
            reply = CHILD.ask(request, (descriptor, spool.descriptor), _REPLIES)
    except ChildEndedError as error:
        raise UnreadableSnapshotError(
            f"{path}: HDF5 reader ended over this file ({error}), so it is taken for damaged. "
            f"{REMEDY}"
        ) from error
    if isinstance(reply, Refused):
        raise UnreadableSnapshotError(
            f"{path} is not a readable HDF5 file ({reply.reason}). {REMEDY}"
        )
    return reply


def decode_config(text: str, path: str, what: str) -> Config:
    """A Keras configuration as a mapping.

    Raises:
      UnreadableSnapshotError: too long, or not a JSON object.
    """
    if len(text) > limits.CONFIG_MAX_BYTES:
        raise UnreadableSnapshotError(
            f"{path}: {what} is longer than {limits.CONFIG_MAX_BYTES} bytes. {REMEDY}"
        )
    try:
        config: Any = json.loads(text)
    except (ValueError, RecursionError) as error:
        raise UnreadableSnapshotError(f"{path}: {what} is not valid JSON. {REMEDY}") from error
    if not isinstance(config, dict):
        raise UnreadableSnapshotError(f"{path}: {what} is not a JSON object. {REMEDY}")
    return config


def _decoded_config(text: str | None, path: str) -> Config | None:
    """The configuration in the root's attribute; without it the weights are readable still."""
    try:
        return decode_config(text, path, "its attribute model_config") if text else None
    except UnreadableSnapshotError:
        return None


def position_of(path: str, tensors: tuple[TensorInfo, ...], generation: Generation) -> Position:
    """Step from the optimizer's iteration, epoch from the metadata of BackupAndRestore."""
    found = next((tensor for tensor in tensors if tensor.name == ITERATION), None)
    step = read_scalar(found, generation) if found is not None else None
    epoch = backup_epoch(path, generation)
    return Position(
        step=step,
        step_source="optimizer iterations" if step is not None else None,
        epoch=epoch,
        epoch_source=METADATA if epoch is not None else None,
    )
