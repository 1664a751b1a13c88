"""Tensors of a PyTorch checkpoint as extents, once it is known where its storages lie."""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Literal

from tb_snapshot_compare.errors import NoTensorsError, SnapshotCompareError
from tb_snapshot_compare.readers.extents import TensorReader
from tb_snapshot_compare.readers.torch_slots import name_state
from tb_snapshot_compare.readers.torch_state import EPOCHS, STEPS, FoundState, FoundTensor, as_count
from tb_snapshot_compare.readers.torch_strides import StrideError, View, placed
from tb_snapshot_compare.readers.torch_values import StoredTensor
from tb_snapshot_compare.snapshot import (
    Extent,
    Format,
    Generation,
    Position,
    SnapshotContents,
    TensorInfo,
)

ByteOrder = Literal["little", "big"]
OPTIMIZER_STEP = "step"
OPTIMIZER_STEP_SOURCE = "optimizer step"


@dataclass(frozen=True, slots=True)
class Place:
    """Where the `length` bytes of a storage lie; `problem` says why they cannot be reached.

    `crc32` is what an archive states of them.
    """

    path: str
    offset: int
    length: int
    problem: str | None = None
    crc32: int | None = None


@dataclass(frozen=True, slots=True)
class Storages:
    """The storages of a file: `find` gives the place of one by its key."""

    find: Callable[[str], Place]
    byteorder: ByteOrder
    generation: Generation


def contents_of(
    path: str,
    format: Format,  # noqa: A002
    state: FoundState,
    storages: Storages,
) -> SnapshotContents:
    """The contents of a checkpoint in one file.

    Raises:
      NoTensorsError: it has no tensors.
    """
    infos = [tensor_at(path, found.key, found.tensor, storages) for found in state.tensors]
    return named_contents(path, format, state, infos, storages.generation)


def named_contents(
    path: str,
    format: Format,  # noqa: A002
    state: FoundState,
    infos: Sequence[TensorInfo],
    generation: Generation,
) -> SnapshotContents:
    """The contents of a checkpoint, whose tensors `infos` have keys and extents, but no names.

    Raises:
      NoTensorsError: it has no tensors.
    """
    if not state.tensors:
        raise NoTensorsError(
            f"{path} holds no tensors, only other objects, which are not loaded. Save the model's "
            "weights with torch.save(model.state_dict(), path)."
        )
    return SnapshotContents(
        path=path,
        format=format,
        generation=generation,
        tensors=name_state(state, infos),
        position=_position(state, infos, generation),
    )


def tensor_at(path: str, key: str, tensor: StoredTensor, storages: Storages) -> TensorInfo:
    """A tensor of the file `path`, named by its key alone, with its extents or its problem."""
    info = TensorInfo(
        key=key,
        name=key,
        dtype=tensor.dtype.name,
        shape=tensor.shape,
        extents=(),
        byteorder=storages.byteorder,
        problem=tensor.problem,
    )
    storage = tensor.storage
    if tensor.problem is not None or storage is None or not tensor.elements:
        return info
    place = storages.find(storage.key)
    if place.problem is not None:
        return replace(info, problem=place.problem)
    width = tensor.dtype.width
    if storage.offset + storage.size > place.length:
        return replace(
            info,
            problem=f"its storage {storage.key} in {path} has {place.length:,} bytes, of which "
            f"{storage.offset + storage.size:,} are needed; copy the file again",
        )
    view = View(
        path=place.path,
        offset=place.offset + storage.offset,
        stored=storage.size,
        start=tensor.offset * width,
        shape=tensor.shape,
        strides=tuple(step * width for step in tensor.strides),
        width=width,
    )
    try:
        found = placed(info, view, storages.generation)
    except StrideError as error:
        return replace(info, problem=f"{error} ({path}); save the snapshot again")
    whole = (Extent(place.path, place.offset, place.length),)
    return replace(found, unread_crc32=place.crc32) if found.extents == whole else found


def _position(state: FoundState, infos: Sequence[TensorInfo], generation: Generation) -> Position:
    """What the checkpoint says in numbers, else in tensors, else what its optimizer counted."""
    said = state.position
    scalars = {
        found.key: (found, info)
        for found, info in zip(state.tensors, infos, strict=True)
        if found.tensor.elements == 1
    }
    step, step_source = said.step, said.step_source
    if step is None:
        step, step_source = _counted(scalars, STEPS, generation)
    if step is None:
        counters = [key for key, (found, _) in scalars.items() if found.slot == OPTIMIZER_STEP]
        step, _ = _counted(scalars, counters[:1], generation)
        step_source = OPTIMIZER_STEP_SOURCE if step is not None else None
    epoch, epoch_source = said.epoch, said.epoch_source
    if epoch is None:
        epoch, epoch_source = _counted(scalars, EPOCHS, generation)
    return Position(step, step_source, epoch, epoch_source)


def _counted(
    scalars: Mapping[str, tuple[FoundTensor, TensorInfo]],
    keys: Sequence[str],
    generation: Generation,
) -> tuple[int | None, str | None]:
    """The first of the tensors `keys` that is a count, and its key."""
    for key in keys:
        count = _scalar(*scalars[key], generation) if key in scalars else None
        if count is not None:
            return count, key
    return None, None


def _scalar(found: FoundTensor, info: TensorInfo, generation: Generation) -> int | None:
    if info.problem is not None or not found.tensor.dtype.is_readable:
        return None
    try:
        with TensorReader(generation) as reader:
            value = reader.read_array(info).reshape(()).item()
    except SnapshotCompareError:
        return None
    return as_count(value)
