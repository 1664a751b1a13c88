"""Reads weights that Keras has split over several HDF5 files.

`model.save_weights("x.weights.json", max_shard_size=...)` writes `x_00000.weights.h5`,
`x_00001.weights.h5`, ... and a map from groups to those that hold them (`ShardedH5IOStore` in
`keras/src/saving/saving_lib.py`). The files together have the groups of one `.weights.h5`, so
they are described one by one and read as one.
"""

import os
from collections.abc import Iterator, Mapping
from contextlib import ExitStack
from dataclasses import dataclass, field

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
from tb_snapshot_compare.readers.files import read_whole
from tb_snapshot_compare.readers.generation import check_generation, generation_of
from tb_snapshot_compare.readers.hdf5 import (
    REMEDY,
    being_written,
    describe,
    keep_if_spooled,
    opened,
    position_of,
    spooling,
)
from tb_snapshot_compare.readers.hdf5_messages import Description, StoredDataset, StoredGroup
from tb_snapshot_compare.readers.spool import SPOOL
from tb_snapshot_compare.readers.weights_file import (
    UNKNOWN,
    FilePlaces,
    ShardedPlaces,
    tensors_of,
)
from tb_snapshot_compare.snapshot import Format, SnapshotContents

MAP_SUFFIX = "weights.json"


class _Map(msgspec.Struct):
    weight_map: dict[str, str | list[str]]


@dataclass(slots=True)
class _Merged:
    """What the files hold together; `end` is a number beyond every order so far."""

    groups: dict[str, StoredGroup] = field(default_factory=dict)
    datasets: dict[str, StoredDataset] = field(default_factory=dict)
    places: dict[str, FilePlaces] = field(default_factory=dict)
    attributes: dict[str, str] = field(default_factory=dict)
    problems: dict[str, str] = field(default_factory=dict)
    end: int = 0

    def add(self, description: Description, places: FilePlaces, size: int) -> None:
        """Appends what one file of `size` bytes holds; of duplicates the first one counts."""
        for group in description.groups:
            known = self.groups.get(group.path)
            if known is None or (known.name is None and group.name is not None):
                moved = msgspec.structs.replace(group, order=group.order + self.end)
                self.groups[group.path] = moved
        for dataset in description.datasets:
            if dataset.path not in self.datasets:
                moved_dataset = msgspec.structs.replace(dataset, order=dataset.order + self.end)
                self.datasets[dataset.path] = moved_dataset
                self.places[dataset.path] = places
        self.attributes = description.attributes | self.attributes
        self.end += size


def read_sharded_weights(path: str, *, decode: bool = True) -> SnapshotContents:
    """Opens the weights that the map at `path` lists, as one snapshot.

    What lies in a file that is missing, damaged or outside the map's directory is listed with
    a problem, one tensor without values for each group of the map.

    Args:
      path: `x.weights.json`.
      decode: as for `read_hdf5`.

    Raises:
      UnreadableSnapshotError: the map is damaged or beyond a limit, or none of its files can
        be read.
      BeingWrittenError: a file is incomplete, or changed while it was read.
      SnapshotGoneError: the map was deleted.
    """
    weight_map = _weight_map(path)
    directory = os.path.dirname(path)
    names = list(dict.fromkeys(name for names in weight_map.values() for name in names))
    problems = {name: problem for name in names if (problem := _problem(path, name))}
    present = [name for name in names if name not in problems]
    generation = generation_of([path, *(os.path.join(directory, name) for name in present)])
    kept = SPOOL.find(generation)
    if kept is not None:
        return kept
    with ExitStack() as spools:
        merged = _Merged(problems=problems)
        for name in present:
            _add(merged, os.path.join(directory, name), name, spools, decode=decode)
        if len(merged.problems) == len(names):
            raise UnreadableSnapshotError(
                f"{path}: none of its {len(names):,} files can be read: "
                f"{next(iter(merged.problems.values()), 'it lists none')}. {REMEDY}"
            )
        try:
            check_generation(generation)
        except SnapshotChangedError as error:
            raise being_written(path) from error
        description = Description(
            [*merged.datasets.values(), *_placeholders(weight_map, merged.problems)],
            list(merged.groups.values()),
            merged.attributes,
        )
        tensors = tensors_of(description, ShardedPlaces(merged.places), None)
        contents = SnapshotContents(
            path=path,
            format=Format.WEIGHTS_H5,
            generation=generation,
            tensors=tensors,
            position=position_of(path, tensors, generation),
        )
        keep_if_spooled(contents)
        return contents


def _weight_map(path: str) -> Mapping[str, tuple[str, ...]]:
    """The names of the files of each group, in the map's order."""
    text = read_whole(path, limits.SHARD_INDEX_MAX_BYTES)
    try:
        weight_map = msgspec.json.decode(text, type=_Map).weight_map
    except (msgspec.DecodeError, UnicodeDecodeError, RecursionError) as error:
        raise UnreadableSnapshotError(
            f"{path} is not a map of sharded weights ({error}). {REMEDY}"
        ) from error
    found = {
        group: (names,) if isinstance(names, str) else tuple(names)
        for group, names in weight_map.items()
    }
    count = len({name for names in found.values() for name in names})
    if count > limits.SHARDS_MAX:
        raise UnreadableSnapshotError(
            f"{path} lists {count:,} files, more than the {limits.SHARDS_MAX:,} that are read. "
            "Save the weights with a larger max_shard_size."
        )
    return found


def _problem(path: str, name: str) -> str | None:
    """Why a file of the map is not opened; None where it is there."""
    if not name.endswith(".h5") or set(name) & {"/", "\\", "\0"}:
        return (
            f"{path} says it lies in {name[:200]!r}, which is no weights file beside it and is "
            "not opened; put all files into one folder"
        )
    place = os.path.join(os.path.dirname(path), name)
    try:
        generation_of([place])
    except SnapshotGoneError:
        return f"its file {place} is missing; copy it there, or save it again"
    except UnreadableSnapshotError as error:
        return str(error).removesuffix(".")
    return None


def _add(merged: _Merged, path: str, name: str, spools: ExitStack, *, decode: bool) -> None:
    """Adds what one file holds, or why it cannot be read."""
    spool = spools.enter_context(spooling(path))
    try:
        with opened(path) as file:
            description = describe(file, file.descriptor, 0, file.size, spool, decode=decode)
    except (BeingWrittenError, ReaderUnavailableError):
        raise
    except SnapshotCompareError as error:
        merged.problems[name] = str(error).removesuffix(".")
        return
    merged.add(description, FilePlaces(path, 0, spool.path), file.size)


def _placeholders(
    weight_map: Mapping[str, tuple[str, ...]], problems: Mapping[str, str]
) -> Iterator[StoredDataset]:
    """What stands for the unknown variables of each group of which a file cannot be read.

    Its name is no number, so that no variable of the group is taken for one that it is not.
    """
    for group, names in weight_map.items():
        failed = [problems[name] for name in names if name in problems]
        if failed:
            path = f"{group.strip('/')}/{UNKNOWN}"
            yield StoredDataset(path, 0, "void", (), 0, problem=failed[0])
