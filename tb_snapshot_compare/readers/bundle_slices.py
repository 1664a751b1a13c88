"""Tensors that a bundle stores in slices (partitioned variables of TensorFlow 1).

Slices along the first axis are the tensor's bytes one after the other. Others are put together
in a spool file when the tensor is first read, and the checksum of each is verified on the way
(TensorFlow, `core/framework/tensor_slice.h`, `core/util/tensor_bundle/tensor_bundle.cc`).
"""

import math
from collections.abc import Iterator, Sequence
from dataclasses import dataclass

import google_crc32c
import numpy as np
import numpy.typing as npt

from tb_snapshot_compare.errors import UnreadableSnapshotError
from tb_snapshot_compare.limits import MIB
from tb_snapshot_compare.readers.extents import TensorReader
from tb_snapshot_compare.readers.generation import check_generation
from tb_snapshot_compare.readers.spool import SPOOL, DerivedPath, SpoolPath
from tb_snapshot_compare.snapshot import Extent, Generation, TensorInfo

SLICES_MAX = 4_096
"""Of a tensor that is not sliced along its first axis."""
_BLOCK_BYTES = 16 * MIB

Bounds = tuple[tuple[int, int], ...]
"""(start, length) by axis."""


@dataclass(frozen=True, slots=True)
class Slice:
    """A part of a tensor: its values in C order are the bytes of `extent`.

    `crc32c` is their checksum, None where the format has none.
    """

    bounds: Bounds
    extent: Extent
    crc32c: int | None


def cover_problem(slices: Sequence[Bounds], shape: tuple[int, ...]) -> str | None:
    """Why `slices` are not `shape` cut into pieces; None where they are."""
    if len(slices) > SLICES_MAX:
        return f"it has {len(slices):,} slices, more than the {SLICES_MAX:,} that are read"
    if not slices:
        return "it has no slices"
    if not shape:
        return None if len(slices) == 1 else "its slices overlap"
    starts = np.array([[start for start, _ in bounds] for bounds in slices], dtype=np.int64)
    sizes = np.array([[size for _, size in bounds] for bounds in slices], dtype=np.int64)
    ends = starts + sizes
    if (starts < 0).any() or (sizes < 0).any() or (ends > np.array(shape)).any():
        return f"a slice lies outside its shape {shape}"
    for number in range(len(slices) - 1):
        later = slice(number + 1, None)
        shared = (starts[number] < ends[later]) & (starts[later] < ends[number])
        if shared.all(axis=1).any():
            return f"the slice at {tuple(starts[number].tolist())} overlaps another one"
    covered = sum(math.prod(size for _, size in bounds) for bounds in slices)
    if covered != math.prod(shape):
        return f"its slices have {covered:,} of its {math.prod(shape):,} values; some are missing"
    return None


def joined(
    of: str, name: str, shape: tuple[int, ...], slices: Sequence[Slice], generation: Generation
) -> Extent:
    """The extent of the whole tensor, which is put together when it is first read.

    Args:
      of: the snapshot, for messages.
      name: the tensor, for messages.
      shape: of the whole.
      slices: pieces of it, see `cover_problem`.
      generation: that of the files.
    """
    length = sum(piece.extent.length for piece in slices)
    width = length // max(math.prod(shape), 1)
    path = DerivedPath(of, lambda: _written(of, name, shape, width, slices, generation))
    return Extent(path, 0, length)


def _written(
    of: str,
    name: str,
    shape: tuple[int, ...],
    width: int,
    slices: Sequence[Slice],
    generation: Generation,
) -> SpoolPath:
    checksums = [0] * len(slices)
    try:
        file = SPOOL.create(of)
        try:
            with TensorReader(generation) as reader:
                for box in _boxes(shape, width):
                    file.write(_block(reader, box, slices, width, checksums).tobytes())
        finally:
            file.close()
    except OSError as error:
        raise UnreadableSnapshotError(
            f"{of}: the tensor {name!r}, which is stored in slices, cannot be written to the "
            f"temporary directory ({error.strerror}). Free some space, or set TMPDIR."
        ) from error
    for piece, found in zip(slices, checksums, strict=True):
        if piece.crc32c not in (None, found):
            start = tuple(start for start, _ in piece.bounds)
            raise UnreadableSnapshotError(
                f"tensor {name!r} in {piece.extent.path}: its slice at {start} has the checksum "
                f"{found:08x}, stored {piece.crc32c:08x}. The file is damaged; save or copy the "
                "snapshot again."
            )
    check_generation(generation)
    return file.path


def _boxes(shape: tuple[int, ...], width: int) -> Iterator[Bounds]:
    """The tensor in C order, in boxes that fit into memory."""
    if math.prod(shape) * width <= _BLOCK_BYTES:
        yield tuple((0, size) for size in shape)
        return
    row = math.prod(shape[1:]) * width
    rows = _BLOCK_BYTES // max(row, 1)
    for first in range(0, shape[0], max(rows, 1)):
        if rows:
            count = min(rows, shape[0] - first)
            yield ((first, count), *((0, size) for size in shape[1:]))
        else:
            for inner in _boxes(shape[1:], width):
                yield ((first, 1), *inner)


def _block(
    reader: TensorReader, box: Bounds, slices: Sequence[Slice], width: int, checksums: list[int]
) -> npt.NDArray[np.uint8]:
    """The bytes of `box`; each slice's part is the next of its bytes, so checksums add up."""
    block = np.empty((*(size for _, size in box), width), dtype=np.uint8)
    for number, piece in enumerate(slices):
        common = _common(box, piece.bounds)
        if common is None:
            continue
        within = tuple(
            (start - first, size)
            for (start, size), (first, _) in zip(common, piece.bounds, strict=True)
        )
        offset = _first_index(within, piece.bounds) * width
        shape = (*(size for _, size in common), width)
        extent = Extent(piece.extent.path, piece.extent.offset + offset, math.prod(shape))
        info = TensorInfo("", "", "uint8", shape, (extent,))
        values = reader.read_array(info, extent.length)
        checksums[number] = google_crc32c.extend(checksums[number], values.tobytes())
        place = tuple(
            slice(start - first, start - first + size)
            for (start, size), (first, _) in zip(common, box, strict=True)
        )
        block[place] = values
    return block


def _common(one: Bounds, other: Bounds) -> Bounds | None:
    shared = []
    for (start_a, size_a), (start_b, size_b) in zip(one, other, strict=True):
        start = max(start_a, start_b)
        size = min(start_a + size_a, start_b + size_b) - start
        if size <= 0:
            return None
        shared.append((start, size))
    return tuple(shared)


def _first_index(within: Bounds, bounds: Bounds) -> int:
    """The place, in the slice's C order, of the first value of a box in it."""
    index = 0
    for (start, _), (_, size) in zip(within, bounds, strict=True):
        index = index * size + start
    return index
