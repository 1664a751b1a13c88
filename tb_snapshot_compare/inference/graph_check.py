"""Decides whether the graph of a SavedModel may run, before TensorFlow sees any of it.

What is *reached* from the chosen signature must be allowed, all of it: the operations of the
main graph on which its outputs depend, by data or by order; every operation of every function
that these name in any attribute, again and again; and the functions registered as gradients of
those. Only what is reached is ever given to TensorFlow. Operations that are not reached, such as
the saver's `SaveV2` and `RestoreV2` that every SavedModel has, may therefore be anything.
"""

from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass
from typing import Any

from tb_snapshot_compare.errors import ModelUnavailableError
from tb_snapshot_compare.inference.graph_file import GraphFile, read_graph_file
from tb_snapshot_compare.inference.graph_ops import (
    ALLOWED,
    FUNCTION_ATTRIBUTES,
)
from tb_snapshot_compare.limits import GRAPH_CALLS_MAX, GRAPH_NODES_MAX, RANK_MAX

SIGNATURES = ("serving_default", "serve")
"""Preferred, in this order; else the first by name that has an output."""

WEIGHTS_ONLY = "Its weights can still be compared."
PURE_ONLY = (
    "Export the model without it: only operations that are pure functions of their inputs run. "
    "Or give the model in code with --snapshot_compare_model."
)

_NAME_CHARACTERS = 120


@dataclass(frozen=True, slots=True)
class Port:
    """An input or output of the signature: its tensor in the main graph (`node:index`).

    `dtype` is TensorFlow's number. `shape` includes the batch; None where the rank is not known.
    """

    key: str
    tensor: str
    dtype: int
    shape: tuple[int | None, ...] | None


@dataclass(frozen=True, slots=True)
class CheckedGraph:
    """A signature and all that it reaches: nodes of the main graph and functions, by name.

    Nothing in it has been changed; `graph_flatten` makes of it what TensorFlow is given.
    """

    signature: str
    inputs: tuple[Port, ...]
    outputs: tuple[Port, ...]
    nodes: Mapping[str, Any]
    functions: Mapping[str, Any]
    captures: Mapping[str, tuple[int, ...]]
    producer: int


def check_saved_model(path: str) -> CheckedGraph:
    """Checks the SavedModel directory `path`.

    Raises:
      ModelUnavailableError: it holds something that is not allowed, naming what and where;
        it is malformed; or it exceeds a limit.
      SnapshotGoneError: there is no such SavedModel.
    """
    return check_graph(read_graph_file(path))


def check_graph(file: GraphFile) -> CheckedGraph:
    """`check_saved_model` of a file that was read."""
    name, signature = _signature(file.signatures)
    inputs, outputs = _ports(signature.inputs), _ports(signature.outputs)
    functions = _by_name(
        (function.signature.name, function) for function in file.graph.library.function
    )
    nodes = _by_name((node.name, node) for node in file.graph.node)
    reached_nodes = _reach_nodes(file, nodes, inputs, outputs, functions)
    reached = _reach_functions(file, reached_nodes.values(), functions)
    _check_extent(reached_nodes.values(), reached)
    return CheckedGraph(
        signature=name,
        inputs=inputs,
        outputs=outputs,
        nodes=reached_nodes,
        functions=reached,
        captures=file.captures,
        producer=file.graph.versions.producer,
    )


def shown(name: str) -> str:
    """A name from a file as it may stand in a message."""
    cut = name if len(name) <= _NAME_CHARACTERS else f"{name[:_NAME_CHARACTERS]}..."
    return repr(cut)


def refuse(reason: str) -> ModelUnavailableError:
    """The error for a graph that contradicts itself or exceeds a limit."""
    return ModelUnavailableError(f"The graph of the SavedModel {reason}.", WEIGHTS_ONLY)


def functions_of(node: Any) -> tuple[str, ...]:
    """The functions that an operation calls, in the order of its attributes."""
    names: list[str] = []
    for attribute in FUNCTION_ATTRIBUTES.get(node.op, ()):
        value = node.attr.get(attribute)
        calls = () if value is None else (*value.list.func, value.func)
        names.extend(call.name for call in calls if call.name)
    return tuple(names)


def _signature(signatures: Mapping[str, Any]) -> tuple[str, Any]:
    usable = sorted(name for name, each in signatures.items() if each.outputs and each.inputs)
    name = next((name for name in (*SIGNATURES, *usable) if name in usable), None)
    if name is None:
        raise ModelUnavailableError(
            "The SavedModel has no signature that takes an input and gives an output.",
            "Export it with model.export(path), or give signatures to tf.saved_model.save.",
        )
    return name, signatures[name]


def _ports(infos: Mapping[str, Any]) -> tuple[Port, ...]:
    ports = []
    for key in sorted(infos):
        info = infos[key]
        if info.WhichOneof("encoding") != "name":
            raise refuse(f"has {shown(key)} in its signature, which is not a dense tensor")
        ports.append(Port(key, info.name, info.dtype, _shape(info.tensor_shape)))
    return tuple(ports)


