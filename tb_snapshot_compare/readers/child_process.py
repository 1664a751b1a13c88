"""Keeps one warm child of each kind for this process, and replaces it when it dies.

A child is the only process that runs one large C or C++ parser (HDF5, tensorstore), under
limits; `child_loop` is its side of the conversation.
"""

import atexit
import os
import socket
import subprocess
import sys
import tempfile
import threading
import time
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import IO, Protocol, TypeVar

import msgspec

from tb_snapshot_compare import limits
from tb_snapshot_compare.errors import ReaderUnavailableError
from tb_snapshot_compare.readers.child_messages import LENGTH_PREFIX, READY, REQUEST_MAX_BYTES

_BOOTSTRAP = (
    "import runpy, sys; sys.path.extend(sys.argv[2:]); "
    "runpy.run_module(sys.argv[1], run_name='__main__')"
)
_PASSED_ON = ("LD_LIBRARY_PATH", "DYLD_LIBRARY_PATH", "SYSTEMROOT")
_RECEIVE_BYTES = 1024 * 1024
_STDERR_MAX_BYTES = 64 * 1024


class Answer(Protocol):
    """What every reply tells: the seconds that the child has worked since it started."""

    @property
    def cpu_seconds(self) -> float:
        """Of user and system time."""
        ...


AnswerType = TypeVar("AnswerType", bound=Answer)


class ChildEndedError(Exception):
    """The child died or was ended over this request; the text says why."""


@dataclass(frozen=True, slots=True)
class ChildKind:
    """Which module a child runs, and for the messages what it `reads` ("HDF5 files").

    `install` completes "Install ... into the environment of ...".
    """

    module: str
    reads: str
    install: str = "tb-snapshot-compare and its requirements"


class ReaderChild:
    """One child process, started when first asked and ended when idle.

    Thread-safe: requests are answered one at a time.
    """

    def __init__(self, kind: ChildKind) -> None:
        self._kind = kind
        self._lock = threading.Lock()
        self._process: subprocess.Popen[bytes] | None = None
        self._channel: socket.socket | None = None
        self._idle: threading.Timer | None = None
        self._owner = os.getpid()

    def ask(
        self,
        request: msgspec.Struct,
        descriptors: Sequence[int],
        replies: msgspec.msgpack.Decoder[AnswerType],
    ) -> AnswerType:
        """Sends the request with its descriptors and waits for the reply.

        Args:
          request: at most REQUEST_MAX_BYTES when encoded.
          descriptors: what the child may work on; they stay open here.
          replies: decodes the child's answer.

        Raises:
          ChildEndedError: the child crashed, exceeded a limit, took longer than
            CHILD_REPLY_SECONDS or answered nonsense. The next request gets a new child.
          ReaderUnavailableError: no child can be started.
        """
        with self._lock:
            channel = self._running()
            try:
                reply = _exchange(channel, request, descriptors, replies)
            except (OSError, msgspec.DecodeError) as error:
                raise ChildEndedError(self._end(error)) from error
            except BaseException:  # an interrupted exchange leaves the channel out of step
                self._stop()
                raise
            if reply.cpu_seconds > limits.CHILD_LIFETIME_CPU_SECONDS:
                self._stop()
            else:
                self._end_when_idle()
            return reply

    @property
    def pid(self) -> int | None:
        """The child's process id, None while there is none."""
        return self._process.pid if self._process is not None else None

    def close(self) -> None:
        """Ends the child; a later request starts another."""
        with self._lock:
            self._stop()

    def _running(self) -> socket.socket:
        if self._idle is not None:
            self._idle.cancel()
            self._idle = None
        if self._owner != os.getpid():  # a fork must not share its parent's child
            self._process = self._channel = None
            self._owner = os.getpid()
        if self._process is not None and self._process.poll() is not None:
            self._stop()
        if self._channel is None:
            self._start()
        assert self._channel is not None
        return self._channel

    def _start(self) -> None:
        ours, theirs = socket.socketpair(socket.AF_UNIX, socket.SOCK_STREAM)
        environment = {name: os.environ[name] for name in _PASSED_ON if name in os.environ}
        environment |= {
            "HDF5_USE_FILE_LOCKING": "FALSE",
            "HDF5_PLUGIN_PRELOAD": "::",
            "OPENBLAS_NUM_THREADS": "1",
            "OMP_NUM_THREADS": "1",
        }
        paths = _library_paths()
        with tempfile.TemporaryFile() as said:
            try:
                with theirs:
                    self._process = subprocess.Popen(  # noqa: S603  our own module
                        [sys.executable, "-I", "-c", _BOOTSTRAP, self._kind.module, *paths],
                        stdin=theirs.fileno(),
                        stdout=subprocess.DEVNULL,
                        stderr=said,
                        env=environment,
                        cwd="/",
                        start_new_session=True,
                    )
                self._channel = ours
                _await_ready(ours)
            except OSError as error:
                ended = self._end(error) if self._channel is not None else str(error)
                ours.close()
                raise _unavailable(self._kind, _last_line(said) or ended) from error
            except BaseException:  # an interrupted start leaves a child of unknown state
                self._stop()
                ours.close()
                raise

    def _end(self, cause: Exception) -> str:
        """Stops a child that failed and says what happened to it."""
        process = self._process
        if isinstance(cause, TimeoutError) or process is None:
            self._stop()
            return f"it took longer than {limits.CHILD_REPLY_SECONDS:.0f} s"
        try:
            status = process.wait(timeout=1.0)
        except subprocess.TimeoutExpired:
            status = None
        self._stop()
        if status is not None and status < 0:
            return f"it was ended by signal {-status}"
        return "it stopped without an answer" if status is None else f"it ended with {status}"

    def _stop(self) -> None:
        if self._channel is not None:
            self._channel.close()
        if self._process is not None:
            self._process.kill()
            self._process.wait()
        self._channel = self._process = None

    def _end_when_idle(self) -> None:
        self._idle = threading.Timer(limits.CHILD_IDLE_SECONDS, self._end_if_still_idle)
        self._idle.daemon = True
        self._idle.start()

    def _end_if_still_idle(self) -> None:
        if self._lock.acquire(blocking=False):
            try:
                self._stop()
            finally:
                self._lock.release()


