"""Opening and reading files that a trainer, or a stranger, wrote.

Only regular files are opened, without waiting for a FIFO's other end, and bytes are
fetched with positioned reads: unlike a memory map, a file that is truncated meanwhile
gives a short read, which is an error message and not the end of the process.

A path may be a URL: its file is read in ranges from its store. What `regular_file` gives to
read from is opaque, a descriptor or a remote file.

Symbolic links are followed: people link `best.index` to a checkpoint on purpose, and
which paths may be opened at all is decided by whoever lists the snapshots.
"""

import errno
import os
import stat
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from typing import Literal, NoReturn

from tb_snapshot_compare.errors import SnapshotGoneError, UnreadableSnapshotError
from tb_snapshot_compare.readers.generation import error_text
from tb_snapshot_compare.snapshot import FileStatus
from tb_snapshot_compare.storage import is_remote, stores
from tb_snapshot_compare.storage.remote_file import RemoteFile

Handle = int | RemoteFile
"""An open file: to be passed on, not to be looked into."""

_FLAGS = os.O_RDONLY | getattr(os, "O_NONBLOCK", 0) | getattr(os, "O_CLOEXEC", 0)


def open_regular_file(path: str) -> tuple[Handle, FileStatus]:
    """Opens `path` for reading; the caller closes it with `close_file`.

    Returns:
      The open file, and its status.

    Raises:
      SnapshotGoneError: there is no such file.
      UnreadableSnapshotError: not permitted, not a regular file, or an I/O error.
    """
    if is_remote(path):
        remote = stores.open_remote(path)
        return remote, remote.status
    try:
        if not stat.S_ISREG(os.stat(path).st_mode):
            raise_not_regular(path)
        descriptor = os.open(path, _FLAGS)
    except (OSError, ValueError) as error:
        raise_for(path, error)
    try:
        status = os.fstat(descriptor)
        if not stat.S_ISREG(status.st_mode):
            raise_not_regular(path)
    except OSError as error:
        os.close(descriptor)
        raise_for(path, error)
    except BaseException:
        os.close(descriptor)
        raise
    return descriptor, status


@contextmanager
def regular_file(path: str) -> Iterator[tuple[Handle, FileStatus]]:
    """`open_regular_file` for the length of a `with` block."""
    handle, status = open_regular_file(path)
    try:
        yield handle, status
    finally:
        close_file(handle)


def close_file(handle: Handle) -> None:
    """Closes what `open_regular_file` gave."""
    if isinstance(handle, int):
        os.close(handle)


def prefetch(handle: Handle, offset: int, length: int) -> None:
    """Says that these bytes are read next: they are fetched while something else is done."""
    if not isinstance(handle, int):
        handle.prefetch(offset, length)
    elif hasattr(os, "posix_fadvise"):
        with suppress(OSError):
            os.posix_fadvise(handle, offset, length, os.POSIX_FADV_WILLNEED)


def read_cached(handle: Handle, offset: int, into: memoryview) -> int:
    """Fills `into` as far as the system has the bytes in memory (Linux); how many those are."""
    if not isinstance(handle, int) or not hasattr(os, "RWF_NOWAIT"):
        return 0
    try:
        return os.preadv(handle, [into], offset, os.RWF_NOWAIT)
    except OSError:
        return 0


def read_fully(handle: Handle, path: str, offset: int, into: memoryview, got: int = 0) -> None:
    """Fills `into` with the bytes of the file from `offset` on; the first `got` are there.

    Raises:
      UnreadableSnapshotError: the file ends before, or an I/O error.
      SnapshotGoneError, SnapshotChangedError: a remote file was deleted or replaced.
    """
    while got < len(into):
        try:
            if isinstance(handle, int):
                count = os.preadv(handle, [into[got:]], offset + got)
            else:
                count = handle.read_into(offset + got, into[got:])
        except OSError as error:
            raise_for(path, error)
        if count == 0:
            raise UnreadableSnapshotError(
                f"{path} is truncated: {len(into):,} bytes wanted at offset {offset:,}, "
                f"got {got:,}. Save the snapshot again, or copy the file again."
            )
        got += count


