"""Runs the graph of a SavedModel with the weights of any snapshot. Runs in the child only.

TensorFlow gets a graph that was made for it (`graph_flatten`), never the SavedModel itself:
nothing is loaded, restored or registered. The graph is not optimized, which would be another
large program over what a stranger wrote.
"""

from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np
import tensorflow as tf
from numpy.typing import NDArray

from tb_snapshot_compare.errors import InvalidRequestError, ModelUnavailableError
from tb_snapshot_compare.inference.graph_check import PURE_ONLY, WEIGHTS_ONLY, check_saved_model
from tb_snapshot_compare.inference.graph_digest import graph_digest
from tb_snapshot_compare.inference.graph_flatten import FlatGraph, flatten
from tb_snapshot_compare.inference.graph_layers import GraphLayer, find_layers
from tb_snapshot_compare.inference.graph_sizes import largest_output
from tb_snapshot_compare.inference.saved_model_weights import checked_shapes, tensors_of_variables
from tb_snapshot_compare.inference.values import (
    LayerOutput,
    MixtureResult,
    ModelDescription,
    TensorSpec,
    Wanted,
)
from tb_snapshot_compare.limits import (
    GRAPH_RUN_SECONDS,
    RUN_BATCH_BYTES,
    RUN_BATCH_IMAGES,
    RUN_OUTPUT_SETS_KEPT,
)
from tb_snapshot_compare.readers import check_generation
from tb_snapshot_compare.readers.saved_model import read_saved_model

_IMAGE_RANK = 4
_LIVE_AT_ONCE = 6
_TEXT_CHARACTERS = 300
_SMALLER = "Give smaller images, or compare the weights, which needs no run of the network."
_ONE_IMAGE = (
    "Export it with a signature that takes one batch of images, or give the model in code with "
    "--snapshot_compare_model."
)


