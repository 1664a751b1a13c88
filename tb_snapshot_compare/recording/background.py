"""One thread that does all the work, and what waits for it."""

import logging
import os
import threading
import time
from collections import Counter, deque
from collections.abc import Callable
from functools import partial
from typing import Protocol

from tb_snapshot_compare.limits import (
    RECORDING_FLUSH_SECONDS,
    RECORDING_SCALARS_WAITING,
    RECORDING_WAITING,
    RECORDING_WAITING_BYTES,
    RECORDING_WAITING_MAX,
)
from tb_snapshot_compare.recording.values import Dump, Note, ProbeImages, Scalars, ValidationPass

Item = Dump | Scalars | ValidationPass | ProbeImages | Note

_logger = logging.getLogger(__name__)


class Consumer(Protocol):
    """What the thread calls, never two at a time."""

    def take(self, item: Item) -> None:
        """Works on an item."""

    def idle(self) -> None:
        """Called between items, at least every `RECORDING_FLUSH_SECONDS`."""

    def finish(self) -> None:
        """Nothing follows."""


class Background:
    """Hands items to a consumer in a thread, which begins with the first item."""

    def __init__(
        self,
        consumer: Consumer,
        failed: Callable[[Item, BaseException], None],
        spent: Callable[[float], None],
    ) -> None:
        """Prepares.

        Args:
          consumer: Does the work.
          failed: Told of items that the consumer raised an error over, in the same thread.
          spent: Told of the processor's seconds that a dump took, in the same thread.
        """
        self._consumer, self._failed, self._spent = consumer, failed, spent
        self._items: deque[Item] = deque()
        self._waiting: Counter[type[Item]] = Counter()
        self._bytes = 0
        self._busy = False
        self._changed = threading.Condition()
        self._closing = False
        self._told = False
        self._thread: threading.Thread | None = None
        self._process = os.getpid()

    def has_room(self, kind: type[Item], nbytes: int = 0) -> bool:
        """Whether an item of this kind and size would be taken; nobody waits for the consumer."""
        if self._process != os.getpid():  # a forked process has no such thread
            return False
        with self._changed:
            return self._has_room(kind, nbytes)

    def offer(self, item: Item) -> bool:
        """Takes an item; False where too many wait, or after `close`."""
        if self._process != os.getpid():
            return False
        with self._changed:
            size = _size(item)
            if not self._has_room(type(item), size):
                return False
            self._items.append(item)
            self._waiting[type(item)] += 1
            self._bytes += size
            if self._thread is None:
                self._thread = threading.Thread(
                    target=self._serve, name="snapshot-compare-recording", daemon=True
                )
                self._thread.start()
            self._changed.notify_all()
            return True

    def flush(self, timeout: float) -> bool:
        """Waits until everything that was offered is done. False where that takes too long."""
        if self._process != os.getpid():
            return False
        with self._changed:
            return self._changed.wait_for(lambda: not (self._items or self._busy), timeout)

    def close(self, timeout: float) -> bool:
        """Takes nothing more; waits until everything is done. False where that takes too long."""
        if self._process != os.getpid():
            return True
        with self._changed:
            self._closing = True
            self._changed.notify_all()
        if self._thread is None:
            self._consumer.finish()
            return True
        self._thread.join(timeout)
        return not self._thread.is_alive()

    def _has_room(self, kind: type[Item], nbytes: int) -> bool:
        if self._closing:
            return False
        alike = self._waiting[kind]
        if kind is Scalars:
            return alike < RECORDING_SCALARS_WAITING
        fits = self._bytes + nbytes <= RECORDING_WAITING_BYTES
        return alike < (RECORDING_WAITING_MAX if fits else RECORDING_WAITING)

    def _serve(self) -> None:
        while True:
            with self._changed:
                if not self._items and not self._closing:
                    self._changed.wait(RECORDING_FLUSH_SECONDS)
                item = self._next()
                self._busy = item is not None
                done = item is None and self._closing
            if item is not None:
                self._try(item)
                with self._changed:
                    self._busy = False
                    self._changed.notify_all()
            self._quietly(self._consumer.finish if done else self._consumer.idle)
            if done:
                return

    def _next(self) -> Item | None:
        if not self._items:
            return None
        item = self._items.popleft()
        self._waiting[type(item)] -= 1
        self._bytes -= _size(item)
        return item

    def _try(self, item: Item) -> None:
        started = time.thread_time()
        try:
            self._consumer.take(item)
            if isinstance(item, Dump):
                self._spent(time.thread_time() - started)
        except BaseException as error:  # this thread's end would be the log's
            _logger.debug("Recording failed", exc_info=True)
            self._quietly(partial(self._failed, item, error))

    def _quietly(self, work: Callable[[], None]) -> None:
        try:
            work()
        except BaseException:
            level, self._told = logging.DEBUG if self._told else logging.ERROR, True
            _logger.log(level, "Recording failed; the training goes on.", exc_info=True)


def _size(item: Item) -> int:
    if isinstance(item, Dump):
        parts = (item.weights, item.gradients, *item.moments.values())
        return sum(values.nbytes for arrays in parts for values in arrays.values())
    if isinstance(item, ValidationPass):
        return item.predicted.nbytes + item.probability.nbytes
    return 0
