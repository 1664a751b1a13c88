"""The inference child: the only process that imports TensorFlow, under limits and confined.

Started as `python -I -c ... tb_snapshot_compare.inference.child` with one end of a socket pair
as its standard input. It ends when the other end closes.
"""

import gc
import importlib
import socket
import sys
from collections import OrderedDict
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

from tb_snapshot_compare import errors, limits
from tb_snapshot_compare.inference.confinement import (
    Confinement,
    forbid_writing,
    limit_resources,
)
from tb_snapshot_compare.inference.messages import (
    Array,
    Cancel,
    Channel,
    Describe,
    Described,
    Failed,
    Progressed,
    Ran,
    Ready,
    Request,
    Run,
    Start,
)
from tb_snapshot_compare.inference.network import Network
from tb_snapshot_compare.inference.values import (
    MixtureResult,
    ModelSource,
    RunRequest,
)
from tb_snapshot_compare.snapshot import SnapshotContents

_OPENERS = {
    "keras": ("tb_snapshot_compare.inference.keras_network", "open_keras"),
    "saved_model": ("tb_snapshot_compare.inference.saved_model", "open_saved_model"),
    "code": ("tb_snapshot_compare.inference.code_model", "open_code_model"),
}
_RECURSION_LIMIT = 10_000
"""Keras walks a chain of layers recursively."""
_TEXT_MAX_CHARACTERS = 2_000


def main() -> None:
    """Answers requests until the server process closes its end."""
    channel = Channel(socket.socket(fileno=0))
    start, _ = channel.receive(Start, None)
    limit_resources(start.memory_bytes)
    sys.setrecursionlimit(_RECURSION_LIMIT)
    confinement = None
    if not start.trusted:
        warm_up()
        forbid_writing()
        confinement = Confinement()
        confinement.install()
    channel.send(Ready(), (), limits.INFERENCE_STEP_SECONDS)
    child = Child(channel, confinement)
    while child.answer_next():
        pass


def warm_up() -> None:
    """Runs a small network, so that whatever libraries import late is imported."""
    for kind in ("keras", "saved_model"):
        importlib.import_module(_OPENERS[kind][0])
    from tb_snapshot_compare.inference.warming import run_once

    run_once()


class Child:
    """Answers one request at a time; networks are kept for the next."""

    def __init__(self, channel: Channel, confinement: Confinement | None) -> None:
        self._channel = channel
        self._confinement = confinement
        self._networks: OrderedDict[ModelSource, Network] = OrderedDict()

    def answer_next(self) -> bool:
        """Answers the next request; False when there is none any more."""
        try:
            request, arrays = self._channel.receive(Request, None)
        except ConnectionError:
            return False
        if isinstance(request, Cancel):  # it came after the answer
            return True
        reply, out = self._answer(request, arrays)
        self._channel.send(reply, out, limits.INFERENCE_STEP_SECONDS)
        return True

    def _answer(self, request: Any, arrays: list[Array]) -> tuple[Any, list[Array]]:
        try:
            with self._reading(request):
                if isinstance(request, Describe):
                    return Described(self._network(request.source).description), []
                return self._run(request, arrays[0])
        except errors.SnapshotCompareError as error:
            return self._failed(error), []
        except MemoryError:
            return self._failed(
                errors.ModelUnavailableError(
                    "The network needs more memory than it may use.",
                    "Give fewer or smaller images.",
                )
            ), []
        except Exception as error:  # a framework's own, which must not end the process
            text = f"The network cannot be run: {type(error).__name__}: {error}"
            return self._failed(errors.InferenceError(text)), []
        finally:
            if self._confinement is not None:
                self._confinement.take_blocked()

    def _failed(self, error: errors.SnapshotCompareError) -> Failed:
        remedy = getattr(error, "remedy", "")
        text = getattr(error, "reason", str(error))[:_TEXT_MAX_CHARACTERS]
        blocked = self._confinement.take_blocked() if self._confinement is not None else ()
        return Failed(type(error).__name__, text, remedy, blocked)

    def _run(self, request: Run, images: Array) -> tuple[Ran, list[Array]]:
        network = self._network(request.model)
        results = network.run(
            RunRequest(
                model=request.model,
                a=request.a,
                b=request.b,
                mixtures=request.mixtures,
                images=images,
                wanted=request.wanted,
                predictions=request.predictions,
            ),
            self._report,
        )
        return self._ran(results, request.predictions)

    def _ran(
        self, results: tuple[MixtureResult, ...], predictions: bool
    ) -> tuple[Ran, list[Array]]:
        arrays: list[Array] = []
        for result in results:
            if predictions and result.predictions is not None:
                arrays.append(result.predictions)
            arrays.extend(result.layers)
        shapes = tuple(array.shape for array in arrays)
        return Ran(predictions, len(results), shapes), arrays

    def _report(self, done: int, total: int) -> None:
        """Tells how far the run is, and stops it where the server no longer wants it."""
        if self._channel.waiting(0):
            request, _ = self._channel.receive(Request, limits.INFERENCE_STEP_SECONDS)
            if isinstance(request, Cancel):
                raise errors.CancelledError("The run was cancelled.")
        self._channel.send(Progressed(done, total), (), limits.INFERENCE_STEP_SECONDS)

    def _network(self, source: ModelSource) -> Network:
        network = self._networks.get(source)
        if network is None:
            while len(self._networks) >= limits.RUN_NETWORKS_KEPT:
                self._networks.popitem(last=False)
                gc.collect()
            module, function = _OPENERS[source.kind]
            network = getattr(importlib.import_module(module), function)(source)
            assert network is not None
            self._networks[source] = network
        self._networks.move_to_end(source)
        return network

    @contextmanager
    def _reading(self, request: Any) -> Iterator[None]:
        """Opens the confinement for the files of a request."""
        if self._confinement is None:
            yield
            return
        source = request.source if isinstance(request, Describe) else request.model
        files: set[str] = set()
        if isinstance(request, Run):
            files = _files(request.a) | _files(request.b)
        directories = (source.path,) if source.path is not None else ()
        with self._confinement.reading(files, directories):
            yield


def _files(contents: SnapshotContents) -> set[str]:
    stamped = {stamp.path for stamp in contents.generation.stamps}
    return stamped | {extent.path for tensor in contents.tensors for extent in tensor.extents}


if __name__ == "__main__":
    main()
