"""Snapshots from file sets: several formats of one step in one folder are one snapshot."""

import hashlib
import os
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import astuple, dataclass
from itertools import groupby

from tb_snapshot_compare.snapshot import Format, Position, SnapshotRef, State
from tb_snapshot_compare.sources.position import merged, position_of_name
from tb_snapshot_compare.sources.roots import Root
from tb_snapshot_compare.sources.walk import Found

_PREFERENCE = {kind: rank for rank, kind in enumerate(Format)}
_READABILITY = {State.READY: 0, State.BEING_WRITTEN: 1, State.BROKEN: 2}


@dataclass(frozen=True, slots=True)
class Judged:
    """A file set with what is known about it; `position` is that of its contents."""

    found: Found
    state: State
    reason: str | None
    position: Position


def snapshots(root: Root, judged: Iterable[Judged]) -> Iterator[SnapshotRef]:
    """Groups file sets of one root that lie in one directory and differ in format only.

    `epoch-10.keras`, `epoch-10.weights.h5` and the checkpoint `epoch-10` are one snapshot,
    named `epoch-10`, unless their contents tell that they were saved at different steps: then
    each step is a snapshot of its own, named after its file.
    """
    ordered = sorted(judged, key=_place)
    for (directory, key), members in groupby(
        ordered, key=lambda j: (j.found.directory, j.found.key)
    ):
        first, *others = _of_equal_step(list(members))
        yield _snapshot(root, directory, key, key, first)
        for group in others:
            file_set = group[0].found.file_set
            base = os.path.basename(file_set.path)
            name = f"{base}.index" if file_set.format is Format.TF_CHECKPOINT else base
            yield _snapshot(root, directory, name, f"{key}\0{file_set.format}", group)


def _place(judged: Judged) -> tuple[str, str, int]:
    found = judged.found
    return found.directory, found.key, _PREFERENCE[found.file_set.format]


def _of_equal_step(members: Sequence[Judged]) -> list[list[Judged]]:
    """Splits by the steps that contents tell; who tells none stays with the first."""
    groups: dict[int | None, list[Judged]] = {}
    first = next((m.position.step for m in members if m.position.step is not None), None)
    for member in members:
        step = first if member.position.step is None else member.position.step
        groups.setdefault(step, []).append(member)
    return list(groups.values())


def _snapshot(
    root: Root, directory: str, name: str, marker: str, members: Sequence[Judged]
) -> SnapshotRef:
    members = sorted(members, key=lambda m: _READABILITY[m.state])
    state, reason = _state(members)
    file_sets = tuple(member.found.file_set for member in members)
    stamps = sorted({stamp for m in members for stamp in m.found.stamps}, key=lambda s: s.path)
    return SnapshotRef(
        id=_token("\0".join((root.key, directory, marker))),
        run=root.run_name(directory),
        name=name,
        position=_position(members),
        modified=max(file_set.modified for file_set in file_sets),
        size=sum(file_set.size for file_set in file_sets),
        file_sets=file_sets,
        generation=_token(repr([astuple(stamp) for stamp in stamps])),
        state=state,
        reason=reason,
        stamps=tuple(stamps),
    )


def _state(members: Sequence[Judged]) -> tuple[State, str | None]:
    """A snapshot waits for all its writers; then one good format is enough to read it."""
    writing = [m for m in members if m.state is State.BEING_WRITTEN]
    if writing:
        return State.BEING_WRITTEN, writing[0].reason
    broken = all(m.state is State.BROKEN for m in members)
    reason = " ".join(m.reason for m in members if m.reason) or None
    return (State.BROKEN if broken else State.READY), reason


def _position(members: Sequence[Judged]) -> Position:
    step = next((m.position for m in members if m.position.step is not None), Position())
    epoch = next((m.position for m in members if m.position.epoch is not None), Position())
    of_contents = Position(step.step, step.step_source, epoch.epoch, epoch.epoch_source)
    return merged(position_of_name(members[0].found.key), of_contents)


def _token(text: str) -> str:
    """12 hex digits: safe in a URL, and equal texts give equal tokens in every session."""
    return hashlib.blake2b(text.encode(), digest_size=6).hexdigest()
