"""The weights of a pair of tensors, in any rows and columns: whole in memory, or from the file.

A part of a tensor is read as a tensor of its own, whose extents are the runs of bytes of that
part; so one reader serves this too.
"""

from collections.abc import Iterable, Iterator
from dataclasses import dataclass, replace
from typing import Any

import numpy as np
from numpy.typing import NDArray

from tb_snapshot_compare.analysis.numeric_types import ValuePairs
from tb_snapshot_compare.analysis.slice_measures import joined_pairs, taken
from tb_snapshot_compare.limits import MAP_VALUES_KEPT_BYTES, MAP_VALUES_WHOLE_BYTES
from tb_snapshot_compare.readers import TensorReader, check_generation
from tb_snapshot_compare.snapshot import Extent, TensorInfo
from tb_snapshot_compare.workspace.byte_lru import ByteLru
from tb_snapshot_compare.workspace.kernel_pairs import KernelPair

Indices = NDArray[np.int64]

ALIGNED = 8
"""Parts begin at multiples of so many outers (see `slice_kernels.GROUP`)."""
_PART_ELEMENTS = 1 << 20
_LANES = 256
_RUN_COST = 4_096
"""A run of bytes more costs about as much as reading so many elements in passing."""


@dataclass(frozen=True, slots=True)
class Part:
    """Pairs `[cells * outers * inners]` at places `outers` and `inners` of what was asked for."""

    pairs: ValuePairs
    outers: slice
    inners: slice

    @property
    def count(self) -> int:
        """The number of pairs."""
        return self.pairs.a.size


@dataclass(frozen=True, slots=True, eq=False)
class _Whole:
    pairs: ValuePairs
    shape: tuple[int, int, int]

    @property
    def nbytes(self) -> int:
        arrays = (self.pairs.a, self.pairs.b)
        more = (self.pairs.low_a, self.pairs.low_b) if self.pairs.wide else ()
        return sum(array.nbytes for array in (*arrays, *more))


class KernelValues:
    """Reads weights, and keeps small tensors. Safe to call from any thread."""

    def __init__(
        self, whole: int = MAP_VALUES_WHOLE_BYTES, kept: int = MAP_VALUES_KEPT_BYTES
    ) -> None:
        """Keeps pairs of at most `whole` bytes, `kept` bytes in all."""
        self._whole_bytes = whole
        self._kept: ByteLru[_Whole] = ByteLru(kept)

    def parts(self, pair: KernelPair, outers: Indices, inners: Indices) -> Iterator[Part]:
        """The weights at `outers` x `inners`, part by part.

        Args:
          pair: of which tensor.
          outers: stored indices of the middle axis, in any order.
          inners: stored indices of the last axis, ascending.

        Raises:
          SnapshotGoneError, SnapshotChangedError: the files are not those that were opened.
        """
        if pair.nbytes <= self._whole_bytes:
            yield self._from_memory(pair, outers, inners)
            return
        yield from _from_files(pair, outers, inners)

    def stored(self, pair: KernelPair, outer: int, inner: int) -> tuple[Any, Any]:
        """One slice of a and of b, `[cells]`, each in its stored dtype."""
        where = np.array([outer]), np.array([inner])
        with TensorReader(pair.generation_a) as of_a, TensorReader(pair.generation_b) as of_b:
            a = of_a.read_array(_part_of(pair.a, pair, *where))
            b = of_b.read_array(_part_of(pair.b, pair, *where))
        check(pair)
        return a, b

    def _from_memory(self, pair: KernelPair, outers: Indices, inners: Indices) -> Part:
        key = (pair.generation_a, pair.generation_b, pair.name, pair.a.name)
        whole = self._kept.get(key, lambda: _read_whole(pair))
        pairs = whole.pairs
        _, all_outers, all_inners = whole.shape
        outer_cut, inner_cut = _as_slice(outers), _as_slice(inners)
        if outer_cut != slice(0, all_outers) or inner_cut != slice(0, all_inners):
            chosen = outers if outer_cut is None else outer_cut
            pairs = taken(pairs, whole.shape, chosen, inners if inner_cut is None else inner_cut)
        return Part(pairs, slice(0, outers.size), slice(0, inners.size))


def check(pair: KernelPair) -> None:
    """Raises unless both files are still those that were opened."""
    check_generation(pair.generation_a)
    check_generation(pair.generation_b)


def _read_whole(pair: KernelPair) -> _Whole:
    with TensorReader(pair.generation_a) as of_a, TensorReader(pair.generation_b) as of_b:
        a, b = of_a.read_array(pair.a), of_b.read_array(pair.b)
    check(pair)
    layout = pair.layout
    shape = (layout.cells, layout.outer, layout.inner)
    a, b = (_cells_first(values, pair, *shape[1:]) for values in (a, b))
    return _Whole(joined_pairs(a, b), shape)


