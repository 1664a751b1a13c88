"""Tensors that did not change are recognised, and what they were found to hold is remembered."""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass, replace
from hashlib import blake2b

import msgspec
import numpy as np

from tb_snapshot_compare import __version__
from tb_snapshot_compare.analysis import FilterAxis, OwnSums, own_sums
from tb_snapshot_compare.readers import DerivedPath, SpoolPath, stored_identity
from tb_snapshot_compare.snapshot import Generation, TensorInfo
from tb_snapshot_compare.store import ContentStore
from tb_snapshot_compare.workspace.tensor_jobs import Job, Measured

_SCHEMA = "contents 3"
_KEPT_KEYS_MAX = 100_000
_ENTRY_MAX_BYTES = 4 * 1024 * 1024


class _Entry(msgspec.Struct, array_like=True, frozen=True):
    """`OwnSums`: `counts` int64 `[4, 1 + filters]`, of the whole first; none if all is finite.

    For then they follow from the shape.
    """

    counts: bytes
    squares: tuple[float, float, float]


@dataclass(frozen=True, slots=True)
class Recognised:
    """What is to be measured, and what need not be, by index among the jobs asked for.

    `names` are the identities of the contents of a and b, as far as they are known.
    """

    jobs: tuple[tuple[int, Job], ...]
    known: dict[int, OwnSums]
    names: tuple[tuple[str | None, str | None], ...]


class Contents:
    """Knows contents by their identities: checksums that files state, digests of what was read.

    Two tensors of one dtype and shape and of one identity are the same bytes. Then only one is
    read, and none where its sums have been seen. Safe to share among threads.
    """

    def __init__(self, store: ContentStore | None = None) -> None:
        """Remembers in `store`; without one, only what files state is known."""
        self._store = store if store is not None and store.keeps else None
        self._kept: set[bytes] = set()
        """Keys under which sums were kept lately: the next pair has one of the same snapshots."""

    def recognise(self, jobs: Sequence[Job], a: Generation, b: Generation) -> Recognised:
        """Finds what is not to be read.

        Args:
          jobs: Pairs that are compared.
          a: The generation of the first snapshot.
          b: Of the second.
        """
        of_a = self._identities([job.pair.a for job in jobs], a)
        of_b = self._identities([job.pair.b for job in jobs], b)
        names = tuple(zip(of_a, of_b, strict=True))
        same = {
            index: _content_key(name_a, job.pair.a, job.axis)
            for index, (job, (name_a, name_b)) in enumerate(zip(jobs, names, strict=True))
            if name_a is not None and name_a == name_b and _alike(job) and job.pair.count
        }
        found = self._store.get(list(same.values())) if self._store and same else {}
        known = {
            index: sums
            for index, key in same.items()
            if key in found and (sums := _decoded(found[key], jobs[index])) is not None
        }
        left = tuple(
            (index, self._planned(job, names[index], index in same))
            for index, job in enumerate(jobs)
            if index not in known
        )
        return Recognised(left, known, names)

    def _planned(self, job: Job, names: tuple[str | None, str | None], unchanged: bool) -> Job:
        digest_a, digest_b = (
            self._store is not None and name is None and _is_lasting(side)
            for name, side in zip(names, (job.pair.a, job.pair.b), strict=True)
        )
        return replace(job, unchanged=unchanged, digest_a=digest_a, digest_b=digest_b)

    def keeper(self, recognised: Recognised) -> "Keeper":
        """Takes what is measured of the jobs of `recognised`."""
        if len(self._kept) > _KEPT_KEYS_MAX:
            self._kept = set()
        return Keeper(recognised, self._kept if self._store is not None else None)

    def keep(self, keeper: "Keeper", a: Generation, b: Generation) -> None:
        """Remembers what a keeper has taken, once the generations are known to be still there."""
        if self._store is None:
            return
        self._kept |= keeper.entries.keys()
        for generation, new in zip((a, b), keeper.digests, strict=True):
            if new:
                kept = self._digests(generation) | new
                keeper.entries[_generation_key(generation)] = msgspec.msgpack.encode(kept)
        self._store.put(
            {key: entry for key, entry in keeper.entries.items() if len(entry) <= _ENTRY_MAX_BYTES}
        )

    def _identities(
        self, tensors: Sequence[TensorInfo | None], generation: Generation
    ) -> list[str | None]:
        """What is known of each tensor's content."""
        stated = [None if tensor is None else stored_identity(tensor) for tensor in tensors]
        if self._store is None or None not in stated:
            return stated
        digests = self._digests(generation)
        if not digests:
            return stated
        return [
            name or (digests.get(_reference(tensor)) if tensor and _is_lasting(tensor) else None)
            for name, tensor in zip(stated, tensors, strict=True)
        ]

    def _digests(self, generation: Generation) -> dict[bytes, str]:
        """The digests of a generation's tensors, by `_reference`."""
        assert self._store is not None
        key = _generation_key(generation)
        try:
            return msgspec.msgpack.decode(
                self._store.get([key]).get(key, b"\x80"), type=dict[bytes, str]
            )
        except msgspec.MsgspecError:
            return {}


