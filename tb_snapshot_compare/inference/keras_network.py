"""A Keras network that runs with the weights of any snapshot. Runs in the child only.

It is traced once for each size of image, with its weights as inputs: a mixture of weights is a
choice of arrays and costs nothing. A session prunes the traced graph to what is asked for, so
another layer needs no new trace.
"""

from collections import OrderedDict
from collections.abc import Callable, Iterable, Sequence
from typing import Any, Literal

import keras
import numpy as np
from numpy.typing import NDArray

from tb_snapshot_compare.architecture import Architecture, from_keras_config
from tb_snapshot_compare.errors import InvalidRequestError, ModelUnavailableError
from tb_snapshot_compare.inference.keras_builder import (
    build_from_config,
    is_model,
    operations_of,
    output_shapes,
    walk,
)
from tb_snapshot_compare.inference.keras_trace import Trace
from tb_snapshot_compare.inference.network import Report
from tb_snapshot_compare.inference.values import (
    LayerOutput,
    Mixture,
    MixtureResult,
    ModelDescription,
    ModelSource,
    RunRequest,
    TensorSpec,
    Wanted,
)
from tb_snapshot_compare.inference.weight_sets import Slot, WeightSet, mixed, read_weights
from tb_snapshot_compare.limits import (
    RUN_RESULT_BYTES_MAX,
    RUN_SIZES_KEPT,
    RUN_WEIGHT_BYTES_MAX,
)
from tb_snapshot_compare.snapshot import SnapshotContents, TensorInfo

Final = Literal["softmax", "sigmoid", "raw"]
ArchitectureOf = Callable[[Sequence[TensorInfo]], Architecture]
_PREPARING = ("Rescaling", "Normalization", "Resizing", "CenterCrop")
_PASSING = frozenset(
    {"ActivityRegularization", "Dropout", "Flatten", "Identity", "Reshape", "Cast"}
)
_FINAL: dict[str, Final] = {
    "softmax": "softmax",
    "Softmax": "softmax",
    "sigmoid": "sigmoid",
    "Sigmoid": "sigmoid",
}
_SETS_KEPT_AT_LEAST = 2
_IMAGE_RANK = 4


def open_keras(source: ModelSource) -> "KerasNetwork":
    """Rebuilds the network of a `keras` source.

    Raises:
      ModelUnavailableError: it is refused, or cannot be built.
    """
    assert source.config is not None
    text = source.config
    model, _ = build_from_config(text)
    return KerasNetwork(model, lambda tensors: from_keras_config(text, tensors, "keras_config"))


