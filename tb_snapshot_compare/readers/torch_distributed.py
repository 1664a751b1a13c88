"""Reads checkpoints of `torch.distributed.checkpoint`: a directory of `.distcp` files.

`.metadata` is a pickle that tells the chunks of every tensor and where each is stored; it is
written last, under another name first. A chunk is an archive of `torch.save` within a file
(`torch/distributed/checkpoint/metadata.py`, `filesystem.py`). The pickle is interpreted as data
(see `pickle_values`): the objects in it are of classes that are never imported.
"""

import os
import time
from collections.abc import Iterable, Iterator, Mapping
from contextlib import ExitStack
from dataclasses import dataclass, replace
from typing import Any

from tb_snapshot_compare import limits
from tb_snapshot_compare.errors import (
    BeingWrittenError,
    SnapshotCompareError,
    UnreadableSnapshotError,
)
from tb_snapshot_compare.readers.bundle_slices import Bounds, Slice, cover_problem, joined
from tb_snapshot_compare.readers.files import Handle, exists, read_whole, regular_file
from tb_snapshot_compare.readers.generation import check_generation, generation_of
from tb_snapshot_compare.readers.hdf5 import REMEDY
from tb_snapshot_compare.readers.pickle_values import (
    PickleFormatError,
    Source,
    Unknown,
    interpret,
)
from tb_snapshot_compare.readers.torch_archive import Region, read_archive
from tb_snapshot_compare.readers.torch_detection import DISTRIBUTED_METADATA
from tb_snapshot_compare.readers.torch_state import (
    EPOCHS,
    STEPS,
    FoundTensor,
    find_state,
    tensors_max,
)
from tb_snapshot_compare.readers.torch_storages import named_contents, tensor_at
from tb_snapshot_compare.readers.torch_values import (
    TORCH_GLOBALS,
    DType,
    StoredTensor,
    sizes_of,
)
from tb_snapshot_compare.snapshot import (
    Extent,
    Format,
    Generation,
    SnapshotContents,
    TensorInfo,
)

_FILES_OPEN_MAX = 64
"""Of one checkpoint at a time; every process that saves writes one or more."""
_NAMES_SHOWN = 3
_PATH_MAX = 128
"""Words of a tensor's path."""
_ADVICE = "Save the checkpoint again, or copy all of its files again."
_Offsets = tuple[int, ...] | None


@dataclass(frozen=True, slots=True)
class _Item:
    """Where a chunk, or an object, is stored; `problem` says why it cannot be read."""

    file: str
    offset: int
    length: int
    problem: str | None = None


@dataclass(frozen=True, slots=True, eq=False)
class _Tensor:
    """What `.metadata` tells of a tensor: its dtype, shape, and chunks by their places."""

    key: str
    dtype: DType
    shape: tuple[int, ...]
    chunks: tuple[Bounds, ...]


@dataclass(frozen=True, slots=True)
class _Metadata:
    """The content of `.metadata`: entries by key, the path of each, and the items of each.

    `size` is how many bytes it has.
    """

    size: int
    tensors: Mapping[str, _Tensor]
    objects: tuple[str, ...]
    paths: Mapping[str, tuple[str, ...]]
    items: Mapping[tuple[str, _Offsets], _Item]