class Keeper:
    """Collects what is to be remembered of a comparison, in little memory. For one thread."""

    def __init__(self, recognised: Recognised, kept: set[bytes] | None) -> None:
        """Takes what was asked for, and the keys that are there already; None to take nothing."""
        self._recognised, self._kept = recognised, kept
        self.entries: dict[bytes, bytes] = {}
        self.digests: tuple[dict[bytes, str], dict[bytes, str]] = ({}, {})

    def add(self, place: int, found: Measured) -> None:
        """Takes what was measured of the job at a place among those that were left."""
        if self._kept is None or found.sums is None:
            return
        index, job = self._recognised.jobs[place]
        made = (found.identity_a, found.identity_b)
        for which, tensor in enumerate((job.pair.a, job.pair.b)):
            assert tensor is not None
            new = made[which]
            name = new or self._recognised.names[index][which]
            if new is not None:
                self.digests[which][_reference(tensor)] = new
            if name is None or not (_alike(job) and _is_checked(tensor, job)):
                continue
            key = _content_key(name, tensor, job.axis)
            if key in self.entries or (key in self._kept and not job.unchanged):
                continue
            own = own_sums(found.sums, "ab"[which])
            if own is not None:
                self.entries[key] = _encoded(own)


def _alike(job: Job) -> bool:
    """Whether the values of both sides are stored in one form, so that equal bytes are equal."""
    a, b = job.pair.a, job.pair.b
    if a is None or b is None:
        return False
    return (a.dtype, a.byteorder, a.shape) == (b.dtype, b.byteorder, b.shape)


def _is_checked(tensor: TensorInfo, job: Job) -> bool:
    """Whether what was read has been compared with what the file states of it."""
    return job.unchanged or tensor.unread_crc32 is None


def _is_lasting(tensor: TensorInfo | None) -> bool:
    """Whether the extents say the same of the same generation at any time."""
    return tensor is not None and not any(
        isinstance(extent.path, DerivedPath) for extent in tensor.extents
    )


def _reference(tensor: TensorInfo) -> bytes:
    """Names a tensor of a generation: what it is called, where its bytes lie, what they are."""
    places = [
        (extent.path.of if isinstance(extent.path, SpoolPath) else extent.path, extent.offset)
        for extent in tensor.extents
    ]
    lengths = [extent.length for extent in tensor.extents]
    what = (tensor.name, tensor.key, tensor.dtype, tensor.shape, tensor.byteorder)
    return blake2b(repr((what, places, lengths)).encode(), digest_size=12).digest()


def _generation_key(generation: Generation) -> bytes:
    return _key("digests", repr(generation))


def _content_key(name: str | None, tensor: TensorInfo | None, axis: FilterAxis | None) -> bytes:
    assert tensor is not None
    filters = "" if axis is None else f"{axis.count} {axis.stride}"
    return _key("sums", f"{name} {tensor.dtype} {tensor.byteorder} {tensor.shape} {filters}")


def _key(kind: str, what: str) -> bytes:
    return blake2b(f"{_SCHEMA}\0{__version__}\0{kind}\0{what}".encode(), digest_size=16).digest()


def _encoded(own: OwnSums) -> bytes:
    counts = b""
    if not own.is_finite:
        counts = np.column_stack((own.whole, own.filters)).astype("<i8").tobytes()
    middle, small, big = own.squares.tolist()
    return msgspec.msgpack.encode(_Entry(counts, (middle, small, big)))


def _decoded(payload: bytes, job: Job) -> OwnSums | None:
    """The sums of a tensor of the job's shape and filters; None for another version's entry."""
    filters = 0 if job.axis is None else job.axis.count
    try:
        entry = msgspec.msgpack.decode(payload, type=_Entry)
        squares = np.array(entry.squares)
        if not entry.counts:
            return OwnSums.of_finite(job.pair.count, filters, squares)
        counts = np.frombuffer(entry.counts, "<i8").reshape(4, filters + 1)
    except (msgspec.MsgspecError, ValueError):
        return None
    return OwnSums(counts[:, 0], squares, counts[:, 1:])


def all_jobs(jobs: Iterable[Job]) -> Recognised:
    """Everything is measured, and nothing believed."""
    every = tuple(enumerate(jobs))
    return Recognised(every, {}, tuple((None, None) for _ in every))
