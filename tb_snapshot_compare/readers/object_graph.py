"""The object graph that an object-based checkpoint stores beside its tensors.

A serialized TrackableObjectGraph (TensorFlow, `core/protobuf/trackable_object_graph.proto`)
under the key `_CHECKPOINTABLE_OBJECT_GRAPH`: the Python objects that were saved, the
attribute names by which they refer to each other, and for each variable its key and the
name that TensorFlow gave it. Keys are shortest paths from the root, so they change with
what else was saved; names do not.
"""

from dataclasses import dataclass

from tb_snapshot_compare.limits import MIB
from tb_snapshot_compare.readers import protos
from tb_snapshot_compare.readers.sstable import TableError, read_varint

OBJECT_GRAPH_KEY = "_CHECKPOINTABLE_OBJECT_GRAPH"
OBJECT_GRAPH_MAX_BYTES = 16 * MIB
"""About 60 bytes per object: a graph of 250,000 objects."""
OBJECTS_MAX = 250_000
"""Objects and their references together; an empty one has 2 bytes, but 100 once parsed."""
VARIABLE_ATTRIBUTE = "VARIABLE_VALUE"

_WIRE_BYTES = 2


class ObjectGraphError(ValueError):
    """The bytes are not an object graph, or refer to objects that do not exist."""


@dataclass(frozen=True, slots=True)
class Variable:
    """A saved value of an object: `full_name` is TensorFlow's name, possibly empty."""

    key: str
    full_name: str


@dataclass(frozen=True, slots=True)
class Slot:
    """An optimizer's slot by tf.keras 2: `slot_name` of `variable` is the object `slot`."""

    variable: int
    slot_name: str
    slot: int


@dataclass(frozen=True, slots=True)
class Node:
    """One object: its children by attribute name, its own variable, its slots."""

    children: tuple[tuple[str, int], ...]
    variable: Variable | None
    slots: tuple[Slot, ...]

    @property
    def child_names(self) -> frozenset[str]:
        """The attribute names of the children."""
        return frozenset(name for name, _ in self.children)

    @property
    def is_list(self) -> bool:
        """Whether it only numbers its children."""
        return bool(self.children) and all(name.isdecimal() for name, _ in self.children)


def parse_object_graph(data: bytes) -> tuple[Node, ...]:
    """The nodes of the graph; node 0 is the root.

    Raises:
      ObjectGraphError: malformed, or a reference to an object that is not there.
    """
    _check_object_count(data)
    try:
        graph = protos.parse("TrackableObjectGraph", data)
    except protos.ProtoError as error:
        raise ObjectGraphError(str(error)) from error
    nodes = tuple(
        Node(
            children=tuple((child.local_name, child.node_id) for child in node.children),
            variable=next(
                (
                    Variable(attribute.checkpoint_key, attribute.full_name)
                    for attribute in node.attributes
                    if attribute.name == VARIABLE_ATTRIBUTE
                ),
                None,
            ),
            slots=tuple(
                Slot(s.original_variable_node_id, s.slot_name, s.slot_variable_node_id)
                for s in node.slot_variables
            ),
        )
        for node in graph.nodes
    )
    if not nodes:
        raise ObjectGraphError("the object graph is empty")
    for node in nodes:
        references = [target for _, target in node.children]
        references += [end for slot in node.slots for end in (slot.variable, slot.slot)]
        for target in references:
            if not 0 <= target < len(nodes):
                raise ObjectGraphError(f"it refers to object {target:,} of {len(nodes):,}")
    return nodes


def parse_saved_names(data: bytes) -> dict[int, str]:
    """The variables' names by object number, from a SavedObjectGraph.

    A SavedModel numbers its objects as the object graph of its checkpoint does
    (`core/protobuf/saved_object_graph.proto`).

    Raises:
      ObjectGraphError: malformed.
    """
    _check_object_count(data)
    try:
        graph = protos.parse("SavedObjectGraph", data)
    except protos.ProtoError as error:
        raise ObjectGraphError(str(error)) from error
    return {
        number: node.variable.name
        for number, node in enumerate(graph.nodes)
        if node.HasField("variable") and node.variable.name
    }


def _check_object_count(data: bytes) -> None:
    """Counts the objects and their fields before any of them takes memory."""
    count = 0
    pending = [(0, len(data), 0)]
    try:
        while pending:
            position, end, depth = pending.pop()
            while position < end:
                tag, position = read_varint(data, position)
                if tag & 7 != _WIRE_BYTES:
                    break
                length, position = read_varint(data, position)
                count += 1
                if count > OBJECTS_MAX:
                    raise ObjectGraphError(f"it has more than {OBJECTS_MAX:,} objects")
                if depth == 0:
                    pending.append((position, min(position + length, end), 1))
                position += length
    except TableError as error:
        raise ObjectGraphError(str(error)) from error
