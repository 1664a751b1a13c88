"""Views of a storage as extents: offsets, strides, transposed, sliced and expanded tensors.

A view whose values lie in few runs of bytes is read in place. Others are gathered into a spool
file when they are first read.
"""

import math
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace
from itertools import product
from typing import Any

import numpy as np
from numpy.lib.stride_tricks import as_strided
from numpy.typing import NDArray

from tb_snapshot_compare import limits
from tb_snapshot_compare.errors import UnreadableSnapshotError
from tb_snapshot_compare.readers.extents import TensorReader
from tb_snapshot_compare.readers.generation import check_generation
from tb_snapshot_compare.readers.spool import SPOOL, DerivedPath, SpoolPath
from tb_snapshot_compare.readers.transposing import Rearrangement, rearranged
from tb_snapshot_compare.snapshot import Extent, Generation, TensorInfo

RUNS_MAX = 4_096
"""Extents of one tensor; with more of them its values are gathered instead."""
_GATHER_BYTES = 16 * limits.MIB
"""Of values, and of the storage that they are taken from, in memory at a time."""


class StrideError(Exception):
    """The view leads out of its storage, or is far larger than it."""


@dataclass(frozen=True, slots=True)
class View:
    """Where a tensor's values lie in a storage of `stored` bytes at `offset` of `path`.

    `start` and `strides` count bytes; `start` is from the storage's first byte on.
    """

    path: str
    offset: int
    stored: int
    start: int
    shape: tuple[int, ...]
    strides: tuple[int, ...]
    width: int


def placed(tensor: TensorInfo, view: View, generation: Generation) -> TensorInfo:
    """The tensor with the extents of `view`, whose shape is the tensor's own.

    Raises:
      StrideError: the values do not lie in the storage, or would be decoded to far more than
        it has.
    """
    if 0 in view.shape:
        return replace(tensor, extents=())
    end = view.start + _span(view)
    if end > view.stored:
        raise StrideError(f"it ends at byte {end:,} of a storage of {view.stored:,} bytes")
    total = math.prod(view.shape) * view.width
    room = max(limits.DECODED_FLOOR_BYTES, limits.DECODED_EXPANSION_MAX * view.stored)
    if total > min(room, limits.SPOOL_MAX_BYTES) and total > view.stored:
        raise StrideError(
            f"its {total:,} bytes are a view of a storage of {view.stored:,}, far more than is read"
        )
    axes = [axis for axis, size in enumerate(view.shape) if size != 1]
    order = sorted(axes, key=lambda axis: -view.strides[axis])
    ordered = replace(
        view,
        shape=tuple(view.shape[axis] for axis in order),
        strides=tuple(view.strides[axis] for axis in order),
    )
    sorted_tensor = replace(tensor, shape=ordered.shape, extents=_extents(ordered, generation))
    if order == axes:
        return replace(sorted_tensor, shape=tensor.shape)
    how = Rearrangement(ordered.shape, tuple(order.index(axis) for axis in axes), tensor.shape)
    return replace(rearranged(sorted_tensor, generation, how), layout=tensor.layout)


def _extents(view: View, generation: Generation) -> tuple[Extent, ...]:
    """Of a view whose strides do not grow from axis to axis."""
    shape, strides = _merged(view)
    dense = bool(strides) and strides[-1] == view.width
    outer, steps = (shape[:-1], strides[:-1]) if dense else (shape, strides)
    length = shape[-1] * view.width if dense else view.width
    if math.prod(outer) <= RUNS_MAX:
        return tuple(
            Extent(view.path, view.offset + start, length)
            for start in _starts(view.start, outer, steps)
        )
    merged = replace(view, shape=shape, strides=strides)
    path = DerivedPath(view.path, lambda: _gathered(merged, generation))
    return (Extent(path, 0, math.prod(shape) * view.width),)


def _merged(view: View) -> tuple[tuple[int, ...], tuple[int, ...]]:
    """Shape and strides with neighbouring axes joined that are one run of steps."""
    shape: list[int] = []
    strides: list[int] = []
    for size, step in zip(view.shape, view.strides, strict=True):
        if strides and strides[-1] == step * size:
            shape[-1] *= size
            strides[-1] = step
        else:
            shape.append(size)
            strides.append(step)
    return tuple(shape), tuple(strides)


def _starts(start: int, shape: Sequence[int], strides: Sequence[int]) -> Iterator[int]:
    """The offset of every element of an array of that shape, in C order."""
    ranges = (
        range(0, n * step, step) if step else [0] * n
        for n, step in zip(shape, strides, strict=True)
    )
    return (start + sum(steps) for steps in product(*ranges))


def _gathered(view: View, generation: Generation) -> SpoolPath:
    """Writes the values in C order into a spool file.

    Raises:
      UnreadableSnapshotError: no room on the disk, or the rows are too far apart.
    """
    try:
        file = SPOOL.create(view.path)
        try:
            with TensorReader(generation) as reader:
                for block in _blocks(view):
                    file.write(_values(reader, block).tobytes())
        finally:
            file.close()
    except OSError as error:
        raise UnreadableSnapshotError(
            f"{view.path}: a tensor that is not stored in one piece cannot be written to the "
            f"temporary directory ({error.strerror}). Free some space, or set TMPDIR."
        ) from error
    check_generation(generation)
    return file.path


def _span(view: View) -> int:
    """How many bytes of the storage the view stretches over."""
    reach = sum((n - 1) * step for n, step in zip(view.shape, view.strides, strict=True))
    return reach + view.width


def _blocks(view: View) -> Iterator[View]:
    """Parts of the view, in order, each small enough to be in memory."""
    if max(_span(view), math.prod(view.shape) * view.width) <= _GATHER_BYTES or not view.shape:
        yield view
        return
    size, step = view.shape[0], view.strides[0]
    row = replace(view, shape=view.shape[1:], strides=view.strides[1:])
    row_bytes = math.prod(row.shape) * view.width
    count = max((_GATHER_BYTES - max(_span(row), row_bytes)) // max(step, row_bytes), 0) + 1
    if count == 1 and not row.shape:
        raise UnreadableSnapshotError(
            f"{view.path}: the values of a tensor lie {step:,} bytes apart from each other, which "
            "is not read. Save tensor.contiguous() instead."
        )
    for first in range(0, size, count):
        rows = min(count, size - first)
        start = view.start + first * step
        if rows > 1:
            yield replace(view, start=start, shape=(rows, *row.shape))
        else:
            yield from _blocks(replace(row, start=start))


def _values(reader: TensorReader, view: View) -> NDArray[Any]:
    """The bytes of a view, one row of `width` bytes for each element."""
    length = _span(view)
    extent = Extent(view.path, view.offset + view.start, length)
    raw = reader.read_array(TensorInfo("", "", "uint8", (length,), (extent,)), length)
    element = raw[: view.width].view(np.dtype((np.void, view.width)))
    return np.ascontiguousarray(as_strided(element[:1], view.shape, view.strides, writeable=False))
