"""A network traced for one size of image, its weights as inputs. Runs in the child only."""

import functools
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from typing import Any

import keras
import numpy as np
import tensorflow as tf
from numpy.typing import NDArray

from tb_snapshot_compare.errors import InferenceError, ModelUnavailableError
from tb_snapshot_compare.inference.graph_sizes import largest_output
from tb_snapshot_compare.inference.keras_builder import first_line
from tb_snapshot_compare.limits import (
    RUN_BATCH_BYTES,
    RUN_BATCH_IMAGES,
    RUN_OUTPUT_SETS_KEPT,
)

Array = NDArray[Any]
_LIVE_AT_ONCE = 6
"""Outputs as large as the largest that are in memory together; four branches and their sum."""
_REMEDY = "Give smaller images, or compare the weights, which needs no run of the network."


class Trace:
    """The graph of a network's forward pass.

    Args:
      model: what is called, with `training=False`.
      layers: whose outputs may be asked for, by path.
      variables: the model's weights; `run` takes an array for each.
      size: shape of one input.

    Raises:
      ModelUnavailableError: the network cannot be traced, or an output is too large to run.
    """

    def __init__(
        self,
        model: Any,
        layers: Mapping[str, Any],
        variables: Sequence[Any],
        size: tuple[int, ...],
    ) -> None:
        self._recorded: dict[str, Any] = {}
        self._output: Any = None
        dtype = keras.backend.standardize_dtype(model.inputs[0].dtype)
        specs = [
            tf.TensorSpec(v.shape, keras.backend.standardize_dtype(v.dtype)) for v in variables
        ]

        def forward(weights: list[Any], images: Any) -> Any:
            self._recorded.clear()
            scope = keras.StatelessScope(
                state_mapping=list(zip(variables, weights, strict=True)), initialize_variables=False
            )
            with scope, _recording(layers, self._recorded):
                _restore_statistics(layers)
                outputs = model(images, training=False)
            for path, layer in layers.items():
                if isinstance(layer, keras.layers.InputLayer):
                    self._recorded.setdefault(path, images)
            self._output = _first(outputs)
            return self._output

        try:
            traced = tf.function(forward, autograph=False).get_concrete_function(
                specs, tf.TensorSpec((None, *size), dtype)
            )
        except (InferenceError, MemoryError):
            raise
        except Exception as error:  # TensorFlow raises many types on shapes that do not fit
            raise ModelUnavailableError(
                f"The network cannot take an input of shape {list(size)}: {first_line(error)}",
                "Choose another size of input.",
            ) from error
        self._graph = traced.graph
        captured = len(traced.captured_inputs)
        inputs = traced.inputs[: len(traced.inputs) - captured]
        self._weights, self._images = inputs[: len(variables)], inputs[len(variables)]
        self._captured = {
            placeholder.name: value.numpy()
            for placeholder, value in zip(
                traced.inputs[len(inputs) :], traced.captured_inputs, strict=True
            )
            if value.dtype != tf.resource
        }
        self._largest = largest_output(self._graph, _REMEDY)
        self._session: Any = None
        self._output_sets: set[tuple[str, ...]] = set()

    def batches(self, count: int) -> list[tuple[int, int]]:
        """Ranges of images that are run together: as many as memory allows."""
        fitting = RUN_BATCH_BYTES // max(self._largest * _LIVE_AT_ONCE, 1)
        step = max(1, min(RUN_BATCH_IMAGES, fitting))
        return [(start, min(start + step, count)) for start in range(0, count, step)]

    def run(
        self, weights: Sequence[Array], images: Array, layers: Sequence[str], output: bool
    ) -> list[Array]:
        """The network's output where asked, then the layers' outputs, in order.

        Raises:
          InferenceError: TensorFlow cannot compute it.
        """
        fetches = [self._output] if output else []
        for layer in layers:
            tensor = self._recorded.get(layer)
            if tensor is None:
                raise InferenceError(f"Layer {layer!r} is not reached when the network runs.")
            fetches.append(tensor)
        names = (tensor.name for tensor in (*self._weights, self._images))
        feeds = dict(zip(names, (*weights, images), strict=True)) | self._captured
        try:
            values: list[Array] = self._open(fetches).run(fetches, feeds)
        except tf.errors.ResourceExhaustedError as error:
            raise ModelUnavailableError(
                f"The network needs more memory than it may use: {first_line(error)}", _REMEDY
            ) from error
        except (tf.errors.OpError, ValueError, TypeError) as error:
            raise InferenceError(f"The network cannot be run: {first_line(error)}") from error
        return [np.asarray(value) for value in values]

    def close(self) -> None:
        """Frees what the session keeps."""
        if self._session is not None:
            self._session.close()
            self._session = None

    def _open(self, fetches: Sequence[Any]) -> Any:
        """A session, anew after many sets of outputs: it keeps a pruned graph for each."""
        self._output_sets.add(tuple(tensor.name for tensor in fetches))
        if len(self._output_sets) > RUN_OUTPUT_SETS_KEPT:
            self.close()
            self._output_sets.clear()
        if self._session is None:
            self._session = tf.compat.v1.Session(graph=self._graph, config=_unoptimized())
        return self._session


def _unoptimized() -> Any:
    """Optimizing the graph costs more than it gains in the few runs that an output set gets."""
    config = tf.compat.v1.ConfigProto()
    config.graph_options.rewrite_options.disable_meta_optimizer = True
    return config


def _restore_statistics(layers: Mapping[str, Any]) -> None:
    """Normalization keeps values that it computed from its variables."""
    for layer in layers.values():
        if isinstance(layer, keras.layers.Normalization) and layer.input_mean is None:
            layer.finalize_state()


@contextmanager
def _recording(layers: Mapping[str, Any], recorded: dict[str, Any]) -> Iterator[None]:
    """Notes the first output of every layer's first call."""
    originals = {path: layer.call for path, layer in layers.items()}

    def recorder(path: str, call: Any) -> Any:
        @functools.wraps(call)
        def recording(*args: Any, **kwargs: Any) -> Any:
            outputs = call(*args, **kwargs)
            recorded.setdefault(path, _first(outputs))
            return outputs

        return recording

    for path, layer in layers.items():
        layer.call = recorder(path, originals[path])
    try:
        yield
    finally:
        for layer in layers.values():
            del layer.call


def _first(outputs: Any) -> Any:
    while isinstance(outputs, (list, tuple, dict)):
        outputs = next(iter(outputs.values())) if isinstance(outputs, dict) else outputs[0]
    return outputs