class GraphModel:
    """The network of a SavedModel; a closable session with what it needs.

    Args:
      path: the SavedModel's directory.

    Raises:
      ModelUnavailableError: the graph is refused or cannot be run, with the reason.
      SnapshotGoneError, SnapshotChangedError, UnreadableSnapshotError: of its files.
    """

    def __init__(self, path: str) -> None:
        contents = read_saved_model(path)
        self.generation = contents.generation
        """Of the files that the graph and the names of its weights were read from."""
        checked = check_saved_model(path)
        flat = flatten(checked)
        self.tensors = tensors_of_variables(contents, checked, flat.variables)
        """The stored tensor of each variable, by the name of what is fed."""
        self.digest = graph_digest(flat, self.tensors)
        self.in_model_order = [each for each in contents.tensors if each.scope == "weights"]
        """All weights of the SavedModel."""
        checked_shapes(flat.variables, self.tensors)
        self._keys = tuple(flat.outputs)
        self._outputs = [flat.outputs[key] for key in self._keys]
        self._image = _image_input(flat)
        self._input_key = next(iter(flat.inputs))
        self._found = find_layers(
            flat,
            self._image,
            self._outputs[0],
            {fed: tensor.layer or tensor.name for fed, tensor in self.tensors.items()},
        )
        self._layers = {layer.name: layer for layer in self._found.layers}
        self._graph = _imported(flat)
        self._check_input()
        self._largest = largest_output(self._graph, _SMALLER)
        check_generation(self.generation)
        self._fed: dict[str, NDArray[Any]] = {}
        self._session: Any = None
        self._fetched: set[tuple[str, ...]] = set()

    def describe(self) -> ModelDescription:
        """Inputs, outputs, and the layers whose output can be asked for.

        Layers with weights are called as the snapshot's tensors call them, the others by their
        path in the graph.
        """
        return ModelDescription(
            inputs=(self._spec(self._input_key, self._image),),
            outputs=tuple(
                self._spec(key, tensor)
                for key, tensor in zip(self._keys, self._outputs, strict=True)
            ),
            layers=tuple(
                LayerOutput(each.name, each.kind, self._shape(each.tensor)[1:], each.inputs)
                for each in self._found.layers
                if self._tensor(each.tensor).shape.rank
            ),
            final=self._found.final,
            preprocessing=self._found.preprocessing,
        )

    def set_weights(self, arrays: Mapping[str, NDArray[Any]]) -> None:
        """Takes the values to run with, by canonical tensor name; others are ignored.

        Raises:
          ModelUnavailableError: a tensor of the network is missing or has another shape.
        """
        missing = sorted(t.name for t in self.tensors.values() if t.name not in arrays)
        if missing:
            raise ModelUnavailableError(
                f"{len(missing)} of {len(self.tensors)} tensors of the network are missing: "
                f"{', '.join(missing[:5])}{', ...' if len(missing) > 5 else ''}.",
                "Compare snapshots of one network.",
            )
        fed: dict[str, NDArray[Any]] = {}
        for name, tensor in self.tensors.items():
            array = arrays[tensor.name]
            placeholder = self._tensor(name)
            if array.shape != tensor.shape:
                raise ModelUnavailableError(
                    f"The tensor {tensor.name!r} has the shape {list(array.shape)}, and the "
                    f"network takes {list(tensor.shape)}.",
                    "Compare snapshots of one network.",
                )
            fed[name] = array.astype(placeholder.dtype.as_numpy_dtype, copy=False)
        self._fed = fed

    def run(
        self, images: NDArray[np.float32], wanted: Sequence[Wanted], predictions: bool
    ) -> MixtureResult:
        """Runs the images, in batches that fit into memory.

        Raises:
          InvalidRequestError: no such layer or channel, or images of another shape.
          ModelUnavailableError: no weights were set, or it fails, takes too long or too much.
        """
        parts = [
            self.run_batch(images[start:stop], wanted, predictions)
            for start, stop in self.batches(len(images))
        ]
        return joined(parts, predictions)

    def batches(self, count: int) -> list[tuple[int, int]]:
        """Ranges of images that are run together."""
        fixed = self._batch_size()
        fitting = RUN_BATCH_BYTES // max(self._largest * _LIVE_AT_ONCE, 1)
        step = fixed or max(1, min(RUN_BATCH_IMAGES, fitting))
        return [(start, min(start + step, count)) for start in range(0, count, step)]

    def run_batch(
        self, images: NDArray[np.float32], wanted: Sequence[Wanted], predictions: bool
    ) -> MixtureResult:
        """`run` of one of the `batches`."""
        layers = [self.layer(each.layer) for each in wanted]
        values = self._evaluated(images, layers, predictions)
        output = values.pop(0)[: len(images)].astype(np.float32) if predictions else None
        chosen = (
            _chosen(value[: len(images)], each) for value, each in zip(values, wanted, strict=True)
        )
        return MixtureResult(output, tuple(chosen))

    def close(self) -> None:
        """Frees what the session keeps."""
        if self._session is not None:
            self._session.close()
            self._session = None

    def layer(self, name: str) -> GraphLayer:
        """The layer of a name, or of a full path such as `encoder/conv1`.

        Raises:
          InvalidRequestError: no layer is called so, or several end so.
        """
        found = self._layers.get(name)
        if found is not None:
            return found
        ends = [
            each
            for each in self._found.layers
            if each.path == name or f"/{each.path}".endswith(f"/{name}")
        ]
        ends = ends or [each for each in self._found.layers if name.endswith(f"/{each.name}")]
        if len(ends) != 1:
            problem = "has several layers that end so" if ends else "has no such layer"
            raise InvalidRequestError(
                f"The output of layer {name!r} was not found in the SavedModel's graph: it "
                f"{problem}. Choose another layer, or a snapshot in the .keras format."
            )
        return ends[0]

    def _evaluated(
        self, images: NDArray[np.float32], layers: Sequence[GraphLayer], predictions: bool
    ) -> list[NDArray[Any]]:
        if self.tensors and not self._fed:
            raise ModelUnavailableError("The network has no weights yet.", "Set them first.")
        batch = self._prepared(images)
        fetches = self._outputs[:1] if predictions else []
        fetches = [*fetches, *(layer.tensor for layer in layers)]
        if not fetches:
            return []
        options = tf.compat.v1.RunOptions(timeout_in_ms=int(GRAPH_RUN_SECONDS * 1000))
        try:
            session = self._opened(tuple(fetches))
            values = session.run(fetches, {**self._fed, self._image: batch}, options=options)
        except tf.errors.DeadlineExceededError as error:
            raise ModelUnavailableError(
                f"The network took longer than {GRAPH_RUN_SECONDS:.0f} s for {len(images)} images.",
                "Give fewer or smaller images.",
            ) from error
        except tf.errors.ResourceExhaustedError as error:
            raise ModelUnavailableError(
                f"The network needs more memory than it may use: {_first_line(error)}", _SMALLER
            ) from error
        except (tf.errors.OpError, ValueError, TypeError) as error:
            raise ModelUnavailableError(
                f"The graph of the SavedModel cannot be run: {_first_line(error)}", WEIGHTS_ONLY
            ) from error
        return [np.asarray(value) for value in values]

    def _prepared(self, images: NDArray[np.float32]) -> NDArray[Any]:
        """Images in the type and the batch size that the graph takes."""
        tensor = self._tensor(self._image)
        if not tensor.shape[1:].is_compatible_with(images.shape[1:]) or 0 in images.shape:
            raise InvalidRequestError(
                f"The network takes images of shape {tensor.shape.as_list()[1:]}, and these have "
                f"{list(images.shape[1:])}. Resize them."
            )
        batch = images
        if tensor.dtype.is_integer:
            bounds = np.iinfo(tensor.dtype.as_numpy_dtype)
            batch = np.clip(np.rint(images), bounds.min, bounds.max)
        missing = (self._batch_size() or len(images)) - len(images)
        if missing > 0:
            batch = np.concatenate([batch, np.repeat(batch[-1:], missing, axis=0)])
        return np.ascontiguousarray(batch.astype(tensor.dtype.as_numpy_dtype, copy=False))

    def _opened(self, fetches: tuple[str, ...]) -> Any:
        """A session, anew after many sets of outputs: it keeps a pruned graph for each."""
        self._fetched.add(fetches)
        if len(self._fetched) > RUN_OUTPUT_SETS_KEPT:
            self.close()
            self._fetched.clear()
        if self._session is None:
            self._session = tf.compat.v1.Session(graph=self._graph, config=_config())
        return self._session

    def _batch_size(self) -> int | None:
        size: int | None = self._tensor(self._image).shape[0]
        return size

    def _check_input(self) -> None:
        tensor = self._tensor(self._image)
        if tensor.shape.rank is None:
            tensor.set_shape([None] * _IMAGE_RANK)
        if tensor.shape.rank != _IMAGE_RANK or not (
            tensor.dtype.is_floating or tensor.dtype.is_integer
        ):
            raise ModelUnavailableError(
                f"The SavedModel takes a tensor of {tensor.dtype.name} and shape "
                f"{tensor.shape} as its input {self._input_key!r}, which is no batch of images.",
                _ONE_IMAGE,
            )

    def _tensor(self, name: str) -> Any:
        return self._graph.get_tensor_by_name(name)

    def _shape(self, name: str) -> tuple[int | None, ...]:
        shape = self._tensor(name).shape
        return tuple(shape.as_list()) if shape.rank is not None else ()

    def _spec(self, key: str, name: str) -> TensorSpec:
        return TensorSpec(key, self._shape(name)[1:], self._tensor(name).dtype.name)


