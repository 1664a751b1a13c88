"""The files of an Orbax checkpoint: its items, its tree, and what else lies in it.

A checkpoint is a directory, mostly one of a step: `10/_CHECKPOINT_METADATA`, and an item for each
thing saved, `10/default/{_METADATA, manifest.ocdbt, d/...}`. Without items the arrays lie in it
directly. A name with `.orbax-checkpoint-tmp` is not complete (`orbax/checkpoint/_src/path`).
"""

import os
import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass

import msgspec

from tb_snapshot_compare import limits
from tb_snapshot_compare.errors import BeingWrittenError, UnreadableSnapshotError
from tb_snapshot_compare.readers.files import is_directory, names_in, read_whole
from tb_snapshot_compare.readers.orbax_messages import Kvstore

CHECKPOINT_FILE = "_CHECKPOINT_METADATA"
TREE_FILE = "_METADATA"
MANIFEST_FILE = "manifest.ocdbt"
STRINGS_FILE = "_strings.json"
UNFINISHED = ".orbax-checkpoint-tmp"
KERAS_CONFIG_ITEM = "model_config"
_NUMBER = re.compile(r"(?:\A|.*[-_.])(\d{1,18})\Z")


class _Key(msgspec.Struct):
    key: str | int


class _Entry(msgspec.Struct):
    key_metadata: list[_Key]


class _Tree(msgspec.Struct):
    tree_metadata: dict[str, _Entry] = {}


@dataclass(frozen=True, slots=True)
class Item:
    """A tree of arrays: its directory, its name (empty where it is the checkpoint itself).

    `paths` has the place of each array in the tree by its key, as far as the files tell.
    """

    name: str
    path: str
    kvstore: Kvstore
    paths: Mapping[str, tuple[str, ...]]


def is_checkpoint(names: frozenset[str]) -> bool:
    """Whether a directory with these names is one checkpoint."""
    return not names.isdisjoint((CHECKPOINT_FILE, TREE_FILE, MANIFEST_FILE))


def step_of(path: str) -> int | None:
    """The step in the name of a checkpoint's directory: `10`, `step_10`; None where none is.

    `path` may be an item of it.
    """
    directory = os.path.normpath(path)
    above = os.path.dirname(directory)
    is_item = is_directory(above) and CHECKPOINT_FILE in names_in(above)
    found = _NUMBER.fullmatch(os.path.basename(above if is_item else directory))
    return int(found[1]) if found is not None else None


def items_of(path: str) -> list[Item]:
    """The items of the checkpoint in the directory `path` that hold arrays.

    Raises:
      UnreadableSnapshotError: it has none, or a tree is damaged.
      BeingWrittenError: its writer has not finished.
    """
    if UNFINISHED in os.path.basename(os.path.normpath(path)):
        raise BeingWrittenError(
            f"{path} is being written: Orbax renames it when it is complete. "
            "It will be listed as ready then."
        )
    names = frozenset(names_in(path))
    if _holds_arrays(names):
        return [_item("", path, names)]
    items = []
    for name in sorted(names):
        place = os.path.join(path, name)
        if UNFINISHED in name or name == KERAS_CONFIG_ITEM or not is_directory(place):
            continue
        inside = frozenset(names_in(place))
        if _holds_arrays(inside):
            items.append(_item(name, place, inside))
    if not items:
        raise UnreadableSnapshotError(
            f"{path} holds no arrays that Orbax saved: no directory in it has {MANIFEST_FILE} or "
            f"{TREE_FILE}. Copy all of the checkpoint, or save it again."
        )
    return items


def keras_config_of(path: str) -> str | None:
    """The text of the Keras configuration in the checkpoint, None where there is none."""
    place = os.path.join(path, KERAS_CONFIG_ITEM)
    if not is_directory(place) or STRINGS_FILE not in names_in(place):
        return None
    text = read_whole(os.path.join(place, STRINGS_FILE), limits.CONFIG_MAX_BYTES)
    try:
        return msgspec.json.decode(text, type=dict[str, str]).get("config")
    except (msgspec.DecodeError, UnicodeDecodeError, RecursionError):
        return None


def files_of(path: str) -> list[str]:
    """Every file in the checkpoint's directory and below.

    Raises:
      UnreadableSnapshotError: there are too many, too deep, or one is a link that leads out.
    """
    root = os.path.realpath(path)
    files = []
    for place in _walk(path, limits.ORBAX_DEPTH_MAX):
        if os.path.commonpath([root, os.path.realpath(place)]) != root:
            raise UnreadableSnapshotError(
                f"{place} is a link that leads out of the checkpoint, so the checkpoint is not "
                "read. Replace the link by the file."
            )
        files.append(place)
        if len(files) > limits.ORBAX_FILES_MAX:
            raise UnreadableSnapshotError(
                f"{path} holds more than {limits.ORBAX_FILES_MAX:,} files. "
                "Save the checkpoint with OCDBT (use_ocdbt=True), which needs few."
            )
    return files


def _walk(directory: str, depth: int) -> Iterator[str]:
    if depth < 0:
        raise UnreadableSnapshotError(
            f"{directory} lies {limits.ORBAX_DEPTH_MAX} directories deep in a checkpoint. "
            "Orbax writes three: save the checkpoint again."
        )
    for name in names_in(directory):
        place = os.path.join(directory, name)
        if is_directory(place):
            yield from _walk(place, depth - 1)
        else:
            yield place


def _holds_arrays(names: frozenset[str]) -> bool:
    return not names.isdisjoint((TREE_FILE, MANIFEST_FILE))


def _item(name: str, path: str, names: frozenset[str]) -> Item:
    kvstore: Kvstore = "ocdbt" if MANIFEST_FILE in names else "file"
    return Item(name, path, kvstore, _paths(path) if TREE_FILE in names else {})


def _paths(path: str) -> Mapping[str, tuple[str, ...]]:
    """Places in the tree by the keys of the arrays, which join them with dots."""
    place = os.path.join(path, TREE_FILE)
    try:
        tree = msgspec.json.decode(
            read_whole(place, limits.ORBAX_METADATA_MAX_BYTES), type=_Tree
        ).tree_metadata
    except (msgspec.DecodeError, UnicodeDecodeError, RecursionError) as error:
        raise UnreadableSnapshotError(
            f"{place} is not the tree of an Orbax checkpoint ({error}). "
            "Copy the checkpoint again, or save it again."
        ) from error
    paths = [tuple(str(key.key) for key in entry.key_metadata) for entry in tree.values()]
    return {".".join(keys): keys for keys in paths}
