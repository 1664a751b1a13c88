"""Looks for what nobody asked about, in the background: the findings of the logs on show."""

import logging
import threading
import time
from collections import OrderedDict
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

from tb_snapshot_compare.errors import SnapshotChangedError
from tb_snapshot_compare.workspace.training_logs import TrainingLogs
from tb_snapshot_compare.workspace.training_values import Axis, Examination
from tb_snapshot_compare.workspace.turns import Turns
from tb_snapshot_compare.workspace.yielding import be_nice, yielding

if TYPE_CHECKING:
    from tb_snapshot_compare.store.log_reader import Log

Examine = Callable[["Log", Axis, Callable[[], None]], Examination]
"""Of a log, whose steps count something; calls the last between its parts."""
_KEPT = 8
_IDLE = 9.0
"""A log that grows is examined again after so many times as long: a tenth of a processor."""
_LOOK_SECONDS = 0.5
_CLOSE_SECONDS = 5.0

_logger = logging.getLogger(__name__)


@dataclass(slots=True)
class _Examined:
    """What is known of a log: at which version it was asked for, and at which examined.

    `due` is from when on it may be examined again.
    """

    wanted: str
    axis: Axis
    version: str = ""
    found: Examination | None = None
    due: float = 0.0


class Examining:
    """The findings of the logs that were asked for last. Safe to call from any thread."""

    def __init__(
        self,
        logs: TrainingLogs,
        examine: Examine,
        turns: Turns,
        changed: Callable[[], None],
    ) -> None:
        """Nothing is examined before `start`.

        Args:
          logs: the open logs.
          examine: looks through a log; see `Examine`.
          turns: says when somebody waits for something else.
          changed: called when something new is known.
        """
        self._logs = logs
        self._examine_log = examine
        self._turns = turns
        self._changed = changed
        self._lock = threading.Lock()
        self._wake = threading.Event()
        self._known: OrderedDict[Path, _Examined] = OrderedDict()
        self._thread: threading.Thread | None = None
        self._closed = False

    def start(self) -> None:
        """Starts the thread, once; after `close` it does nothing."""
        with self._lock:
            if self._thread is None and not self._closed:
                self._thread = threading.Thread(
                    target=self._work, name="snapshot-compare-examine", daemon=True
                )
                self._thread.start()

    def close(self) -> None:
        """Ends the thread and waits for it briefly."""
        with self._lock:
            self._closed = True
            thread = self._thread
        self._wake.set()
        if thread is not None:
            thread.join(_CLOSE_SECONDS)

    def of(self, directory: Path, version: str, axis: Axis) -> tuple[Examination, bool]:
        """What was found in a log last, and whether that was at this version; has it examined.

        Args:
          directory: of the log.
          version: of the log.
          axis: what its steps count.
        """
        with self._lock:
            known = self._known.setdefault(directory, _Examined(version, axis))
            known.wanted, known.axis = version, axis
            self._known.move_to_end(directory)
            while len(self._known) > _KEPT:
                self._known.popitem(last=False)
            found, is_newest = known.found, known.version == version
        if not is_newest:
            self._wake.set()
        return found or Examination(), is_newest

    def _work(self) -> None:
        be_nice()
        while not self._closed:
            self._wake.clear()
            wanted = self._next()
            if wanted is None:
                self._wake.wait(_LOOK_SECONDS)
            else:
                self._examine(*wanted)

    def _next(self) -> tuple[Path, str, Axis] | None:
        now = time.monotonic()
        with self._lock:
            for directory, known in reversed(self._known.items()):
                if known.version != known.wanted and known.due <= now:
                    return directory, known.wanted, known.axis
        return None

    def _examine(self, directory: Path, version: str, axis: Axis) -> None:
        found: Examination | None
        started = time.monotonic()
        try:
            with yielding(), self._logs.reading(directory, version) as log:
                found = self._examine_log(log, axis, self._give_way)
        except SnapshotChangedError:  # whoever asks next asks for another version
            found = None
        except Exception:  # a fault of ours in one log must not end the others
            _logger.exception("Examining the log in %s failed", directory)
            found = Examination()
        ended = time.monotonic()
        with self._lock:
            known = self._known.get(directory)
            if known is None:
                return
            known.due = ended + (ended - started) * _IDLE
            if found is None:
                if known.wanted == version:
                    known.wanted = known.version
                return
            known.version, known.found = version, found
        self._changed()

    def _give_way(self) -> None:
        self._turns.give_way()
