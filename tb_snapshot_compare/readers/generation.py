"""Which bytes a snapshot had when it was read: stamps taken before, checked after.

A trainer overwrites and deletes files while we read them. A result is only kept when the
generation that it started from still holds at its end, so no result mixes two contents.
"""

import hashlib
import os
import stat
import time
from collections.abc import Sequence
from functools import cache

from tb_snapshot_compare.errors import (
    BeingWrittenError,
    SnapshotChangedError,
    SnapshotGoneError,
    UnreadableSnapshotError,
)
from tb_snapshot_compare.snapshot import FileStamp, Generation
from tb_snapshot_compare.storage import is_remote, stores

DIGEST_HEX_DIGITS = 16
_LINUX_REALTIME_COARSE = 5
"""The clock that stamps files (`ktime_get_coarse_real_ts64`); Python has no name for it."""
_COARSE_TICK_SECONDS = 2.0
"""Some file systems keep whole seconds, FAT every second one."""
_STAMPINGS_MAX = 5
_SECOND_NS = 1_000_000_000


def generation_of(paths: Sequence[str], digest_of: bytes | None = None) -> Generation:
    """Stamps the regular files `paths`, in path order.

    Args:
      paths: every file of the snapshot; duplicates are stamped once.
      digest_of: the bytes of the snapshot's index, so that a rewrite of the same size
        within one tick of the clock is still told apart; None where a format has none,
        then the digest is that of the stamps.

    Raises:
      SnapshotGoneError: a file does not exist.
      BeingWrittenError: a file changes all the time.
      UnreadableSnapshotError: a file cannot be examined or is not a regular file.
    """
    stamps = tuple(_still_stamp(path) for path in sorted(set(paths)))
    content = repr(stamps).encode() if digest_of is None else digest_of
    digest = hashlib.blake2b(content, digest_size=DIGEST_HEX_DIGITS // 2).hexdigest()
    return Generation(stamps=stamps, digest=digest)


def check_generation(generation: Generation) -> None:
    """Returns when every file still carries the stamp that it had.

    Raises:
      SnapshotGoneError: a file was deleted.
      SnapshotChangedError: a file was replaced, grew, shrank or was rewritten.
      UnreadableSnapshotError: a file can no longer be examined.
    """
    for expected in generation.stamps:
        if _stamp(expected.path) != expected:
            raise SnapshotChangedError(
                f"{expected.path} was rewritten while it was being read. "
                "Open the snapshot again to see its new content."
            )


def _still_stamp(path: str) -> FileStamp:
    """The stamp of a file once the tick of the clock in which it was written is over.

    Until then a later write could leave the very same stamp, and would go unnoticed.

    Raises:
      BeingWrittenError: the file changes all the time.
    """
    for _ in range(_STAMPINGS_MAX):
        stamp = _stamp(path)
        if stamp.tag:
            return stamp
        changed = stamp.ctime_ns or stamp.mtime_ns
        tick = _tick() if changed % _SECOND_NS else _COARSE_TICK_SECONDS
        age = time.time() - changed / _SECOND_NS
        if abs(age) >= tick:
            return stamp
        time.sleep(tick - age if age > 0 else tick)
    raise BeingWrittenError(
        f"{path} is being written. It can be read as soon as its writer has finished."
    )


@cache
def _tick() -> float:
    """By how many seconds the clock that stamps files advances, with some to spare."""
    try:
        return time.clock_getres(_LINUX_REALTIME_COARSE) + 0.001
    except (AttributeError, OSError):
        return 0.02


def _stamp(path: str) -> FileStamp:
    if is_remote(path):
        return _remote_stamp(path)
    try:
        status = os.stat(path)
    except (FileNotFoundError, NotADirectoryError):
        raise SnapshotGoneError(
            f"{path} does not exist any more: it was deleted or renamed after it was "
            "listed. Reload the list of snapshots."
        ) from None
    except (OSError, ValueError) as error:
        raise UnreadableSnapshotError(
            f"{path} cannot be examined ({error_text(error)}). Check the file's permissions "
            "and those of its directories (chmod u+rx), and that its disk is mounted."
        ) from error
    if not stat.S_ISREG(status.st_mode):
        raise UnreadableSnapshotError(
            f"{path} is not a regular file, so it is not read. Remove it, or replace it by "
            "the snapshot's own file."
        )
    return FileStamp.of(path, status)


def _remote_stamp(url: str) -> FileStamp:
    status = stores.status_of(url)
    if status is None:
        raise UnreadableSnapshotError(
            f"{url} is a directory, not a file. Replace it by the snapshot's own file."
        )
    return FileStamp.of(url, status)


def error_text(error: OSError | ValueError) -> str:
    """The system's words for `error` (`Permission denied`), without path or number."""
    return (error.strerror if isinstance(error, OSError) else None) or str(error)
