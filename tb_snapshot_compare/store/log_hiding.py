"""Which rows of a log count, where segments were merged, training was resumed, or several wrote.

Pure: of what segments and sessions say, not of their rows. The rules, for each table:

1. A segment that another one of the same session and table replaces, of a greater number, is left
   out: it was merged into that one.
2. What a session has of a step was written when the newest of its segments with that step was.
3. A session with a first step that writes the table hides what others have of that step and later
   ones, unless it was written after that session started.
4. Of the sessions that still have a step, that which wrote it last counts, with all its rows of it;
   of those at the same time, the one with the greatest id.

Merging changes nothing: rule 2 is the same for merged segments.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from tb_snapshot_compare.store.log_segments import Segment, Steps, steps_of
from tb_snapshot_compare.store.log_tables import Session


@dataclass(frozen=True, slots=True, eq=False)
class Part:
    """A segment, and the steps of it that count, ascending; None for all."""

    segment: Segment
    steps: Steps | None = None


def unreplaced(segments: Sequence[Segment]) -> list[Segment]:
    """The segments of one table whose rows are in no other one."""
    replacing = {
        (segment.session, name): segment.name.number
        for segment in sorted(segments, key=lambda segment: segment.name.number)
        for name in segment.replaces
    }
    return [
        segment
        for segment in segments
        if replacing.get((segment.session, segment.text), -1) <= segment.name.number
    ]


def counting(segments: Sequence[Segment], sessions: Mapping[str, Session]) -> tuple[Part, ...]:
    """What counts of the segments of one table, by session and by when its newest row was written.

    So of what one session wrote twice the later row comes last, also where the first was merged
    since, into a segment of a greater number.

    Args:
      segments: All sound ones.
      sessions: By id; one that is not known hides nothing.
    """
    kept = sorted(unreplaced(segments), key=_written)
    ids = sorted({segment.session for segment in kept})
    if len(ids) < 2:
        return tuple(Part(segment) for segment in kept)
    counts = [int(segment.runs["count"].sum()) for segment in kept]
    of_segment = np.repeat(np.arange(len(kept)), counts)
    of_session = np.array([ids.index(segment.session) for segment in kept])[of_segment]
    steps = np.concatenate([steps_of(segment.runs) for segment in kept])
    created = np.concatenate(
        [np.repeat(segment.runs["created"], segment.runs["count"]) for segment in kept]
    )
    rows = _counting_rows(steps, created, of_session, [sessions.get(each) for each in ids])
    return tuple(_parts(kept, steps, of_segment, rows))


def _written(segment: Segment) -> tuple[str, float, int, int]:
    newest = float(segment.runs["created"].max(initial=0.0))
    return segment.session, newest, -segment.level, segment.name.number


def _counting_rows(
    steps: Steps,
    created: npt.NDArray[np.float64],
    of_session: npt.NDArray[np.intp],
    sessions: Sequence[Session | None],
) -> npt.NDArray[np.bool_]:
    """Which (segment, step) count."""
    order = np.lexsort((created, of_session, steps))
    ends = np.ones(len(order), bool)
    ends[:-1] = (np.diff(steps[order]) != 0) | (np.diff(of_session[order]) != 0)
    newest = order[ends]  # of each step and session, in this order
    hidden = np.zeros(len(newest), bool)
    for number, session in enumerate(sessions):
        if session is not None:
            hidden |= (
                (of_session[newest] != number)
                & (steps[newest] >= session.first_step)
                & (created[newest] < session.started)
            )
    left = newest[~hidden]
    left = left[np.lexsort((of_session[left], created[left], steps[left]))]
    last = np.ones(len(left), bool)
    last[:-1] = np.diff(steps[left]) != 0
    winners = left[last]
    place = np.searchsorted(steps[winners], steps)
    found = place < len(winners)
    place[~found] = 0
    if not len(winners):
        return found
    found &= (steps[winners][place] == steps) & (of_session[winners][place] == of_session)
    return found


def _parts(
    segments: Sequence[Segment],
    steps: Steps,
    of_segment: npt.NDArray[np.intp],
    rows: npt.NDArray[np.bool_],
) -> list[Part]:
    bounds = np.searchsorted(of_segment, np.arange(len(segments) + 1))
    parts = []
    for number, segment in enumerate(segments):
        mine = slice(bounds[number], bounds[number + 1])
        counted = rows[mine]
        if counted.all():
            parts.append(Part(segment))
        elif counted.any():
            parts.append(Part(segment, np.unique(steps[mine][counted])))
    return parts
