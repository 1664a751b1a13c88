"""One pass over weights of a kernel into the pixels of a map, in threads where it is long."""

from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, replace
from itertools import pairwise

import numpy as np
from numpy.typing import NDArray

from tb_snapshot_compare import processors
from tb_snapshot_compare.analysis.numeric_types import ValuePairs
from tb_snapshot_compare.limits import MAP_THREADS_MAX
from tb_snapshot_compare.workspace import compiling
from tb_snapshot_compare.workspace.kernel_pairs import KernelPair
from tb_snapshot_compare.workspace.kernel_values import ALIGNED, KernelValues
from tb_snapshot_compare.workspace.streaming import ByteCounter

Indices = NDArray[np.int64]
Consume = Callable[[ValuePairs, Indices, Indices], None]
"""Takes pairs, and the pixels of their outers and inners; called by several threads, each with
pixels of its own."""
_ALONE = 1 << 20
"""Fewer weights are not worth threads."""


@dataclass(frozen=True, slots=True, eq=False)
class Selection:
    """Weights of a kernel and the pixels that they belong to.

    `outers` are stored indices in the order of the map, `inners` ascending ones;
    `outer_pixels` and `inner_pixels` are added to give a pixel. Outers of one pixel follow each
    other.
    """

    outers: Indices
    outer_pixels: Indices
    inners: Indices
    inner_pixels: Indices

    def parts(self, count: int) -> tuple["Selection", ...]:
        """At most `count` parts that have no pixel in common."""
        ends = [self.outers.size * part // count // ALIGNED * ALIGNED for part in range(1, count)]
        cuts = {0, self.outers.size, *(self._cut_before(end) for end in ends)}
        return tuple(
            replace(self, outers=self.outers[begin:end], outer_pixels=self.outer_pixels[begin:end])
            for begin, end in pairwise(sorted(cuts))
        )

    def _cut_before(self, end: int) -> int:
        """The last place up to `end` where a part may begin: that of a new pixel."""
        pixels = self.outer_pixels
        while end > 0 and pixels[end] == pixels[end - 1]:
            end -= ALIGNED
        return max(end, 0)


def map_threads() -> int:
    """How many threads compute a map."""
    return min(MAP_THREADS_MAX, processors.available())


def sweep(
    values: KernelValues,
    pair: KernelPair,
    selection: Selection,
    consume: Consume,
    counter: ByteCounter | None = None,
) -> None:
    """Hands every selected pair of weights to `consume` once.

    Args:
      values: where the weights come from.
      pair: of which tensor.
      selection: which, and where they belong.
      consume: see there.
      counter: told of the bytes that were read; may raise to stop.
    """
    compiling.wait()
    size = pair.nbytes // pair.count

    def work(part: Selection) -> None:
        for read in values.parts(pair, part.outers, part.inners):
            consume(read.pairs, part.outer_pixels[read.outers], part.inner_pixels[read.inners])
            if counter is not None:
                counter.add(read.count * size)

    count = pair.layout.cells * selection.outers.size * selection.inners.size
    threads = map_threads()
    parts = selection.parts(threads) if count > _ALONE else (selection,)
    if len(parts) == 1:
        work(parts[0])
        return
    with ThreadPoolExecutor(threads, thread_name_prefix="snapshot-compare-map") as pool:
        list(pool.map(work, parts))
