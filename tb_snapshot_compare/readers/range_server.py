"""Lets a child process read a remote file: it asks for ranges, this process fetches them.

A child works on descriptors and has no way to a network. In place of a file it gets one end of a
socket pair, on whose other end a thread answers; `range_client` is the child's side. A request is
an offset and a length, the answer the length of what follows and the bytes.
"""

import socket
import threading
from collections.abc import Iterator
from contextlib import contextmanager

from tb_snapshot_compare.errors import SnapshotCompareError
from tb_snapshot_compare.readers.files import Handle
from tb_snapshot_compare.readers.range_client import ANSWER, RANGE_MAX_BYTES, REQUEST
from tb_snapshot_compare.storage.remote_file import RemoteFile

_FAILED = -1
"""In place of a length: the file cannot be read, and this process knows why."""


@contextmanager
def child_source(handle: Handle) -> Iterator[int]:
    """The descriptor through which a child reads an open file.

    Raises:
      SnapshotGoneError, SnapshotChangedError, UnreadableSnapshotError: a remote file could not
        be read, whatever the child made of that.
    """
    if isinstance(handle, int):
        yield handle
        return
    ours, theirs = socket.socketpair(socket.AF_UNIX, socket.SOCK_STREAM)
    server = _RangeServer(handle, ours)
    server.start()
    try:
        with theirs:
            yield theirs.fileno()
    except SnapshotCompareError:
        if server.error is not None:
            raise server.error from None
        raise
    finally:
        ours.shutdown(socket.SHUT_RDWR)
        server.join()
        ours.close()
    if server.error is not None:
        raise server.error


class _RangeServer(threading.Thread):
    """Answers until the other end is closed; `error` is why a range could not be read."""

    def __init__(self, file: RemoteFile, channel: socket.socket) -> None:
        super().__init__(name="snapshot-compare-ranges", daemon=True)
        self.error: SnapshotCompareError | None = None
        self._file, self._channel = file, channel

    def run(self) -> None:
        """Answers one request after the other."""
        try:
            while request := self._channel.recv(REQUEST.size, socket.MSG_WAITALL):
                if len(request) < REQUEST.size:
                    return
                offset, length = REQUEST.unpack(request)
                self._answer(offset, min(length, RANGE_MAX_BYTES))
        except OSError:  # the child or its request has ended
            return

    def _answer(self, offset: int, length: int) -> None:
        content = bytearray(length)
        try:
            count = self._file.read_into(offset, memoryview(content))
        except SnapshotCompareError as error:
            self.error = error
            self._channel.sendall(ANSWER.pack(_FAILED))
            return
        self._channel.sendall(ANSWER.pack(count) + memoryview(content)[:count])