def read_torch_distributed(path: str, *, decode: bool = True) -> SnapshotContents:
    """Opens a directory that `torch.distributed.checkpoint.save` wrote.

    Args:
      path: the directory, or its `.metadata`.
      decode: whether the places of the values are looked up, in a small archive for each chunk.

    Raises:
      UnreadableSnapshotError: `.metadata` is damaged, or of another kind of checkpoint, or none
        of the files that it names is there.
      BeingWrittenError: its files are newer than its metadata.
      SnapshotGoneError: there is no metadata.
      SnapshotChangedError: a file changed while it was read.
    """
    directory = os.path.dirname(path) if os.path.basename(path) == DISTRIBUTED_METADATA else path
    metadata_path = os.path.join(directory, DISTRIBUTED_METADATA)
    before = generation_of([metadata_path])
    content = read_whole(metadata_path, limits.DISTRIBUTED_METADATA_MAX_BYTES)
    try:
        metadata = _parsed(interpret(Source.of(content), 0, TORCH_GLOBALS).value, len(content))
    except PickleFormatError as error:
        raise UnreadableSnapshotError(
            f"{metadata_path} is not the metadata of a distributed checkpoint: {error}. {_ADVICE}"
        ) from error
    names = {item.file for item in metadata.items.values() if item.problem is None}
    present = sorted(name for name in names if exists(os.path.join(directory, name)))
    if names and not present:
        raise UnreadableSnapshotError(
            f"{directory} has none of the files with its values: {_listed(names)} "
            f"{'is' if len(names) == 1 else 'are'} missing. {_ADVICE}"
        )
    files = [os.path.join(directory, name) for name in present]
    generation = generation_of([metadata_path, *files], content)
    check_generation(before)
    _check_settled(metadata_path, generation)
    with _Reading(directory, metadata, generation) as reading:
        contents = reading.contents(decode=decode)
    check_generation(generation)
    return contents


def _listed(names: Iterable[str]) -> str:
    first, more = sorted(names)[:_NAMES_SHOWN], sorted(names)[_NAMES_SHOWN:]
    return ", ".join(first) + (f" and {len(more):,} more" if more else "")


def _check_settled(metadata_path: str, generation: Generation) -> None:
    """Raises where values are written over those that the metadata is of."""
    written = next(stamp for stamp in generation.stamps if stamp.path == metadata_path)
    newest = max(stamp.mtime_ns for stamp in generation.stamps)
    fresh = abs(time.time() - newest / 1e9) < limits.SETTLE_SECONDS
    if newest > written.mtime_ns and fresh:
        raise BeingWrittenError(
            f"{os.path.dirname(metadata_path)} is being written: its files are newer than "
            f"{DISTRIBUTED_METADATA}. It will be read when its writer is done."
        )


