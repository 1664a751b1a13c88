"""Sets of files that are one snapshot: listed by an index, or numbered in their names.

Hugging Face's libraries split large state dicts: `NAME.safetensors.index.json` (or
`NAME.bin.index.json`) maps each tensor to one of `NAME-00001-of-00003.safetensors`
(`split_torch_state_dict_into_shards` in `huggingface_hub/serialization/_base.py`).
"""

import os
import re
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass

import msgspec

from tb_snapshot_compare import limits
from tb_snapshot_compare.errors import (
    BeingWrittenError,
    SnapshotCompareError,
    SnapshotGoneError,
    UnreadableSnapshotError,
)
from tb_snapshot_compare.readers.array_names import name_arrays
from tb_snapshot_compare.readers.files import exists, names_in, read_whole
from tb_snapshot_compare.readers.generation import check_generation, generation_of
from tb_snapshot_compare.snapshot import (
    NUMBERED_FILE,
    Format,
    Position,
    SnapshotContents,
    TensorInfo,
)

INDEX_SUFFIX = ".index.json"

ReadFile = Callable[[str], SnapshotContents]


class _Index(msgspec.Struct):
    weight_map: dict[str, str]


@dataclass(frozen=True, slots=True)
class ShardSet:
    """The files of a set.

    `path` is what the set is called by: its index, else its first file. `weight_map` has the
    file of each tensor, None where there is no index. `files` are names in `directory`.
    """

    path: str
    directory: str
    files: tuple[str, ...]
    weight_map: Mapping[str, str] | None


def is_part_of_a_set(path: str) -> bool:
    """Whether `path` is an index of a set or one of its numbered files, by its name."""
    name = os.path.basename(path)
    return name.endswith(INDEX_SUFFIX) or NUMBERED_FILE.fullmatch(name) is not None


def state_dict_in(names: Iterable[str]) -> tuple[str, Format] | None:
    """The one model in a directory of Hugging Face's libraries with these names, and its format.

    Its index comes before a file with all of it, safetensors before PyTorch's own; None where
    there is none, or several of equal rank. `.bin` files of other names are no models.
    """
    present = sorted(names)
    for suffix, format_, whole in (
        (".safetensors", Format.SAFETENSORS, ".safetensors"),
        (".bin", Format.TORCH, "pytorch_model.bin"),
    ):
        files = [name for name in present if name.endswith(suffix)]
        numbered = [match for name in files if (match := NUMBERED_FILE.fullmatch(name))]
        parts = {match.group() for match in numbered}
        for found in (
            [name for name in present if name.endswith(suffix + INDEX_SUFFIX)],
            [name for name in files if name not in parts and name.endswith(whole)],
            [match.group() for match in numbered if int(match["number"]) == 1],
        ):
            if found:
                return (found[0], format_) if len(found) == 1 else None
    return None


def read_set(path: str, format: Format, read_file: ReadFile) -> SnapshotContents:  # noqa: A002
    """Opens all files of the set that `path` belongs to as one snapshot.

    Args:
      path: its index, or any of its numbered files.
      format: of the files.
      read_file: opens one of them.

    Raises:
      UnreadableSnapshotError: the index is damaged, a file of a set without index is missing,
        or no file can be read.
      BeingWrittenError: a file is still being written.
      SnapshotChangedError: a file changed while the set was read.
    """
    found = find_set(path)
    present = {name for name in found.files if exists(os.path.join(found.directory, name))}
    paths = [os.path.join(found.directory, name) for name in sorted(present)]
    index = [found.path] if found.weight_map is not None else []
    generation = generation_of([*index, *paths])
    parts, problems = _read_parts(found, present, read_file)
    tensors = tuple(_tensors(found, parts, problems))
    if not parts and problems:
        raise UnreadableSnapshotError(
            f"{found.path}: none of its {len(found.files):,} files can be read: "
            f"{next(iter(problems.values()))}."
        )
    check_generation(generation)
    first = next(iter(parts.values()), None)
    metadata_format = "pt" if first is not None and _is_torch(first) else None
    return SnapshotContents(
        path=found.path,
        format=format,
        generation=generation,
        tensors=name_arrays(tensors, metadata_format),
        position=first.position if first is not None else Position(),
    )


def missing_files(path: str) -> tuple[tuple[str, ...], int]:
    """The names of the files of a set that are not there, and how many it has; none elsewhere.

    Raises: as `find_set`.
    """
    if not is_part_of_a_set(path):
        return (), 0
    found = find_set(path)
    missing = (name for name in found.files if not exists(os.path.join(found.directory, name)))
    return tuple(missing), len(found.files)


