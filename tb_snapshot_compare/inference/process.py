"""One inference child from the server's side: starting, talking, watching its memory, ending it."""

import os
import signal
import socket
import subprocess
import sys
import time
from collections.abc import Callable, Sequence
from pathlib import Path

import msgspec

from tb_snapshot_compare import limits
from tb_snapshot_compare.errors import ModelProcessError
from tb_snapshot_compare.inference.messages import (
    Array,
    Cancel,
    Channel,
    Progressed,
    Reply,
    Request,
    Start,
)

CHILD_MODULE = "tb_snapshot_compare.inference.child"
_BOOTSTRAP = (
    "import runpy, sys; sys.path.extend(sys.argv[1:]); "
    f"runpy.run_module({CHILD_MODULE!r}, run_name='__main__')"
)
_PASSED_ON = (
    "CUDA_VISIBLE_DEVICES",
    "DYLD_LIBRARY_PATH",
    "LD_LIBRARY_PATH",
    "SYSTEMROOT",
    "TF_FORCE_GPU_ALLOW_GROWTH",
)
_POLL_SECONDS = 0.05
_MESSAGE_SECONDS = 60.0

Watch = Callable[[int, int], None]
"""Called many times a second with what is done and in all; may raise to stop the request."""


class ChildProcess:
    """A child that is running.

    Args:
      trusted: whether it runs code that the person who started TensorBoard named.
      memory_bytes: it is ended when it holds more.
      threads: of TensorFlow, for one operation and for several.
    """

    def __init__(self, *, trusted: bool, memory_bytes: int, threads: int) -> None:
        self.trusted = trusted
        self._memory_bytes = memory_bytes
        ours, theirs = socket.socketpair(socket.AF_UNIX, socket.SOCK_STREAM)
        with theirs:
            self._process = subprocess.Popen(  # noqa: S603  our own module
                [sys.executable, "-I", "-B", "-c", _BOOTSTRAP, *library_paths(trusted)],
                stdin=theirs.fileno(),
                stdout=subprocess.DEVNULL,
                stderr=subprocess.DEVNULL,
                env=_environment(trusted, threads),
                cwd=None if trusted else "/",
                start_new_session=True,
            )
        self._channel = Channel(ours)
        self._starting = True
        self._channel.send(Start(memory_bytes, trusted), (), _MESSAGE_SECONDS)

    @property
    def pid(self) -> int:
        """The process's id."""
        return self._process.pid

    @property
    def alive(self) -> bool:
        """Whether it has not ended."""
        return self._process.poll() is None

    def exchange(
        self, request: Request, arrays: Sequence[Array], watch: Watch
    ) -> tuple[Reply, list[Array]]:
        """Sends a request and waits for its answer.

        Raises:
          ModelProcessError: the child died, was too slow or too large, or answered nonsense. It
            is ended.
          Whatever `watch` raises: the child then goes on to serve the next request, or is ended
            where it does not stop in time.
        """
        try:
            if self._starting:
                self._wait(watch, limits.INFERENCE_START_SECONDS)
                self._starting = False
        except BaseException as error:
            self._give_up(error)
            raise
        try:
            self._channel.send(request, arrays, _MESSAGE_SECONDS)
            return self._wait(watch, limits.INFERENCE_STEP_SECONDS)
        except (OSError, msgspec.DecodeError) as error:
            self._give_up(error)
            raise
        except ModelProcessError:
            raise
        except BaseException:
            self._cancel()
            raise

    def end(self) -> None:
        """Ends it at once."""
        self._channel.close()
        self._process.kill()
        self._process.wait()

    def _wait(self, watch: Watch, patience: float) -> tuple[Reply, list[Array]]:
        """The next message that is no progress; calls `watch` meanwhile."""
        done, total = 0, 1
        deadline = time.monotonic() + patience
        while True:
            if self._channel.waiting(_POLL_SECONDS):
                reply, arrays = self._receive()
                if not isinstance(reply, Progressed):
                    return reply, arrays
                done, total = reply.done, reply.total
                deadline = time.monotonic() + patience
            elif time.monotonic() > deadline:
                self.end()
                raise ModelProcessError(
                    f"The process that runs networks was ended: it took longer than "
                    f"{patience:.0f} s for one step. Give fewer or smaller images."
                )
            self._check_memory()
            watch(done, total)

    def _receive(self) -> tuple[Reply, list[Array]]:
        try:
            reply, arrays = self._channel.receive(Reply, _MESSAGE_SECONDS)
        except (OSError, msgspec.DecodeError) as error:
            raise self._ended(error) from error
        return reply, arrays

    def _check_memory(self) -> None:
        held = _resident_bytes(self.pid)
        if held > self._memory_bytes:
            self.end()
            raise ModelProcessError(
                f"The process that runs networks was ended: it held {held / 2**20:,.0f} MiB, more "
                f"than the {self._memory_bytes / 2**20:,.0f} MiB that it may. "
                "Give fewer or smaller images, or compare a smaller network."
            )

    def _cancel(self) -> None:
        """Asks to stop; ends a child that does not within INFERENCE_CANCEL_SECONDS."""
        deadline = time.monotonic() + limits.INFERENCE_CANCEL_SECONDS
        try:
            self._channel.send(Cancel(), (), limits.INFERENCE_CANCEL_SECONDS)
            while (remaining := deadline - time.monotonic()) > 0:
                if not self._channel.waiting(remaining):
                    break
                reply, _ = self._channel.receive(Reply, remaining)
                if not isinstance(reply, Progressed):
                    return
        except (OSError, msgspec.DecodeError):
            pass
        self.end()

    def _give_up(self, error: BaseException) -> None:
        """Ends a child whose messages are out of step; a failed one gives its reason."""
        if isinstance(error, (OSError, msgspec.DecodeError)):
            raise self._ended(error) from error
        self.end()

    def _ended(self, cause: Exception) -> ModelProcessError:
        if isinstance(cause, TimeoutError) or not isinstance(cause, OSError):
            words = "it answered too slowly or not understandably"
        else:
            try:
                status: int | None = self._process.wait(timeout=1.0)
            except subprocess.TimeoutExpired:
                status = None
            words = _status_words(status)
        self.end()
        return ModelProcessError(
            f"The process that runs networks stopped over this request: {words}. "
            "Ask again: a new one is started."
        )


