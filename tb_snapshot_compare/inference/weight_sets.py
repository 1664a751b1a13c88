"""The weights of one snapshot as arrays, in the order and types of a network's variables.

Arrays are aligned as TensorFlow wants them, so that it uses their memory instead of copying. A
mixture shares the arrays of both snapshots; only what is replaced by filters is copied.
"""

import math
import re
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from tb_snapshot_compare.analysis.filter_axis import FilterAxis, filter_axis
from tb_snapshot_compare.errors import InvalidRequestError, ModelUnavailableError
from tb_snapshot_compare.inference.values import Mixture, Replacement
from tb_snapshot_compare.readers import TensorReader, check_generation
from tb_snapshot_compare.snapshot import SnapshotContents, TensorInfo

Array = NDArray[Any]
_ALIGNMENT = 64
_NAMED_AT_MOST = 5
_GATES = {"LSTM": 4, "GRU": 3, "ConvLSTM1D": 4, "ConvLSTM2D": 4, "ConvLSTM3D": 4}


@dataclass(frozen=True, slots=True)
class Slot:
    """A variable of the network: `path` of its layer, `name` below that layer (`query/kernel`).

    `channels` is how many the layer's output has, None where it is not known.
    """

    path: str
    kind: str
    name: str
    shape: tuple[int, ...]
    dtype: str
    channels: int | None

    @property
    def role(self) -> str:
        """`kernel`, `bias`, ..."""
        return self.name.rsplit("/", 1)[-1]


@dataclass(frozen=True, slots=True)
class WeightSet:
    """One snapshot's arrays by slot, and the slot of each canonical tensor name."""

    arrays: tuple[Array, ...]
    slot_of: Mapping[str, int]

    @property
    def nbytes(self) -> int:
        """Memory that the arrays take."""
        return sum(array.nbytes for array in self.arrays)


def read_weights(
    contents: SnapshotContents, slots: Sequence[Slot], by_layer: Mapping[str, Sequence[TensorInfo]]
) -> WeightSet:
    """Reads the tensors of a snapshot into arrays for a network's variables.

    Args:
      contents: the snapshot in the generation that was opened.
      slots: the network's variables.
      by_layer: the snapshot's tensors by the path of their layer.

    Raises:
      ModelUnavailableError: tensors are missing or have other shapes; names them.
      SnapshotGoneError, SnapshotChangedError, UnreadableSnapshotError: of the files.
    """
    chosen = _matched(slots, by_layer)
    _check_matched(contents.path, slots, chosen)
    arrays = []
    with TensorReader(contents.generation) as reader:
        for slot, tensor in zip(slots, chosen, strict=True):
            assert tensor is not None
            arrays.append(_read(reader, tensor, slot))
    check_generation(contents.generation)
    names = {tensor.name: index for index, tensor in enumerate(chosen) if tensor is not None}
    return WeightSet(tuple(arrays), names)


def mixed(mixture: Mixture, a: WeightSet, b: WeightSet, slots: Sequence[Slot]) -> tuple[Array, ...]:
    """The arrays of a mixture.

    Raises:
      InvalidRequestError: a replaced tensor or filter does not exist.
    """
    base, other = (a, b) if mixture.base == "a" else (b, a)
    arrays = list(base.arrays)
    for replacement in mixture.replaced:
        for name in replacement.tensors:
            index = base.slot_of.get(name, other.slot_of.get(name))
            if index is None:
                raise InvalidRequestError(
                    f"The network has no tensor {name!r}. Name tensors as the architecture does."
                )
            arrays[index] = _replaced(arrays[index], other.arrays[index], slots[index], replacement)
    return tuple(arrays)


def aligned(shape: tuple[int, ...], dtype: np.dtype[Any]) -> Array:
    """An uninitialized array whose memory TensorFlow uses in place."""
    size = math.prod(shape) * dtype.itemsize
    memory = np.empty(size + _ALIGNMENT, np.uint8)
    start = -memory.ctypes.data % _ALIGNMENT
    return memory[start : start + size].view(dtype).reshape(shape)


