"""The bounded queue of work that is not instant.

Equal requests share one computation. A request waits a moment for its result and is then
told to ask again; work for which nobody asks any more is cancelled.
"""

import threading
import time
from collections import OrderedDict
from collections.abc import Callable
from dataclasses import dataclass, field
from hashlib import blake2b
from typing import Protocol

from tb_snapshot_compare.errors import (
    BusyError,
    CancelledError,
)
from tb_snapshot_compare.http_api import contract
from tb_snapshot_compare.limits import JOBS_QUEUED_MAX, JOBS_RUNNING_MAX
from tb_snapshot_compare.workspace import Turns

PATIENCE_SECONDS = 0.4
"""How long a request waits for its result before it is told to ask again."""
ABANDONED_SECONDS = 20.0
"""The page asks at least once a second; a hidden page stops asking."""
CANCEL_GRACE_SECONDS = 1.5
"""Within this time another page that wants the same result asks again and keeps it alive."""
KEPT_SECONDS = 30.0
"""A finished result waits this long to be fetched; whoever computes keeps it longer."""
KEPT_BYTES = 64 * 1024 * 1024
"""Finished results that wait in all; what does not fit is computed again."""


class Progress(Protocol):
    """Called by the work with bytes done and in all; raises CancelledError to stop it."""

    def __call__(self, done: int, total: int) -> None:
        """Reports bytes."""


@dataclass(slots=True)
class _Work:
    id: str
    label: str
    run: Callable[[Progress], object]
    state: str
    finished: threading.Event = field(default_factory=threading.Event)
    running: bool = False
    done: int = 0
    total: int = 0
    result: object = None
    error: BaseException | None = None
    asked: float = field(default_factory=time.monotonic)
    ended: float = 0.0
    stop_after: float | None = None

    def progress(self, done: int, total: int) -> None:
        self.done, self.total = done, total
        if self.unwanted():
            raise CancelledError(f"{self.label} was cancelled because nobody waits for it.")

    def unwanted(self) -> bool:
        now = time.monotonic()
        return now - self.asked > ABANDONED_SECONDS or (
            self.stop_after is not None and now > self.stop_after
        )

    @property
    def is_stale(self) -> bool:
        """Whether its result has waited too long: what it was computed from may have changed."""
        return self.finished.is_set() and time.monotonic() - self.ended > KEPT_SECONDS

    @property
    def kept_bytes(self) -> int:
        """Bytes of a finished result; small things count for nothing."""
        return len(self.result) if isinstance(self.result, bytes) else 0

    def wire(self, label: str | None = None) -> contract.Job:
        return contract.Job(
            id=self.id,
            label=label or self.label,
            state="running" if self.running else "queued",
            done=self.done,
            total=self.total,
        )


class WorkQueue:
    """Runs at most `running` pieces of work at once and holds at most `queued` more."""

    def __init__(
        self,
        running: int = JOBS_RUNNING_MAX,
        queued: int = JOBS_QUEUED_MAX,
        turns: Turns | None = None,
        state: Callable[[], str] = str,
        notice: Callable[[], str | None] = lambda: None,
    ) -> None:
        """Nothing runs yet.

        Args:
          running: Threads.
          queued: Pieces of work that wait for one.
          state: What all results depend on besides their keys.
          notice: What all work waits for, if for anything: told in the place of its label.
          turns: Told while there is work, so that what nobody waits for gives way.
        """
        self._running, self._queued = running, queued
        self._turns = turns or Turns()
        self._state = state
        self._notice = notice
        self._condition = threading.Condition()
        self._pending: list[_Work] = []
        self._known: OrderedDict[str, _Work] = OrderedDict()
        self._threads: list[threading.Thread] = []

    def result_or_job(
        self,
        key: tuple[str, ...],
        label: str,
        run: Callable[[Progress], object],
        patience: float = PATIENCE_SECONDS,
    ) -> object | contract.Job:
        """The result of `run`, or the Job that computes it.

        Args:
          key: Equal keys share one computation.
          label: What the work is, for the page.
          run: Does the work; called once, in a worker thread.
          patience: Seconds to wait for the result.

        Raises:
          BusyError: the queue is full.
          SnapshotCompareError: what the work raised; asking again starts it afresh.
        """
        work = self._work(self._state(), key, label, run)
        work.finished.wait(patience)
        if not work.finished.is_set():
            return work.wire(self._notice())
        if work.error is not None:
            self._forget(work)
            raise work.error
        return work.result

    def cancel(self, job_id: str) -> bool:
        """Stops a job unless somebody asks for it within a moment; False when there is none."""
        with self._condition:
            work = self._known.get(job_id)
            if work is None or work.finished.is_set():
                return False
            work.stop_after = time.monotonic() + CANCEL_GRACE_SECONDS
            return True

    def _work(
        self, state: str, key: tuple[str, ...], label: str, run: Callable[[Progress], object]
    ) -> _Work:
        job_id = blake2b("\0".join((state, *key)).encode(), digest_size=12).hexdigest()
        with self._condition:
            work = self._known.get(job_id)
            if work is not None and not work.is_stale:
                work.asked, work.stop_after = time.monotonic(), None
                self._known.move_to_end(job_id)
                return work
            if len(self._pending) >= self._queued:
                raise BusyError(
                    f"{len(self._pending)} comparisons are waiting already: try again shortly."
                )
            work = _Work(job_id, label, run, state)
            self._known[job_id] = work
            self._pending.append(work)
            self._drop_old_results()
            self._start_threads()
            self._condition.notify()
            return work

    def _drop_old_results(self) -> None:
        finished = [work for work in self._known.values() if work.finished.is_set()]
        room = KEPT_BYTES
        for work in reversed(finished):  # the one asked for last first
            room -= work.kept_bytes
            if room < 0 or work.is_stale:
                del self._known[work.id]

    def _start_threads(self) -> None:
        while len(self._threads) < self._running:
            name = f"snapshot-compare-work-{len(self._threads)}"
            thread = threading.Thread(target=self._serve, name=name, daemon=True)
            self._threads.append(thread)
            thread.start()

    def _serve(self) -> None:
        while True:
            with self._condition:
                while not self._pending:
                    self._condition.wait()
                work = self._pending.pop(0)
            work.running = True
            try:
                work.progress(0, 0)
                with self._turns.urgent():
                    work.result = work.run(work.progress)
                if self._state() != work.state:
                    self._forget(work)  # the state may return: this may be a result of another
            except CancelledError as error:
                work.error = error
                self._forget(work)
            except BaseException as error:  # whoever asked for the result raises it
                work.error = error
            finally:
                work.running = False
                work.ended = time.monotonic()
                work.finished.set()
                with self._condition:
                    self._drop_old_results()

    def _forget(self, work: _Work) -> None:
        with self._condition:
            if self._known.get(work.id) is work:
                del self._known[work.id]
