"""Decoded copies of what cannot be read in place, in a private directory of this process.

A spool file lives as long as anything refers to it: the extents of an open snapshot, or the
contents remembered here, of which the oldest go when newer ones need the room. The directory
goes with the process.
"""

import atexit
import os
import shutil
import tempfile
import threading
import weakref
from collections import OrderedDict
from collections.abc import Callable
from dataclasses import dataclass
from itertools import count

from tb_snapshot_compare import limits
from tb_snapshot_compare.snapshot import Generation, SnapshotContents

_NUMBERS = count(1)


class SpoolPath(str):
    """The path of a spool file; the file is removed with the last reference to this object.

    `of` is the snapshot that the file is a decoded copy of: what a message names.
    """

    of: str

    def __new__(cls, path: str, of: str) -> "SpoolPath":
        """The path of an existing file, which from now on belongs to this object."""
        made = super().__new__(cls, path)
        made.of = of
        weakref.finalize(made, _remove, path).atexit = False
        return made


class DerivedPath(str):
    """Stands for a spool file that is written when it is first opened.

    `of` is the snapshot that its values come from. Unlike the file, the text is unique for ever.
    """

    of: str
    _make: Callable[[], SpoolPath]
    _made: SpoolPath | None
    _lock: threading.Lock

    def __new__(cls, of: str, make: Callable[[], SpoolPath]) -> "DerivedPath":
        """The path of what `make` writes."""
        path = super().__new__(cls, f"{of} (derived {next(_NUMBERS)})")
        path.of, path._make, path._made, path._lock = of, make, None, threading.Lock()
        return path

    def made(self) -> SpoolPath:
        """The file, which is written unless it is there."""
        with self._lock:
            if self._made is None or not os.path.exists(self._made):
                self._made = self._make()
            return self._made


@dataclass(frozen=True, slots=True)
class SpoolFile:
    """A file in the private directory, open for writing and reading."""

    path: SpoolPath
    descriptor: int

    @property
    def size(self) -> int:
        """Bytes written so far."""
        return os.fstat(self.descriptor).st_size

    def write(self, data: bytes | memoryview) -> None:
        """Writes all of `data`, one byte to an item, at the end."""
        write_all(self.descriptor, data)

    def close(self) -> None:
        """Closes the file; it stays as long as its path is referred to."""
        os.close(self.descriptor)


def write_all(descriptor: int, data: bytes | memoryview) -> None:
    """Writes all of `data`, one byte to an item: a child process has but a descriptor."""
    left = memoryview(data)
    while left:
        left = left[os.write(descriptor, left) :]


class SpoolDirectory:
    """Creates spool files and remembers the contents that point into them. Thread-safe."""

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._directory: str | None = None
        self._kept: OrderedDict[Generation, tuple[SnapshotContents, int]] = OrderedDict()

    def create(self, of: str) -> SpoolFile:
        """A new empty file, readable by this user only, for values of the snapshot `of`."""
        with self._lock:
            if self._directory is None or not os.path.isdir(self._directory):
                self._directory = tempfile.mkdtemp(prefix="tb_snapshot_compare_")
                atexit.register(shutil.rmtree, self._directory, ignore_errors=True)
            descriptor, path = tempfile.mkstemp(dir=self._directory)
        return SpoolFile(SpoolPath(path, of), descriptor)

    def find(self, generation: Generation) -> SnapshotContents | None:
        """Contents decoded earlier from the very same bytes, while their files are there."""
        with self._lock:
            kept = self._kept.get(generation)
            if kept is None:
                return None
            if not all(os.path.exists(path) for path in spool_paths(kept[0])):
                del self._kept[generation]
                return None
            self._kept.move_to_end(generation)
            return kept[0]

    def keep(self, contents: SnapshotContents) -> None:
        """Remembers contents that point into spool files, and forgets the oldest."""
        size = sum(os.path.getsize(path) for path in spool_paths(contents))
        forgotten = []
        with self._lock:
            self._kept[contents.generation] = (contents, size)
            self._kept.move_to_end(contents.generation)
            total = sum(kept_size for _, kept_size in self._kept.values())
            while total > limits.SPOOL_MAX_BYTES and len(self._kept) > 1:
                forgotten.append(self._kept.popitem(last=False)[1])
                total -= forgotten[-1][1]


def spool_paths(contents: SnapshotContents) -> set[SpoolPath]:
    """The spool files that hold values of the snapshot."""
    return {
        extent.path
        for tensor in contents.tensors
        for extent in tensor.extents
        if isinstance(extent.path, SpoolPath)
    }


def _remove(path: str) -> None:
    try:
        os.unlink(path)
    except FileNotFoundError:
        return


SPOOL = SpoolDirectory()
