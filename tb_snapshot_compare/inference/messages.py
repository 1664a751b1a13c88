"""What the server process and the inference child say to each other.

A message is MessagePack behind its length in four bytes, big-endian; the arrays that it
announces follow as raw little-endian bytes in C order. Nothing is pickled.
"""

import math
import select
import socket
import struct
import time
from collections.abc import Sequence
from typing import Any

import msgspec
import numpy as np
from numpy.typing import NDArray

from tb_snapshot_compare.inference.values import Mixture, ModelDescription, ModelSource, Wanted
from tb_snapshot_compare.limits import MIB, RUN_RESULT_BYTES_MAX
from tb_snapshot_compare.snapshot import SnapshotContents

Array = NDArray[np.float32]
LENGTH_PREFIX = struct.Struct(">I")
HEADER_MAX_BYTES = 256 * MIB
_RECEIVE_BYTES = 4 * MIB
_ARRAYS_MAX_BYTES = 2 * RUN_RESULT_BYTES_MAX


class Start(msgspec.Struct, frozen=True, tag="start"):
    """The first message: bytes of memory, and whether code of the user's is run unconfined."""

    memory_bytes: int
    trusted: bool


class Describe(msgspec.Struct, frozen=True, tag="describe"):
    """Describe a network."""

    source: ModelSource


class Run(msgspec.Struct, frozen=True, tag="run"):
    """A RunRequest; its images follow."""

    model: ModelSource
    a: SnapshotContents
    b: SnapshotContents
    mixtures: tuple[Mixture, ...]
    wanted: tuple[Wanted, ...]
    predictions: bool
    shapes: tuple[tuple[int, ...], ...]


class Cancel(msgspec.Struct, frozen=True, tag="cancel"):
    """Stop the run that is under way; its answer is Failed."""


class Ready(msgspec.Struct, frozen=True, tag="ready"):
    """TensorFlow is imported, and the process confined."""


class Described(msgspec.Struct, frozen=True, tag="described"):
    """The answer to Describe."""

    description: ModelDescription


class Progressed(msgspec.Struct, frozen=True, tag="progressed"):
    """Images times mixtures done, and in all."""

    done: int
    total: int


class Ran(msgspec.Struct, frozen=True, tag="ran"):
    """The answer to Run: for each mixture its predictions (if any) and layers follow."""

    predictions: bool
    mixtures: int
    shapes: tuple[tuple[int, ...], ...]


class Failed(msgspec.Struct, frozen=True, tag="failed"):
    """The request failed: name of the class in `errors`, its text, and a remedy.

    `blocked` are the events that the process refused itself meanwhile.
    """

    error: str
    text: str
    remedy: str = ""
    blocked: tuple[str, ...] = ()


Request = Start | Describe | Run | Cancel
Reply = Ready | Described | Progressed | Ran | Failed


class Channel:
    """One end of the socket pair."""

    def __init__(self, end: socket.socket) -> None:
        self._socket = end

    def send(self, message: Request | Reply, arrays: Sequence[Array], timeout: float) -> None:
        """Sends a message and the arrays that it announces.

        Raises:
          OSError: the other end is gone, or does not take it in time.
        """
        self._socket.settimeout(timeout)
        data = msgspec.msgpack.encode(message, enc_hook=_plain)
        self._socket.sendall(LENGTH_PREFIX.pack(len(data)) + data)
        for array in arrays:
            if array.size:
                whole = np.ascontiguousarray(array, "<f4").reshape(-1)
                self._socket.sendall(whole.data.cast("B"))

    def waiting(self, timeout: float) -> bool:
        """Whether something has arrived within `timeout` seconds."""
        return bool(select.select([self._socket], [], [], timeout)[0])

    def receive(self, kind: Any, timeout: float | None) -> tuple[Any, list[Array]]:
        """The next message, of the union `kind`, with its arrays.

        Raises:
          ConnectionError: the other end is gone, or claims too much.
          TimeoutError: it does not arrive within `timeout` seconds of its beginning.
          msgspec.DecodeError: it is nonsense.
        """
        deadline = None if timeout is None else time.monotonic() + timeout
        (length,) = LENGTH_PREFIX.unpack(self._exactly(LENGTH_PREFIX.size, deadline))
        if length > HEADER_MAX_BYTES:
            raise ConnectionError(f"a message of {length:,} bytes")
        message = msgspec.msgpack.decode(self._exactly(length, deadline), type=kind)
        shapes = getattr(message, "shapes", ())
        if 4 * sum(math.prod(shape) for shape in shapes) > _ARRAYS_MAX_BYTES:
            raise ConnectionError(f"arrays of more than {_ARRAYS_MAX_BYTES:,} bytes")
        arrays = []
        for shape in shapes:
            array = np.empty(shape, "<f4")
            if array.size:
                self._fill(array.reshape(-1).data.cast("B"), deadline)
            arrays.append(array)
        return message, arrays

    def close(self) -> None:
        """Closes this end; the child ends when its parent does so."""
        self._socket.close()

    def _exactly(self, length: int, deadline: float | None) -> bytearray:
        received = bytearray(length)
        self._fill(memoryview(received), deadline)
        return received

    def _fill(self, view: memoryview, deadline: float | None) -> None:
        while view:
            remaining = None if deadline is None else deadline - time.monotonic()
            if remaining is not None and remaining <= 0:
                raise TimeoutError
            self._socket.settimeout(remaining)
            count = self._socket.recv_into(view[:_RECEIVE_BYTES])
            if not count:
                raise ConnectionError("the other end is closed")
            view = view[count:]


def _plain(value: object) -> str:
    """A path that is a text of a class of its own, such as that of a decoded copy, as a text."""
    if isinstance(value, str):
        return str(value)
    raise TypeError(f"a message cannot hold {type(value).__name__}")
