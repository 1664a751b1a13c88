"""Decoded copies of what cannot be read in place, in a private directory of this process.

A spool file lives as long as its snapshot's contents are remembered here; both go when newer
ones need the room, and the directory goes with the process.
"""

import atexit
import os
import shutil
import tempfile
import threading
from collections import OrderedDict
from dataclasses import dataclass

from tb_snapshot_compare import limits
from tb_snapshot_compare.snapshot import Generation, SnapshotContents

KEPT_AT_LEAST = 2
"""A comparison reads two snapshots at a time."""


@dataclass(frozen=True, slots=True)
class SpoolFile:
    """A file in the private directory, open for writing and reading."""

    path: str
    descriptor: int

    @property
    def size(self) -> int:
        """Bytes written so far."""
        return os.fstat(self.descriptor).st_size


class SpoolDirectory:
    """Creates spool files and remembers the contents that point into them. Thread-safe."""

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._directory: str | None = None
        self._kept: OrderedDict[Generation, tuple[SnapshotContents, int]] = OrderedDict()

    def create(self) -> SpoolFile:
        """A new empty file, readable by this user only."""
        with self._lock:
            if self._directory is None:
                self._directory = tempfile.mkdtemp(prefix="tb_snapshot_compare_")
                atexit.register(shutil.rmtree, self._directory, ignore_errors=True)
            descriptor, path = tempfile.mkstemp(dir=self._directory)
        return SpoolFile(path, descriptor)

    def discard(self, file: SpoolFile) -> None:
        """Removes a file that nothing points into; it may be gone already."""
        os.close(file.descriptor)
        _remove(file.path)

    def find(self, generation: Generation) -> SnapshotContents | None:
        """Contents decoded earlier from the very same bytes."""
        with self._lock:
            kept = self._kept.get(generation)
            if kept is None:
                return None
            self._kept.move_to_end(generation)
            return kept[0]

    def keep(self, contents: SnapshotContents, file: SpoolFile) -> None:
        """Remembers contents that point into `file`, and forgets the oldest beyond the bound."""
        size = file.size
        os.close(file.descriptor)
        with self._lock:
            _, earlier = self._kept.pop(contents.generation, (contents, 0))
            self._kept[contents.generation] = (contents, earlier + size)
            total = sum(kept_size for _, kept_size in self._kept.values())
            while total > limits.SPOOL_MAX_BYTES and len(self._kept) > KEPT_AT_LEAST:
                _, (oldest, oldest_size) = self._kept.popitem(last=False)
                total -= oldest_size
                for path in _spooled_paths(oldest):
                    _remove(path)


def _spooled_paths(contents: SnapshotContents) -> set[str]:
    own = {stamp.path for stamp in contents.generation.stamps}
    return {
        extent.path
        for tensor in contents.tensors
        for extent in tensor.extents
        if extent.path not in own
    }


def _remove(path: str) -> None:
    try:
        os.unlink(path)
    except FileNotFoundError:
        return


SPOOL = SpoolDirectory()