def _status_words(status: int | None) -> str:
    if status is None:
        return "it closed its connection"
    if status >= 0:
        return f"it ended with status {status}"
    try:
        name = signal.Signals(-status).name
    except ValueError:
        name = f"signal {-status}"
    return f"it was ended by {name}"


def _environment(trusted: bool, threads: int) -> dict[str, str]:
    """What TensorFlow needs; all of the server's where the user's own code runs."""
    passed = os.environ if trusted else {}
    environment = dict(passed) | {
        name: os.environ[name] for name in _PASSED_ON if name in os.environ
    }
    environment.setdefault("CUDA_VISIBLE_DEVICES", "")
    environment |= {
        "KERAS_BACKEND": "tensorflow",
        "OMP_NUM_THREADS": str(threads),
        "TF_CPP_MIN_LOG_LEVEL": "3",
        "TF_NUM_INTEROP_THREADS": str(threads),
        "TF_NUM_INTRAOP_THREADS": str(threads),
    }
    if not trusted:
        environment["HOME"] = environment["KERAS_HOME"] = "/dev/null/home"
    return environment


def library_paths(trusted: bool = False) -> list[str]:
    """Where the child finds this package and its libraries; for trusted code, all of ours."""
    package_root = str(Path(__file__).resolve().parents[2])
    if trusted:
        return [os.path.abspath(path) for path in sys.path] + [package_root]
    installed = [
        path
        for path in sys.path
        if os.path.isabs(path) and Path(path).name in {"site-packages", "dist-packages"}
    ]
    return [*installed, package_root]


def _resident_bytes(pid: int) -> int:
    """Memory that a process holds; 0 where the system does not tell."""
    try:
        with open(f"/proc/{pid}/statm", "rb") as file:
            return int(file.read().split()[1]) * os.sysconf("SC_PAGE_SIZE")
    except (OSError, IndexError, ValueError):
        return 0
