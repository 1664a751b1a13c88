"""The order of a run's snapshots in training."""

import re
from bisect import bisect_right
from collections import Counter
from collections.abc import Sequence
from itertools import accumulate

from tb_snapshot_compare.snapshot import SnapshotRef

_Axis = tuple[str, str]


def in_training_order(snapshots: Sequence[SnapshotRef]) -> tuple[SnapshotRef, ...]:
    """Orders by the figure that most of the snapshots have, steps rather than epochs.

    Figures of different sources count different things (saves, optimizer steps), so only one
    source is compared. A snapshot without that figure comes after the last of the others that
    is not newer than it. With no figures at all the time of modification decides, and names
    in natural order (`w9` before `w10`) between equal times.
    """
    axis = _axis(snapshots)
    placed = sorted(
        (s for s in snapshots if _figure(s, axis) is not None),
        key=lambda s: (_figure(s, axis) or 0, s.modified, natural(s.name), s.id),
    )
    others = sorted(
        (s for s in snapshots if _figure(s, axis) is None),
        key=lambda s: (s.modified, natural(s.name), s.id),
    )
    return _interleaved(placed, others)


def natural(name: str) -> tuple[tuple[int, int, str], ...]:
    """A sort key that takes digits as numbers."""
    parts = re.split(r"(\d+)", name)
    return tuple((1, int(p), p) if p.isdecimal() and p.isascii() else (0, 0, p) for p in parts)


def _axis(snapshots: Sequence[SnapshotRef]) -> _Axis | None:
    counts: Counter[_Axis] = Counter()
    for snapshot in snapshots:
        position = snapshot.position
        if position.step is not None:
            counts["step", position.step_source or ""] += 1
        if position.epoch is not None:
            counts["epoch", position.epoch_source or ""] += 1
    return max(counts, key=lambda axis: (counts[axis], axis)) if counts else None


def _figure(snapshot: SnapshotRef, axis: _Axis | None) -> int | None:
    position = snapshot.position
    if axis == ("step", position.step_source or ""):
        return position.step
    if axis == ("epoch", position.epoch_source or ""):
        return position.epoch
    return None


def _interleaved(
    placed: Sequence[SnapshotRef], others: Sequence[SnapshotRef]
) -> tuple[SnapshotRef, ...]:
    """Merges `others`, by time, into `placed` without changing the order of either."""
    earliest_from_here = list(accumulate((s.modified for s in reversed(placed)), min))[::-1]
    following: list[list[SnapshotRef]] = [[] for _ in range(len(placed) + 1)]
    for other in others:
        following[bisect_right(earliest_from_here, other.modified)].append(other)
    result = list(following[0])
    for snapshot, later in zip(placed, following[1:], strict=True):
        result.append(snapshot)
        result.extend(later)
    return tuple(result)
