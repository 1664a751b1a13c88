"""A tensor with its axes in another order, as a tensor of its own.

Rows that are taken, split or put in another order stay where they are: they are other extents of
the same file. What is transposed or added up is written into a spool file (see `spool`), when it
is first read and only then, in blocks of bounded size; it is kept by the generation that it was
made of. Either way a TensorInfo results, which everything downstream reads like any other.
"""

import math
import os
import sys
import threading
from collections import OrderedDict
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, replace
from itertools import accumulate
from typing import Any

import numpy as np
from numpy.typing import NDArray

from tb_snapshot_compare.errors import UnreadableSnapshotError
from tb_snapshot_compare.limits import (
    TRANSPOSED_MAX_BYTES,
    TRANSPOSED_ROW_BYTES_MAX,
    TRANSPOSING_BLOCK_BYTES,
)
from tb_snapshot_compare.readers.extents import TensorReader, numpy_dtype
from tb_snapshot_compare.readers.generation import check_generation
from tb_snapshot_compare.readers.spool import SPOOL, DerivedPath, SpoolFile, SpoolPath
from tb_snapshot_compare.snapshot import Extent, Generation, TensorInfo

Array = NDArray[Any]
Rows = Sequence[tuple[int, int]]
"""Ranges (first, end) of the first axis."""


@dataclass(frozen=True, slots=True)
class Rearrangement:
    """`tensor.reshape(folded).transpose(order).reshape(shape)`, as NumPy means it."""

    folded: tuple[int, ...]
    order: tuple[int, ...]
    shape: tuple[int, ...]

    @property
    def moves(self) -> bool:
        """Whether values change places; a mere reshape does not move them."""
        kept = [axis for axis in self.order if self.folded[axis] != 1]
        return kept != sorted(kept)


def rows_of(tensor: TensorInfo, rows: Rows, shape: tuple[int, ...] | None = None) -> TensorInfo:
    """Some rows (of the first axis), one range after the other, as a tensor.

    Args:
      tensor: of rank 1 or more.
      rows: ranges within the first axis.
      shape: of the result; the rows' number and the further axes by default.
    """
    count = sum(end - first for first, end in rows)
    shape = shape or (count, *tensor.shape[1:])
    found = replace(tensor, shape=shape, crc32c=None, crc32=None, unread_crc32=None)
    total = sum(extent.length for extent in tensor.extents)
    if not total or not tensor.shape[0] or total % tensor.shape[0]:
        return found
    size = total // tensor.shape[0]
    runs = [(first * size, end * size) for first, end in rows]
    return replace(found, extents=tuple(_cut(tensor.extents, runs)))


def rearranged(tensor: TensorInfo, generation: Generation, how: Rearrangement) -> TensorInfo:
    """The tensor in another order of its axes.

    Args:
      tensor: whose elements `how.folded` holds.
      generation: of the snapshot that it is in.
      how: the order.
    """
    made = replace(tensor, shape=how.shape, layout="keras")
    if not how.moves or not tensor.extents:
        return made
    dtype = numpy_dtype(tensor.dtype)
    if dtype is None:
        return made
    return _derived(
        made, generation, (tensor, how), lambda file: _transpose(file, tensor, generation, how)
    )


def added(one: TensorInfo, other: TensorInfo, generation: Generation) -> TensorInfo:
    """The sum of two tensors of one shape and dtype, in that dtype.

    Raises:
      ValueError: their shapes or dtypes differ.
    """
    if (one.shape, one.dtype) != (other.shape, other.dtype):
        raise ValueError(f"{one.name} and {other.name} differ in shape or dtype")
    made = replace(one, problem=one.problem or other.problem)
    if made.problem is not None or not one.extents:
        return made
    return _derived(made, generation, (one, other), lambda file: _add(file, one, other, generation))


class _Kept:
    """Derived paths by what they are made of, the ones used last; together of bounded size."""

    def __init__(self) -> None:
        self._paths: OrderedDict[tuple[object, ...], tuple[DerivedPath, int]] = OrderedDict()
        self._total = 0
        self._lock = threading.Lock()

    def get(
        self, key: tuple[object, ...], length: int, make: Callable[[], DerivedPath]
    ) -> DerivedPath:
        with self._lock:
            known = self._paths.pop(key, None)
            if known is None:
                known = (make(), length)
                self._total += length
            self._paths[key] = known
            while self._total > TRANSPOSED_MAX_BYTES and len(self._paths) > 1:
                self._total -= self._paths.popitem(last=False)[1][1]
            return known[0]


_KEPT = _Kept()