def joined(parts: Sequence[MixtureResult], predictions: bool) -> MixtureResult:
    """The results of batches as one."""
    layers = zip(*(part.layers for part in parts), strict=True)
    outputs = [part.predictions for part in parts if part.predictions is not None]
    return MixtureResult(
        np.concatenate(outputs) if predictions and outputs else None,
        tuple(np.concatenate(each) for each in layers),
    )


def _image_input(flat: FlatGraph) -> str:
    if len(flat.inputs) != 1:
        names = ", ".join(repr(name)[:40] for name in list(flat.inputs)[:5])
        raise ModelUnavailableError(
            f"The SavedModel takes {len(flat.inputs)} inputs ({names}), and only one can be an "
            "image.",
            _ONE_IMAGE,
        )
    return next(iter(flat.inputs.values()))


def _imported(flat: FlatGraph) -> Any:
    definition = tf.compat.v1.GraphDef()
    definition.ParseFromString(flat.graph.SerializeToString())
    graph = tf.Graph()
    try:
        with graph.as_default():
            tf.graph_util.import_graph_def(definition, name="")
    except (tf.errors.OpError, ValueError, TypeError, KeyError, RuntimeError) as error:
        raise ModelUnavailableError(
            f"TensorFlow {tf.__version__} does not take the graph of the SavedModel: "
            f"{_first_line(error)}",
            PURE_ONLY,
        ) from error
    return graph


def _config() -> Any:
    config = tf.compat.v1.ConfigProto(device_count={"GPU": 0})
    options = config.graph_options
    options.rewrite_options.disable_meta_optimizer = True
    options.optimizer_options.opt_level = tf.compat.v1.OptimizerOptions.L0
    options.optimizer_options.global_jit_level = tf.compat.v1.OptimizerOptions.OFF
    return config


def _chosen(values: NDArray[Any], wanted: Wanted) -> NDArray[np.float32]:
    if wanted.channels is not None:
        count = values.shape[-1]
        if not all(0 <= channel < count for channel in wanted.channels):
            raise InvalidRequestError(
                f"Layer {wanted.layer!r} has the channels 0 to {count - 1}, not all of "
                f"{wanted.channels!r:.100}."
            )
        values = values[..., list(wanted.channels)]
    if wanted.reduction == "max":
        values = values.max(axis=tuple(range(1, values.ndim - 1)))
    return np.ascontiguousarray(values, np.float32)


def _first_line(error: Exception) -> str:
    text = getattr(error, "message", None) or str(error)
    return text.strip().partition("\n")[0][:_TEXT_CHARACTERS]
