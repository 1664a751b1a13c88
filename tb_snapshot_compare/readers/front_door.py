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
from tb_snapshot_compare.readers.backup_directory import WEIGHTS, backup_weights
from tb_snapshot_compare.readers.files import (
    exists,
    is_directory,
    names_in,
    raise_for,
    read_whole,
)
from tb_snapshot_compare.readers.orbax_files import is_checkpoint
from tb_snapshot_compare.readers.shards import state_dict_in
from tb_snapshot_compare.readers.sstable import is_table
from tb_snapshot_compare.readers.torch_detection import (
    DISTRIBUTED_METADATA,
    is_distributed,
    torch_kind,
)
from tb_snapshot_compare.snapshot import Format, SnapshotContents
from tb_snapshot_compare.storage import is_remote, masked

INDEX_SUFFIX = ".index"
STATE_FILE = "checkpoint"
STATE_FILE_MAX_BYTES = MIB
SAVED_MODEL_FILES = ("saved_model.pb", "saved_model.pbtxt")

_SUFFIXES = (
    (".keras", Format.KERAS),
    (".weights.h5", Format.WEIGHTS_H5),
    (".weights.h5.bkp", Format.WEIGHTS_H5),
    ("weights.json", Format.WEIGHTS_H5),
    (".h5", Format.LEGACY_H5),
    (".hdf5", Format.LEGACY_H5),
    (".safetensors", Format.SAFETENSORS),
    (".safetensors.index.json", Format.SAFETENSORS),
    (".npz", Format.NPZ),
    (".npy", Format.NPY),
    (".pt", Format.TORCH),
    (".pth", Format.TORCH),
    (".bin.index.json", Format.TORCH),
)
_TORCH_BY_CONTENT = (".bin", ".ckpt", ".tar")
_UNREACHABLE = (errno.EACCES, errno.EPERM, errno.ELOOP)
_DATA_FILE = re.compile(r"\.data-\d{5}-of-\d{5}\Z")
_NAME = rb'\s*:\s*"((?:[^"\\\n]|\\.)*+)"'
_LATEST = re.compile(rb"^\s*model_checkpoint_path" + _NAME, re.MULTILINE)
_ALL = re.compile(rb"^\s*all_model_checkpoint_paths" + _NAME, re.MULTILINE)
V1_SHARDS = "?????"
"""What stands for the numbers in the name of a V1 checkpoint of several files."""


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
        a SavedModel directory; or one of BackupAndRestore.
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


def config_of(path: str, format: Format) -> str | None:  # noqa: A002
    """The Keras configuration in a snapshot, without its tensors where that is less to read.

    Raises: as `open_contents`.
    """
    if format is Format.KERAS:
        from tb_snapshot_compare.readers.keras_archive import read_config

        return read_config(path)
    return open_contents(path, format, decode=False).model_config


def detect_format(path: str) -> Format | None:
    """What lies at `path`, judged by names alone; None where that is no snapshot.

    Also None where it cannot be examined; `open_contents` then says why.

    Raises:
      UnreadableSnapshotError: a store fails.
    """
    try:
        if is_directory(path):
            names = frozenset(names_in(path))
            if not names.isdisjoint(SAVED_MODEL_FILES):
                return Format.SAVED_MODEL
            if is_checkpoint(names):
                return Format.ORBAX
            if is_distributed(names):
                return Format.TORCH_DISTRIBUTED
            if backup_weights(names) is not None:
                return Format.WEIGHTS_H5
            if STATE_FILE in names:
                return Format.TF_CHECKPOINT
            found = state_dict_in(names)
            if found is None and DISTRIBUTED_METADATA in names:
                return Format.TORCH_DISTRIBUTED
            return None if found is None else found[1]
        if os.path.basename(path) in SAVED_MODEL_FILES and exists(path):
            return Format.SAVED_MODEL
        if os.path.basename(path) == DISTRIBUTED_METADATA and exists(path):
            return Format.TORCH_DISTRIBUTED
        if exists(path):
            for suffix, suffix_format in _SUFFIXES:
                if path.endswith(suffix):
                    return suffix_format
            if path.endswith(_TORCH_BY_CONTENT) and torch_kind(path) is not None:
                return Format.TORCH
        prefix = _prefix(path)
        if exists(prefix + INDEX_SUFFIX) or _has_data(prefix) or is_table(path):
            return Format.TF_CHECKPOINT
    except (OSError, ValueError, SnapshotGoneError):
        return None
    except UnreadableSnapshotError:
        if is_remote(path):
            raise
    return None


