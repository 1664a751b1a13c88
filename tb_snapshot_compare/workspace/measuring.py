"""The one pass over the values of many pairs of tensors."""

import threading
from collections.abc import Callable, Sequence
from contextlib import nullcontext
from dataclasses import dataclass

from tb_snapshot_compare.analysis import (
    PairAccumulator,
    Part,
    PartJoiner,
    SumColumns,
    parts_of,
)
from tb_snapshot_compare.errors import UnreadableSnapshotError
from tb_snapshot_compare.readers import PartPrint, PartPrinter, checked_identity
from tb_snapshot_compare.snapshot import TensorInfo
from tb_snapshot_compare.workspace.small_tensors import Batch, batches, is_batched, measure_batch
from tb_snapshot_compare.workspace.streaming import PairReader, place_on_disk, share_out
from tb_snapshot_compare.workspace.tensor_jobs import Job, Measured

_WIDE_FILTERS = 1 << 15


def measure(
    jobs: Sequence[Job],
    reader: Callable[[], PairReader],
    took: Callable[[int, Measured], None],
) -> None:
    """The sums of every job, in the order in which they come, by any thread.

    Small tensors are read and compared many at a time, large ones in parts, everything in the
    order in which it lies on the disk. Nothing of this, nor the number of threads, changes a bit
    of a result.

    Args:
      jobs: what to measure.
      reader: makes a thread's own reader.
      took: is given the index of a job and what was measured. Sums of many filters are large:
        who keeps them all needs memory without bound.

    Raises:
      SnapshotGoneError, SnapshotChangedError: the files changed.
    """
    small = [(index, job) for index, job in enumerate(jobs) if is_batched(job)]
    is_small = {index for index, _ in small}
    tasks: list[Batch | _PartTask] = [*batches(small)]
    for index, job in enumerate(jobs):
        if index not in is_small:
            tasks += _PartedTensor(index, job).tasks()
    tasks.sort(key=_place)
    wide = threading.Lock()

    def work(task: Batch | _PartTask, own: PairReader) -> None:
        if isinstance(task, Batch):
            for index, found in measure_batch(task, own):
                took(index, found)
            return
        with wide if task.is_wide else nullcontext():
            whole = task.tensor.measure(task.number, own)
            if whole is not None:
                took(task.tensor.index, whole)

    share_out(tasks, work, reader)


@dataclass(frozen=True, slots=True, eq=False)
class _PartTask:
    """Part `number` of a tensor."""

    tensor: "_PartedTensor"
    number: int

    @property
    def is_wide(self) -> bool:
        """Whether its sums are so large that they are made while no other such are."""
        axis = self.tensor.job.axis
        return axis is not None and axis.count > _WIDE_FILTERS


def _place(task: Batch | _PartTask) -> tuple[tuple[str, int], int]:
    if isinstance(task, Batch):
        return place_on_disk(task.jobs[0][1].pair), 0
    return place_on_disk(task.tensor.job.pair), task.number


class _PartedTensor:
    """A pair of tensors that is compared by itself, in one or more parts, by any threads."""

    def __init__(self, index: int, job: Job) -> None:
        self.index, self.job = index, job
        self._parts = parts_of(job.pair.count, job.axis)
        self._joiner = PartJoiner(self._parts, job.axis)
        self._prints: dict[int, tuple[PartPrint, PartPrint]] = {}
        self._problems: dict[int, str] = {}
        self._lock = threading.Lock()

    def tasks(self) -> list[_PartTask]:
        """One for each part."""
        return [_PartTask(self, number) for number in range(len(self._parts))]

    def measure(self, number: int, reader: PairReader) -> Measured | None:
        """Measures a part; the last to end gives the result."""
        try:
            sums, prints = self._measured(self._parts[number], reader)
        except UnreadableSnapshotError as error:
            with self._lock:
                self._problems[number] = str(error)
                return self._result(None, reader)
        with self._lock:
            self._prints[number] = prints
            return self._result(self._joiner.add(number, sums), reader)

    def _sides(self) -> tuple[TensorInfo, TensorInfo]:
        a, b = self.job.pair.a, self.job.pair.b
        assert a is not None
        assert b is not None
        return a, b

    def _measured(
        self, part: Part, reader: PairReader
    ) -> tuple[SumColumns, tuple[PartPrint, PartPrint]]:
        job, (a, b) = self.job, self._sides()
        print_a = PartPrinter(a, digest=job.digest_a, believed=job.unchanged)
        print_b = PartPrinter(b, digest=job.digest_b)
        accumulator = PairAccumulator(a.dtype, b.dtype, part.stop - part.start, part.axis)
        for block_a, block_b in reader.blocks(
            a,
            None if job.unchanged else b,
            part,
            print_a if print_a.wanted else None,
            print_b if print_b.wanted else None,
        ):
            accumulator.add(block_a, block_b)
        return accumulator.columns(), (print_a.finish(), print_b.finish())

    def _result(self, sums: SumColumns | None, reader: PairReader) -> Measured | None:
        if len(self._prints) + len(self._problems) < len(self._parts):
            return None
        if self._problems:
            return Measured(problem=self._problems[min(self._problems)])
        ordered = [self._prints[number] for number in range(len(self._parts))]
        a, b = self._sides()
        try:
            of_a = _checked(a, [one for one, _ in ordered], reader, first=True, job=self.job)
            of_b = _checked(b, [one for _, one in ordered], reader, first=False, job=self.job)
        except UnreadableSnapshotError as error:
            return Measured(problem=str(error))
        return Measured(sums, None, of_a, of_b)


def _checked(
    tensor: TensorInfo, prints: Sequence[PartPrint], reader: PairReader, *, first: bool, job: Job
) -> str | None:
    """The identity of a side that was read, once its checksum is right."""
    if job.unchanged and not first:
        return None
    try:
        return checked_identity(tensor, prints, believed=job.unchanged)
    except UnreadableSnapshotError as error:
        (reader.a if first else reader.b).check_unchanged(tensor, error)
        raise
