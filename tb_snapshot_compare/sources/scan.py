"""One scan after another of the same roots: walk, judge, group."""

import dataclasses
import logging
import math
import time
from collections.abc import Callable, Container, Iterator, Sequence
from dataclasses import dataclass

from tb_snapshot_compare.limits import (
    SCAN_MAX_DEPTH,
    SCAN_MAX_ENTRIES,
    SETTLE_SECONDS,
)
from tb_snapshot_compare.snapshot import FileSet, Position, State
from tb_snapshot_compare.sources.glancing import Glances, listed_again
from tb_snapshot_compare.sources.grouping import Judged, snapshots
from tb_snapshot_compare.sources.probe import Prober, Probes
from tb_snapshot_compare.sources.remote_walk import RemoteRoots
from tb_snapshot_compare.sources.roots import Root
from tb_snapshot_compare.sources.runs import RunSources, runs_of
from tb_snapshot_compare.sources.settling import Looks
from tb_snapshot_compare.sources.walk import Found, Walked, walk
from tb_snapshot_compare.storage import is_remote

_ABANDONED_SECONDS = 120.0
"""An unfinished file that nobody has touched for so long was left by a writer that died."""
_REMOTE_PATIENCE_SECONDS = 1.5
"""What a store has not listed by then is shown when it has."""
_NEARBY_ENTRIES = 10_000
"""Files and directories of a root that are looked through in about 0.1 s."""
_CLOCK_SECONDS = 0.05
"""The clocks that stamp files tick more coarsely than ours."""

_logger = logging.getLogger(__name__)


@dataclass(frozen=True, slots=True)
class Scan:
    """What one scan saw; `roots` carry the problems that it met."""

    roots: tuple[Root, ...]
    runs: tuple[RunSources, ...]


@dataclass(frozen=True, slots=True)
class Bounds:
    """How far a scan goes, per root."""

    max_depth: int = SCAN_MAX_DEPTH
    max_entries: int = SCAN_MAX_ENTRIES
    settle_seconds: float = SETTLE_SECONDS
    remote_patience: float = _REMOTE_PATIENCE_SECONDS


