"""Where snapshots stand among the steps of a log.

Snapshots tell steps, epochs, how often something was saved, or nothing; a recorded log counts
steps. What a snapshot tells is believed where it counts the same thing; else the time at which it
was written says where it belongs.
"""

import json
import math
import os
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING

import numpy as np
from numpy.typing import NDArray

from tb_snapshot_compare.snapshot import SnapshotRef, State
from tb_snapshot_compare.workspace.training_values import Axis, PlacedSnapshot, ScalarSeries

if TYPE_CHECKING:
    from tb_snapshot_compare.store.log_reader import Event, Log
    from tb_snapshot_compare.store.log_tables import Session

_LOSS = "loss"
_SAVES = "save_counter"
_FILE_NAME = "file name"
_WRONG_SHARE = 0.05
"""Of the log's steps: names that are further off, by the time of their files, count no steps."""
_CLOCK_SECONDS = 2.0
"""By so much a file's time may be behind the clock that tells when a session started."""
_LATE_SECONDS = 300.0
"""A snapshot is written after its step, in the background or over a network."""


@dataclass(frozen=True, slots=True)
class Clock:
    """When the steps of a log were: both ascending."""

    steps: NDArray[np.int64]
    times: NDArray[np.float64]

    def step_at(self, time: float) -> int | None:
        """The last step at a time; None before the first, and long after the last one."""
        if not self.steps.size or not self.times[0] <= time <= self.times[-1] + _LATE_SECONDS:
            return None
        return int(self.steps[np.searchsorted(self.times, time, side="right") - 1])


def clock_of(log: "Log") -> Clock:
    """The times of a log's steps, from its longest series and its events."""
    names = log.scalar_names()
    known = log.scalars([_LOSS] if _LOSS in names else names[:1]).values()
    events = [event for event in log.events() if math.isfinite(event.time)]
    steps = np.concatenate([*(each.steps for each in known), [event.step for event in events]])
    times = np.concatenate([*(each.times for each in known), [event.time for event in events]])
    fine = np.isfinite(times)
    order = np.lexsort((times[fine], steps[fine]))
    return Clock(steps[fine][order].astype(np.int64), np.maximum.accumulate(times[fine][order]))


def placed_in_log(
    refs: Sequence[SnapshotRef],
    events: Iterable["Event"],
    clock: Callable[[], Clock],
    sessions: Sequence["Session"] = (),
) -> tuple[PlacedSnapshot, ...]:
    """The snapshots that can be read, by step of a recorded log and time; others are left out.

    So are those that a training wrote at steps which a later session did again, as its rows are.

    In this order: what the log says of the snapshot, the step that its contents tell, the step in
    its name unless the times of most such files contradict, its epoch where others tell how many
    steps an epoch has, and the time at which it was written.

    Args:
      refs: the snapshots of all runs that the log is of.
      events: of the log.
      clock: when the log's steps were; asked for only where it matters.
      sessions: those with rows that count.
    """
    ready = [ref for ref in refs if ref.state is State.READY]
    steps = _told(ready, events)
    named: dict[str, int] = {}
    for ref in ready:
        step, source = ref.position.step, ref.position.step_source
        if ref.id not in steps and step is not None and source != _SAVES:
            (named if source == _FILE_NAME else steps)[ref.id] = step
    if named and _count_steps([(ref, named[ref.id]) for ref in ready if ref.id in named], clock()):
        steps |= named
    per_epoch = steps_per_epoch(ready, steps)
    for ref in ready:
        epoch = ref.position.epoch
        if ref.id not in steps and per_epoch is not None and epoch is not None:
            steps[ref.id] = epoch * per_epoch
    for ref in ready:
        if ref.id not in steps and (at := clock().step_at(ref.modified)) is not None:
            steps[ref.id] = at
    placed = [
        (steps[ref.id], ref.modified, ref.id)
        for ref in ready
        if ref.id in steps and not _is_replaced(steps[ref.id], ref.modified, sessions)
    ]
    return tuple(PlacedSnapshot(name, step) for step, _, name in sorted(placed))


def steps_per_epoch(refs: Iterable[SnapshotRef], steps: Mapping[str, int]) -> int | None:
    """How many steps an epoch has, where all snapshots that tell both agree."""
    found = set()
    for ref in refs:
        epoch, step = ref.position.epoch, steps.get(ref.id)
        if epoch and step is not None:
            if step % epoch:
                return None
            found.add(step // epoch)
    return found.pop() if len(found) == 1 else None


def on_axis(series: ScalarSeries, axis: Axis, per_epoch: int | None) -> ScalarSeries | None:
    """A series brought to what the steps of a log count; None where that cannot be.

    Args:
      series: by step or by epoch.
      axis: of the log.
      per_epoch: how many steps an epoch has, where known.
    """
    if axis == "save":
        return None
    if series.per_epoch == (axis == "epoch"):
        return series
    if per_epoch is None:
        return None
    factor = per_epoch if series.per_epoch else 1 / per_epoch
    return replace(series, x=tuple(value * factor for value in series.x))


def _is_replaced(step: int, written: float, sessions: Iterable["Session"]) -> bool:
    """Whether a session that started later did the step again."""
    latest = written + _CLOCK_SECONDS
    return any(step >= each.first_step and latest < each.started for each in sessions)


def _told(refs: Sequence[SnapshotRef], events: Iterable["Event"]) -> dict[str, int]:
    """Steps by id, from the events of snapshots that the recording wrote; the newest counts."""
    by_name = {
        os.path.basename(files.path.rstrip("/")): ref.id for ref in refs for files in ref.file_sets
    }
    found = {}
    for event in events:
        if event.kind == "snapshot" and (name := _file_of(event.detail)) in by_name:
            found[by_name[name]] = event.step
    return found


def _file_of(detail: str) -> str:
    """The name of the file that an event of a snapshot is about; empty where it tells none."""
    try:
        told = json.loads(detail)
    except ValueError:
        return ""
    path = told.get("file") or told.get("path") if isinstance(told, dict) else None
    return os.path.basename(path.rstrip("/")) if isinstance(path, str) else ""


def _count_steps(named: Sequence[tuple[SnapshotRef, int]], clock: Clock) -> bool:
    """Whether the numbers in names are steps, as far as the times of the files tell."""
    pairs = [(step, clock.step_at(ref.modified)) for ref, step in named]
    known = [(step, at) for step, at in pairs if at is not None]
    if not known:
        return True
    allowed = _WRONG_SHARE * (int(clock.steps[-1]) - int(clock.steps[0]) + 1)
    return 2 * sum(abs(step - at) > allowed for step, at in known) <= len(known)
