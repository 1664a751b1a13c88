"""Reads the computation graph beside a checkpoint, or in a SavedModel, without TensorFlow.

`<prefix>.meta` is a MetaGraphDef, which a Saver of TensorFlow 1 writes with every checkpoint
(`core/protobuf/meta_graph.proto`, `core/framework/graph.proto`); `graph.pbtxt` a GraphDef in
text form, which an Estimator writes once; `saved_model.pb` holds MetaGraphDefs
(`core/protobuf/saved_model.proto`). Operations are counted before they take memory and parsed
one by one, so that constants are never kept.
"""

import os
import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Any

from tb_snapshot_compare.errors import UnreadableSnapshotError
from tb_snapshot_compare.limits import GRAPH_FILE_MAX_BYTES, GRAPH_NODES_MAX
from tb_snapshot_compare.readers import protos
from tb_snapshot_compare.readers.files import exists, read_whole
from tb_snapshot_compare.readers.graph_calls import Function, StoredNode, written_out
from tb_snapshot_compare.readers.graph_text import text_nodes
from tb_snapshot_compare.snapshot import Format, Operation, OperationGraph, SnapshotContents

META_SUFFIX = ".meta"
TEXT_GRAPH = "graph.pbtxt"
MODEL_FILE = "saved_model.pb"

_SERVING_TAG, _SERVING_SIGNATURE = "serve", "serving_default"
_SAVED_META_GRAPHS = 2
_META_INFO, _META_GRAPH, _META_SIGNATURES, _META_OBJECTS = 1, 2, 5, 7
_GRAPH_NODE, _GRAPH_LIBRARY, _LIBRARY_FUNCTION = 1, 2, 1
_FUNCTION_SIGNATURE, _FUNCTION_NODE, _FUNCTION_RETURN = 1, 3, 4
_OBJECTS_FUNCTIONS = 2

_VARIABLES = frozenset({"Variable", "VariableV2", "VarHandleOp", "AutoReloadVariable"})
_PARTITION = re.compile(r"/part_\d{1,6}\Z")
_SHAPES = "_output_shapes"
_REMEDY = "Layers are listed by the names of the weights."


def graph_file(contents: SnapshotContents) -> str | None:
    """The file that holds the computation graph of a snapshot; None where there is none."""
    if contents.format is Format.SAVED_MODEL:
        candidates: tuple[str, ...] = (os.path.join(contents.path, MODEL_FILE),)
    elif contents.format is Format.TF_CHECKPOINT:
        folder = os.path.dirname(contents.path)
        candidates = (contents.path + META_SUFFIX, os.path.join(folder, TEXT_GRAPH))
    else:
        return None
    return next((path for path in candidates if exists(path)), None)


def read_graph(path: str, keys: Mapping[int, str]) -> OperationGraph:
    """The operations of the graph in the file `path`, calls of functions written out.

    Args:
      path: a `.meta`, `.pbtxt` or `saved_model.pb` file.
      keys: the stored keys of a SavedModel's variables by the number of their object, see
        `saved_model.variable_keys`; empty for a graph of TensorFlow 1, whose variables bear
        the names of their keys.

    Raises:
      SnapshotGoneError: there is no such file.
      UnreadableSnapshotError: malformed, or larger than a graph may be.
    """
    data = read_whole(path, GRAPH_FILE_MAX_BYTES)
    origin = os.path.basename(path)
    try:
        if path.endswith(".pbtxt"):
            nodes = [_stored_node(node) for node in text_nodes(data.decode("utf-8", "replace"))]
            return OperationGraph(tuple(_operations(nodes, {})), (), origin)
        if origin == MODEL_FILE:
            meta = _for_serving(data)
            return _meta_graph(data, meta, origin, keys)
        return _meta_graph(data, (0, len(data)), origin, keys)
    except protos.ProtoError as error:
        raise UnreadableSnapshotError(
            f"The graph in {path} cannot be used: {error}. {_REMEDY}"
        ) from error


_Span = tuple[int, int]


@dataclass(frozen=True, slots=True)
class _MetaGraph:
    """Where the parts of a MetaGraphDef lie."""

    parts: Mapping[int, tuple[_Span, ...]]

    def of(self, number: int) -> tuple[_Span, ...]:
        return self.parts.get(number, ())


def _meta_graph(data: bytes, span: _Span, origin: str, keys: Mapping[int, str]) -> OperationGraph:
    meta = _parts(data, span)
    graphs = meta.of(_META_GRAPH)
    if len(graphs) != 1:
        raise protos.ProtoError(f"it holds {len(graphs)} graphs, not one")
    _check_count(data, graphs[0])
    graph = _parts(data, graphs[0])
    nodes = [_node(data, node) for node in graph.of(_GRAPH_NODE)]
    functions = {
        function.name: function
        for library in graph.of(_GRAPH_LIBRARY)
        for number, *function_span in protos.fields(data, *library)
        if number == _LIBRARY_FUNCTION
        for function in (_function(data, (function_span[0], function_span[1])),)
    }
    variables = _captured_keys(nodes, _captures(data, meta), keys) if keys else {}
    flat, outputs = written_out(nodes, functions, _outputs(data, meta))
    return OperationGraph(tuple(_operations(flat, variables, by_name=not keys)), outputs, origin)