def _replaced(own: Array, other: Array, slot: Slot, replacement: Replacement) -> Array:
    axis = None
    if replacement.filters is not None:
        axis = _channel_axis(slot)
    if axis is None or replacement.filters is None:
        return other
    channels = slot.channels or axis.count
    gates = _GATES.get(slot.kind, 1)
    if axis.count not in (channels, channels * gates):
        return other
    if not all(0 <= each < channels for each in replacement.filters):
        raise InvalidRequestError(
            f"Layer {slot.path!r} has the filters 0 to {channels - 1}, not all of "
            f"{replacement.filters!r:.100}."
        )
    filters = [
        each + gate * channels
        for gate in range(axis.count // channels)
        for each in replacement.filters
    ]
    result = aligned(own.shape, own.dtype)
    result[...] = own
    flat = result.reshape(-1, axis.count, axis.stride)
    flat[:, filters] = other.reshape(flat.shape)[:, filters]
    return result


def _channel_axis(slot: Slot) -> FilterAxis | None:
    """Where the channels of the layer's output lie in one of its tensors; None: nowhere.

    Unlike the filters that are compared: what a separable convolution does to each channel of
    its input, and what attention makes queries, keys and values of, has no output channels.
    """
    if slot.role == "depthwise_kernel" and slot.kind.startswith("Separable"):
        return None
    if slot.kind.endswith("Attention") and not any("output" in e for e in slot.name.split("/")):
        return None
    if slot.kind in _GATES or slot.kind.endswith("Attention"):
        return FilterAxis(slot.shape[-1], 1) if slot.shape else None
    return filter_axis(slot.role, slot.kind, slot.shape)


def _read(reader: TensorReader, tensor: TensorInfo, slot: Slot) -> Array:
    array = aligned(slot.shape, np.dtype(_numpy_name(slot.dtype)))
    flat = array.reshape(-1)
    done = 0
    for block in reader.read_blocks(tensor):
        flat[done : done + block.size] = block
        done += block.size
    return array


def _numpy_name(dtype: str) -> Any:
    import ml_dtypes

    return getattr(ml_dtypes, dtype, dtype)


def _matched(
    slots: Sequence[Slot], by_layer: Mapping[str, Sequence[TensorInfo]]
) -> list[TensorInfo | None]:
    """The tensor of each slot: by its name below the layer, else by role and shape in order."""
    chosen: list[TensorInfo | None] = [None] * len(slots)
    by_path: dict[str, list[int]] = {}
    for index, slot in enumerate(slots):
        by_path.setdefault(slot.path, []).append(index)
    for path, own in by_path.items():
        left = list(by_layer.get(path, ()))
        for parts in range(_most_parts(slots, own), 0, -1):
            own = _match_by_ending(slots, own, left, chosen, parts)
    return chosen


def _match_by_ending(
    slots: Sequence[Slot],
    own: list[int],
    left: list[TensorInfo],
    chosen: list[TensorInfo | None],
    parts: int,
) -> list[int]:
    """Gives slots the first tensor left whose name ends alike; returns the slots without one."""
    without = []
    for index in own:
        slot = slots[index]
        ending = _ending(slot.name, parts)
        alike = [t for t in left if _ending(f"{t.layer or ''}/{t.role}", parts) == ending]
        fitting = [t for t in alike if t.shape == slot.shape]
        if parts == 1:
            alike = fitting or alike
        if alike:
            chosen[index] = alike[0]
            left.remove(alike[0])
        else:
            without.append(index)
    return without


def _most_parts(slots: Sequence[Slot], own: Iterable[int]) -> int:
    return max(slots[index].name.count("/") + 1 for index in own)


def _ending(name: str, parts: int) -> tuple[str, ...]:
    """The last parts of a name, without the numbers that tell layers of one name apart."""
    return tuple(re.sub(r"#\d+$", "", part) for part in name.split("/")[-parts:])


def _check_matched(path: str, slots: Sequence[Slot], chosen: Sequence[TensorInfo | None]) -> None:
    missing, misshapen = [], []
    for slot, tensor in zip(slots, chosen, strict=True):
        if tensor is None:
            missing.append(f"{slot.path}/{slot.name}")
        elif tensor.shape != slot.shape:
            misshapen.append(f"{tensor.name} {list(tensor.shape)} for {list(slot.shape)}")
    for words, names in (("lacks", missing), ("has in other shapes", misshapen)):
        if names:
            shown = ", ".join(names[:_NAMED_AT_MOST])
            more = f" and {len(names) - _NAMED_AT_MOST} more" if len(names) > _NAMED_AT_MOST else ""
            raise ModelUnavailableError(
                f"{path} {words} {len(names)} of {len(slots)} tensors of the network: "
                f"{shown}{more}.",
                "Compare snapshots of the network that the configuration describes.",
            )
