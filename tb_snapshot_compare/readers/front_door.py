"""Detects the format of a path and hands it to the reader of that format."""

import errno
import os
import re
import stat
from collections.abc import Callable, Mapping
from typing import NoReturn

from tb_snapshot_compare.errors import (
    NotFoundError,
    SnapshotGoneError,
    UnreadableSnapshotError,
)
from tb_snapshot_compare.limits import MIB
from tb_snapshot_compare.readers.files import (
    is_directory,
    raise_for,
    read_bytes,
    read_whole,
    regular_file,
)
from tb_snapshot_compare.readers.sstable import MAGIC
from tb_snapshot_compare.snapshot import Format, SnapshotContents

INDEX_SUFFIX = ".index"
STATE_FILE = "checkpoint"
STATE_FILE_MAX_BYTES = MIB
SAVED_MODEL_FILES = ("saved_model.pb", "saved_model.pbtxt")

_SUFFIXES = (
    (".keras", Format.KERAS),
    (".weights.h5", Format.WEIGHTS_H5),
    (".h5", Format.LEGACY_H5),
    (".hdf5", Format.LEGACY_H5),
)
_UNREACHABLE = (errno.EACCES, errno.EPERM, errno.ELOOP)
_DATA_FILE = re.compile(r"\.data-\d{5}-of-\d{5}\Z")
_LATEST = re.compile(rb'^\s*model_checkpoint_path\s*:\s*"((?:[^"\\\n]|\\.)*)"', re.MULTILINE)


def open_contents(
    path: str,
    format: Format | None = None,  # noqa: A002
    *,
    decode: bool = True,
) -> SnapshotContents:
    """Opens a snapshot: its tensors as extents, its generation and position.

    Args:
      path: a `.keras`, `.weights.h5` or `.h5` file; the prefix of a TensorFlow checkpoint,
        with or without `.index`; a directory whose `checkpoint` file names the latest one;
        or a SavedModel directory.
      format: what it is; None to detect it.
      decode: whether values that are stored compressed are decoded onto our disk. Without it
        their tensors have no extents: enough to list the snapshot.

    Raises:
      NotFoundError: nothing at `path`, or nothing that is a snapshot.
      SnapshotGoneError: `format` was given, but the files are gone.
      UnreadableSnapshotError: (BeingWrittenError while it may still be written).
      SnapshotChangedError: the files changed while they were read.
    """
    chosen = format or detect_format(path)
    if chosen is None:
        _raise_not_a_snapshot(path)
    return _READERS[chosen](path, decode)


def detect_format(path: str) -> Format | None:
    """What lies at `path`, judged by names alone; None where that is no snapshot.

    Also None where it cannot be examined; `open_contents` then says why.
    """
    try:
        if os.path.isdir(path):
            names = frozenset(os.listdir(path))
            if not names.isdisjoint(SAVED_MODEL_FILES):
                return Format.SAVED_MODEL
            return Format.TF_CHECKPOINT if STATE_FILE in names else None
        if os.path.basename(path) in SAVED_MODEL_FILES and os.path.exists(path):
            return Format.SAVED_MODEL
        if os.path.exists(path):
            for suffix, suffix_format in _SUFFIXES:
                if path.endswith(suffix):
                    return suffix_format
        prefix = _prefix(path)
        if os.path.exists(prefix + INDEX_SUFFIX) or _has_data(prefix):
            return Format.TF_CHECKPOINT
    except (OSError, ValueError):
        return None
    return None


def is_bundle_index(path: str) -> bool:
    """Whether the file at `path` ends as the index of a TensorFlow checkpoint does.

    Other programs call files `.index` too.
    """
    try:
        with regular_file(path) as (descriptor, status):
            start = max(status.st_size - len(MAGIC), 0)
            return read_bytes(descriptor, path, start, status.st_size - start) == MAGIC
    except (SnapshotGoneError, UnreadableSnapshotError):
        return False


def checkpoint_prefix(path: str) -> str:
    """The prefix of the checkpoint that `path` means: itself, or a directory's latest.

    Raises:
      UnreadableSnapshotError: the directory's `checkpoint` file is malformed, or names
        something outside the directory.
    """
    return latest_checkpoint(path) if os.path.isdir(path) else _prefix(path)