class KerasNetwork:
    """Runs a built Keras model; see `network.Network`.

    Args:
      model: Functional or Sequential, or any model with `inputs`. Its own weights are not used.
      architecture_of: the layers of the network, with the given tensors assigned to them.
    """

    def __init__(self, model: Any, architecture_of: ArchitectureOf) -> None:
        self._model = model
        self._architecture_of = architecture_of
        entries = {tensor._keras_history.operation for tensor in model.inputs}
        self._layers = {each.name: each for each in entries} | dict(walk(model))
        self._layouts = _Layouts(self._layers, architecture_of(()))
        self.description = _describe(model, self._layers, self._layouts, architecture_of(()))
        self._variables, self._slots = _variables(self._layers, self._layouts)
        self._traces: OrderedDict[tuple[int, ...], Trace] = OrderedDict()
        self._weights: OrderedDict[Any, WeightSet] = OrderedDict()

    def run(self, request: RunRequest, report: Report) -> tuple[MixtureResult, ...]:
        """Runs every mixture; see `network.Network.run`."""
        images = self._prepared(request.images)
        wanted = [self._checked(each) for each in request.wanted]
        trace = self._trace(images.shape[1:])
        batches = trace.batches(len(images))
        total = len(images) * len(request.mixtures)
        results: list[MixtureResult] = []
        size = done = 0
        report(0, total)
        for mixture in request.mixtures:
            arrays = self._arrays(mixture, request)
            parts: list[list[NDArray[np.float32]]] = []
            for start, stop in batches:
                outputs = trace.run(
                    arrays, images[start:stop], [each.layer for each in wanted], request.predictions
                )
                parts.append(self._chosen(outputs, wanted, request.predictions))
                size += sum(part.nbytes for part in parts[-1])
                if size > RUN_RESULT_BYTES_MAX:
                    raise InvalidRequestError(
                        f"The outputs are larger than {RUN_RESULT_BYTES_MAX:,} bytes. Ask for "
                        "fewer images or channels."
                    )
                done += stop - start
                report(done, total)
            whole = [np.concatenate(each) for each in zip(*parts, strict=True)]
            predictions = whole.pop(0) if request.predictions else None
            results.append(MixtureResult(predictions, tuple(whole)))
        return tuple(results)

    def _prepared(self, images: NDArray[np.float32]) -> NDArray[Any]:
        if len(self._model.inputs) != 1:
            names = ", ".join(spec.name for spec in self.description.inputs)
            raise ModelUnavailableError(
                f"The network takes {len(self._model.inputs)} inputs ({names}), and only one is "
                "an image.",
                "Give a model that takes one image with --snapshot_compare_model module:function.",
            )
        spec = self.description.inputs[0]
        fits = images.ndim == len(spec.shape) + 1 and all(
            wanted in (None, given)
            for wanted, given in zip(spec.shape, images.shape[1:], strict=True)
        )
        if not fits or 0 in images.shape:
            raise InvalidRequestError(
                f"The network takes images of shape {_words(spec.shape)}; these have "
                f"{_words(images.shape[1:])}. Resize them."
            )
        values: NDArray[Any] = images.astype(spec.dtype, copy=False)
        if self._layouts.input_is_first:
            values = np.moveaxis(values, -1, 1)
        return np.ascontiguousarray(values)

    def _checked(self, wanted: Wanted) -> Wanted:
        if wanted.layer not in self._layers:
            raise InvalidRequestError(
                f"The network has no layer {wanted.layer!r}. Name it by its full path."
            )
        return wanted

    def _trace(self, size: tuple[int, ...]) -> Trace:
        trace = self._traces.get(size)
        if trace is None:
            trace = Trace(self._model, self._layers, self._variables, size)
            self._traces[size] = trace
            while len(self._traces) > RUN_SIZES_KEPT:
                self._traces.popitem(last=False)[1].close()
        self._traces.move_to_end(size)
        return trace

    def _arrays(self, mixture: Mixture, request: RunRequest) -> tuple[NDArray[Any], ...]:
        base, other = (request.a, request.b) if mixture.base == "a" else (request.b, request.a)
        if not mixture.replaced:
            return self._weight_set(base).arrays
        sets = self._weight_set(base), self._weight_set(other)
        a, b = sets if mixture.base == "a" else sets[::-1]
        return mixed(mixture, a, b, self._slots)

    def _weight_set(self, contents: SnapshotContents) -> WeightSet:
        key = contents.generation
        found = self._weights.get(key)
        if found is None:
            found = read_weights(contents, self._slots, self._by_layer(contents.tensors))
            self._weights[key] = found
        self._weights.move_to_end(key)
        while (
            len(self._weights) > _SETS_KEPT_AT_LEAST
            and sum(each.nbytes for each in self._weights.values()) > RUN_WEIGHT_BYTES_MAX
        ):
            self._weights.popitem(last=False)
        return found

    def _by_layer(self, tensors: Sequence[TensorInfo]) -> dict[str, list[TensorInfo]]:
        by_name = {tensor.name: tensor for tensor in tensors if tensor.scope == "weights"}
        return {
            layer.name: [by_name[name] for name in layer.tensors if name in by_name]
            for layer in self._architecture_of(tensors).layers
            if layer.tensors
        }

    def _chosen(
        self, outputs: list[NDArray[Any]], wanted: Sequence[Wanted], predictions: bool
    ) -> list[NDArray[np.float32]]:
        """Outputs channels last, of the channels asked for, reduced as asked."""
        chosen = []
        if predictions:
            chosen.append(outputs[0].astype(np.float32))
        for each, output in zip(wanted, outputs[int(predictions) :], strict=True):
            values = output
            if each.layer in self._layouts.first:
                values = np.moveaxis(values, 1, -1)
            if each.channels is not None:
                count = values.shape[-1]
                if not all(0 <= channel < count for channel in each.channels):
                    raise InvalidRequestError(
                        f"Layer {each.layer!r} has the channels 0 to {count - 1}, not all of "
                        f"{each.channels!r:.100}."
                    )
                values = values[..., list(each.channels)]
            if each.reduction == "max":
                values = values.max(axis=tuple(range(1, values.ndim - 1)))
            chosen.append(np.ascontiguousarray(values, np.float32))
        return chosen


class _Layouts:
    """Which layers' outputs have their channels first: by their setting, or by what feeds them."""

    def __init__(self, layers: dict[str, Any], architecture: Architecture) -> None:
        feeding = _feeding(architecture)
        self.first: set[str] = set()
        names = [layer.name for layer in architecture.layers if layer.name in layers]
        for name in names:
            if self._is_first(layers[name], feeding.get(name, ())):
                self.first.add(name)
        inputs = {name for name in names if isinstance(layers[name], keras.layers.InputLayer)}
        self.input_is_first = any(
            getattr(layers[name], "data_format", None) == "channels_first"
            for name in names
            if not feeding.get(name) or inputs.intersection(feeding[name])
        )
        if self.input_is_first:
            self.first |= {name for name in inputs if _rank(layers[name]) >= _IMAGE_RANK}

    def _is_first(self, layer: Any, inputs: Iterable[str]) -> bool:
        if _rank(layer) <= 2:
            return False
        layout = getattr(layer, "data_format", None)
        if layout is not None:
            return bool(layout == "channels_first")
        return any(each in self.first for each in inputs)

    def moved(self, path: str, shape: tuple[int | None, ...]) -> tuple[int | None, ...]:
        """A shape without batch, channels last."""
        return (*shape[1:], shape[0]) if path in self.first and len(shape) > 1 else shape