def is_bundle_index(path: str) -> bool:
    """Whether the file at `path` ends as the index of a TensorFlow checkpoint does.

    Other programs call files `.index` too.
    """
    return is_table(path)


def checkpoint_prefix(path: str) -> str:
    """The prefix of the checkpoint that `path` means: itself, or a directory's latest.

    Raises:
      UnreadableSnapshotError: the directory's `checkpoint` file is malformed, or names
        something outside the directory.
    """
    return latest_checkpoint(path) if is_directory(path) else _prefix(path)


def latest_checkpoint(directory: str) -> str:
    """The prefix that the `checkpoint` state file of `directory` calls the latest.

    The file is a CheckpointState in text form (`core/protobuf/checkpoint_state.proto`).
    Absolute names, which TensorFlow 1 writes, are taken relative to the directory, since
    they are wrong once the directory was moved. A name never leads out of the directory. Where
    the latest checkpoint is gone, it is the newest other one that the file names.

    Raises:
      UnreadableSnapshotError: the file is malformed, or names something outside the directory.
    """
    state_path = os.path.join(directory, STATE_FILE)
    content = read_whole(state_path, STATE_FILE_MAX_BYTES)
    latest = _LATEST.search(content)
    if latest is None:
        raise UnreadableSnapshotError(
            f"{state_path} names no model_checkpoint_path. Give the path of a checkpoint itself."
        )
    for name in (latest.group(1), *reversed(_ALL.findall(content))):
        try:
            prefix = _named_prefix(state_path, directory, _unescaped(name))
        except UnreadableSnapshotError:
            continue
        if _is_there(prefix):
            return prefix
    return _named_prefix(state_path, directory, _unescaped(latest.group(1)))


def _named_prefix(state_path: str, directory: str, name: str) -> str:
    """The prefix that the state file means by `name`.

    Raises:
      UnreadableSnapshotError: something outside the directory.
    """
    if is_remote(directory) or is_remote(name):
        return _beside_state(state_path, directory, name)
    if os.path.isabs(name):
        inside = os.path.realpath(os.path.dirname(name)) == os.path.realpath(directory)
        beside = os.path.join(directory, os.path.basename(name))
        name = os.path.basename(name) if inside or _is_there(beside) else name
    prefix = os.path.normpath(os.path.join(directory, name))
    root = os.path.realpath(directory)
    if os.path.commonpath([root, os.path.realpath(prefix)]) != root or prefix == directory:
        raise UnreadableSnapshotError(
            f"{state_path} names the checkpoint {name[:200]!r}, which lies outside its "
            "directory, so it is not opened. Give the path of the checkpoint itself."
        )
    return prefix


def _is_there(prefix: str) -> bool:
    """Whether there is a checkpoint, in whatever format, and not a directory or nothing."""
    first = prefix.replace(V1_SHARDS, "00000")
    return exists(prefix + INDEX_SUFFIX) or (exists(first) and not is_directory(first))


def _beside_state(state_path: str, directory: str, name: str) -> str:
    """The prefix that `name` means in a store: of a URL and an absolute name the last part only.

    What a file names never decides which server is asked.
    """
    parts = [os.path.basename(name)] if is_remote(name) or os.path.isabs(name) else name.split("/")
    if not is_remote(directory) or not all(parts) or {".", ".."} & set(parts):
        raise UnreadableSnapshotError(
            f"{state_path} names the checkpoint {masked(name)[:200]!r}, which lies outside its "
            "directory, so it is not opened. Give the path of the checkpoint itself."
        )
    return "/".join((directory.rstrip("/"), *parts))


