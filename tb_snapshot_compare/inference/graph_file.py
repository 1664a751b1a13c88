"""Takes apart `saved_model.pb` within bounds; TensorFlow never sees the file.

A SavedModel message (TensorFlow, `core/protobuf/saved_model.proto` and `meta_graph.proto`) holds
meta graphs: a graph with its function library, the signatures by name, the tensors that stand
for asset files, and, for each function, the objects whose values it captures. Nodes are counted
before any of them takes memory.
"""

import os
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from google.protobuf import message
from tensorboard.compat.proto import graph_pb2, meta_graph_pb2, saved_object_graph_pb2

from tb_snapshot_compare.errors import ModelUnavailableError, UnreadableSnapshotError
from tb_snapshot_compare.limits import GRAPH_FILE_MAX_BYTES, GRAPH_NODES_MAX
from tb_snapshot_compare.readers.files import read_whole
from tb_snapshot_compare.readers.protos import ProtoError, fields

MODEL_FILE = "saved_model.pb"
SERVING_TAG = "serve"

_SAVED_META_GRAPHS = 2
_META_INFO, _META_GRAPH, _META_SIGNATURES, _META_ASSETS, _META_OBJECTS = 1, 2, 5, 6, 7
_GRAPH_NODE, _GRAPH_LIBRARY, _LIBRARY_FUNCTION, _FUNCTION_NODE = 1, 2, 1, 3
_OBJECTS_FUNCTIONS = 2
_WIRE_BYTES = 2

_Span = tuple[int, int]


@dataclass(frozen=True, slots=True)
class GraphFile:
    """A meta graph: a `GraphDef`, `SignatureDef`s by name, and the tensors of asset files.

    `captures` are, for each function that has some, the numbers of the objects whose values
    follow its arguments.
    """

    graph: Any
    signatures: Mapping[str, Any]
    asset_tensors: frozenset[str]
    captures: Mapping[str, tuple[int, ...]]


def read_graph_file(path: str) -> GraphFile:
    """The meta graph for serving of the SavedModel directory `path`, or else its first one.

    Raises:
      ModelUnavailableError: the graph is malformed or exceeds a limit.
      SnapshotGoneError, UnreadableSnapshotError: the file cannot be read.
    """
    file = os.path.join(path, MODEL_FILE)
    try:
        data = read_whole(file, GRAPH_FILE_MAX_BYTES)
    except UnreadableSnapshotError as error:
        raise ModelUnavailableError(str(error), _REMEDY) from error
    try:
        return _parse(data)
    except (ProtoError, message.DecodeError) as error:
        detail = str(error) if isinstance(error, ProtoError) else "a message is malformed"
        raise ModelUnavailableError(f"{file} is damaged: {detail}.", _REMEDY) from error


_REMEDY = "Export the model again, or compare its weights only."


def _parse(data: bytes) -> GraphFile:
    metas = _spans(data, (0, len(data)), _SAVED_META_GRAPHS)
    if not metas:
        raise ProtoError("it holds no graph")
    chosen = next((span for span in metas if _serves(data, span)), metas[0])
    spans: dict[int, list[_Span]] = {}
    for number, start, end in fields(data, *chosen):
        spans.setdefault(number, []).append((start, end))
    graph_spans = spans.get(_META_GRAPH, [])
    if len(graph_spans) != 1:
        raise ProtoError(f"it holds {len(graph_spans)} graphs for serving, not one")
    _check_node_count(data, graph_spans[0])
    graph = _message(graph_pb2.GraphDef, data, graph_spans[0])
    # The two small maps are parsed by their owner's message, cut out of the large one.
    rest = meta_graph_pb2.MetaGraphDef()
    for number in (_META_SIGNATURES, _META_ASSETS):
        for span in spans.get(number, ()):
            rest.MergeFromString(_field_bytes(number, data[slice(*span)]))
    return GraphFile(
        graph=graph,
        signatures=dict(rest.signature_def),
        asset_tensors=frozenset(a.tensor_info.name.partition(":")[0] for a in rest.asset_file_def),
        captures=_captures(data, spans.get(_META_OBJECTS, [])),
    )


def _serves(data: bytes, meta: _Span) -> bool:
    return any(
        SERVING_TAG in _message(meta_graph_pb2.MetaGraphDef.MetaInfoDef, data, span).tags
        for span in _spans(data, meta, _META_INFO)
    )


def _captures(data: bytes, objects: list[_Span]) -> dict[str, tuple[int, ...]]:
    found: dict[str, tuple[int, ...]] = {}
    for whole in objects:
        for span in _spans(data, whole, _OBJECTS_FUNCTIONS):
            entry = saved_object_graph_pb2.SavedObjectGraph()
            entry.MergeFromString(_field_bytes(_OBJECTS_FUNCTIONS, data[slice(*span)]))
            for name, function in entry.concrete_functions.items():
                found[name] = tuple(function.bound_inputs)
    return found


def _check_node_count(data: bytes, graph: _Span) -> None:
    count = 0
    for number, start, end in fields(data, *graph):
        count += number == _GRAPH_NODE
        if number == _GRAPH_LIBRARY:
            for kind, *function in fields(data, start, end):
                count += 1
                if kind == _LIBRARY_FUNCTION:
                    count += sum(field == _FUNCTION_NODE for field, *_ in fields(data, *function))
                if count > GRAPH_NODES_MAX:
                    break
        if count > GRAPH_NODES_MAX:
            raise ProtoError(f"its graph has more than {GRAPH_NODES_MAX:,} operations")


def _spans(data: bytes, whole: _Span, wanted: int) -> list[_Span]:
    """Where the fields `wanted` of a message lie."""
    return [(start, end) for number, start, end in fields(data, *whole) if number == wanted]


def _message(kind: Any, data: bytes, span: _Span) -> Any:
    parsed = kind()
    parsed.ParseFromString(data[slice(*span)])
    return parsed


def _field_bytes(number: int, content: bytes) -> bytes:
    """`content` as field `number` of a message."""
    length = len(content)
    prefix = [number << 3 | _WIRE_BYTES]
    while length > 0x7F:
        prefix.append(length & 0x7F | 0x80)
        length >>= 7
    return bytes([*prefix, length]) + content
