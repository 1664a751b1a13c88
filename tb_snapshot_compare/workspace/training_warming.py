"""Opens a recorded log as soon as a page is open, before the page asks for it."""

import logging
import threading
from collections.abc import Callable
from pathlib import Path

from tb_snapshot_compare.workspace.training_logs import TrainingLogs

_CLOSE_SECONDS = 5.0

_logger = logging.getLogger(__name__)


class Warming:
    """Does it once, in a thread of its own. Safe to call from any thread."""

    def __init__(self, logs: TrainingLogs, expected: Callable[[], Path | None]) -> None:
        """Opens nothing yet.

        Args:
          logs: where the log is opened.
          expected: the log that is most likely asked for; None where there is none yet.
        """
        self._logs = logs
        self._expected = expected
        self._lock = threading.Lock()
        self._thread: threading.Thread | None = None
        self._closed = False

    def begin(self) -> None:
        """Starts the thread, once a log is expected."""
        if self._thread is not None:
            return
        directory = self._expected()
        if directory is None:
            return
        with self._lock:
            if self._thread is None and not self._closed:
                self._thread = threading.Thread(
                    target=self._open, args=(directory,), name="snapshot-compare-warm", daemon=True
                )
                self._thread.start()

    def close(self) -> None:
        """Begins no more, and waits for the thread briefly."""
        with self._lock:
            self._closed = True
            thread = self._thread
        if thread is not None:
            thread.join(_CLOSE_SECONDS)

    def _open(self, directory: Path) -> None:
        try:
            if self._logs.known(directory).steps("images").size:
                _load_what_sorts_classes()
        except Exception:  # whoever asks for the log is told what is wrong
            _logger.exception("Opening the log in %s beforehand failed", directory)


def _load_what_sorts_classes() -> None:
    """Some tenths of a second, which the first answer about classes need not take."""
    import scipy.sparse.linalg  # noqa: F401
