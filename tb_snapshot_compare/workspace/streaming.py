"""Reading two tensors in lockstep, several pairs at once."""

import os
import threading
from collections.abc import Callable, Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from typing import Any, Protocol, TypeVar

from numpy.typing import NDArray

from tb_snapshot_compare.limits import BLOCK_BYTES
from tb_snapshot_compare.readers import TensorReader
from tb_snapshot_compare.snapshot import Generation
from tb_snapshot_compare.workspace.pairing import TensorPair

Blocks = Iterator[tuple[NDArray[Any], NDArray[Any]]]
Result = TypeVar("Result")
THREADS_MAX = 2
"""Compared at memory speed, two threads saturate the machines this is made for."""
_BLOCK_ELEMENTS = BLOCK_BYTES // 4
"""The same number on both sides keeps them in step, whatever their dtypes."""


class Progress(Protocol):
    """Called with bytes done and in all; may raise to stop the work."""

    def __call__(self, done: int, total: int) -> None:
        """Reports bytes."""


class ByteCounter:
    """Adds up what several threads have read and reports it."""

    def __init__(self, total: int, report: Progress | None) -> None:
        self._total, self._report = total, report
        self._done = 0
        self._lock = threading.Lock()

    def add(self, count: int) -> None:
        """Counts `count` more bytes."""
        with self._lock:
            self._done += count
            done = self._done
        if self._report is not None:
            self._report(done, self._total)


@dataclass(frozen=True, slots=True)
class PairStream:
    """Reads pairs of tensors of two snapshots in the generations that were opened."""

    a: Generation
    b: Generation
    counter: ByteCounter

    def blocks(self, pair: TensorPair) -> Blocks:
        """The blocks of both tensors: 1-D, equal lengths, flat C order, each in its stored dtype.

        A block is overwritten by the next. Raises what TensorReader raises.
        """
        a, b = pair.a, pair.b
        assert a is not None
        assert b is not None
        with TensorReader(self.a) as reader_a, TensorReader(self.b) as reader_b:
            for block_a, block_b in zip(
                reader_a.read_blocks(a, block_elements=_BLOCK_ELEMENTS),
                reader_b.read_blocks(b, block_elements=_BLOCK_ELEMENTS),
                strict=True,
            ):
                yield block_a, block_b
                self.counter.add(block_a.nbytes + block_b.nbytes)


def pair_bytes(pairs: Sequence[TensorPair]) -> int:
    """Bytes of both sides of the pairs that are compared."""
    return sum(
        extent.length
        for pair in pairs
        if pair.status == "compared"
        for side in (pair.a, pair.b)
        if side is not None
        for extent in side.extents
    )


def map_pairs(work: Callable[[TensorPair], Result], pairs: Sequence[TensorPair]) -> list[Result]:
    """`work` of every pair, in order; the largest are started first so that none ends alone.

    The first exception stops what has not started and is raised.
    """
    order = sorted(range(len(pairs)), key=lambda index: -pairs[index].count)
    results: dict[int, Result] = {}
    threads = min(THREADS_MAX, os.cpu_count() or 1)
    with ThreadPoolExecutor(threads, thread_name_prefix="snapshot-compare-pair") as pool:
        futures = {index: pool.submit(work, pairs[index]) for index in order}
        try:
            for index, future in futures.items():
                results[index] = future.result()
        except BaseException:
            pool.shutdown(wait=False, cancel_futures=True)
            raise
    return [results[index] for index in range(len(pairs))]