def latest_checkpoint(directory: str) -> str:
    """The prefix that the `checkpoint` state file of `directory` calls the latest.

    The file is a CheckpointState in text form (`core/protobuf/checkpoint_state.proto`).
    Absolute names, which TensorFlow 1 writes, are taken relative to the directory, since
    they are wrong once the directory was moved. A name never leads out of the directory.
    """
    state_path = os.path.join(directory, STATE_FILE)
    found = _LATEST.search(read_whole(state_path, STATE_FILE_MAX_BYTES))
    if found is None:
        raise UnreadableSnapshotError(
            f"{state_path} names no model_checkpoint_path. Give the path of a checkpoint itself."
        )
    name = _unescaped(found.group(1))
    if os.path.isabs(name):
        inside = os.path.realpath(os.path.dirname(name)) == os.path.realpath(directory)
        name = os.path.basename(name) if inside or _exists(directory, name) else name
    prefix = os.path.normpath(os.path.join(directory, name))
    root = os.path.realpath(directory)
    if os.path.commonpath([root, os.path.realpath(prefix)]) != root or prefix == directory:
        raise UnreadableSnapshotError(
            f"{state_path} names the checkpoint {name!r}, which lies outside its directory, so "
            "it is not opened. Give the path of the checkpoint itself."
        )
    return prefix


def _exists(directory: str, name: str) -> bool:
    base = os.path.join(directory, os.path.basename(name))
    return os.path.exists(base + INDEX_SUFFIX)


def _unescaped(text: bytes) -> str:
    try:
        plain = (
            text.decode("unicode_escape").encode("latin-1").decode()
            if b"\\" in text
            else (text.decode())
        )
    except (UnicodeDecodeError, UnicodeEncodeError):
        return text.decode("utf-8", "backslashreplace")
    return plain.replace("\x00", "")


def _prefix(path: str) -> str:
    return _DATA_FILE.sub("", path.removesuffix(INDEX_SUFFIX))


def _has_data(prefix: str) -> bool:
    directory, base = os.path.split(prefix)
    return any(
        name.startswith(base) and _DATA_FILE.fullmatch(name[len(base) :])
        for name in (os.listdir(directory or ".") if base else ())
    )


def _raise_not_a_snapshot(path: str) -> NoReturn:
    _check_reachable(path)
    if os.path.lexists(path):
        raise NotFoundError(
            f"{path} is not a snapshot. Give a .keras, .weights.h5 or .h5 file, the prefix of a "
            "TensorFlow checkpoint, or a SavedModel directory."
        )
    raise NotFoundError(f"There is no snapshot at {path}. Check the path.")


def _check_reachable(path: str) -> None:
    """Returns when it can be said what is at `path`, be it nothing.

    Raises:
      UnreadableSnapshotError: no permission, or a loop of links.
    """
    try:
        if stat.S_ISDIR(os.stat(path).st_mode):
            os.listdir(path)
    except (OSError, ValueError) as error:
        if isinstance(error, OSError) and error.errno in _UNREACHABLE:
            raise_for(path, error)


def _bundle(path: str, _decode: bool) -> SnapshotContents:
    from tb_snapshot_compare.readers.bundle import read_bundle

    return read_bundle(checkpoint_prefix(path))


def _saved_model(path: str, _decode: bool) -> SnapshotContents:
    from tb_snapshot_compare.readers.saved_model import read_saved_model

    return read_saved_model(path if is_directory(path) else os.path.dirname(path))


def _keras(path: str, decode: bool) -> SnapshotContents:
    from tb_snapshot_compare.readers.keras_archive import read_keras_archive

    return read_keras_archive(path, decode=decode)


def _weights_h5(path: str, decode: bool) -> SnapshotContents:
    from tb_snapshot_compare.readers.hdf5 import read_hdf5

    return read_hdf5(path, Format.WEIGHTS_H5, decode=decode)


def _legacy_h5(path: str, decode: bool) -> SnapshotContents:
    from tb_snapshot_compare.readers.hdf5 import read_hdf5

    return read_hdf5(path, Format.LEGACY_H5, decode=decode)


_READERS: Mapping[Format, Callable[[str, bool], SnapshotContents]] = {
    Format.KERAS: _keras,
    Format.WEIGHTS_H5: _weights_h5,
    Format.TF_CHECKPOINT: _bundle,
    Format.LEGACY_H5: _legacy_h5,
    Format.SAVED_MODEL: _saved_model,
}