def _rank(layer: Any) -> int:
    shapes = output_shapes(layer)
    return len(shapes[0]) if shapes else 0


def _feeding(architecture: Architecture) -> dict[str, tuple[str, ...]]:
    feeding: dict[str, tuple[str, ...]] = {}
    for edge in architecture.edges:
        feeding[edge.target] = (*feeding.get(edge.target, ()), edge.source)
    return feeding


def _describe(
    model: Any, layers: dict[str, Any], layouts: _Layouts, architecture: Architecture
) -> ModelDescription:
    feeding = _feeding(architecture)
    order = [layer for layer in architecture.layers if layer.name in layers]
    described = []
    for layer in order:
        shapes = output_shapes(layers[layer.name])
        shape = layouts.moved(layer.name, shapes[0][1:]) if shapes else ()
        described.append(LayerOutput(layer.name, layer.kind, shape, feeding.get(layer.name, ())))
    inputs = [_spec(tensor) for tensor in model.inputs]
    if layouts.input_is_first:
        inputs = [
            TensorSpec(each.name, (*each.shape[1:], each.shape[0]), each.dtype) for each in inputs
        ]
    return ModelDescription(
        inputs=tuple(inputs),
        outputs=tuple(_spec(tensor) for tensor in model.outputs),
        layers=tuple(described),
        final=_final(model),
        preprocessing=_preprocessing([(each.name, each.kind) for each in order], feeding),
    )


def _spec(tensor: Any) -> TensorSpec:
    dtype = keras.backend.standardize_dtype(tensor.dtype)
    operation = tensor._keras_history.operation
    return TensorSpec(operation.name, tuple(tensor.shape[1:]), dtype)


def _preprocessing(
    layers: Sequence[tuple[str, str]], feeding: dict[str, tuple[str, ...]]
) -> tuple[str, ...]:
    """The chain of layers at the start that prepare pixels; augmentation in it does nothing."""
    found: list[str] = []
    kinds = dict(layers)
    entered = {name for name, kind in layers if kind == "InputLayer"}
    for name, kind in layers:
        fed = [source for source in feeding.get(name, ()) if source in kinds]
        if name in entered or not entered.issuperset(fed):
            continue
        if kind in _PREPARING or kind.startswith("Random") or kind == "Identity":
            entered.add(name)
            if kind in _PREPARING:
                found.append(name)
    return tuple(name for name in found if kinds[name] in _PREPARING)


def _final(model: Any) -> Final:
    """What the last activation makes of the first output."""
    tensor = model.outputs[0]
    for _ in range(len(operations_of(model)) + 1):
        operation = tensor._keras_history.operation
        if is_model(operation):
            tensor = operation.outputs[tensor._keras_history.tensor_index]
            continue
        kind = type(operation).__name__
        activation = getattr(operation, "activation", None)
        words = getattr(activation, "__name__", type(activation).__name__)
        if kind in _FINAL or words in _FINAL:
            return _FINAL.get(kind) or _FINAL[words]
        passes = kind in _PASSING or (kind == "Activation" and words == "linear")
        nodes = getattr(operation, "_inbound_nodes", None)
        if not passes or not nodes or len(nodes[0].input_tensors) != 1:
            return "raw"
        tensor = nodes[0].input_tensors[0]
    return "raw"


def _variables(
    layers: dict[str, Any], layouts: _Layouts
) -> tuple[tuple[Any, ...], tuple[Slot, ...]]:
    """Every weight of the network once, and where it lies; a shared layer's at its first place."""
    variables: dict[int, Any] = {}
    slots: list[Slot] = []
    for path, layer in layers.items():
        shapes = output_shapes(layer)
        shape = layouts.moved(path, shapes[0][1:]) if shapes else ()
        channels = shape[-1] if shape else None
        for variable in getattr(layer, "weights", ()):
            if id(variable) in variables:
                continue
            variables[id(variable)] = variable
            dtype = keras.backend.standardize_dtype(variable.dtype)
            slots.append(
                Slot(
                    path,
                    type(layer).__name__,
                    _name_below(layer.name, variable.path),
                    tuple(variable.shape),
                    dtype,
                    channels,
                )
            )
    return tuple(variables.values()), tuple(slots)


def _name_below(layer: str, path: str) -> str:
    parts = path.split("/")
    return "/".join(parts[parts.index(layer) + 1 :]) if layer in parts[:-1] else parts[-1]


def _words(shape: Sequence[int | None]) -> str:
    return " × ".join("any" if size is None else str(size) for size in shape)
