"""Reading two snapshots in lockstep: several threads, each with its own open files and buffers."""

import math
import threading
from collections.abc import Callable, Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from types import TracebackType
from typing import Any, Protocol, Self, TypeVar

from numpy.typing import NDArray

from tb_snapshot_compare import processors
from tb_snapshot_compare.analysis import Part
from tb_snapshot_compare.readers import TensorReader, cut
from tb_snapshot_compare.snapshot import Generation, TensorInfo
from tb_snapshot_compare.workspace import compiling
from tb_snapshot_compare.workspace.pairing import TensorPair

Blocks = Iterator[tuple[NDArray[Any], NDArray[Any]]]
Seen = Callable[[memoryview], object]
Task = TypeVar("Task")
THREADS_MAX = 2
"""Compared at memory speed, two threads saturate the machines this is made for."""
_BLOCK_ELEMENTS = 1 << 19
"""The same number on both sides keeps them in step, whatever their dtypes. Small enough for the
last-level cache between reading and comparing; large enough that threads seldom ask for the
interpreter, which costs them more than leaving the second-level cache."""


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


class PairReader:
    """What one thread reads pairs of tensors with, in the generations that were opened.

    A context manager. Every file is opened once, on first use; blocks share two buffers.
    """

    def __init__(self, a: Generation, b: Generation, counter: ByteCounter) -> None:
        self.a, self.b = TensorReader(a), TensorReader(b)
        self._counter = counter

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self,
        exc_type: type[BaseException] | None,
        exc: BaseException | None,
        traceback: TracebackType | None,
    ) -> None:
        self.a.close()
        self.b.close()

    def done(self, count: int) -> None:
        """Counts bytes that were read and compared."""
        self._counter.add(count)

    def blocks(
        self,
        a: TensorInfo,
        b: TensorInfo | None,
        part: Part,
        seen_a: Seen | None = None,
        seen_b: Seen | None = None,
    ) -> Blocks:
        """The blocks of a part of two tensors: 1-D, equal lengths, flat, in their stored dtypes.

        A block is overwritten by the next. Stored checksums are left to who sees the bytes.

        Args:
          a: The tensor of the first snapshot.
          b: That of the second; None for the same bytes again, which are not read.
          part: Which elements.
          seen_a: Called with the stored bytes of each block of a.
          seen_b: Likewise of b.

        Raises: what TensorReader raises.
        """
        of_a = self.a.read_blocks(
            _part_of(a, part), block_elements=_BLOCK_ELEMENTS, verify=False, seen=seen_a
        )
        if b is None:
            for block in of_a:
                yield block, block
                self.done(block.nbytes)
            return
        of_b = self.b.read_blocks(
            _part_of(b, part), block_elements=_BLOCK_ELEMENTS, verify=False, seen=seen_b
        )
        for block_a, block_b in zip(of_a, of_b, strict=True):
            yield block_a, block_b
            self.done(block_a.nbytes + block_b.nbytes)


def _part_of(tensor: TensorInfo, part: Part) -> TensorInfo:
    whole = part.start == 0 and part.stop == math.prod(tensor.shape)
    return tensor if whole or not tensor.extents else cut(tensor, part.start, part.stop)


def stored_bytes(tensor: TensorInfo) -> int:
    """How many bytes a tensor's values take in its files."""
    return sum(extent.length for extent in tensor.extents)


def place_on_disk(pair: TensorPair) -> tuple[str, int]:
    """Where a pair's values begin: what is read in this order is read along the file."""
    extents = pair.either.extents
    return (extents[0].path, extents[0].offset) if extents else ("", 0)


def share_out(
    tasks: Sequence[Task],
    work: Callable[[Task, PairReader], None],
    reader: Callable[[], PairReader],
) -> None:
    """Does `work` on every task, begun in their order, in a few threads.

    The first exception stops what has not started and is raised.
    """
    compiling.wait()
    waiting, lock, stopped = iter(tasks), threading.Lock(), threading.Event()

    def serve() -> None:
        try:
            with reader() as own:
                while not stopped.is_set():
                    with lock:
                        task = next(waiting, None)
                    if task is None:
                        return
                    work(task, own)
        except BaseException:
            stopped.set()
            raise

    threads = min(THREADS_MAX, processors.available(), len(tasks))
    if threads <= 1:
        serve()
        return
    with ThreadPoolExecutor(threads, thread_name_prefix="snapshot-compare-pair") as pool:
        futures = [pool.submit(serve) for _ in range(threads)]
        try:
            for future in futures:
                future.result()
        finally:
            stopped.set()
