"""Writes out the calls of functions in a computation graph.

A SavedModel keeps the network in functions that call each other (TensorFlow,
`core/framework/function.proto`). In a function's body an input is `operation:output:number` or
the name of an argument; outside it is `operation:number`.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace

from tb_snapshot_compare.limits import (
    GRAPH_CALLS_MAX,
    GRAPH_FILE_MAX_BYTES,
    GRAPH_NODES_MAX,
)
from tb_snapshot_compare.readers.protos import ProtoError

_CALLS = frozenset({"PartitionedCall", "StatefulPartitionedCall"})
_STEPS_MAX = 4 * GRAPH_CALLS_MAX
"""From an output through arguments and results: each call is entered and left once."""


@dataclass(frozen=True, slots=True)
class StoredNode:
    """An operation as stored: `inputs` with `^` before control inputs, `function` that it calls."""

    name: str
    op: str
    inputs: tuple[str, ...]
    shape: tuple[int | None, ...] | None
    function: str


@dataclass(frozen=True, slots=True)
class Function:
    """A function: `results` are outputs of its operations, or arguments, in order."""

    name: str
    arguments: tuple[str, ...]
    results: tuple[str, ...]
    nodes: tuple[StoredNode, ...]


def written_out(
    nodes: Sequence[StoredNode], functions: Mapping[str, Function], outputs: Sequence[str] = ()
) -> tuple[list[StoredNode], tuple[str, ...]]:
    """The operations, with those of called functions in the place of the calls.

    An operation of a function keeps its own name, in the scope of the call, with a number where
    that is taken. Functions in loops and conditions stay in their
    operation. Control inputs are dropped.

    Args:
      nodes: of the graph.
      functions: by name.
      outputs: tensors of the graph (`operation:number`).

    Returns:
      The operations, and the operations that give `outputs`.

    Raises:
      ProtoError: calls nest deeper than any network's, go round in circles, or amount to too
        many operations.
    """
    frames: list[_Frame] = []
    graph = _open(nodes, functions, {}, "", _Names(), frames, 0)
    flat = [
        replace(node, name=frame.names[node.name], inputs=_given(frame, node))
        for frame in frames
        for node in frame.nodes
        if node.name not in frame.calls
    ]
    return flat, tuple(_resolved(graph, text).partition(":")[0] for text in outputs)


_Reference = tuple["_Frame", str]


@dataclass(slots=True)
class _Frame:
    """The graph, or one call of a function.

    `arguments` are outputs of the caller's operations, `names` what the operations are called
    in the result, `calls` the frames of calls with what the function gives.
    """

    nodes: Sequence[StoredNode]
    arguments: Mapping[str, _Reference]
    names: dict[str, str]
    calls: dict[str, tuple["_Frame", Function]]


class _Names:
    """Gives every operation a name of its own."""

    def __init__(self) -> None:
        self._last: dict[str, int] = {}
        self._given = self._characters = 0

    def free(self, name: str) -> str:
        """`name`, or `name#2`, ..., whichever is not taken."""
        number = self._last.get(name, 0) + 1
        while (free := name if number == 1 else f"{name}#{number}") in self._last:
            number += 1
        self._last[name] = number
        self._last.setdefault(free, 1)
        self._given += 1
        self._characters += len(free)
        if self._given > GRAPH_NODES_MAX or self._characters > GRAPH_FILE_MAX_BYTES:
            raise ProtoError(f"it amounts to more than {GRAPH_NODES_MAX:,} operations")
        return free


def _open(
    nodes: Sequence[StoredNode],
    functions: Mapping[str, Function],
    arguments: Mapping[str, _Reference],
    scope: str,
    names: _Names,
    frames: list[_Frame],
    depth: int,
) -> _Frame:
    """Adds a frame, and those of the calls in it, to `frames`."""
    if depth > GRAPH_CALLS_MAX:
        raise ProtoError(f"its functions nest deeper than {GRAPH_CALLS_MAX} calls")
    frame = _Frame(nodes, arguments, {}, {})
    frames.append(frame)
    for node in nodes:
        frame.names[node.name] = names.free(f"{scope}/{node.name}" if scope else node.name)
    for node in nodes:
        called = functions.get(node.function) if node.op in _CALLS else None
        if called is not None:
            inner: dict[str, _Reference] = {
                argument: (frame, text)
                for argument, text in zip(called.arguments, _data_inputs(node), strict=False)
            }
            around = frame.names[node.name].rpartition("/")[0]
            opened = _open(called.nodes, functions, inner, around, names, frames, depth + 1)
            frame.calls[node.name] = (opened, called)
    return frame


def _data_inputs(node: StoredNode) -> list[str]:
    return [text for text in node.inputs if not text.startswith("^")]


def _given(frame: _Frame, node: StoredNode) -> tuple[str, ...]:
    return tuple(_resolved(frame, text) for text in _data_inputs(node))


def _result(function: Function, place: str) -> str:
    results = {str(number): text for number, text in enumerate(function.results)}
    if place not in results:
        raise ProtoError(f"{place[:40]!r} is no result of {function.name!r}")
    return results[place]


def _resolved(frame: _Frame, text: str) -> str:
    """The output that `text` stands for, through arguments and results of calls."""
    for _ in range(_STEPS_MAX):
        base, _, port = text.partition(":")
        if base in frame.arguments:
            frame, text = frame.arguments[base]
        elif base in frame.calls:
            called, function = frame.calls[base]
            frame, text = called, _result(function, port.rpartition(":")[2] or "0")
        else:
            return f"{frame.names.get(base, base)}:{port or 0}"
    raise ProtoError(f"the calls around {text!r} go round in circles")
