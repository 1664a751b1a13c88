"""Which pairs of snapshots a derived log still lacks, and what in it is of a training that is over.

A dump is the content of a snapshot, and what changed since the one before it. Dumps of snapshots
that were deleted stay: they were there. Only where newer files stand at earlier or the same steps
has the training begun anew, and what the log has from there on is dropped.
"""

from collections import Counter
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass

from tb_snapshot_compare.snapshot import SnapshotRef, State
from tb_snapshot_compare.workspace.training_positions import steps_per_epoch
from tb_snapshot_compare.workspace.training_values import Axis

_SAVES = "save_counter"
Content = tuple[str, str]
"""Id and generation of a snapshot."""


@dataclass(frozen=True, slots=True)
class KnownDump:
    """A dump in the log. `previous` is what its changes are since, None where it was the first."""

    step: int
    content: Content
    modified: float
    previous: Content | None


@dataclass(frozen=True, slots=True)
class Dump:
    """A snapshot that can be read, at its step."""

    step: int
    ref: SnapshotRef

    @property
    def content(self) -> Content:
        """Which bytes it is of."""
        return self.ref.id, self.ref.generation


@dataclass(frozen=True, slots=True)
class Task:
    """A dump that is to be computed, and the one before it if that can be read."""

    dump: Dump
    before: Dump | None


@dataclass(frozen=True, slots=True)
class DerivedPlan:
    """What there is and what is missing, newest first; `total` are pairs, all in all.

    `restart` is the step from which on the log's dumps no longer count, None where all do.
    `unplaced` are the names of snapshots that tell nothing of when they were.
    """

    axis: Axis
    dumps: tuple[Dump, ...]
    missing: tuple[Task, ...]
    total: int
    restart: int | None
    unplaced: tuple[str, ...]


def plan(refs: Sequence[SnapshotRef], known: Mapping[int, KnownDump]) -> DerivedPlan:
    """Compares the snapshots of a run with the dumps of its log.

    Args:
      refs: the run's snapshots, in training order.
      known: the log's dumps by step.
    """
    ready = [ref for ref in refs if ref.state is State.READY]
    axis, steps = _positions(ready, known)
    dumps = _distinct([Dump(steps[ref.id], ref) for ref in ready if ref.id in steps], known)
    restart = _restart(dumps, known)
    kept = [each for each in known.values() if restart is None or each.step < restart]
    listed = {dump.step for dump in dumps}
    order: list[Dump | KnownDump] = [*dumps, *(each for each in kept if each.step not in listed)]
    order.sort(key=lambda each: each.step)
    counted = {each.step: each for each in kept}
    missing = [
        Task(dump, before if isinstance(before, Dump) else None)
        for before, dump in zip([None, *order], order, strict=False)
        if isinstance(dump, Dump) and not _is_known(dump, before, counted.get(dump.step))
    ]
    return DerivedPlan(
        axis=axis,
        dumps=tuple(dumps),
        missing=tuple(reversed(missing)),
        total=max(len(order) - 1, 0),
        restart=restart,
        unplaced=tuple(ref.name for ref in ready if ref.id not in steps),
    )


def _is_known(dump: Dump, before: Dump | KnownDump | None, known: KnownDump | None) -> bool:
    if known is None or known.content != dump.content:
        return False
    return not isinstance(before, Dump) or known.previous == before.content


def _restart(dumps: Sequence[Dump], known: Mapping[int, KnownDump]) -> int | None:
    """The first step of a dump that contradicts the snapshots there are."""
    present = {dump.content for dump in dumps}
    later = {
        one.step: other.modified
        for one, other in zip(*(_ascending(known), _ascending(known)[1:]), strict=False)
    }
    over = [
        each.step
        for each in known.values()
        if each.content not in present
        and any(_contradicts(dump, each, later.get(each.step)) for dump in dumps)
    ]
    moved = [
        each.step
        for each in known.values()
        if any(dump.content == each.content and dump.step != each.step for dump in dumps)
    ]
    return min((*over, *moved), default=None)


def _contradicts(dump: Dump, known: KnownDump, next_modified: float | None) -> bool:
    """Whether a snapshot that is there cannot be of the same training as one that is gone."""
    if dump.step < known.step:
        return dump.ref.modified > known.modified
    if dump.step > known.step:
        return False
    replaced = dump.ref.id == known.content[0]
    return replaced or (next_modified is not None and dump.ref.modified > next_modified)


def _ascending(known: Mapping[int, KnownDump]) -> list[KnownDump]:
    return [known[step] for step in sorted(known)]


def _distinct(dumps: Iterable[Dump], known: Mapping[int, KnownDump]) -> list[Dump]:
    """One dump for each step, that of the log where it is among them; ascending."""
    chosen: dict[int, Dump] = {}
    for dump in dumps:
        other = chosen.get(dump.step)
        in_log = dump.step in known and known[dump.step].content == dump.content
        if other is None or in_log:
            chosen[dump.step] = dump
    return [chosen[step] for step in sorted(chosen)]


def _positions(
    refs: Sequence[SnapshotRef], known: Mapping[int, KnownDump]
) -> tuple[Axis, dict[str, int]]:
    """What most snapshots tell: steps rather than epochs, epochs rather than how many saves."""
    steps = _steps(refs)
    epochs = {ref.id: epoch for ref in refs if (epoch := ref.position.epoch) is not None}
    per_epoch = steps_per_epoch(refs, steps)
    if per_epoch is not None:
        steps = {each: epoch * per_epoch for each, epoch in epochs.items()} | steps
    if steps and len(steps) >= len(epochs):
        return "step", steps
    if epochs:
        return "epoch", epochs
    return "save", _saves(refs, known)


def _steps(refs: Sequence[SnapshotRef]) -> dict[str, int]:
    """Steps by id, of the source that most snapshots have."""
    sources = Counter(
        ref.position.step_source
        for ref in refs
        if ref.position.step is not None and ref.position.step_source != _SAVES
    )
    if not sources:
        return {}
    source = max(sources, key=lambda each: (sources[each], each or ""))
    return {
        ref.id: ref.position.step
        for ref in refs
        if ref.position.step is not None and ref.position.step_source == source
    }


def _saves(refs: Sequence[SnapshotRef], known: Mapping[int, KnownDump]) -> dict[str, int]:
    """How many saves there were, told or counted; contents that the log has stay where they are."""
    counters = {ref.id: ref.position.step for ref in refs if ref.position.step is not None}
    if len(counters) == len(refs):
        return {each: step for each, step in counters.items() if step is not None}
    places = {each.content: each.step for each in known.values()}
    found: dict[str, int] = {}
    last = 0
    for ref in refs:
        step = places.get((ref.id, ref.generation), last + 1)
        if step <= last:
            return {ref.id: number for number, ref in enumerate(refs, 1)}
        found[ref.id] = last = step
    return found
