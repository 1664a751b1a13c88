"""Which stored tensor is the value of each variable that a SavedModel's graph reads.

A SavedModel lists, for every function, the objects whose values it captures
(`SavedConcreteFunction.bound_inputs` in TensorFlow's `core/protobuf/saved_object_graph.proto`);
these follow the function's own inputs where it is called. Objects have the numbers that they
have in the object graph of the checkpoint, which gives each its key. Variables that no function
captures (TensorFlow 1) are stored under their own name.
"""

import os
import re
from collections.abc import Iterable, Mapping, Sequence

from tb_snapshot_compare.errors import ModelUnavailableError
from tb_snapshot_compare.inference.graph_check import (
    WEIGHTS_ONLY,
    CheckedGraph,
    functions_of,
    node_of,
    shown,
)
from tb_snapshot_compare.inference.graph_flatten import Variable
from tb_snapshot_compare.inference.graph_functions import data_inputs
from tb_snapshot_compare.readers.bundle import open_bundle, read_object_graph
from tb_snapshot_compare.readers.saved_model import VARIABLES_PREFIX
from tb_snapshot_compare.snapshot import SnapshotContents, TensorInfo

_KEY_SUFFIX = "/.ATTRIBUTES/VARIABLE_VALUE"


def tensors_of_variables(
    contents: SnapshotContents, checked: CheckedGraph, variables: Sequence[Variable]
) -> dict[str, TensorInfo]:
    """The stored tensor of each variable, by where its value is fed (`Variable.tensor`).

    Raises:
      ModelUnavailableError: a variable is not among the stored tensors.
      SnapshotGoneError, UnreadableSnapshotError: of the checkpoint's index.
    """
    keys = _keys_of_captures(contents.path, checked)
    by_key = {tensor.key: tensor for tensor in contents.tensors}
    found: dict[str, TensorInfo] = {}
    for variable in variables:
        tensor = by_key.get(keys.get(variable.node, ""))
        tensor = tensor or _by_name(variable, contents.tensors)
        if tensor is None:
            raise ModelUnavailableError(
                f"The graph of {contents.path} reads the variable {shown(variable.node)}, which "
                "is not among its stored tensors.",
                WEIGHTS_ONLY,
            )
        found[variable.tensor] = tensor
    return found


def _keys_of_captures(path: str, checked: CheckedGraph) -> dict[str, str]:
    """The key in the checkpoint of each captured node of the main graph."""
    nodes = read_object_graph(open_bundle(os.path.join(path, VARIABLES_PREFIX))) or ()
    keys: dict[str, str] = {}
    for node, objects in _captured(checked):
        variable = nodes[objects].variable if 0 <= objects < len(nodes) else None
        if variable is not None:
            keys[node] = variable.key
    return keys


def _captured(checked: CheckedGraph) -> Iterable[tuple[str, int]]:
    for node in checked.nodes.values():
        for function in functions_of(node):
            objects = checked.captures.get(function, ())
            inputs = data_inputs(node)
            if objects and len(objects) <= len(inputs):
                names = [node_of(text) for text in inputs[-len(objects) :]]
                yield from zip(names, objects, strict=True)


def _by_name(variable: Variable, tensors: Iterable[TensorInfo]) -> TensorInfo | None:
    """The one tensor of the variable's shape that is called like it."""
    for name in (variable.shared_name, re.sub(r"_\d+$", "", variable.shared_name)):
        fitting = [
            tensor
            for tensor in tensors
            if _is_called(tensor, name) and variable.shape in (None, tensor.shape)
        ]
        if len(fitting) == 1:
            return fitting[0]
    return None


def _is_called(tensor: TensorInfo, name: str) -> bool:
    if tensor.key.removesuffix(_KEY_SUFFIX) == name:
        return True
    return tensor.scope == "weights" and f"/{name}".endswith(f"/{tensor.name}")


def checked_shapes(
    variables: Sequence[Variable], tensors: Mapping[str, TensorInfo]
) -> dict[str, tuple[int, ...]]:
    """The shape that each variable is fed with.

    Raises:
      ModelUnavailableError: a variable is stored in another shape than the graph says.
    """
    shapes: dict[str, tuple[int, ...]] = {}
    for variable in variables:
        tensor = tensors[variable.tensor]
        declared = variable.shape
        fits = declared is None or (
            len(declared) == len(tensor.shape)
            and all(size in (None, own) for size, own in zip(declared, tensor.shape, strict=True))
        )
        if not fits:
            raise ModelUnavailableError(
                f"The tensor {tensor.name!r} is stored with the shape {list(tensor.shape)}, and "
                f"the graph reads it as {list(declared or ())}.",
                WEIGHTS_ONLY,
            )
        shapes[variable.tensor] = tensor.shape
    return shapes
