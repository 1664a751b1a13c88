"""Bytes of remote files that were read lately, in one file on the local disk, bounded.

The file has no name, so nothing is left behind however the process ends. It is divided into
slots of `SLOT_BYTES`; each holds the known parts of one such piece of one remote file, and the
slot that was used longest ago is taken for the next piece. Where the disk is full or fails,
bytes are not kept, and are read from the store again.
"""

import os
import tempfile
import threading
from collections import OrderedDict
from dataclasses import dataclass, field

SLOT_BYTES = 256 * 1024

Span = tuple[int, int]
Key = tuple[object, ...]


@dataclass(slots=True)
class _Slot:
    """`known` are the spans of the piece that are there, sorted and apart from each other."""

    number: int
    known: list[Span] = field(default_factory=list)


class BlockCache:
    """Keeps at most `max_bytes`, by file and position. Thread-safe.

    A file is whatever the caller says identifies a content: its URL and stamp.
    """

    def __init__(self, max_bytes: int) -> None:
        self._slots_max = max(1, max_bytes // SLOT_BYTES)
        self._lock = threading.Lock()
        self._slots: OrderedDict[tuple[Key, int], _Slot] = OrderedDict()
        self._free: list[int] = []
        self._descriptor: int | None = None
        self._owner = os.getpid()

    def read(self, file: Key, offset: int, into: memoryview) -> list[Span]:
        """Copies what is there into `into`, which stands for the bytes from `offset` on.

        Returns:
          The spans of the file that are missing, sorted.
        """
        return self._look(file, offset, len(into), into)

    def missing(self, file: Key, offset: int, length: int) -> list[Span]:
        """The spans of the file's `length` bytes from `offset` on that are not there, sorted."""
        return self._look(file, offset, length, None)

    def write(self, file: Key, offset: int, data: bytes) -> None:
        """Keeps `data`, which lies at `offset` of the file."""
        view = memoryview(data)
        with self._lock:
            while view:
                piece, start = divmod(offset, SLOT_BYTES)
                part = view[: SLOT_BYTES - start]
                if not self._keep((file, piece), start, part):
                    return
                view = view[len(part) :]
                offset += len(part)

    def _look(self, file: Key, offset: int, length: int, into: memoryview | None) -> list[Span]:
        missing: list[Span] = []
        position, end = offset, offset + length
        with self._lock:
            while position < end:
                piece, start = divmod(position, SLOT_BYTES)
                stop = min(SLOT_BYTES, start + end - position)
                base = piece * SLOT_BYTES
                view = None
                if into is not None:
                    view = into[position - offset : position - offset + stop - start]
                for low, high in self._copy((file, piece), start, stop, view):
                    _add(missing, (base + low, base + high))
                position = base + stop
        return missing

    def _copy(
        self, at: tuple[Key, int], start: int, stop: int, view: memoryview | None
    ) -> list[Span]:
        """Copies the known bytes of [start, stop) of a piece into `view`; returns the gaps."""
        slot = self._slots.get(at)
        if slot is None or self._descriptor is None or self._owner != os.getpid():
            return [(start, stop)]
        self._slots.move_to_end(at)
        base = slot.number * SLOT_BYTES
        for low, high in slot.known if view is not None else ():
            low, high = max(low, start), min(high, stop)
            if view is None or low >= high:
                continue
            wanted = view[low - start : high - start]
            if not _filled(self._descriptor, wanted, base + low):
                self._drop(at)
                return [(start, stop)]
        return _gaps(slot.known, start, stop)

    def _keep(self, at: tuple[Key, int], start: int, part: memoryview) -> bool:
        try:
            descriptor = self._opened()
            slot = self._slots.get(at)
            if slot is None:
                slot = self._slots[at] = _Slot(self._free_number())
            self._slots.move_to_end(at)
            base = slot.number * SLOT_BYTES + start
            written = os.pwrite(descriptor, part, base)
        except OSError:
            self._drop(at)
            return False
        _add(slot.known, (start, start + written))
        return written == len(part)

    def _free_number(self) -> int:
        if self._free:
            return self._free.pop()
        if len(self._slots) < self._slots_max:
            return len(self._slots)
        return self._slots.popitem(last=False)[1].number

    def _drop(self, at: tuple[Key, int]) -> None:
        slot = self._slots.pop(at, None)
        if slot is not None:
            self._free.append(slot.number)

    def _opened(self) -> int:
        if self._owner != os.getpid():  # a fork must not write into its parent's file
            self._slots.clear()
            self._free.clear()
            self._descriptor = None
            self._owner = os.getpid()
        if self._descriptor is None:
            descriptor, path = tempfile.mkstemp(prefix="tb_snapshot_compare_blocks_")
            os.unlink(path)
            self._descriptor = descriptor
        return self._descriptor


def _filled(descriptor: int, view: memoryview, offset: int) -> bool:
    """Whether the disk had all of `view`."""
    try:
        return os.preadv(descriptor, [view], offset) == len(view)
    except OSError:
        return False


def _add(spans: list[Span], span: Span) -> None:
    """Adds a span to sorted ones, joining those that touch."""
    low, high = span
    before = [s for s in spans if s[1] < low]
    after = [s for s in spans if s[0] > high]
    touching = spans[len(before) : len(spans) - len(after)]
    low = min([low, *(s[0] for s in touching)])
    high = max([high, *(s[1] for s in touching)])
    spans[:] = [*before, (low, high), *after]


def _gaps(known: list[Span], start: int, stop: int) -> list[Span]:
    """What of [start, stop) is in none of the sorted spans."""
    gaps = []
    for low, high in known:
        if high <= start:
            continue
        if low >= stop:
            break
        if low > start:
            gaps.append((start, low))
        start = max(start, high)
    if start < stop:
        gaps.append((start, stop))
    return gaps