def _library_paths() -> list[str]:
    """Where the child finds this package and its libraries; never the working directory."""
    package_root = str(Path(__file__).resolve().parents[2])
    try:
        here = os.path.realpath(os.getcwd())
    except OSError:  # it was deleted
        here = ""
    known = [path for path in sys.path if os.path.isabs(path) and os.path.realpath(path) != here]
    return [*known, package_root]


def _await_ready(channel: socket.socket) -> None:
    deadline = time.monotonic() + limits.CHILD_REPLY_SECONDS
    if _receive(channel, len(READY), deadline) != READY:
        raise ConnectionError("it said something else than that it is ready")


def _last_line(said: IO[bytes]) -> str:
    """What Python wrote last before the child ended: the exception with its text."""
    said.seek(max(said.seek(0, os.SEEK_END) - _STDERR_MAX_BYTES, 0))
    lines = said.read(_STDERR_MAX_BYTES).decode("utf-8", "replace").split("\n")
    return next((line.strip() for line in reversed(lines) if line.strip()), "")[:500]


def _unavailable(kind: ChildKind, reason: str) -> ReaderUnavailableError:
    return ReaderUnavailableError(
        f"{kind.reads} cannot be read by this installation: their reader does not start "
        f"({reason}). Install {kind.install} into the environment of "
        f"{sys.executable}; the files themselves were not looked at."
    )


def _exchange(
    channel: socket.socket,
    request: msgspec.Struct,
    descriptors: Sequence[int],
    replies: msgspec.msgpack.Decoder[AnswerType],
) -> AnswerType:
    deadline = time.monotonic() + limits.CHILD_REPLY_SECONDS
    channel.settimeout(limits.CHILD_REPLY_SECONDS)
    data = msgspec.msgpack.encode(request)
    message = LENGTH_PREFIX.pack(len(data)) + data
    assert len(message) <= REQUEST_MAX_BYTES
    socket.send_fds(channel, [message], descriptors)
    (length,) = LENGTH_PREFIX.unpack(_receive(channel, LENGTH_PREFIX.size, deadline))
    if length > limits.INDEX_MAX_BYTES:
        raise ConnectionError(f"its description is longer than {limits.INDEX_MAX_BYTES} bytes")
    return replies.decode(_receive(channel, length, deadline))


def _receive(channel: socket.socket, length: int, deadline: float) -> bytes:
    received = bytearray()
    while len(received) < length:
        remaining = deadline - time.monotonic()
        if remaining <= 0:
            raise TimeoutError
        channel.settimeout(remaining)
        block = channel.recv(min(length - len(received), _RECEIVE_BYTES))
        if not block:
            raise ConnectionError("the child closed its end")
        received += block
    return bytes(received)


CHILD = ReaderChild(ChildKind("tb_snapshot_compare.readers.hdf5_child", "HDF5 files"))
"""The one that reads HDF5."""
atexit.register(CHILD.close)
