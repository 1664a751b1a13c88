"""Logs that somebody looks at: opened once, looked at again in the background, a few at a time."""

import ctypes
import logging
import os
import threading
import time
from collections import OrderedDict
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING

from tb_snapshot_compare.errors import SnapshotChangedError
from tb_snapshot_compare.limits import (
    TRAINING_CHANGE_SECONDS,
    TRAINING_LOGS_KEPT,
    TRAINING_LOOK_SECONDS,
)

if TYPE_CHECKING:
    from tb_snapshot_compare.store.log_reader import Log

_WATCHED_SECONDS = 60.0
"""For so long after a page has asked whether anything changed, logs are looked at."""
_BUSY_SECONDS = 10.0
"""So long a look waits for work on the log to end; then that work has to be done again."""
_CLOSE_SECONDS = 5.0
_SYSTEM_MEMORY = ("ARROW_DEFAULT_MEMORY_POOL", "system")
"""Arrow reads this when it is loaded. Its own allocator keeps what was used once, some 70 MiB of a
large log; TensorBoard's process does other things too."""
_MMAP_THRESHOLD = -3
"""M_MMAP_THRESHOLD of malloc.h."""
_LARGE_BYTES = 1 << 20

_logger = logging.getLogger(__name__)


@dataclass(slots=True)
class _Opened:
    """A log, when it is looked at next, and how much work is being done on it.

    `late` is when the next look does not wait for that work any more. `soon` tells that something
    was written since the last look began.
    """

    log: "Log"
    due: float = 0.0
    late: float = 0.0
    at_work: int = 0
    seen: bool = False
    soon: bool = False
    looking: threading.Lock = field(default_factory=threading.Lock)


class TrainingLogs:
    """The logs that were asked for last. Safe to call from any thread."""

    def __init__(self, changed: Callable[[], None], kept: int = TRAINING_LOGS_KEPT) -> None:
        """Opens nothing yet.

        Args:
          changed: called after a log has changed.
          kept: how many logs are open.
        """
        self._changed = changed
        self._kept = kept
        self._opened: OrderedDict[Path, _Opened] = OrderedDict()
        self._lock = threading.Lock()
        self._wake = threading.Event()
        self._watched = 0.0
        self._worked = False
        """Whether memory may have been used that is free again."""
        self._thread: threading.Thread | None = None
        self._closed = False

    def of(self, directory: Path) -> "Log":
        """The log in a directory, which need not exist yet, as of half a second ago at most."""
        self.watch()
        opened = self._of(directory)
        self._look(opened)
        return opened.log

    def known(self, directory: Path) -> "Log":
        """The log as it was seen last; looked at only if it never was."""
        opened = self._of(directory)
        if not opened.seen:
            self._look(opened)
        return opened.log

    def look_soon(self, directory: Path) -> None:
        """Something was written into the log: whoever asks next shall see it."""
        with self._lock:
            opened = self._opened.get(directory)
        if opened is not None:
            opened.soon = True

    @contextmanager
    def reading(self, directory: Path, version: str | None) -> Iterator["Log"]:
        """The log at a version, None for any; it lasts as long as work that is not very long.

        Raises:
          SnapshotChangedError: it has another version by now; ask for the newest.
        """
        self.watch()
        opened = self._of(directory)
        if not opened.seen:
            self._look(opened)
        with self._lock:
            opened.at_work += 1
        try:
            _check(opened.log, version)
            yield opened.log
            _check(opened.log, version)
        finally:
            with self._lock:
                opened.at_work -= 1
                self._worked = True
            self._wake.set()

    def watch(self) -> None:
        """Logs are looked at for another while: somebody's page is open."""
        self._watched = time.monotonic() + _WATCHED_SECONDS
        if self._thread is None:
            with self._lock:
                if self._thread is None and not self._closed:
                    name = "snapshot-compare-logs"
                    self._thread = threading.Thread(target=self._work, name=name, daemon=True)
                    self._thread.start()
        self._wake.set()

    def close(self) -> None:
        """Ends the thread and waits for it briefly."""
        with self._lock:
            self._closed = True
            thread = self._thread
        self._wake.set()
        if thread is not None:
            thread.join(_CLOSE_SECONDS)
        for opened in self._opened.values():
            opened.log.close()

    def _of(self, directory: Path) -> _Opened:
        with self._lock:
            opened = self._opened.get(directory)
            if opened is None:
                opened = self._opened[directory] = _Opened(_open(directory))
            self._opened.move_to_end(directory)
            idle = [key for key, each in self._opened.items() if not each.at_work]
            for key in idle[: max(0, len(self._opened) - self._kept)]:
                self._opened.pop(key).log.close()
            return opened

    def _look(self, opened: _Opened) -> None:
        """Refreshes the log where that is due; whoever comes meanwhile takes it as it was."""
        if not opened.looking.acquire(blocking=opened.soon or not opened.seen):
            return
        try:
            now = time.monotonic()
            busy = opened.at_work > 0 and now < opened.late
            if (now < opened.due and not opened.soon) or busy:
                return
            opened.soon = False
            changed = _refreshed(opened.log)
            now = time.monotonic()
            opened.seen = True
            opened.due = now + (TRAINING_CHANGE_SECONDS if changed else TRAINING_LOOK_SECONDS)
            opened.late = opened.due + _BUSY_SECONDS
        finally:
            opened.looking.release()
        if changed:
            self._changed()

    def _work(self) -> None:
        while not self._closed:
            if time.monotonic() > self._watched:
                self._wake.wait()
            self._wake.clear()
            with self._lock:
                opened = list(self._opened.values())
            for each in opened:
                self._look(each)
            if self._worked and not any(each.at_work for each in opened):
                self._worked = False
                _give_memory_back()
            self._wake.wait(TRAINING_LOOK_SECONDS)


def _open(directory: Path) -> "Log":
    os.environ.setdefault(*_SYSTEM_MEMORY)
    _return_large_blocks()
    from tb_snapshot_compare.store.log_reader import Log

    return Log(directory)


def _refreshed(log: "Log") -> bool:
    """Whether the log has changed; what cannot be read at all stays as it was."""
    try:
        return log.refresh()
    except Exception:  # the thread must outlive any fault: the next look may succeed
        _logger.exception("Looking at a log failed")
        return False


def _return_large_blocks() -> None:
    """Has the C library return large blocks when they are freed.

    It begins so, but keeps ever larger ones: each thread the largest arrays that it ever had.
    """
    with suppress(AttributeError, OSError):  # glibc's own
        ctypes.CDLL(None).mallopt(_MMAP_THRESHOLD, _LARGE_BYTES)


def _give_memory_back() -> None:
    """Has the C library return what is free: each thread's part of the heap keeps it otherwise."""
    with suppress(AttributeError, OSError):  # glibc's own
        ctypes.CDLL(None).malloc_trim(0)


def _check(log: "Log", version: str | None) -> None:
    if version not in (None, log.version):
        raise SnapshotChangedError("The log of this run has grown. Ask for `training` again.")
