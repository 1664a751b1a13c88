"""What there is of a log: its steps, units, classes, sessions and events, without their numbers."""

import math
from typing import TYPE_CHECKING, Literal

import numpy as np

from tb_snapshot_compare.limits import TRAINING_EVENTS_MAX
from tb_snapshot_compare.workspace.finding_words import counted
from tb_snapshot_compare.workspace.training_classes import pictures_of
from tb_snapshot_compare.workspace.training_states import class_names
from tb_snapshot_compare.workspace.training_values import (
    Axis,
    LogEvent,
    PlacedSnapshot,
    RateStage,
    State,
    TrainingOverview,
    TrainingSession,
    TrainingUnit,
)

if TYPE_CHECKING:
    from tb_snapshot_compare.store.log_reader import Log

_GRADIENT_PREFIX = "g_"
_PROBLEMS_MAX = 20
_TEXT_MAX = 2_000
"""Characters of an event that are told: our own have some hundred."""
NOTHING = (
    "There is nothing to show of this run's training: it did not record itself (SnapshotCallback) "
    "and has fewer than two snapshots that can be read."
)


def overview_of(
    run: str,
    log: "Log",
    *,
    origin: Literal["recorded", "derived", "none"],
    axis: Axis,
    done: int,
    total: int,
    state: State,
    snapshots: tuple[PlacedSnapshot, ...],
    rates: tuple[RateStage, ...],
    problems: tuple[str, ...] = (),
) -> TrainingOverview:
    """All that the page knows of a run before it asks for numbers.

    Args:
      run: its name.
      log: as it is now.
      origin: who computed the numbers.
      axis: what the log's steps count.
      done: pairs of snapshots that are known, of a derived log.
      total: of how many.
      state: whether more is being computed.
      snapshots: by step.
      rates: the stages of the learning rate.
      problems: what is wrong besides what the log says.
    """
    from tb_snapshot_compare.store.log_tables import BAND_EDGES

    dumps, passes = log.steps("layers"), log.steps("images")
    kinds, probe = _kinds(log), log.probe
    return TrainingOverview(
        run=run,
        version=log.version,
        origin=origin,
        note=_note(log, origin, len(dumps), len(passes)),
        state=state,
        done=done,
        total=total,
        axis=axis,
        dumps=tuple(dumps.tolist()),
        passes=tuple(passes.tolist()),
        units=_units(log),
        kinds=kinds,
        measures=_measures(log, kinds),
        band_edges=BAND_EDGES,
        classes=() if probe is None else class_names(probe),
        probe_images=0 if probe is None or not passes.size else len(probe.images),
        labelled=probe is not None and any(label >= 0 for label in probe.labels),
        pictures=pictures_of(log),
        sessions=tuple(
            TrainingSession(session.id, session.started, session.first_step, session.writer)
            for session in sorted(log.sessions, key=lambda session: session.started)
        ),
        snapshots=snapshots,
        rates=rates,
        events=_events(log),
        problems=(*problems, *_problems(log)),
    )


def _units(log: "Log") -> tuple[TrainingUnit, ...]:
    parents = {unit.parent for unit in log.units}
    return tuple(
        TrainingUnit(
            unit.path,
            unit.parent,
            unit.kind,
            unit.path not in parents,
            unit.filters,
            unit.parameters,
        )
        for unit in log.units
    )


def _kinds(log: "Log") -> tuple[str, ...]:
    """What the newest dump has of the whole model, or the first after which there are changes."""
    from tb_snapshot_compare.store.log_tables import KINDS

    whole = [unit.path for unit in log.units if unit.parent is None]
    dumps = log.steps("layers")
    looked_at = {*dumps[1:2].tolist(), *dumps[-1:].tolist()}
    return tuple(
        kind
        for kind in KINDS
        if any(
            np.isfinite(log.layer_statistic(kind, "count", whole, step, step)).any()
            for step in looked_at
        )
    )


def _measures(log: "Log", kinds: tuple[str, ...]) -> tuple[str, ...]:
    """Those of changes, and those of gradients where these were recorded."""
    from tb_snapshot_compare.store.log_tables import MEASURES

    if not log.steps("filters").size:
        return ()
    return tuple(
        name for name in MEASURES if "gradient" in kinds or not name.startswith(_GRADIENT_PREFIX)
    )


def _events(log: "Log") -> tuple[LogEvent, ...]:
    """The newest ones; without those of a kind that only a later version may know."""
    from tb_snapshot_compare.store.log_tables import EVENT_KINDS

    return tuple(
        LogEvent(event.step, event.time if math.isfinite(event.time) else 0.0, event.kind, text)
        for event in log.events()[-TRAINING_EVENTS_MAX:]
        if event.kind in EVENT_KINDS
        for text in (event.text[:_TEXT_MAX],)
    )


def _problems(log: "Log") -> list[str]:
    found = [f"{problem.name}: {problem.reason}" for problem in log.problems[:_PROBLEMS_MAX]]
    left = len(log.problems) - len(found)
    return [*found, f"{left:,} more files of the log were left out."] if left > 0 else found


def _note(log: "Log", origin: str, dumps: int, passes: int) -> str:
    if origin == "none":
        return NOTHING
    if origin == "derived":
        return (
            f"Computed from {counted(dumps, 'snapshot', 'snapshots')}: a change is that from one "
            "to the next. Gradients, images and the steps between are known where a training "
            "records itself (SnapshotCallback)."
        )
    writers = dict.fromkeys(session.writer for session in log.sessions)
    every = {session.every for session in log.sessions}
    interval = every.pop() if len(every) == 1 else None
    steps = "step" if interval == 1 else f"{interval:,} steps"
    rhythm = "" if interval is None else f", every {steps}"
    return (
        f"Recorded by the training itself ({', '.join(writers) or 'unknown'}): "
        f"{counted(dumps, 'time', 'times')} its weights{rhythm}, "
        f"{counted(passes, 'validation pass', 'validation passes')}."
    )