def _parts(data: bytes, span: _Span) -> _MetaGraph:
    parts: dict[int, list[_Span]] = {}
    for number, start, end in protos.fields(data, *span):
        parts.setdefault(number, []).append((start, end))
    return _MetaGraph({number: tuple(spans) for number, spans in parts.items()})


def _for_serving(data: bytes) -> _Span:
    """The meta graph that is tagged for serving, or else the first one."""
    metas = [(s, e) for n, s, e in protos.fields(data, 0, len(data)) if n == _SAVED_META_GRAPHS]
    if not metas:
        raise protos.ProtoError("it holds no graph")
    for span in metas:
        for number, start, end in protos.fields(data, *span):
            if number == _META_INFO:
                tags = protos.parse("MetaInfo", data[start:end]).tags
                if _SERVING_TAG in tags:
                    return span
    return metas[0]


def _check_count(data: bytes, graph: _Span) -> None:
    count = 0
    for number, start, end in protos.fields(data, *graph):
        count += number == _GRAPH_NODE
        if number == _GRAPH_LIBRARY:
            for _, function_start, function_end in protos.fields(data, start, end):
                inside = protos.fields(data, function_start, function_end)
                count += 1 + sum(field == _FUNCTION_NODE for field, _, _ in inside)
        if count > GRAPH_NODES_MAX:
            raise protos.ProtoError(f"it has more than {GRAPH_NODES_MAX:,} operations")


def _node(data: bytes, span: _Span) -> StoredNode:
    return _stored_node(protos.parse("NodeDef", data[slice(*span)]))


def _stored_node(node: Any) -> StoredNode:
    shape: tuple[int | None, ...] | None = None
    function = ""
    for attribute in node.attr:
        if attribute.key == _SHAPES and attribute.value.list.shape:
            shape = _shape(attribute.value.list.shape[0])
        elif attribute.key == "f":
            function = attribute.value.func.name
    return StoredNode(node.name, node.op, tuple(node.input), shape, function)


def _shape(stored: Any) -> tuple[int | None, ...] | None:
    if stored.unknown_rank:
        return None
    return tuple(int(dim.size) if dim.size >= 0 else None for dim in stored.dim)


def _function(data: bytes, span: _Span) -> Function:
    parts = _parts(data, span)
    signatures = parts.of(_FUNCTION_SIGNATURE)
    if len(signatures) != 1:
        raise protos.ProtoError("a function has no signature")
    signature = protos.parse("Signature", data[slice(*signatures[0])])
    returns = [protos.parse("Return", data[slice(*s)]) for s in parts.of(_FUNCTION_RETURN)]
    by_name = {entry.key: entry.value for entry in returns}
    return Function(
        name=signature.name,
        arguments=tuple(argument.name for argument in signature.input_arg),
        results=tuple(by_name.get(argument.name, "") for argument in signature.output_arg),
        nodes=tuple(_node(data, node) for node in parts.of(_FUNCTION_NODE)),
    )


def _captures(data: bytes, meta: _MetaGraph) -> dict[str, tuple[int, ...]]:
    """The objects whose values follow the arguments of each function."""
    found: dict[str, tuple[int, ...]] = {}
    for whole in meta.of(_META_OBJECTS):
        for number, start, end in protos.fields(data, *whole):
            if number == _OBJECTS_FUNCTIONS:
                entry = protos.parse("NamedFunction", data[start:end])
                found[entry.key] = tuple(entry.value.bound_inputs)
    return found


def _captured_keys(
    nodes: list[StoredNode], captures: Mapping[str, tuple[int, ...]], keys: Mapping[int, str]
) -> dict[str, str]:
    """The stored keys of the variables that the graph gives to functions, by operation."""
    found: dict[str, str] = {}
    for node in nodes:
        objects = captures.get(node.function, ())
        given = [text for text in node.inputs if not text.startswith("^")]
        for text, number in zip(given[len(given) - len(objects) :], objects, strict=False):
            if number in keys:
                found.setdefault(text.partition(":")[0], keys[number])
    return found


def _outputs(data: bytes, meta: _MetaGraph) -> tuple[str, ...]:
    """The tensors that the serving signature gives."""
    entries = [protos.parse("NamedSignature", data[s:e]) for s, e in meta.of(_META_SIGNATURES)]
    named = {entry.key: entry.value for entry in entries if not entry.key.startswith("__")}
    chosen = named.get(_SERVING_SIGNATURE) or next(iter(named.values()), None)
    if chosen is None:
        return ()
    return tuple(output.value.name for output in chosen.outputs)


def _operations(
    nodes: list[StoredNode], variables: Mapping[str, str], *, by_name: bool = True
) -> Iterator[Operation]:
    for node in nodes:
        key = variables.get(node.name)
        if key is None and by_name and node.op in _VARIABLES:
            key = _PARTITION.sub("", node.name)
        inputs = tuple(_port(text) for text in node.inputs if not text.startswith("^"))
        yield Operation(node.name, node.op, inputs, node.shape, key)


def _port(text: str) -> str:
    return text if ":" in text else f"{text}:0"
