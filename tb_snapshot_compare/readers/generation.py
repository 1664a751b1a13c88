"""Which bytes a snapshot had when it was read: stamps taken before, checked after.

A trainer overwrites and deletes files while we read them. A result is only kept when the
generation that it started from still holds at its end, so no result mixes two contents.
"""

import hashlib
import os
import stat
from collections.abc import Sequence

from tb_snapshot_compare.errors import (
    SnapshotChangedError,
    SnapshotGoneError,
    UnreadableSnapshotError,
)
from tb_snapshot_compare.snapshot import FileStamp, Generation

DIGEST_HEX_DIGITS = 16


def generation_of(paths: Sequence[str], digest_of: bytes | None = None) -> Generation:
    """Stamps the regular files `paths`, in path order.

    Args:
      paths: every file of the snapshot; duplicates are stamped once.
      digest_of: the bytes of the snapshot's index, so that a rewrite of the same size
        within one tick of the clock is still told apart; None where a format has none,
        then the digest is that of the stamps.

    Raises:
      SnapshotGoneError: a file does not exist.
      UnreadableSnapshotError: a file cannot be examined or is not a regular file.
    """
    stamps = tuple(_stamp(path) for path in sorted(set(paths)))
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


def _stamp(path: str) -> FileStamp:
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
    return FileStamp(
        path=path, inode=status.st_ino, size=status.st_size, mtime_ns=status.st_mtime_ns
    )


def error_text(error: OSError | ValueError) -> str:
    """The system's words for `error` (`Permission denied`), without path or number."""
    return (error.strerror if isinstance(error, OSError) else None) or str(error)