class Scanner:
    """Scans the same roots again and again, and remembers what makes the next scan cheap.

    A round is `look`, then `examine` until it returns False, then `result`; `result` may be
    taken before everything is examined. Belongs to one thread.

    Args:
      roots: from `parse_roots`.
      probe: reads a file set's contents for its position and state; None for names only.
      bounds: how far to go.
      clock: seconds since the epoch.
    """

    def __init__(
        self,
        roots: Sequence[Root],
        probe: Prober | None = None,
        *,
        bounds: Bounds | None = None,
        clock: Callable[[], float] = time.time,
    ) -> None:
        self._bounds = bounds or Bounds()
        self._clock = clock
        self._looks = Looks(self._bounds.settle_seconds)
        self._probes = Probes(probe)
        self._walked: list[tuple[Root, Walked]] = [(root, Walked((), (), None)) for root in roots]
        self._remote = RemoteRoots(
            self._bounds.max_depth, self._bounds.max_entries, self._bounds.remote_patience
        )
        self._to_examine: list[Found] = []
        self._glances = Glances()
        self._last: tuple[list[tuple[Root, Walked, list[Judged]]], Scan] | None = None

    def look(self) -> None:
        """Walks all roots; never raises."""
        self._walked = [
            (root, self._walk(root, self._bounds.max_entries)) for root, _ in self._walked
        ]
        self._take_in()

    def look_nearby(self) -> bool:
        """Walks what is nearest in all roots, in a moment; False where that is not all of them.

        Does nothing where a root is remote: every look there costs requests.
        """
        if any(is_remote(root.path) for root, _ in self._walked):
            return False
        most = min(_NEARBY_ENTRIES, self._bounds.max_entries)
        walked = [(root, self._walk(root, most)) for root, _ in self._walked]
        complete = all(found.problem is None for _, found in walked)
        self._walked = [(root, dataclasses.replace(found, problem=None)) for root, found in walked]
        self._take_in()
        return complete

    def glance(self) -> bool:
        """Lists again where something has changed of what changes most; False if that is not all.

        Costs a few calls of `stat` as long as nothing has changed.
        """
        glance = self._glances.look()
        unseen = {each.file_set for each in self._unseen()}
        complete = not glance.beyond and not unseen
        for place in glance.places:
            root, walked = self._walked[place.root]
            again = listed_again(root, walked, place.directory)
            complete = complete and again != walked
            self._walked[place.root] = (root, again)
        if glance.places or self.being_written:
            self._take_in(unseen)
            self.choose_places()
        return complete

    def choose_places(self) -> None:
        """Chooses what the next glance is at; after each `look`, where there will be glances."""
        self._glances.note(self._walked, self._unsettled())

    def _unseen(self) -> Iterator[Found]:
        """What is unsettled where no glance is."""
        for number, (_, walked) in enumerate(self._walked):
            young = (found for found in walked.found if not self._looks.settled(found))
            yield from self._glances.unseen(number, young)

    def _take_in(self, unseen: Container[FileSet] = ()) -> None:
        found = list(self._found())
        self._looks.update(found, self._clock(), unseen)
        self._probes.forget_all_but(found)
        self._to_examine = sorted(
            (
                each
                for each in found
                if self._looks.settled(each)
                and (each.problem is None or each.doubtful)
                and self._probes.wants(each)
            ),
            key=lambda each: each.file_set.modified,
        )

    def examine(self) -> bool:
        """Probes the newest file set that wants it; False when there is none left."""
        if not self._to_examine:
            return False
        self._probes.ask(self._to_examine.pop())
        return True

    @property
    def to_examine(self) -> int:
        """How many file sets want to be probed."""
        return len(self._to_examine)

    @property
    def unsettled(self) -> bool:
        """Whether a file must be looked at again before it counts as complete."""
        return any(True for _ in self._unsettled())

    @property
    def being_written(self) -> bool:
        """Whether a file is unsettled, or its content says that it is not complete yet."""
        return self.unsettled or any(
            probe is not None and probe.state is State.BEING_WRITTEN
            for probe in map(self._probes.of, self._found())
        )

    def result(self) -> Scan:
        """What the last look saw, as far as it is examined; the same object if all is as before."""
        judged = [(root, walked, self._judged(walked)) for root, walked in self._walked]
        if self._last is not None and self._last[0] == judged:
            return self._last[1]
        refs = [ref for root, _, members in judged for ref in snapshots(root, members)]
        scan = Scan(
            roots=tuple(
                dataclasses.replace(root, problem=walked.problem) for root, walked, _ in judged
            ),
            runs=runs_of(self._walked, refs),
        )
        self._last = (judged, scan)
        return scan

    def _walk(self, root: Root, max_entries: int) -> Walked:
        try:
            if is_remote(root.path):
                return self._remote.walk(root)
            return walk(root, max_depth=self._bounds.max_depth, max_entries=max_entries)
        except Exception as error:  # a fault met in one root must not hide the others
            _logger.exception("Scanning %s failed", root.path_as_given)
            return Walked(
                (), (), f"The scan failed ({type(error).__name__}): see TensorBoard's log."
            )

    def _found(self) -> Iterator[Found]:
        for _, walked in self._walked:
            yield from walked.found

    def _unsettled(self) -> Iterator[Found]:
        return (found for found in self._found() if not self._looks.settled(found))

    def _judged(self, walked: Walked) -> list[Judged]:
        now = self._clock()
        return [self._judge(found, now) for found in walked.found if self._is_listed(found)]

    def _is_listed(self, found: Found) -> bool:
        """A doubtful file waits until its content was looked at."""
        if not found.doubtful:
            return True
        probe = self._probes.of(found)
        return probe is not None and probe.is_snapshot

    def _judge(self, found: Found, now: float) -> Judged:
        probe = self._probes.of(found)
        position = Position() if probe is None else probe.position
        if not self._looks.settled(found):
            return Judged(found, State.BEING_WRITTEN, "Its files are still changing.", position)
        if found.problem is not None:
            reason = probe.reason if probe is not None and probe.reason else found.problem
            return Judged(found, State.BROKEN, reason, position)
        if probe is None:
            return Judged(found, State.READY, None, position)
        if (
            probe.state is State.BEING_WRITTEN
            and now - self._looks.unchanged_since(found) >= _ABANDONED_SECONDS
        ):
            reason = f"{probe.reason or 'It is incomplete.'} Its writer has stopped: delete it."
            return Judged(found, State.BROKEN, reason, position)
        return Judged(found, probe.state, probe.reason, position)


def scan(
    roots: Sequence[Root],
    probe: Prober | None = None,
    *,
    bounds: Bounds | None = None,
    clock: Callable[[], float] = time.time,
    patient: bool = False,
) -> Scan:
    """Scans `roots` once, with all contents examined; see `Scanner`.

    Args:
      roots: see `Scanner`.
      probe: see `Scanner`.
      bounds: see `Scanner`.
      clock: see `Scanner`.
      patient: whether to look a second time, `settle_seconds` later, where a file is so young
        that it may still be growing.
    """
    bounds = bounds or Bounds(remote_patience=math.inf)
    scanner = Scanner(roots, probe, bounds=bounds, clock=clock)
    scanner.look()
    if patient and scanner.unsettled:
        time.sleep(bounds.settle_seconds + _CLOCK_SECONDS)
        scanner.look()
    while scanner.examine():
        pass
    return scanner.result()
