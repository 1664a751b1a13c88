"""Pictures in a folder of an object store or server, as in `folder`; stores have no links."""

import io
from collections.abc import Sequence
from typing import Any

from tb_snapshot_compare.errors import NotFoundError, SnapshotGoneError
from tb_snapshot_compare.images import class_names
from tb_snapshot_compare.images.decoding import SUFFIXES
from tb_snapshot_compare.limits import IMAGE_ENTRIES_MAX
from tb_snapshot_compare.snapshot import FileStamp, RemoteStatus
from tb_snapshot_compare.storage.remote_file import RemoteFile
from tb_snapshot_compare.storage.stores import Tree, as_listed, tree_of

HEAD_BYTES = 4096
"""Where the size of most pictures is told."""
_AT_ONCE = 256


def tree(url: str, depth: int) -> Tree:
    """The pictures and the names of classes below `url`.

    Raises:
      NotFoundError: there is nothing.
      UnreadableSnapshotError: not permitted, or its store fails.
    """
    try:
        return tree_of(url, _is_wanted, max_depth=depth, max_entries=IMAGE_ENTRIES_MAX)
    except SnapshotGoneError as error:
        raise NotFoundError(f"There is no folder {url}. Check the URL that was given.") from error


def opened(stamp: FileStamp) -> RemoteFile:
    """A listed file, with the content that it had then."""
    return as_listed(stamp.path, RemoteStatus(stamp.size, stamp.mtime_ns, stamp.tag))


def content(stamp: FileStamp, length: int) -> bytes:
    """The first `length` bytes of a listed file.

    Raises:
      SnapshotGoneError, SnapshotChangedError: it was deleted or replaced since.
      UnreadableSnapshotError: its store fails.
    """
    data = bytearray(min(length, stamp.size))
    opened(stamp).read_into(0, memoryview(data))
    return bytes(data)


def fetch_heads(stamps: Sequence[FileStamp]) -> None:
    """Fetches the first bytes of files, many at once, so that reading them does not wait."""
    for first in range(0, len(stamps), _AT_ONCE):
        files = [opened(stamp) for stamp in stamps[first : first + _AT_ONCE]]
        for file in files:
            file.prefetch(0, HEAD_BYTES)
        for file in files:
            file.await_prefetched()


class RemoteStream(io.RawIOBase):
    """A remote file as Python's own files are."""

    def __init__(self, file: RemoteFile) -> None:
        super().__init__()
        self._file = file
        self._position = 0

    def readable(self) -> bool:
        """Always."""
        return True

    def seekable(self) -> bool:
        """Always."""
        return True

    def tell(self) -> int:
        """The position in the file."""
        return self._position

    def seek(self, offset: int, whence: int = io.SEEK_SET) -> int:
        """Moves to a position in the file."""
        base = {io.SEEK_SET: 0, io.SEEK_CUR: self._position, io.SEEK_END: self._file.status.st_size}
        self._position = max(base[whence] + offset, 0)
        return self._position

    def readinto(self, buffer: Any) -> int:
        """Fills as much of `buffer` as is left."""
        count = self._file.read_into(self._position, memoryview(buffer).cast("B"))
        self._position += count
        return count


def _is_wanted(name: str) -> bool:
    if name == class_names.FILE:
        return True
    return not name.startswith(".") and name.lower().endswith(tuple(SUFFIXES))
