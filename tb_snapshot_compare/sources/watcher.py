"""Scans in the background, so that nobody who asks for the snapshots ever waits for a disk."""

import dataclasses
import logging
import threading
import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass

from tb_snapshot_compare.limits import SCAN_INTERVAL_SECONDS
from tb_snapshot_compare.sources.probe import Prober
from tb_snapshot_compare.sources.roots import Root
from tb_snapshot_compare.sources.runs import RunSources
from tb_snapshot_compare.sources.scan import Bounds, Scan, Scanner

_PUBLISH_SECONDS = 1.0
"""A long round shows what it has so often."""
_IDLE_PER_SCAN = 9.0
"""Scanning takes at most a tenth of the time, on however slow a disk."""
_CLOSE_SECONDS = 5.0

_logger = logging.getLogger(__name__)


@dataclass(frozen=True, slots=True)
class Catalog:
    """What is known of the roots.

    `version` is 0 until something is known, and grows when roots or runs change. `scanning` is
    True while the first round, or one that was asked for, is under way.
    """

    version: int
    scanning: bool
    roots: tuple[Root, ...]
    runs: tuple[RunSources, ...]


class Watcher:
    """Keeps the newest `Catalog` of `roots`; construction starts nothing.

    The thread starts with the first call of `start`, `catalog`, `request` or `wait_first`.

    Args:
      roots: from `parse_roots`.
      interval: seconds between scans; 0 or less scans once, and whenever asked.
      probe: see `Scanner`.
      bounds: how far a scan goes.
      clock: seconds since the epoch, for the age of files.
    """

    def __init__(
        self,
        roots: Sequence[Root],
        interval: float = SCAN_INTERVAL_SECONDS,
        probe: Prober | None = None,
        *,
        bounds: Bounds | None = None,
        clock: Callable[[], float] = time.time,
    ) -> None:
        self._bounds = bounds or Bounds()
        self._scanner = Scanner(roots, probe, bounds=self._bounds, clock=clock)
        self._interval = interval
        self._catalog = Catalog(0, True, tuple(roots), ())
        self._lock = threading.Lock()
        self._thread: threading.Thread | None = None
        self._wake = threading.Event()
        self._first = threading.Event()
        self._requested = False
        self._closed = False

    def start(self) -> None:
        """Starts the thread, once; after `close` it does nothing."""
        with self._lock:
            if self._thread is None and not self._closed:
                self._thread = threading.Thread(target=self._run, name="snapshot-scan", daemon=True)
                self._thread.start()

    def catalog(self) -> Catalog:
        """The newest catalog, at once."""
        self.start()
        return self._catalog

    def request(self) -> None:
        """Asks for a scan now; requests during a scan are answered by one more."""
        self._requested = True
        self._wake.set()
        self.start()

    def wait_first(self, timeout: float | None = None) -> bool:
        """Waits until something is known; False when `timeout` seconds were not enough."""
        self.start()
        return self._first.wait(timeout)

    def close(self) -> None:
        """Ends the thread and waits for it briefly; the last catalog stays available."""
        with self._lock:
            self._closed = True
            thread = self._thread
        self._wake.set()
        if thread is not None:
            thread.join(_CLOSE_SECONDS)

    def _run(self) -> None:
        while not self._closed:
            self._wake.clear()
            announced = self._requested or not self._first.is_set()
            self._requested = False
            started = time.monotonic()
            try:
                self._round(announced)
            except Exception as error:  # the thread must outlive any fault: the next may succeed
                _logger.exception("Scanning for snapshots failed")
                self._publish(self._failed(type(error).__name__))
            self._first.set()
            self._wake.wait(self._pause(time.monotonic() - started))

    def _round(self, announced: bool) -> None:
        self._announce(announced)
        try:
            self._scanner.look()
            published = time.monotonic()
            while not self._closed and self._scanner.examine():
                if time.monotonic() - published >= _PUBLISH_SECONDS:
                    self._publish(self._scanner.result())
                    self._first.set()
                    published = time.monotonic()
            self._publish(self._scanner.result())
        finally:
            self._announce(False)

    def _pause(self, took: float) -> float | None:
        polite = took * _IDLE_PER_SCAN
        if self._scanner.unsettled:
            return max(self._bounds.settle_seconds, polite)
        return None if self._interval <= 0 else max(self._interval, polite)

    def _announce(self, scanning: bool) -> None:
        known = self._catalog
        if known.scanning != scanning:
            self._catalog = Catalog(known.version, scanning, known.roots, known.runs)

    def _failed(self, fault: str) -> Scan:
        problem = f"The scan failed ({fault}): see TensorBoard's log."
        roots = (dataclasses.replace(root, problem=problem) for root in self._catalog.roots)
        return Scan(tuple(roots), self._catalog.runs)

    def _publish(self, scan: Scan) -> None:
        known = self._catalog
        if known.version == 0 or (scan.roots, scan.runs) != (known.roots, known.runs):
            self._catalog = Catalog(known.version + 1, known.scanning, scan.roots, scan.runs)