def _derived(
    made: TensorInfo, generation: Generation, source: object, write: Callable[[SpoolFile], None]
) -> TensorInfo:
    """`made` with its values in a file that `write` fills once somebody opens it."""
    length = sum(extent.length for extent in made.extents)
    of = made.extents[0].path
    shown = of.of if isinstance(of, SpoolPath | DerivedPath) else of

    def make() -> SpoolPath:
        return _written(shown, length, write)

    key = (generation.digest, generation.stamps[:1], source)
    path = _KEPT.get(key, length, lambda: DerivedPath(shown, make))
    return replace(
        made,
        extents=(Extent(path, 0, length),),
        byteorder=_native_byteorder(),
        crc32c=None,
        crc32=None,
        unread_crc32=None,
    )


def _written(shown: str, length: int, write: Callable[[SpoolFile], None]) -> SpoolPath:
    try:
        file = SPOOL.create(shown)
        try:
            write(file)
        finally:
            file.close()
    except OSError as error:
        raise UnreadableSnapshotError(
            f"{shown}: {length:,} bytes cannot be written to the temporary directory in another "
            f"order of axes ({error.strerror}). Free some space, or set TMPDIR."
        ) from error
    return file.path


def _add(file: SpoolFile, one: TensorInfo, other: TensorInfo, generation: Generation) -> None:
    with TensorReader(generation) as first, TensorReader(generation) as second:
        for x, y in zip(first.read_blocks(one), second.read_blocks(other), strict=True):
            with np.errstate(all="ignore"):
                _write(file, x + y)
    check_generation(generation)


def _transpose(
    file: SpoolFile, tensor: TensorInfo, generation: Generation, how: Rearrangement
) -> None:
    """In one step where the tensor is small, else by tiles.

    A tile is the transposed part of some rows of the source. All tiles lie in a file of their own,
    and each has its part of every stretch of the result in one run.
    """
    dtype = numpy_dtype(tensor.dtype)
    assert dtype is not None
    total = math.prod(tensor.shape) * dtype.itemsize
    with TensorReader(generation) as reader:
        if total <= TRANSPOSING_BLOCK_BYTES:
            whole = reader.read_array(tensor, total).reshape(how.folded)
            _write(file, np.ascontiguousarray(whole.transpose(how.order)))
        else:
            _by_tiles(file, reader, tensor, how, dtype)
    check_generation(generation)


def _by_tiles(
    file: SpoolFile, reader: TensorReader, tensor: TensorInfo, how: Rearrangement, dtype: Any
) -> None:
    rows, *rest = how.folded
    row_bytes = math.prod(rest) * dtype.itemsize
    if row_bytes > TRANSPOSED_ROW_BYTES_MAX:
        raise UnreadableSnapshotError(
            f"tensor {tensor.name!r}: a row has {row_bytes:,} bytes, more than the "
            f"{TRANSPOSED_ROW_BYTES_MAX:,} that are put into another order of axes."
        )
    step = max(TRANSPOSING_BLOCK_BYTES // row_bytes, 1)
    sizes = [min(step, rows - first) for first in range(0, rows, step)]
    sides = [how.folded[axis] for axis in how.order]
    at = how.order.index(0)
    outer, inner = math.prod(sides[:at]), math.prod(sides[at + 1 :]) * dtype.itemsize
    tiles = SPOOL.create(file.path.of)
    try:
        blocks = reader.read_blocks(tensor, block_elements=step * math.prod(rest))
        for block, size in zip(blocks, sizes, strict=True):
            tile = block.reshape(size, *rest).transpose(how.order)
            _write(tiles, np.ascontiguousarray(tile))
        starts = [0, *accumulate(outer * size * inner for size in sizes)]
        stretch = max(TRANSPOSING_BLOCK_BYTES // (rows * inner), 1)
        for first in range(0, outer, stretch):
            count = min(stretch, outer - first)
            parts = (
                _read(tiles.descriptor, start + first * size * inner, count * size * inner)
                for start, size in zip(starts, sizes, strict=False)
            )
            shaped = [
                part.reshape(count, size * inner) for part, size in zip(parts, sizes, strict=True)
            ]
            _write(file, np.concatenate(shaped, axis=1))
    finally:
        tiles.close()


def _write(file: SpoolFile, values: Array) -> None:
    file.write(np.ascontiguousarray(values).reshape(-1).view(np.uint8).data)


def _read(descriptor: int, offset: int, length: int) -> NDArray[np.uint8]:
    found = np.empty(length, np.uint8)
    view, done = found.data, 0
    while done < length:
        count = os.preadv(descriptor, [view[done:]], offset + done)
        if not count:
            raise OSError(5, "the file ended early")
        done += count
    return found


def _cut(extents: tuple[Extent, ...], runs: Sequence[tuple[int, int]]) -> Iterator[Extent]:
    """The bytes of runs (first, end) of the extents' concatenation."""
    for begin, end in runs:
        start = 0
        for extent in extents:
            low, high = max(begin, start), min(end, start + extent.length)
            if low < high:
                yield Extent(extent.path, extent.offset + low - start, high - low)
            start += extent.length


def _native_byteorder() -> Any:
    return sys.byteorder
