"""Reading a remote file in ranges: only what is asked for, once, several ranges at a time.

Long reads fetch exactly the bytes that are wanted, in parts that are under way together. Short
reads, which are those of an index, fetch a few kilobytes around them, and more while they follow
each other. What has been read is kept in the block cache.
"""

import threading
from collections.abc import Iterable
from concurrent.futures import CancelledError, Future, wait
from dataclasses import dataclass
from weakref import WeakValueDictionary

from tb_snapshot_compare.limits import (
    REMOTE_AHEAD_BYTES,
    REMOTE_CACHE_BYTES,
    REMOTE_RANGE_BYTES,
    REMOTE_SHORT_BYTES,
    REMOTE_SHORT_READ_BYTES,
    REMOTE_WHOLE_BYTES,
)
from tb_snapshot_compare.snapshot import RemoteStatus
from tb_snapshot_compare.storage import drivers
from tb_snapshot_compare.storage.block_cache import BlockCache, Span
from tb_snapshot_compare.storage.drivers import Driver, patiently
from tb_snapshot_compare.storage.faults import raise_remote

_DOUBLINGS_MAX = (REMOTE_AHEAD_BYTES // REMOTE_SHORT_READ_BYTES).bit_length() - 1

CACHE = BlockCache(REMOTE_CACHE_BYTES)


@dataclass(frozen=True, slots=True)
class _Flight:
    """A range that is being fetched."""

    span: Span
    data: "Future[bytes]"


class _Content:
    """One content of one remote file, shared by all who read it. Thread-safe."""

    def __init__(self, driver: Driver, url: str, status: RemoteStatus) -> None:
        self._driver, self._url, self._status = driver, url, status
        self._key = (url, status)
        # A range may have come before its callback is added, which then runs at once.
        self._lock = threading.RLock()
        self._flights: list[_Flight] = []
        self._followed_to = 0
        self._in_a_row = 0

    def read(self, offset: int, into: memoryview) -> None:
        """Fills `into`, whose whole range must lie in the file."""
        if self._status.st_size <= REMOTE_WHOLE_BYTES:
            self.prefetch(0, self._status.st_size)
        for flight in self._missing(offset, into):
            try:
                data = flight.data.result()
            except CancelledError as error:
                raise_remote(self._url, ConnectionError(str(error) or "the request was dropped"))
            except Exception as error:  # every driver raises errors of its own
                raise_remote(self._url, error)
            low = max(flight.span[0], offset)
            high = min(flight.span[1], offset + len(into))
            start = flight.span[0]
            if low < high:
                into[low - offset : high - offset] = data[low - start : high - start]

    def prefetch(self, offset: int, length: int) -> None:
        """Begins to fetch what will be read next."""
        with self._lock:
            self._fetching(CACHE.missing(self._key, offset, length), widened=False)

    def _missing(self, offset: int, into: memoryview) -> list[_Flight]:
        """Fills `into` with what has come already; returns the flights that bring the rest.

        What lands is in the cache before its flight ends, and flights end under the lock: what is
        missing under it as well has not come meanwhile.
        """
        gaps = CACHE.read(self._key, offset, into)
        if not gaps:
            return []
        with self._lock:
            left = [
                span
                for low, high in gaps
                for span in CACHE.read(self._key, low, into[low - offset : high - offset])
            ]
            return self._fetching(left)

    def await_flights(self) -> None:
        """Waits until nothing is under way."""
        with self._lock:
            flights = [flight.data for flight in self._flights]
        wait(flights)

    def _fetching(self, gaps: Iterable[Span], *, widened: bool = True) -> list[_Flight]:
        """Flights that together bring all of `gaps`; new ones where none is under way.

        The caller holds the lock.
        """
        flights: list[_Flight] = []
        for start, end in gaps:
            position = start
            while position < end:
                known = next((f for f in self._flights if f.span[0] <= position < f.span[1]), None)
                if known is None:
                    known = self._launch(*self._range(position, end, widened))
                flights.append(known)
                position = known.span[1]
        return flights

    def _range(self, position: int, end: int, widened: bool) -> Span:
        """What is fetched next for [position, end): at most REMOTE_RANGE_BYTES from its start."""
        if widened and end - position <= REMOTE_SHORT_BYTES:
            end = self._widened(position, end)
        end = min(end, position + REMOTE_RANGE_BYTES)
        ahead = [f.span[0] for f in self._flights if f.span[0] > position]
        return position, min([end, *ahead])

    def _widened(self, position: int, end: int) -> int:
        """The end of a short read: further away the longer such reads have followed each other.

        Nothing is fetched again for that.
        """
        self._in_a_row = self._in_a_row + 1 if position == self._followed_to else 0
        ahead = REMOTE_SHORT_READ_BYTES << min(self._in_a_row, _DOUBLINGS_MAX)
        stop = min(max(end, position + ahead), self._status.st_size)
        gaps = CACHE.missing(self._key, end, stop - end)
        self._followed_to = gaps[0][1] if gaps and gaps[0][0] == end else end
        return self._followed_to

    def _launch(self, start: int, end: int) -> _Flight:
        work = patiently(lambda: self._driver.fetch(self._url, self._status, start, end))
        flight = _Flight((start, end), drivers.start(work))
        self._flights.append(flight)
        flight.data.add_done_callback(lambda data: self._landed(flight, data))
        return flight

    def _landed(self, flight: _Flight, data: "Future[bytes]") -> None:
        if not data.cancelled() and data.exception() is None:
            CACHE.write(self._key, flight.span[0], data.result())
        with self._lock:
            self._flights.remove(flight)


_CONTENTS: WeakValueDictionary[tuple[str, RemoteStatus], _Content] = WeakValueDictionary()
_LOCK = threading.Lock()


class RemoteFile:
    """A remote file with the content that it had when it was opened. Thread-safe."""

    def __init__(self, driver: Driver, url: str, status: RemoteStatus) -> None:
        self.url, self.status = url, status
        with _LOCK:
            content = _CONTENTS.get((url, status))
            if content is None:
                content = _CONTENTS[url, status] = _Content(driver, url, status)
        self._content = content

    def read_into(self, offset: int, into: memoryview) -> int:
        """Fills as much of `into` as the file has from `offset` on; returns how many bytes.

        Raises:
          SnapshotGoneError: the file was deleted.
          SnapshotChangedError: it has another content now.
          UnreadableSnapshotError: not permitted, or its store fails.
        """
        count = max(min(len(into), self.status.st_size - offset), 0)
        if count:
            self._content.read(offset, into[:count])
        return count

    def await_prefetched(self) -> None:
        """Waits until what is being fetched has come, or has failed."""
        self._content.await_flights()

    def prefetch(self, offset: int, length: int) -> None:
        """Begins to fetch what will be read next, in the background."""
        length = min(length, self.status.st_size - offset)
        if length > 0:
            self._content.prefetch(offset, length)
