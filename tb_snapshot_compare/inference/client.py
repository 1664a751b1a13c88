"""Runs networks in one warm child process, and replaces it when it dies."""

import atexit
import os
import threading
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import replace

from tb_snapshot_compare import errors, limits, processors
from tb_snapshot_compare.inference.messages import (
    Array,
    Describe,
    Described,
    Failed,
    Ran,
    Reply,
    Request,
    Run,
)
from tb_snapshot_compare.inference.process import ChildProcess
from tb_snapshot_compare.inference.values import (
    MixtureResult,
    ModelDescription,
    ModelSource,
    RunRequest,
)
from tb_snapshot_compare.readers.staging import weights_on_disk
from tb_snapshot_compare.snapshot import SnapshotContents

Progress = Callable[[int, int], None]
_WAIT_SECONDS = 0.1
_DESCRIPTIONS_KEPT = 16
_PHYSICAL_SHARE = 0.75


class Inference:
    """The child of this server process: started on first use, ended when idle.

    Thread-safe: requests are answered one at a time. Descriptions are remembered.

    Args:
      memory_bytes: the child is ended when it holds more; by default INFERENCE_MEMORY_BYTES, but
        never more than three quarters of the machine's.
      threads: that TensorFlow uses; by default the number of processors.
    """

    def __init__(self, memory_bytes: int | None = None, threads: int | None = None) -> None:
        self._memory_bytes = memory_bytes or _memory_bound()
        self._threads = threads or processors.available()
        self._lock = threading.Lock()
        self._child: ChildProcess | None = None
        self._idle: threading.Timer | None = None
        self._owner = os.getpid()
        self._descriptions: dict[ModelSource, ModelDescription] = {}
        self.blocked: tuple[str, ...] = ()
        """What the child refused itself during the last request that failed."""
        atexit.register(self.close)

    @property
    def pid(self) -> int | None:
        """The child's process id, None while there is none."""
        child = self._child
        return child.pid if child is not None and child.alive else None

    def describe(self, source: ModelSource, progress: Progress | None = None) -> ModelDescription:
        """What a network takes and gives, and its layers.

        Raises:
          ModelUnavailableError: it cannot be rebuilt; says why and what to do.
          ModelProcessError: the child ended over it.
        """
        known = self._descriptions.get(source)
        if known is not None and source.kind == "keras":
            return known
        reply, _ = self._ask(Describe(source), (), source, progress)
        assert isinstance(reply, Described)
        while len(self._descriptions) >= _DESCRIPTIONS_KEPT:
            self._descriptions.pop(next(iter(self._descriptions)), None)
        self._descriptions[source] = reply.description
        return reply.description

    def run(
        self, request: RunRequest, progress: Progress | None = None
    ) -> tuple[MixtureResult, ...]:
        """Runs every mixture of a request on its images.

        Args:
          request: what to run.
          progress: called with images times mixtures done and in all, several times a second;
            what it raises stops the run and is raised here.

        Raises:
          ModelUnavailableError: the network cannot be rebuilt, or not with these weights.
          InvalidRequestError: a layer, channel, tensor or filter does not exist, or the images
            do not fit.
          ModelProcessError: the child ended over it; the next request gets a new one.
          SnapshotGoneError, SnapshotChangedError, UnreadableSnapshotError: of the weights.
          InferenceError: TensorFlow could not compute it.
        """
        message = Run(
            model=request.model,
            a=_without_text(request.a),
            b=_without_text(request.b),
            mixtures=request.mixtures,
            wanted=request.wanted,
            predictions=request.predictions,
            shapes=(request.images.shape,),
        )
        reply, arrays = self._ask(message, (request.images,), request.model, progress)
        assert isinstance(reply, Ran)
        return _results(reply, arrays)

    def close(self) -> None:
        """Ends the child; a later request starts another."""
        with self._lock:
            self._stop()

    def _ask(
        self,
        request: Request,
        arrays: Sequence[Array],
        source: ModelSource,
        progress: Progress | None,
    ) -> tuple[Reply, list[Array]]:
        watch = progress or _nothing
        with self._locked(watch):
            child = self._running(trusted=source.kind == "code")
            try:
                reply, received = child.exchange(request, arrays, watch)
            finally:
                if child.alive:
                    self._end_when_idle()
                else:
                    self._stop()
            self.blocked = reply.blocked if isinstance(reply, Failed) else ()
        if isinstance(reply, Failed):
            raise _error(reply)
        return reply, received

    @contextmanager
    def _locked(self, watch: Progress) -> Iterator[None]:
        """Waits for earlier requests; `watch` may raise meanwhile."""
        while not self._lock.acquire(timeout=_WAIT_SECONDS):
            watch(0, 1)
        try:
            yield
        finally:
            self._lock.release()

    def _running(self, *, trusted: bool) -> ChildProcess:
        if self._idle is not None:
            self._idle.cancel()
            self._idle = None
        if self._owner != os.getpid():  # a fork must not share its parent's child
            self._child = None
            self._owner = os.getpid()
        if self._child is not None and (not self._child.alive or self._child.trusted != trusted):
            self._stop()
        if self._child is None:
            self._child = ChildProcess(
                trusted=trusted, memory_bytes=self._memory_bytes, threads=self._threads
            )
        return self._child

    def _stop(self) -> None:
        if self._child is not None and self._owner == os.getpid():
            self._child.end()
        self._child = None

    def _end_when_idle(self) -> None:
        self._idle = threading.Timer(limits.INFERENCE_IDLE_SECONDS, self._end_if_still_idle)
        self._idle.daemon = True
        self._idle.start()

    def _end_if_still_idle(self) -> None:
        if self._lock.acquire(blocking=False):
            try:
                self._stop()
            finally:
                self._lock.release()


def _results(reply: Ran, arrays: list[Array]) -> tuple[MixtureResult, ...]:
    each = len(arrays) // reply.mixtures if reply.mixtures else 0
    results = []
    for start in range(0, each * reply.mixtures, each or 1):
        own = arrays[start : start + each]
        predictions = own.pop(0) if reply.predictions else None
        results.append(MixtureResult(predictions, tuple(own)))
    return tuple(results) or (MixtureResult(None),) * reply.mixtures


def _error(reply: Failed) -> errors.SnapshotCompareError:
    kind = getattr(errors, reply.error, errors.InferenceError)
    if kind is errors.ModelUnavailableError:
        return errors.ModelUnavailableError(reply.text, reply.remedy)
    error: errors.SnapshotCompareError = kind(reply.text)
    return error


def _without_text(contents: SnapshotContents) -> SnapshotContents:
    contents = weights_on_disk(contents)
    weights = tuple(tensor for tensor in contents.tensors if tensor.scope == "weights")
    return replace(contents, tensors=weights, model_config=None)


def _memory_bound() -> int:
    try:
        physical = os.sysconf("SC_PAGE_SIZE") * os.sysconf("SC_PHYS_PAGES")
    except (ValueError, OSError):
        return limits.INFERENCE_MEMORY_BYTES
    return min(limits.INFERENCE_MEMORY_BYTES, int(physical * _PHYSICAL_SHARE))


def _nothing(done: int, total: int) -> None:
    """Watches nothing."""