def read_bytes(handle: Handle, path: str, offset: int, length: int) -> bytes:
    """`length` bytes at `offset`; the caller has checked `length` against the file's size."""
    content = bytearray(length)
    read_fully(handle, path, offset, memoryview(content))
    return bytes(content)


def read_whole(path: str, limit: int) -> bytes:
    """The whole content of a regular file of at most `limit` bytes."""
    with regular_file(path) as (handle, status):
        if status.st_size > limit:
            raise UnreadableSnapshotError(
                f"{path} has {status.st_size:,} bytes, more than the {limit:,} that such a "
                "file may have. It is not what its name says."
            )
        return read_bytes(handle, path, 0, status.st_size)


def names_in(directory: str) -> list[str]:
    """The names in a directory, sorted.

    Raises:
      SnapshotGoneError: there is no such directory.
      UnreadableSnapshotError: not permitted, or an I/O error.
    """
    if is_remote(directory):
        return [entry.name for entry in stores.entries_in(directory)]
    try:
        return sorted(os.listdir(directory))
    except (OSError, ValueError) as error:
        raise_for(directory, error)


def is_directory(path: str) -> bool:
    """Whether `path` is a directory, links followed; False where it cannot be examined.

    Raises:
      UnreadableSnapshotError: a store fails.
    """
    return _remote_kind(path) == "directory" if is_remote(path) else os.path.isdir(path)


def exists(path: str) -> bool:
    """Whether anything is at `path`, links followed; False where it cannot be examined.

    Raises:
      UnreadableSnapshotError: a store fails.
    """
    return _remote_kind(path) is not None if is_remote(path) else os.path.exists(path)


def file_status(path: str) -> FileStatus | None:
    """The status of a regular file, links followed; None where there is none.

    Raises:
      UnreadableSnapshotError: it cannot be examined.
    """
    if is_remote(path):
        try:
            return stores.status_of(path)
        except SnapshotGoneError:
            return None
    try:
        status = os.stat(path)
    except (FileNotFoundError, NotADirectoryError):
        return None
    except (OSError, ValueError) as error:
        raise_for(path, error)
    return status if stat.S_ISREG(status.st_mode) else None


def _remote_kind(url: str) -> Literal["file", "directory"] | None:
    try:
        return "directory" if stores.status_of(url) is None else "file"
    except SnapshotGoneError:
        return None


def raise_not_regular(path: str) -> NoReturn:
    """Raises the error for a FIFO, device, socket or directory in a file's place."""
    raise UnreadableSnapshotError(
        f"{path} is not a regular file, so it is not read. Remove it, or replace it by the "
        "snapshot's own file."
    )


def raise_for(path: str, error: OSError | ValueError) -> NoReturn:
    """Raises the error of ours that `error`, met at `path`, stands for."""
    if isinstance(error, FileNotFoundError | NotADirectoryError):
        raise SnapshotGoneError(
            f"{path} does not exist: it was deleted or renamed after it was listed, or the "
            "path is misspelt."
        ) from None
    if isinstance(error, PermissionError):
        raise UnreadableSnapshotError(
            f"{path} may not be read by this user ({error_text(error)}). "
            f"Grant it with: {_grant(path)}"
        ) from error
    if isinstance(error, OSError) and error.errno == errno.ELOOP:
        raise UnreadableSnapshotError(
            f"{path} is a link that leads back to itself, or a chain of too many links. "
            "Replace it by the file that it should lead to, or delete it."
        ) from error
    raise UnreadableSnapshotError(
        f"{path} cannot be read ({error_text(error)}). Check the disk it lies on and try again."
    ) from error


def _grant(path: str) -> str:
    """The command that lets this user read `path`: on itself, or on a directory above."""
    above = os.path.dirname(path) or os.curdir
    while not os.path.lexists(path) and above != os.path.dirname(above):
        if os.path.isdir(above):
            return f"chmod u+rx {above}"
        above = os.path.dirname(above)
    return f"chmod {'u+rx' if os.path.isdir(path) else 'u+r'} {path}"
