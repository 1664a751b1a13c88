"""The last few weights in memory, written when something happens, and the first and last ones."""

from collections import deque
from collections.abc import Callable, Iterator

from tb_snapshot_compare.limits import RECORDING_SNAPSHOTS_MAX
from tb_snapshot_compare.recording.values import Dump

Write = Callable[[Dump, str], bool]
"""Writes a dump's weights for a reason; whether that was done."""
_ENDS = 2
"""The first dump and the last."""


class SnapshotRing:
    """Decides which dumps become snapshots. For one thread.

    At most `RECORDING_SNAPSHOTS_MAX` are written besides those that are due every so many steps;
    two of them are for the first dump and the last, so that even of a training in which nothing
    happens two can be compared. The ring keeps as many dumps as it may, and as fit into its bytes,
    but always the last one, which the next dump's changes are measured from. Where not even two fit
    it writes only those that are due.
    """

    def __init__(
        self,
        write: Write,
        *,
        kept: int,
        kept_bytes: int,
        every: int | None,
        has_place: Callable[[], bool] = lambda: True,
    ) -> None:
        """Begins empty.

        Args:
          write: Writes a snapshot.
          kept: Dumps to keep; below 2 nothing is written when something happens.
          kept_bytes: What they may take.
          every: Steps between snapshots that are due in any case; None for only the first dump and
            the last, 0 for not even those.
          has_place: Whether the first and the last may be written beside what lies there already.
        """
        self._write, self._has_place = write, has_place
        self._kept, self._kept_bytes, self._every = kept, kept_bytes, every
        self._dumps: deque[Dump] = deque()
        self._tried: set[int] = set()
        self._written: set[int] = set()
        self._unplanned = 0 if every == 0 else _ENDS
        self._is_first = True
        self._period: int | None = None
        self._reason = ""

    @property
    def last(self) -> Dump | None:
        """The dump before the next one."""
        return self._dumps[-1] if self._dumps else None

    def add(self, dump: Dump) -> None:
        """Takes the next dump, and writes it where a snapshot is due."""
        self._dumps.append(dump.only_weights())
        for _ in range(len(self._dumps) - self._room(dump)):
            self._dumps.popleft()
        if self._reason:
            self._write_unplanned(dump, f"The first dump since then: {self._reason}")
            self._reason = ""
        if self._is_first:
            self._is_first = False
            self._write_end(dump, "It holds the weights of the first dump.")
        if self._every:
            period = dump.step // self._every
            if self._period is None or period > self._period:
                rhythm = "step" if self._every == 1 else f"{self._every:,} steps"
                self._write_due(dump, f"So it is every {rhythm}.")
            self._period = period

    def end(self) -> None:
        """No dump follows: writes the last one."""
        if self._dumps:
            self._write_end(self._dumps[-1], "It holds the weights of the last dump.")

    def fire(self, step: int, reason: str) -> None:
        """Something happened at a step: writes what there is, and the first dump from there on."""
        if not self._is_on():
            return
        for dump in list(self._before_and_after(step)):
            self._write_unplanned(dump, reason)
        if self._dumps[-1].step < step:
            self._reason = reason

    def _is_on(self) -> bool:
        return bool(self._dumps) and self._room(self._dumps[-1]) > 1

    def _room(self, dump: Dump) -> int:
        """How many dumps of this size are kept."""
        return max(1, min(self._kept, self._kept_bytes // max(dump.weight_bytes, 1)))

    def _before_and_after(self, step: int) -> Iterator[Dump]:
        """The dumps before a step, and the first that is not."""
        for dump in self._dumps:
            yield dump
            if dump.step >= step:
                return

    def _write_unplanned(self, dump: Dump, reason: str) -> None:
        if self._unplanned < RECORDING_SNAPSHOTS_MAX:
            self._unplanned += self._write_once(dump, reason)

    def _write_end(self, dump: Dump, reason: str) -> None:
        fits = 2 * dump.weight_bytes <= self._kept_bytes
        if self._every != 0 and fits and self._has_place():
            self._write_due(dump, reason)

    def _write_due(self, dump: Dump, reason: str) -> None:
        """Once: what is due for several reasons and cannot be written is lost once."""
        if dump.step not in self._tried:
            self._write_once(dump, reason)

    def _write_once(self, dump: Dump, reason: str) -> bool:
        self._tried.add(dump.step)
        is_new = dump.step not in self._written and self._write(dump, reason)
        if is_new:
            self._written.add(dump.step)
        return is_new