class _Reading:
    """Looks into the items of one checkpoint; holds its files open.

    Items share no bytes, so all together have no more than the files: many keys of one item that
    takes long to interpret are refused.
    """

    def __init__(self, directory: str, metadata: _Metadata, generation: Generation) -> None:
        self._directory = directory
        self._metadata = metadata
        self._generation = generation
        self._bytes_left = sum(stamp.size for stamp in generation.stamps)
        self._files = ExitStack()
        self._handles: dict[str, tuple[Handle, int]] = {}

    def __enter__(self) -> "_Reading":
        return self

    def __exit__(self, *_error: object) -> None:
        self._files.close()

    def contents(self, *, decode: bool) -> SnapshotContents:
        stored: dict[StoredTensor, _Tensor] = {}
        root: dict[str, Any] = {}
        for key, tensor in self._metadata.tensors.items():
            problem = None if tensor.dtype.is_readable else f"its dtype is {tensor.dtype.name}"
            value = StoredTensor(None, tensor.dtype, tensor.shape, problem=problem)
            stored[value] = tensor
            _put(root, self._metadata.paths.get(key, (key,)), value)
        for key in self._metadata.objects:
            path = self._metadata.paths.get(key, (key,))
            counts = len(path) == 1 and path[0] in (*STEPS, *EPOCHS)
            _put(root, path, self._object(key) if counts else None)
        state = find_state(self._directory, root, self._metadata.size)
        infos = [self._info(found, stored[found.tensor], decode=decode) for found in state.tensors]
        return named_contents(
            self._directory, Format.TORCH_DISTRIBUTED, state, infos, self._generation
        )

    def _info(self, found: FoundTensor, tensor: _Tensor, *, decode: bool) -> TensorInfo:
        """A tensor with its extents, put together from its chunks."""
        info = TensorInfo(
            key=tensor.key,
            name=tensor.key,
            dtype=tensor.dtype.name,
            shape=tensor.shape,
            extents=(),
            problem=found.tensor.problem,
        )
        if info.problem is not None or not found.tensor.elements:
            return info
        problem = cover_problem(tensor.chunks, tensor.shape)
        if problem is not None:
            return replace(info, problem=f"{problem} ({self._directory})")
        if not decode and found.tensor.elements > 1:
            return info
        chunks = [self._chunk(tensor, bounds) for bounds in tensor.chunks]
        problem = next((chunk.problem for chunk in chunks if chunk.problem is not None), None)
        if problem is not None:
            return replace(info, problem=problem)
        return replace(
            info,
            extents=self._joined(tensor, chunks),
            byteorder=chunks[0].byteorder,
        )

    def _joined(self, tensor: _Tensor, chunks: list[TensorInfo]) -> tuple[Extent, ...]:
        """The chunks one after the other where that is the tensor, else as a decoded copy."""
        pieces = sorted(zip(tensor.chunks, chunks, strict=True), key=lambda pair: pair[0])
        whole = tuple((0, size) for size in tensor.shape[1:])
        if all(bounds[1:] == whole for bounds, _ in pieces):
            return tuple(extent for _, chunk in pieces for extent in chunk.extents)
        slices = [
            Slice(bounds, chunk.extents[0], None) for bounds, chunk in pieces if chunk.extents
        ]
        return (joined(self._directory, tensor.key, tensor.shape, slices, self._generation),)

    def _chunk(self, tensor: _Tensor, bounds: Bounds) -> TensorInfo:
        """One chunk as a tensor of its own, or with the problem that it has."""
        shape = tuple(size for _, size in bounds)
        wanted = TensorInfo(tensor.key, tensor.key, tensor.dtype.name, shape, ())
        item = self._metadata.items.get((tensor.key, tuple(start for start, _ in bounds)))
        if item is None:
            return replace(wanted, problem=f"{self._directory} does not say where it is stored")
        try:
            archive = read_archive(self._region(item), limits.DISTRIBUTED_PICKLE_MAX_BYTES)
        except SnapshotCompareError as error:
            return replace(wanted, problem=str(error).removesuffix("."))
        value = archive.value
        if not isinstance(value, StoredTensor):
            return replace(wanted, problem=f"{item.file} holds something else in its place")
        path = os.path.join(self._directory, item.file)
        found = tensor_at(path, tensor.key, value, archive.storages)
        if found.problem is None and (found.shape, found.dtype) != (shape, wanted.dtype):
            return replace(
                wanted,
                problem=f"{item.file} holds {found.dtype} of shape {found.shape} in the place of "
                f"{wanted.dtype} of shape {shape}",
            )
        if len(found.extents) > 1:
            return replace(wanted, problem=f"a part of it in {item.file} is not in one piece")
        return found

    def _object(self, key: str) -> object:
        """What is saved of an object that may be a number; None where it cannot be read."""
        item = self._metadata.items.get((key, None))
        if item is None:
            return None
        try:
            region = self._region(item)
            value = read_archive(region, limits.DISTRIBUTED_PICKLE_MAX_BYTES).value
        except SnapshotCompareError:
            return None
        return value if isinstance(value, int | float) else None

    def _region(self, item: _Item) -> Region:
        """The bytes of an item.

        Raises:
          UnreadableSnapshotError: the file is missing, too short, or may not be read.
        """
        path = os.path.join(self._directory, item.file)
        if item.problem is not None:
            raise UnreadableSnapshotError(f"{self._directory}: {item.problem}.")
        if item.file not in self._handles:
            if len(self._handles) >= _FILES_OPEN_MAX:
                self._handles.clear()
                self._files.close()
            handle, status = self._files.enter_context(regular_file(path))
            self._handles[item.file] = handle, status.st_size
        handle, size = self._handles[item.file]
        if item.offset + item.length > size:
            raise UnreadableSnapshotError(
                f"{path} is truncated: {item.offset + item.length:,} bytes are needed, of which "
                f"{size:,} are there. {REMEDY}"
            )
        self._bytes_left -= item.length
        if self._bytes_left < 0:
            raise UnreadableSnapshotError(
                f"{self._directory} has items that share their bytes. {_ADVICE}"
            )
        return Region(handle, path, self._generation, item.offset, item.length)