def _unescaped(text: bytes) -> str:
    try:
        plain = (
            text.decode("unicode_escape").encode("latin-1").decode()
            if b"\\" in text
            else (text.decode())
        )
    except (UnicodeDecodeError, UnicodeEncodeError):
        plain = text.decode("utf-8", "backslashreplace")
    return plain.replace("\x00", "")


def _prefix(path: str) -> str:
    return _DATA_FILE.sub("", path.removesuffix(INDEX_SUFFIX))


def _has_data(prefix: str) -> bool:
    directory, base = os.path.split(prefix)
    return any(
        name.startswith(base) and _DATA_FILE.fullmatch(name[len(base) :])
        for name in (names_in(directory or os.curdir) if base else ())
    )


def _raise_not_a_snapshot(path: str) -> NoReturn:
    if not is_remote(path):
        _check_reachable(path)
    if os.path.lexists(path) or (is_remote(path) and exists(path)):
        if path.endswith(_TORCH_BY_CONTENT) and not is_directory(path):
            raise NotFoundError(
                f"{path} is not a snapshot: its content is neither what PyTorch's torch.save "
                "writes nor a TensorFlow checkpoint. Give another file, or save it again."
            )
        raise NotFoundError(
            f"{path} is not a snapshot. Give a .keras, .weights.h5, .weights.json, .h5, "
            ".safetensors, .pt, .pth, .pth.tar, .ckpt, .bin, .npz or .npy file, the prefix of a "
            "TensorFlow checkpoint, or the directory of a SavedModel, of Orbax, or of a PyTorch "
            "distributed checkpoint."
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
    from tb_snapshot_compare.readers.sharded_weights import MAP_SUFFIX, read_sharded_weights

    if path.endswith(MAP_SUFFIX):
        return read_sharded_weights(path, decode=decode)
    if is_directory(path):
        path = os.path.join(path, backup_weights(names_in(path)) or WEIGHTS)
    return read_hdf5(path, Format.WEIGHTS_H5, decode=decode)


def _legacy_h5(path: str, decode: bool) -> SnapshotContents:
    from tb_snapshot_compare.readers.hdf5 import read_hdf5

    return read_hdf5(path, Format.LEGACY_H5, decode=decode)


def _state_dict(path: str) -> str:
    """The file that a path means: itself, or the model in a directory."""
    found = state_dict_in(names_in(path)) if is_directory(path) else None
    return path if found is None else os.path.join(path, found[0])


def _safetensors(path: str, _decode: bool) -> SnapshotContents:
    from tb_snapshot_compare.readers.safetensors import read_safetensors

    return read_safetensors(_state_dict(path))


def _orbax(path: str, decode: bool) -> SnapshotContents:
    from tb_snapshot_compare.readers.orbax import read_orbax

    return read_orbax(path, decode=decode)


def _torch(path: str, _decode: bool) -> SnapshotContents:
    from tb_snapshot_compare.readers.torch_zip import read_torch

    return read_torch(_state_dict(path))


def _torch_distributed(path: str, _decode: bool) -> SnapshotContents:
    from tb_snapshot_compare.readers.torch_distributed import read_torch_distributed

    return read_torch_distributed(path)


def _npz(path: str, decode: bool) -> SnapshotContents:
    from tb_snapshot_compare.readers.npz import read_npz

    return read_npz(path, decode=decode)


def _npy(path: str, _decode: bool) -> SnapshotContents:
    from tb_snapshot_compare.readers.npz import read_npy

    return read_npy(path)


_READERS: Mapping[Format, Callable[[str, bool], SnapshotContents]] = {
    Format.KERAS: _keras,
    Format.WEIGHTS_H5: _weights_h5,
    Format.TF_CHECKPOINT: _bundle,
    Format.LEGACY_H5: _legacy_h5,
    Format.SAVED_MODEL: _saved_model,
    Format.ORBAX: _orbax,
    Format.SAFETENSORS: _safetensors,
    Format.TORCH: _torch,
    Format.TORCH_DISTRIBUTED: _torch_distributed,
    Format.NPZ: _npz,
    Format.NPY: _npy,
}
