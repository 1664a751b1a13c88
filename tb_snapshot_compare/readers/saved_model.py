"""Reads SavedModel directories: `variables/variables.*` is a tensor bundle.

`saved_model.pb` (TensorFlow, `core/protobuf/saved_model.proto`) mostly holds the graph; only
its SavedObjectGraph is read, and only where the bundle's own object graph lacks names.
`model.export` stores every weight twice, under `variables/N` in model order and under
`_all_variables/N`; it is shown once.
"""

import os
from collections.abc import Mapping, Sequence
from dataclasses import replace

from tb_snapshot_compare.errors import SnapshotGoneError, UnreadableSnapshotError
from tb_snapshot_compare.limits import CONFIG_MAX_BYTES
from tb_snapshot_compare.readers.bundle import (
    INDEX_SUFFIX,
    Bundle,
    named_tensors,
    names_of,
    open_bundle,
    read_object_graph,
    stamped_bundle,
)
from tb_snapshot_compare.readers.bundle_index import StoredTensor
from tb_snapshot_compare.readers.bundle_position import position_of
from tb_snapshot_compare.readers.files import Handle, exists, read_bytes, regular_file
from tb_snapshot_compare.readers.generation import check_generation
from tb_snapshot_compare.readers.object_graph import Node, ObjectGraphError, parse_saved_names
from tb_snapshot_compare.readers.sstable import TableError, read_varint
from tb_snapshot_compare.snapshot import Format, SnapshotContents

MODEL_FILE = "saved_model.pb"
VARIABLES_PREFIX = os.path.join("variables", "variables")

_META_GRAPHS_FIELD, _OBJECT_GRAPH_FIELD = 2, 7
_WIRE_VARINT, _WIRE_FIXED64, _WIRE_BYTES, _WIRE_FIXED32 = 0, 1, 2, 5


def read_saved_model(path: str) -> SnapshotContents:
    """Opens the SavedModel directory `path`.

    Raises: as `bundle.read_bundle`; UnreadableSnapshotError also where the SavedModel has
      no variables.
    """
    prefix = os.path.join(path, VARIABLES_PREFIX)
    model_file = os.path.join(path, MODEL_FILE)
    if exists(model_file) and not exists(prefix + INDEX_SUFFIX):
        raise UnreadableSnapshotError(
            f"{path} has no {VARIABLES_PREFIX}{INDEX_SUFFIX}: it is a SavedModel without "
            "variables, or an incomplete copy of one."
        )
    generation, bundle = stamped_bundle(prefix, model_file)
    nodes = read_object_graph(bundle)
    if nodes is not None:
        nodes = _with_saved_names(nodes, model_file)
    names = names_of(_without_twins(bundle, nodes or ()), nodes)
    tensors = named_tensors(bundle, names, generation)
    position = position_of(tensors)
    check_generation(generation)
    return SnapshotContents(
        path=path,
        format=Format.SAVED_MODEL,
        generation=generation,
        tensors=tensors,
        position=position,
    )


def variable_keys(path: str) -> dict[int, str]:
    """The keys of the variables of the SavedModel directory `path`, by number of their object.

    `saved_model.pb` numbers its objects as the object graph of the checkpoint does. Of a weight
    that is stored twice it is the key under which `read_saved_model` shows it. Empty where
    there is no object graph (TensorFlow 1).

    Raises: as `read_saved_model`.
    """
    bundle = open_bundle(os.path.join(path, VARIABLES_PREFIX))
    nodes = read_object_graph(bundle) or ()
    stored = {tensor.key: tensor for tensor in bundle.index.tensors}
    variables = {
        number: node.variable for number, node in enumerate(nodes) if node.variable is not None
    }
    kept = {tensor.key for tensor in _without_twins(bundle, nodes).index.tensors}
    shown = {
        _identity(variable.full_name, stored.get(variable.key)): variable.key
        for variable in variables.values()
        if variable.key in kept
    }
    return {
        number: variable.key
        if variable.key in kept
        else shown.get(_identity(variable.full_name, stored.get(variable.key)), variable.key)
        for number, variable in variables.items()
    }


def _without_twins(bundle: Bundle, nodes: Sequence[Node]) -> Bundle:
    """The bundle less the `_all_variables` whose twin is among `variables`."""
    if not nodes or not {"variables", "_all_variables"} <= nodes[0].child_names:
        return bundle
    lists = {name: nodes[target] for name, target in nodes[0].children}
    stored = {tensor.key: tensor for tensor in bundle.index.tensors}
    shown = {_identity(name, stored.get(key)) for key, name in _named(lists["variables"], nodes)}
    twins = {
        key
        for key, name in _named(lists["_all_variables"], nodes)
        if _identity(name, stored.get(key)) in shown
    } - {key for key, _ in _named(lists["variables"], nodes)}
    kept = tuple(tensor for tensor in bundle.index.tensors if tensor.key not in twins)
    return replace(bundle, index=replace(bundle.index, tensors=kept))


def _named(node: Node, nodes: Sequence[Node]) -> list[tuple[str, str]]:
    variables = (nodes[target].variable for _, target in node.children)
    return [(variable.key, variable.full_name) for variable in variables if variable is not None]


def _identity(name: str, tensor: StoredTensor | None) -> tuple[object, ...]:
    if tensor is None:
        return (name,)
    return (name, tensor.dtype, tensor.shape, tensor.crc32c)


def _with_saved_names(nodes: tuple[Node, ...], model_file: str) -> tuple[Node, ...]:
    if all(node.variable is None or node.variable.full_name for node in nodes):
        return nodes
    names = _saved_names(model_file)
    return tuple(
        replace(node, variable=replace(node.variable, full_name=names[number]))
        if node.variable is not None and not node.variable.full_name and number in names
        else node
        for number, node in enumerate(nodes)
    )


def _saved_names(model_file: str) -> Mapping[int, str]:
    """The variables' names of `saved_model.pb`; empty where it is missing or damaged."""
    try:
        with regular_file(model_file) as (descriptor, status):
            span = (0, status.st_size)
            for wanted in (_META_GRAPHS_FIELD, _OBJECT_GRAPH_FIELD):
                found = _field_span(descriptor, model_file, span, wanted)
                if found is None:
                    return {}
                span = found
            start, end = span
            if end - start > CONFIG_MAX_BYTES:
                return {}
            return parse_saved_names(read_bytes(descriptor, model_file, start, end - start))
    except (SnapshotGoneError, UnreadableSnapshotError, TableError, ObjectGraphError):
        return {}


def _field_span(
    handle: Handle, path: str, span: tuple[int, int], wanted: int
) -> tuple[int, int] | None:
    """Where the first field `wanted` of the message in `span` lies, its bytes unread.

    The graph beside it may have gigabytes, so fields are skipped by their length
    (https://protobuf.dev/programming-guides/encoding/).
    """
    position, end = span
    while position < end:
        head = read_bytes(handle, path, position, min(20, end - position))
        tag, used = read_varint(head, 0)
        wire = tag & 7
        length = 0
        if wire == _WIRE_BYTES:
            length, used = read_varint(head, used)
        elif wire == _WIRE_VARINT:
            _, used = read_varint(head, used)
        elif wire in (_WIRE_FIXED64, _WIRE_FIXED32):
            length = 8 if wire == _WIRE_FIXED64 else 4
        else:
            raise TableError(f"a field of wire type {wire}")
        start = position + used
        position = start + length
        if position > end:
            raise TableError("a field reaches outside its message")
        if wire == _WIRE_BYTES and tag >> 3 == wanted:
            return start, position
    return None
