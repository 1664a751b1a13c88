"""A SavedModel's graph as a network of the child: mixtures of weights, batches, progress."""

from collections import OrderedDict
from collections.abc import Mapping, Sequence
from dataclasses import replace
from typing import Any

from numpy.typing import NDArray

from tb_snapshot_compare.errors import InvalidRequestError, SnapshotChangedError
from tb_snapshot_compare.inference.network import Report
from tb_snapshot_compare.inference.saved_model_runner import GraphModel, joined
from tb_snapshot_compare.inference.values import (
    LayerOutput,
    Mixture,
    MixtureResult,
    ModelDescription,
    ModelSource,
    RunRequest,
)
from tb_snapshot_compare.inference.weight_sets import Slot, WeightSet, mixed, read_weights
from tb_snapshot_compare.limits import RUN_RESULT_BYTES_MAX, RUN_WEIGHT_BYTES_MAX
from tb_snapshot_compare.readers import check_generation
from tb_snapshot_compare.snapshot import Generation, SnapshotContents, TensorInfo

_SETS_KEPT_AT_LEAST = 2


def open_saved_model(source: ModelSource) -> "SavedModelNetwork":
    """Opens the network of a `saved_model` source.

    Raises:
      ModelUnavailableError: its graph is refused or cannot be run.
      SnapshotGoneError, UnreadableSnapshotError: of its files.
    """
    assert source.path is not None
    return SavedModelNetwork(source.path)


class SavedModelNetwork:
    """Runs a SavedModel's graph, opened anew when its files were replaced; see `network.Network`.

    Args:
      path: the SavedModel's directory.
    """

    def __init__(self, path: str) -> None:
        self._path = path
        self._open()

    @property
    def description(self) -> ModelDescription:
        """Inputs, outputs and layers."""
        self._refresh()
        return self._description

    def _refresh(self) -> None:
        try:
            check_generation(self._model.generation)
        except SnapshotChangedError:
            self._model.close()
            self._open()

    def _open(self) -> None:
        model = self._model = GraphModel(self._path)
        self._description = replace(model.describe(), graph=model.digest)
        self._tensors = tuple(dict.fromkeys(model.tensors.values()))
        layers = {layer.name: layer for layer in self._description.layers}
        self._slots = tuple(_slot(tensor, layers) for tensor in self._tensors)
        self._weights: OrderedDict[Generation, WeightSet] = OrderedDict()

    def run(self, request: RunRequest, report: Report) -> tuple[MixtureResult, ...]:
        """Runs every mixture; see `network.Network.run`."""
        self._refresh()
        batches = self._model.batches(len(request.images))
        total = len(request.images) * len(request.mixtures)
        size = done = 0
        report(0, total)
        results: list[MixtureResult] = []
        for mixture in request.mixtures:
            arrays = self._arrays(mixture, request)
            names = (tensor.name for tensor in self._tensors)
            self._model.set_weights(dict(zip(names, arrays, strict=True)))
            parts: list[MixtureResult] = []
            for start, stop in batches:
                part = self._model.run_batch(
                    request.images[start:stop], request.wanted, request.predictions
                )
                parts.append(part)
                size += sum(each.nbytes for each in part.layers)
                if size > RUN_RESULT_BYTES_MAX:
                    raise InvalidRequestError(
                        f"The outputs are larger than {RUN_RESULT_BYTES_MAX:,} bytes. Ask for "
                        "fewer images or channels."
                    )
                done += stop - start
                report(done, total)
            results.append(joined(parts, request.predictions))
        return tuple(results)

    def _arrays(self, mixture: Mixture, request: RunRequest) -> tuple[NDArray[Any], ...]:
        if not mixture.replaced:
            return self._weight_set(request.a if mixture.base == "a" else request.b).arrays
        return mixed(mixture, self._weight_set(request.a), self._weight_set(request.b), self._slots)

    def _weight_set(self, contents: SnapshotContents) -> WeightSet:
        key = contents.generation
        found = self._weights.get(key)
        if found is None:
            found = self._read(contents)
            self._weights[key] = found
        self._weights.move_to_end(key)
        while (
            len(self._weights) > _SETS_KEPT_AT_LEAST
            and sum(each.nbytes for each in self._weights.values()) > RUN_WEIGHT_BYTES_MAX
        ):
            self._weights.popitem(last=False)
        return found

    def _read(self, contents: SnapshotContents) -> WeightSet:
        """A snapshot's weights for the graph's variables, known by its own names as well.

        An exported model calls the layers of nested models by their full path, and other formats
        do not. Where names differ but there are the same tensors, by role and shape in model
        order, these are taken.
        """
        weights = [tensor for tensor in contents.tensors if tensor.scope == "weights"]
        own = self._model.in_model_order
        present = {tensor.name for tensor in weights}
        named = all(tensor.name in present for tensor in own)
        if named or _signatures(weights) != _signatures(own):
            return read_weights(contents, self._slots, _by_layer(weights))
        renamed = [
            replace(other, name=tensor.name, layer=tensor.layer)
            for tensor, other in zip(own, weights, strict=True)
        ]
        found = read_weights(contents, self._slots, _by_layer(renamed))
        slots = {
            other.name: found.slot_of[tensor.name]
            for tensor, other in zip(own, weights, strict=True)
            if tensor.name in found.slot_of
        }
        return replace(found, slot_of={**slots, **found.slot_of})


def _slot(tensor: TensorInfo, layers: Mapping[str, LayerOutput]) -> Slot:
    layer = layers.get(tensor.layer or tensor.name)
    return Slot(
        path=tensor.layer or "",
        kind=layer.kind if layer is not None else "Unknown",
        name=tensor.name.removeprefix(f"{tensor.layer}/"),
        shape=tensor.shape,
        dtype=tensor.dtype,
        channels=layer.shape[-1] if layer is not None and layer.shape else None,
    )


def _by_layer(tensors: Sequence[TensorInfo]) -> dict[str, list[TensorInfo]]:
    found: dict[str, list[TensorInfo]] = {}
    for tensor in tensors:
        found.setdefault(tensor.layer or "", []).append(tensor)
    return found


def _signatures(tensors: Sequence[TensorInfo]) -> list[tuple[str, tuple[int, ...]]]:
    return [(tensor.role, tensor.shape) for tensor in tensors]
