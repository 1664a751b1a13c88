"""Scans in the background, so that nobody who asks for the snapshots ever waits for a disk."""

import dataclasses
import logging
import math
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
_PUBLISH_UNEXAMINED = 64
"""With more file sets than these to examine, names alone are shown first."""
_GLANCE_SECONDS = 0.5
_UNSETTLED_GLANCE_SECONDS = 0.25
_IDLE_PER_ROUND = 19.0
"""Scans and glances take at most a twentieth of the time each, on however slow a disk."""
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
        self._scan_due = self._scan_earliest = 0.0

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
            started = time.monotonic()
            scanning = self._requested or started >= self._scan_due
            try:
                if scanning:
                    self._scan()
                else:
                    self._glance()
            except Exception as error:  # the thread must outlive any fault: the next may succeed
                _logger.exception("Scanning for snapshots failed")
                self._plan_scan(time.monotonic() - started)
                self._publish(self._failed(type(error).__name__))
            self._first.set()
            self._wake.wait(self._pause(0.0 if scanning else time.monotonic() - started))

    def _scan(self) -> None:
        self._announce(self._requested or not self._first.is_set())
        self._requested = False
        try:
            if self._catalog.version > 0 or not self._scanner.look_nearby():
                self._show_names()
                started = time.monotonic()
                self._scanner.look()
                self._plan_scan(time.monotonic() - started)
            else:
                self._plan_scan(0.0)
            self._scanner.choose_places()
            self._show_names()
            self._examine()
        finally:
            self._announce(False)

    def _show_names(self) -> None:
        """Nobody waits for a first look at the contents of many snapshots."""
        if self._catalog.version == 0 and self._scanner.to_examine > _PUBLISH_UNEXAMINED:
            self._publish(self._scanner.result())
            self._first.set()

    def _glance(self) -> None:
        if not self._scanner.glance() and self._interval > 0:
            self._scan_due = min(self._scan_due, self._scan_earliest)
        self._examine()

    def _examine(self) -> None:
        published = time.monotonic()
        while not self._closed and self._scanner.examine():
            if time.monotonic() - published >= _PUBLISH_SECONDS:
                self._scanner.glance()
                self._publish(self._scanner.result())
                self._first.set()
                published = time.monotonic()
        self._publish(self._scanner.result())

    def _plan_scan(self, took: float) -> None:
        """The next scan comes after the interval, sooner where a glance calls for it."""
        now = time.monotonic()
        polite = took * _IDLE_PER_ROUND
        self._scan_earliest = now + max(_UNSETTLED_GLANCE_SECONDS, polite)
        self._scan_due = now + max(self._interval, polite) if self._interval > 0 else math.inf

    def _pause(self, took: float) -> float | None:
        """Seconds until the next round; None until somebody asks for one."""
        being_written = self._scanner.being_written
        if self._interval <= 0 and not being_written:
            return None
        glances = _UNSETTLED_GLANCE_SECONDS if being_written else _GLANCE_SECONDS
        pause = max(min(glances, self._bounds.settle_seconds), took * _IDLE_PER_ROUND)
        return max(0.0, min(pause, self._scan_due - time.monotonic()))

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