def _shape(proto: Any) -> tuple[int | None, ...] | None:
    if proto.unknown_rank:
        return None
    if len(proto.dim) > RANK_MAX:
        raise refuse(f"has a tensor of {len(proto.dim):,} dimensions in its signature")
    return tuple(dim.size if dim.size >= 0 else None for dim in proto.dim)


def _by_name(entries: Iterable[tuple[str, Any]]) -> dict[str, Any]:
    found: dict[str, Any] = {}
    for name, entry in entries:
        if name in found:
            raise refuse(f"has two parts called {shown(name)}")
        found[name] = entry
    return found


def _reach_nodes(
    file: GraphFile,
    nodes: Mapping[str, Any],
    inputs: tuple[Port, ...],
    outputs: tuple[Port, ...],
    functions: Mapping[str, Any],
) -> dict[str, Any]:
    """The nodes of the main graph on which the outputs depend; the inputs are not among them."""
    given = {node_of(port.tensor) for port in inputs}
    pending = [node_of(port.tensor) for port in outputs]
    reached: dict[str, Any] = {}
    while pending:
        name = pending.pop()
        if name in given or name in reached:
            continue
        node = nodes.get(name)
        if node is None:
            raise refuse(f"refers to {shown(name)}, which it does not hold")
        if node.op == "Placeholder":
            raise refuse(f"takes {shown(name)}, which is no input of its signature")
        if name in file.asset_tensors:
            raise ModelUnavailableError(
                f"The SavedModel reads an asset file: {shown(name)} of its graph.", PURE_ONLY
            )
        _check_operation(node, "its main graph", functions)
        reached[name] = node
        pending.extend(node_of(each) for each in node.input)
    return reached


def node_of(tensor: str) -> str:
    """The node of a reference in the main graph: `name`, `name:1` or `^name`."""
    return tensor.removeprefix("^").partition(":")[0]


def _reach_functions(
    file: GraphFile, nodes: Iterable[Any], functions: Mapping[str, Any]
) -> dict[str, Any]:
    gradients = {entry.function_name: entry.gradient_func for entry in file.graph.library.gradient}
    pending = [name for node in nodes for name in _named_functions(node.attr)]
    reached: dict[str, Any] = {}
    while pending:
        name = pending.pop()
        if name in reached:
            continue
        function = functions.get(name)
        if function is None:
            raise refuse(f"calls {shown(name)}, which it does not hold")
        reached[name] = function
        where = f"the function {shown(name)}"
        for node in function.node_def:
            _check_operation(node, where, functions)
            if node.op == "VarHandleOp":
                raise refuse(f"makes a variable, {shown(node.name)}, in {where}")
            pending.extend(_named_functions(node.attr))
        pending.extend(_named_functions(function.attr))
        if name in gradients:
            pending.append(gradients[name])
    return reached


def _check_operation(node: Any, where: str, functions: Mapping[str, Any]) -> None:
    if node.op in ALLOWED and node.op not in functions:
        if node.op not in FUNCTION_ATTRIBUTES and any(_named_functions(node.attr)):
            raise refuse(f"gives a function to {shown(node.name)} ({node.op}) in {where}")
        return
    raise ModelUnavailableError(
        f"The SavedModel uses the operation {shown(node.op)}, which is not allowed: "
        f"{shown(node.name)} in {where}.",
        PURE_ONLY,
    )


def _named_functions(attributes: Mapping[str, Any]) -> Iterator[str]:
    """Every function named in any attribute, those within the arguments of functions too."""
    pending = list(attributes.values())
    while pending:
        value = pending.pop()
        for call in (value.func, *value.list.func):
            if call.name:
                yield call.name
            pending.extend(call.attr.values())


def _check_extent(nodes: Iterable[Any], functions: Mapping[str, Any]) -> None:
    """Refuses recursion, deep nesting, and more operations than allowed with calls written out."""
    measured: dict[str, tuple[int, int]] = {}
    active: set[str] = set()

    def measure(name: str) -> tuple[int, int]:
        """Operations of a function with calls written out, and how deep they are nested."""
        if name in measured:
            return measured[name]
        if name in active:
            raise refuse(f"has the function {shown(name)}, which calls itself")
        if len(active) >= GRAPH_CALLS_MAX:
            raise _too_deep()
        active.add(name)
        size, depth = _sum_of(functions[name].node_def)
        active.discard(name)
        if depth >= GRAPH_CALLS_MAX:
            raise _too_deep()
        measured[name] = size, depth + 1
        return measured[name]

    def _sum_of(entries: Iterable[Any]) -> tuple[int, int]:
        size = depth = 0
        for node in entries:
            parts = [measure(name) for name in functions_of(node)]
            size += 1 + sum(part for part, _ in parts)
            depth = max([depth, *(inner for _, inner in parts)])
        return size, depth

    total, _ = _sum_of(nodes)
    for name in functions:
        measure(name)
    if total > GRAPH_NODES_MAX:
        raise refuse(f"has more than {GRAPH_NODES_MAX:,} operations with every call written out")


def _too_deep() -> ModelUnavailableError:
    return refuse(f"has functions nested more than {GRAPH_CALLS_MAX} deep")