def find_set(path: str) -> ShardSet:
    """The set of an index, or of one of its numbered files.

    Raises:
      SnapshotGoneError: there is no index.
      UnreadableSnapshotError: the index is damaged or too large, or the set has no index and
        misses a file.
    """
    directory, name = os.path.split(path)
    match = NUMBERED_FILE.fullmatch(name)
    if match is None:
        return _of_index(path)
    index = os.path.join(directory, f"{match['stem']}{match['suffix']}{INDEX_SUFFIX}")
    if exists(index):
        return _of_index(index)
    return _of_numbers(directory, match)


def _of_index(path: str) -> ShardSet:
    text = read_whole(path, limits.SHARD_INDEX_MAX_BYTES)
    try:
        weight_map = msgspec.json.decode(text, type=_Index).weight_map
    except (msgspec.DecodeError, UnicodeDecodeError, RecursionError) as error:
        raise UnreadableSnapshotError(
            f"{path} is not the index of a set of files ({error}). "
            "Copy it again, or save the snapshot again."
        ) from error
    files = tuple(sorted(set(weight_map.values())))
    _check_count(path, len(files))
    inside = tuple(name for name in files if _is_plain(name))
    return ShardSet(path, os.path.dirname(path), inside, weight_map)


def _of_numbers(directory: str, match: re.Match[str]) -> ShardSet:
    total = int(match["total"])
    path = os.path.join(directory, match.group())
    _check_count(path, total)
    stem, suffix = match["stem"], match["suffix"]
    files = tuple(f"{stem}-{number:05d}-of-{total:05d}{suffix}" for number in range(1, total + 1))
    present = frozenset(names_in(directory or os.curdir))
    missing = [name for name in files if name not in present]
    if len(missing) == total:
        raise SnapshotGoneError(f"{path} does not exist: it was deleted, or is misspelt.")
    if missing:
        raise UnreadableSnapshotError(
            f"{path} is one of {total:,} files of a snapshot, of which {missing[0]} is missing. "
            "Copy all of them to one folder, or save the snapshot again."
        )
    return ShardSet(os.path.join(directory, files[0]), directory, files, None)


def _check_count(path: str, count: int) -> None:
    if not 0 < count <= limits.SHARDS_MAX:
        raise UnreadableSnapshotError(
            f"{path} speaks of {count:,} files; sets of 1 to {limits.SHARDS_MAX:,} are read. "
            "Save the snapshot in fewer, larger files."
        )


def _is_plain(name: str) -> bool:
    """Whether it is the name of a file beside the index, and leads nowhere else."""
    return bool(name) and name not in (".", "..") and not set(name) & {"/", "\\", "\0"}


def _read_parts(
    found: ShardSet, present: Iterable[str], read_file: ReadFile
) -> tuple[dict[str, SnapshotContents], dict[str, str]]:
    """The contents of the files that can be read, and why the others cannot."""
    parts, problems = {}, {}
    for name in found.files:
        path = os.path.join(found.directory, name)
        if name not in present:
            problems[name] = f"its file {path} is missing; copy it there, or save it again"
            continue
        try:
            parts[name] = read_file(path)
        except BeingWrittenError:
            raise
        except SnapshotCompareError as error:
            problems[name] = str(error).removesuffix(".")
    return parts, problems


def _tensors(
    found: ShardSet, parts: Mapping[str, SnapshotContents], problems: Mapping[str, str]
) -> Iterable[TensorInfo]:
    """Every tensor of the set once: as stored, else by name with its problem."""
    places = found.weight_map or {}
    listed: set[str] = set()
    for name in found.files:
        for tensor in parts[name].tensors if name in parts else ():
            if tensor.key not in listed and places.get(tensor.key, name) == name:
                listed.add(tensor.key)
                yield tensor
    for key, name in places.items():
        if key not in listed:
            yield _absent(found, key, name, problems)
    if found.weight_map is None:
        for name, problem in problems.items():
            yield TensorInfo(name, name, "void", (), (), problem=problem)


def _absent(found: ShardSet, key: str, name: str, problems: Mapping[str, str]) -> TensorInfo:
    problem = problems.get(name)
    if not _is_plain(name):
        problem = (
            f"{found.path} says it lies in {name[:200]!r}, outside its directory, which is not "
            "opened; put all files into one folder"
        )
    elif problem is None:
        problem = (
            f"{os.path.join(found.directory, name)} does not have it, though its index says so"
        )
    return TensorInfo(key, key, "void", (), (), problem=problem)


def _is_torch(contents: SnapshotContents) -> bool:
    return any(tensor.layout == "torch" for tensor in contents.tensors)
