"""Comparing many small tensors at once: read in one piece where they lie together."""

from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from tb_snapshot_compare.analysis import FilterAxis, group_sums, is_small
from tb_snapshot_compare.errors import UnreadableSnapshotError
from tb_snapshot_compare.readers import (
    TensorReader,
    as_native,
    check_values,
    checked_dtype,
    digest_identity,
)
from tb_snapshot_compare.snapshot import Extent, TensorInfo
from tb_snapshot_compare.workspace.streaming import PairReader, place_on_disk, stored_bytes
from tb_snapshot_compare.workspace.tensor_jobs import Job, Measured

_BATCH_BYTES = 1 << 20
_BATCH_TENSORS = 1024
_GROUP_FILTERS = 1 << 14
"""Whose sums are made at once: they take some 600 bytes each."""
_GAP_BYTES = 4096
"""Of other bytes between two tensors that are read as well: a further read costs more."""

Bytes = NDArray[np.uint8]
_Likeness = tuple[str, str, str, str, int, FilterAxis | None]


@dataclass(frozen=True, slots=True)
class Batch:
    """Small tensors that lie near each other: of `jobs`, by their index among all."""

    jobs: tuple[tuple[int, Job], ...]


def is_batched(job: Job) -> bool:
    """Whether a job is done in a batch, whatever else there is to do."""
    sides = (job.pair.a, job.pair.b)
    return is_small(job.pair.count, job.axis) and all(
        side is not None and len(side.extents) == 1 for side in sides
    )


def batches(jobs: Iterable[tuple[int, Job]]) -> Iterator[Batch]:
    """The jobs, in the order of the file, in batches of bounded size."""
    batch: list[tuple[int, Job]] = []
    room = _BATCH_BYTES
    for index, job in sorted(jobs, key=lambda entry: place_on_disk(entry[1].pair)):
        size = sum(stored_bytes(side) for side in job.read)
        if batch and (size > room or len(batch) == _BATCH_TENSORS):
            yield Batch(tuple(batch))
            batch, room = [], _BATCH_BYTES
        batch.append((index, job))
        room -= size
    if batch:
        yield Batch(tuple(batch))


def measure_batch(batch: Batch, reader: PairReader) -> Iterator[tuple[int, Measured]]:
    """The sums of every job of a batch; where one cannot be read, the others still are.

    Raises:
      SnapshotGoneError, SnapshotChangedError: the files changed.
    """
    try:
        yield from _measured(batch.jobs, reader)
    except UnreadableSnapshotError:
        for entry in batch.jobs:
            try:
                yield from _measured((entry,), reader)
            except UnreadableSnapshotError as error:
                yield entry[0], Measured(problem=str(error))


@dataclass(frozen=True, slots=True)
class _Loaded:
    """A job's values as they are stored; those of b are those of a where only a was read."""

    index: int
    job: Job
    a: Bytes
    b: Bytes
    identity_a: str | None
    identity_b: str | None


def _measured(
    jobs: Sequence[tuple[int, Job]], reader: PairReader
) -> Iterator[tuple[int, Measured]]:
    """All is read and checked before the first result is given."""
    of_a = _read(reader.a, [job.pair.a for _, job in jobs])
    both = [place for place, (_, job) in enumerate(jobs) if not job.unchanged]
    of_b = dict(zip(both, _read(reader.b, [jobs[place][1].pair.b for place in both]), strict=True))
    groups: dict[_Likeness, list[_Loaded]] = {}
    for place, (index, job) in enumerate(jobs):
        loaded = _checked(index, job, of_a[place], of_b.get(place), reader)
        groups.setdefault(_likeness(job), []).append(loaded)
    for group in groups.values():
        axis = group[0].job.axis
        most = max(1, _GROUP_FILTERS // (axis.count if axis else 1))
        for start in range(0, len(group), most):
            yield from _grouped(group[start : start + most])
    reader.done(sum(stored_bytes(side) for _, job in jobs for side in job.read))


def _likeness(job: Job) -> _Likeness:
    """Equal for pairs of the same types, number of elements and filters."""
    a, b = job.pair.a, job.pair.b
    assert a is not None
    assert b is not None
    return a.dtype, a.byteorder, b.dtype, b.byteorder, job.pair.count, job.axis


def _checked(index: int, job: Job, a: Bytes, b: Bytes | None, reader: PairReader) -> _Loaded:
    tensor_a, tensor_b = job.pair.a, job.pair.b
    assert tensor_a is not None
    assert tensor_b is not None
    identity_a = _identity(tensor_a, a, job.digest_a, job.unchanged, reader.a)
    if b is None:
        return _Loaded(index, job, a, a, identity_a, None)
    identity_b = _identity(tensor_b, b, job.digest_b, False, reader.b)
    return _Loaded(index, job, a, b, identity_a, identity_b)


def _identity(
    tensor: TensorInfo, values: Bytes, digest: bool, believed: bool, reader: TensorReader
) -> str | None:
    try:
        check_values(tensor, values.data, believed=believed)
    except UnreadableSnapshotError as error:
        reader.check_unchanged(tensor, error)
        raise
    return digest_identity(values.data) if digest else None


def _grouped(group: Sequence[_Loaded]) -> Iterator[tuple[int, Measured]]:
    pair, axis = group[0].job.pair, group[0].job.axis
    assert pair.a is not None
    assert pair.b is not None
    a = _stacked([loaded.a for loaded in group], pair.a)
    b = _stacked([loaded.b for loaded in group], pair.b)
    for loaded, sums in zip(group, group_sums(a, b, axis), strict=True):
        yield loaded.index, Measured(sums, None, loaded.identity_a, loaded.identity_b)


def _stacked(rows: Sequence[Bytes], tensor: TensorInfo) -> NDArray[Any]:
    """The values of tensors like `tensor`, one in each row."""
    stacked = np.concatenate(rows)
    return as_native(stacked, checked_dtype(tensor), tensor.byteorder).reshape(len(rows), -1)


def _read(reader: TensorReader, tensors: Sequence[TensorInfo | None]) -> list[Bytes]:
    """The stored bytes of tensors of one extent each; neighbours are read at once.

    Raises: as `TensorReader.read_into`.
    """
    found: dict[int, Bytes] = {}
    run: list[int] = []
    places = [tensor.extents[0] for tensor in tensors if tensor is not None]
    order = sorted(range(len(places)), key=lambda index: (places[index].path, places[index].offset))
    for index in [*order, None]:
        if run and (index is None or not _joins(places, run, index)):
            start = places[run[0]].offset
            stop = max(places[member].offset + places[member].length for member in run)
            buffer = np.empty(stop - start, np.uint8)
            reader.read_into(places[run[0]].path, start, buffer.data)
            for member in run:
                first = places[member].offset - start
                found[member] = buffer[first : first + places[member].length]
            run = []
        if index is not None:
            run.append(index)
    for tensor in tensors:
        if tensor is not None:
            checked_dtype(tensor)
    return [found[index] for index in range(len(places))]


def _joins(places: Sequence[Extent], run: Sequence[int], index: int) -> bool:
    last, place = places[run[-1]], places[index]
    return place.path == last.path and place.offset - (last.offset + last.length) <= _GAP_BYTES
