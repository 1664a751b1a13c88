"""The child's side: lowers the limits, then answers one request after the other.

Started as `python -I -c ...` with one end of a socket pair as its standard input. It ends when
the other end closes.
"""

import importlib
import math
import os
import resource
import socket
from collections.abc import Callable

import msgspec

from tb_snapshot_compare import limits
from tb_snapshot_compare.readers.child_messages import (
    DESCRIPTORS_MAX,
    LENGTH_PREFIX,
    READY,
    REQUEST_MAX_BYTES,
    Refused,
)

Answering = Callable[[bytes, list[int]], msgspec.Struct]


def serve(
    parser: str, answer: Answering, address_space: int = limits.CHILD_ADDRESS_SPACE_BYTES
) -> None:
    """Answers requests until the server process closes its end.

    Args:
      parser: the module that imports the parser, imported only under the limits.
      answer: from an encoded request and its descriptors to the reply; what it raises becomes
        a `Refused` with the error's text.
      address_space: bytes that this process may map.
    """
    _limit(resource.RLIMIT_CORE, 0)
    _limit(resource.RLIMIT_AS, address_space)
    _limit(resource.RLIMIT_NOFILE, limits.CHILD_OPEN_FILES)
    importlib.import_module(parser)
    channel = socket.socket(fileno=0)
    channel.sendall(READY)
    _silence()
    while True:
        message, descriptors, _, _ = socket.recv_fds(channel, REQUEST_MAX_BYTES, DESCRIPTORS_MAX)
        if not message:
            return
        try:
            reply = _answered(_rest_of(channel, message), descriptors, answer)
        finally:
            for descriptor in descriptors:
                os.close(descriptor)
        data = msgspec.msgpack.encode(reply)
        channel.sendall(LENGTH_PREFIX.pack(len(data)) + data)


def cpu_seconds() -> float:
    """User and system time of this process so far."""
    usage = resource.getrusage(resource.RUSAGE_SELF)
    return usage.ru_utime + usage.ru_stime


def _rest_of(channel: socket.socket, message: bytes) -> bytes:
    """The whole request without its length, of which `message` is the first part."""
    while len(message) < LENGTH_PREFIX.size or len(message) < LENGTH_PREFIX.size + int.from_bytes(
        message[: LENGTH_PREFIX.size], "big"
    ):
        more = channel.recv(REQUEST_MAX_BYTES)
        if not more:
            raise EOFError("the server process left in the middle of a request")
        message += more
    return message[LENGTH_PREFIX.size :]


def _silence() -> None:
    """From here on nothing that a file makes the parser print reaches the server's disk."""
    nowhere = os.open(os.devnull, os.O_WRONLY)
    os.dup2(nowhere, 2)
    os.close(nowhere)


def _limit(what: int, value: int) -> None:
    """Lowers a limit; systems without it (macOS has no RLIMIT_AS) keep the others."""
    try:
        resource.setrlimit(what, (value, value))
    except (ValueError, OSError):
        return


def _answered(request: bytes, descriptors: list[int], answer: Answering) -> msgspec.Struct:
    spent = cpu_seconds()
    _, hard = resource.getrlimit(resource.RLIMIT_CPU)
    resource.setrlimit(resource.RLIMIT_CPU, (math.ceil(spent) + limits.CHILD_CPU_SECONDS, hard))
    try:
        return answer(request, descriptors)
    except MemoryError:
        return Refused("it needs more memory than a reader may use", cpu_seconds())
    except Exception as error:  # parsers raise many types on damaged bytes
        return Refused(f"{error}"[:500] or type(error).__name__, cpu_seconds())
