"""How a child reads from the descriptor that it was given: a file, or a `range_server`."""

import os
import socket
import stat
import struct

REQUEST = struct.Struct(">QI")
"""Offset and length of a range."""
ANSWER = struct.Struct(">i")
"""How many bytes follow; negative where there are none to be had."""
RANGE_MAX_BYTES = 1024 * 1024


def read_at(descriptor: int, offset: int, into: memoryview) -> int:
    """Reads into `into` from `offset` on; returns how many bytes, 0 at the end of the file.

    Raises:
      OSError: the file cannot be read.
    """
    if not stat.S_ISSOCK(os.fstat(descriptor).st_mode):
        return os.preadv(descriptor, [into], offset)
    wanted = into[:RANGE_MAX_BYTES]
    channel = socket.socket(fileno=os.dup(descriptor))
    with channel:
        channel.sendall(REQUEST.pack(offset, len(wanted)))
        head = bytearray(ANSWER.size)
        _receive(channel, memoryview(head))
        (count,) = ANSWER.unpack(head)
        if not 0 <= count <= len(wanted):
            raise OSError("its store cannot be read")
        _receive(channel, wanted[:count])
    return int(count)


def _receive(channel: socket.socket, into: memoryview) -> None:
    while into:
        count = channel.recv_into(into)
        if count == 0:
            raise OSError("the server process has ended")
        into = into[count:]