def _from_files(pair: KernelPair, outers: Indices, inners: Indices) -> Iterator[Part]:
    cells = pair.layout.cells
    inner_step, spans = _inner_step(cells, inners)
    with TensorReader(pair.generation_a) as of_a, TensorReader(pair.generation_b) as of_b:
        for first in range(0, inners.size, inner_step):
            wanted = inners[first : first + inner_step]
            read = np.arange(wanted[0], wanted[-1] + 1) if spans else wanted
            step = max(_PART_ELEMENTS // (cells * read.size) // ALIGNED, 1) * ALIGNED
            for begin in range(0, outers.size, step):
                chosen = outers[begin : begin + step]
                of_part = (pair, chosen.size, read.size)
                pairs = joined_pairs(
                    _cells_first(_read(of_a, _part_of(pair.a, pair, chosen, read)), *of_part),
                    _cells_first(_read(of_b, _part_of(pair.b, pair, chosen, read)), *of_part),
                )
                if read.size != wanted.size:
                    shape = (cells, chosen.size, read.size)
                    pairs = taken(pairs, shape, slice(None), wanted - wanted[0])
                yield Part(
                    pairs,
                    slice(begin, begin + chosen.size),
                    slice(first, first + wanted.size),
                )


def _cells_first(values: NDArray[Any], pair: KernelPair, outers: int, inners: int) -> NDArray[Any]:
    """Values as they are stored as `[cells, outers, inners]`, flat."""
    cells = pair.layout.cells
    if pair.layout.cells_inside and cells > 1:
        values = np.ascontiguousarray(values.reshape(outers, inners, cells).transpose(2, 0, 1))
    return values.reshape(-1)


def _inner_step(cells: int, inners: Indices) -> tuple[int, bool]:
    """How many inners to read at once, and whether with all that lies between them."""
    runs = 1 + int(np.count_nonzero(np.diff(inners) != 1))
    between = int(inners[-1] - inners[0]) + 1 - inners.size
    most = max(4 * _PART_ELEMENTS // (cells * ALIGNED) // _LANES, 1) * _LANES
    return most, 0 < between <= runs * _RUN_COST


def _read(reader: TensorReader, part: TensorInfo) -> NDArray[Any]:
    """Reads a part into the reader's own buffer, which the next part overwrites."""
    (block,) = reader.read_blocks(part, block_elements=part.shape[0])
    return block


def _part_of(tensor: TensorInfo, pair: KernelPair, outers: Indices, inners: Indices) -> TensorInfo:
    """`[cells, outers, inners]` of a tensor as a tensor of its own, flat, in its stored order."""
    layout = pair.layout
    size = sum(extent.length for extent in tensor.extents) // pair.count
    breaks = np.flatnonzero(np.diff(inners) != 1) + 1
    bounds = np.concatenate(([0], breaks, [inners.size]))
    lengths = np.diff(bounds)
    if layout.cells_inside:
        size, rows = size * layout.cells, outers
    else:
        rows = (np.arange(layout.cells)[:, None] * layout.outer + outers[None, :]).reshape(-1)
    starts = (rows[:, None] * layout.inner + inners[bounds[:-1]]).reshape(-1)
    lengths = np.tile(lengths, rows.size)
    ends = starts + lengths
    joins = np.concatenate(([True], starts[1:] != ends[:-1]))
    first = np.flatnonzero(joins)
    last = np.concatenate((first[1:], [starts.size])) - 1
    runs = zip((starts[first] * size).tolist(), (ends[last] * size).tolist(), strict=True)
    count = layout.cells * outers.size * inners.size
    extents = tuple(_cut(tensor.extents, runs))
    part = replace(tensor, shape=(count,), extents=extents)
    return replace(part, crc32c=None, crc32=None, unread_crc32=None)


def _cut(extents: tuple[Extent, ...], runs: Iterable[tuple[int, int]]) -> Iterator[Extent]:
    """The bytes of runs (first, end) of the extents' concatenation."""
    starts = np.concatenate(([0], np.cumsum([extent.length for extent in extents])))
    for begin, end in runs:
        index = int(np.searchsorted(starts, begin, side="right")) - 1 if len(extents) > 1 else 0
        while begin < end:
            extent, offset = extents[index], begin - int(starts[index])
            length = min(end - begin, extent.length - offset)
            yield Extent(extent.path, extent.offset + offset, length)
            begin += length
            index += 1


def _as_slice(indices: Indices) -> slice | None:
    """The slice of consecutive indices."""
    first, last = int(indices[0]), int(indices[-1])
    if last - first + 1 != indices.size or np.any(np.diff(indices) != 1):
        return None
    return slice(first, last + 1)