def _put(root: dict[str, Any], path: tuple[str, ...], value: object) -> None:
    """Puts a value into nested dicts, where its path leads.

    The groups of parameters of an optimizer are a list, as in its own state dict.
    """
    node = root
    for depth, part in enumerate(path[:-1]):
        if part == "param_groups":
            groups: list[object] = node.setdefault(part, [])
            if value is not None:
                groups.append({".".join(path[depth + 1 :]): value})
            return
        below = node.setdefault(part, {})
        if not isinstance(below, dict):
            node[".".join(path[depth:])] = value
            return
        node = below
    node[path[-1]] = value


def _parsed(value: object, size: int) -> _Metadata:
    """The content of `.metadata`.

    Raises:
      PickleFormatError: it is something else.
    """
    entries = _attribute(value, "state_dict_metadata")
    storage = _attribute(value, "storage_data")
    planner = _attribute(value, "planner_data")
    if not isinstance(entries, dict) or not isinstance(storage, dict):
        raise PickleFormatError("it does not tell of any tensors")
    if len(entries) > tensors_max(size):
        raise PickleFormatError(f"it lists {len(entries):,} tensors in {size:,} bytes")
    tensors, objects = {}, []
    chunks_left = tensors_max(size)
    for key, entry in entries.items():
        if not isinstance(key, str):
            raise PickleFormatError("a key is no text")
        chunks = _attribute(entry, "chunks")
        if isinstance(chunks, list):
            chunks_left -= len(chunks)
            if chunks_left < 0:
                raise PickleFormatError(f"it lists too many chunks for {size:,} bytes")
            tensors[key] = _tensor(key, entry)
        else:
            objects.append(key)
    paths = {
        key: tuple(str(part) for part in path)
        for key, path in (planner.items() if isinstance(planner, dict) else ())
        if isinstance(path, tuple)
        and 0 < len(path) <= _PATH_MAX
        and all(isinstance(part, str | int) for part in path)
    }
    return _Metadata(size, tensors, tuple(objects), paths, dict(_items(storage)))


def _attribute(value: object, name: str) -> object:
    """What an object of a class that is not known has by a name; None where it has none."""
    state = value.state if isinstance(value, Unknown) else None
    return state.get(name) if isinstance(state, dict) else None


def _tensor(key: str, entry: object) -> _Tensor:
    properties = _attribute(entry, "properties")
    state = properties.state if isinstance(properties, Unknown) else None
    dtype = state[0] if isinstance(state, tuple) and state else _attribute(properties, "dtype")
    if not isinstance(dtype, DType):
        raise PickleFormatError("a tensor has no dtype")
    shape = sizes_of(_attribute(entry, "size"))
    found = _attribute(entry, "chunks")
    chunks = []
    for chunk in found if isinstance(found, list) else ():
        starts = sizes_of(_attribute(chunk, "offsets"))
        sizes = sizes_of(_attribute(chunk, "sizes"))
        if not len(starts) == len(sizes) == len(shape):
            raise PickleFormatError("a chunk has another number of axes than its tensor")
        chunks.append(tuple(zip(starts, sizes, strict=True)))
    return _Tensor(key, dtype, shape, tuple(chunks))


def _items(storage: Mapping[object, object]) -> Iterator[tuple[tuple[str, _Offsets], _Item]]:
    for index, info in storage.items():
        key, starts = _attribute(index, "fqn"), _attribute(index, "offset")
        file = _attribute(info, "relative_path")
        offset, length = _attribute(info, "offset"), _attribute(info, "length")
        if not isinstance(key, str) or not isinstance(file, str):
            raise PickleFormatError("an item has no key or no file")
        offset, length = sizes_of((offset, length))
        problem = None
        if not file or file in (".", "..") or set(file) & {"/", "\\", "\0"}:
            problem = f"it names a file outside its directory, {file[:100]!r}, which is not opened"
        elif _attribute(info, "transform_descriptors"):
            problem = "its values are compressed; save it without extensions"
        yield (
            (key, None if starts is None else sizes_of(starts)),
            _Item(file, offset, length, problem),
        )
