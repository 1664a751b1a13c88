"""Builds a Keras model from its checked configuration, without memory for its weights.

Runs in the child only.
"""

import json
import math
import resource
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

import keras

from tb_snapshot_compare.architecture import Architecture, from_keras_config
from tb_snapshot_compare.errors import ModelUnavailableError
from tb_snapshot_compare.inference.keras_config import CODE_REMEDY, safe_config
from tb_snapshot_compare.limits import (
    RUN_BUILD_BYTES,
    RUN_TENSOR_BYTES_MAX,
    RUN_WEIGHT_BYTES_MAX,
)

_REASON_MAX_CHARACTERS = 300
_BYTES_AT_LEAST = 4


def build_from_config(text: str) -> tuple[Any, Architecture]:
    """The network that a configuration describes, and its layers.

    Its variables hold no values: shapes are known, memory is not taken.

    Args:
      text: what `model.to_json()` gives, of Keras 3 or 2.

    Raises:
      ModelUnavailableError: the configuration is refused (see `keras_config`), Keras cannot
        build it, or what it describes is larger than may be run.
    """
    checked = safe_config(text)
    try:
        with _bounded_memory(), keras.StatelessScope(initialize_variables=False):
            model = keras.models.model_from_json(json.dumps(checked))
    except ModelUnavailableError:
        raise
    except Exception as error:  # Keras raises many types on what does not fit together
        raise ModelUnavailableError(
            f"Keras cannot build the network from its configuration: {first_line(error)}",
            CODE_REMEDY,
        ) from error
    finally:
        keras.utils.clear_session(free_memory=False)  # forgets variables that wait for values
    if not getattr(model, "inputs", None):
        raise ModelUnavailableError(
            "The configuration does not tell the shape of the network's input.", CODE_REMEDY
        )
    check_sizes(model)
    return model, from_keras_config(text, (), "keras_config")


@contextmanager
def _bounded_memory() -> Iterator[None]:
    """Building takes no memory but for constants: more than RUN_BUILD_BYTES is refused.

    A system without the limit, or without /proc, goes on without it.
    """
    soft, hard = resource.getrlimit(resource.RLIMIT_DATA)
    held = _data_bytes()
    bound = held + RUN_BUILD_BYTES
    if held and (soft == resource.RLIM_INFINITY or bound < soft):
        resource.setrlimit(resource.RLIMIT_DATA, (bound, hard))
    try:
        yield
    finally:
        resource.setrlimit(resource.RLIMIT_DATA, (soft, hard))


def _data_bytes() -> int:
    try:
        with open("/proc/self/status", encoding="ascii") as file:
            found = next(line for line in file if line.startswith("VmData:"))
    except (OSError, StopIteration):
        return 0
    return int(found.split()[1]) * 1024


def check_sizes(model: Any) -> None:
    """Refuses weights or outputs of layers that are too large, from their shapes alone.

    Raises:
      ModelUnavailableError: names the layer.
    """
    total = 0
    for path, layer in walk(model):
        for variable in getattr(layer, "weights", ()):
            total += math.prod(variable.shape) * _BYTES_AT_LEAST
            if total > RUN_WEIGHT_BYTES_MAX:
                raise ModelUnavailableError(
                    f"Up to its layer {path!r}, the network has weights of {total:,} bytes, more "
                    f"than the {RUN_WEIGHT_BYTES_MAX:,} that are run.",
                    "Compare its weights, which needs no run of the network.",
                )
        for shape in output_shapes(layer):
            size = math.prod(size for size in shape[1:] if size is not None) * _BYTES_AT_LEAST
            if size > RUN_TENSOR_BYTES_MAX:
                raise ModelUnavailableError(
                    f"One output of layer {path!r} has {size:,} bytes, more than the "
                    f"{RUN_TENSOR_BYTES_MAX:,} that are run.",
                    "Compare its weights, which needs no run of the network.",
                )


def walk(model: Any, prefix: str | None = None) -> Iterator[tuple[str, Any]]:
    """Layers and operations that are no models, by full path, in the model's order."""
    for operation in operations_of(model):
        path = operation.name if prefix is None else f"{prefix}/{operation.name}"
        if is_model(operation):
            yield from walk(operation, path)
        else:
            yield path, operation


def operations_of(model: Any) -> list[Any]:
    """Layers and operations of a Functional model, layers of any other."""
    if isinstance(model, keras.Sequential):
        return list(model.layers)
    return list(getattr(model, "operations", None) or model.layers)


def is_model(operation: Any) -> bool:
    """Whether it is a model whose layers are layers of the whole: Functional or Sequential."""
    return isinstance(operation, keras.Sequential) or (
        isinstance(operation, keras.Model) and bool(getattr(operation, "operations", None))
    )


def output_shapes(operation: Any) -> list[tuple[int | None, ...]]:
    """Shapes of the outputs of an operation's first call, the batch first."""
    nodes = getattr(operation, "_inbound_nodes", None)
    if not nodes:
        return []
    return [tuple(tensor.shape) for tensor in nodes[0].output_tensors]


def first_line(error: BaseException) -> str:
    """The first words of an exception, short enough for a page."""
    text = next((line for line in str(error).splitlines() if line.strip()), "")
    return (text.strip() or type(error).__name__)[:_REASON_MAX_CHARACTERS]
