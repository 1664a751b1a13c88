"""Makes one flat graph without state of a checked SavedModel: what TensorFlow is given.

Calls are written out, so that every tensor of every layer can be asked for; a node is called by
the calls that lead to it and its own name (`StatefulPartitionedCall/alexnet/conv1/Relu`).
Variables become placeholders that are fed with values. Only that on which the outputs depend by
data is in it.
"""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

from tensorboard.compat.proto import graph_pb2

from tb_snapshot_compare.inference.graph_check import (
    CheckedGraph,
    Port,
    functions_of,
    refuse,
    shown,
)
from tb_snapshot_compare.inference.graph_functions import (
    FunctionRewriter,
    Reference,
    arguments_of,
    data_inputs,
    function_reference,
    in_order,
    results_of,
)
from tb_snapshot_compare.inference.graph_nodes import (
    check_types,
    constant_bytes,
    constant_values,
    copy_node,
    new_node,
)
from tb_snapshot_compare.inference.graph_ops import CALLS, CONTROL_FLOW
from tb_snapshot_compare.limits import RANK_MAX, RUN_CONSTANT_BYTES_MAX


@dataclass(frozen=True, slots=True)
class Variable:
    """A variable that the graph reads: its node in the main graph, and where its value is fed.

    `shape` is None where any shape is taken. `shared_name` is what its own program called it.
    """

    node: str
    shared_name: str
    tensor: str
    dtype: int
    shape: tuple[int | None, ...] | None


@dataclass(frozen=True, slots=True)
class FlatGraph:
    """A graph of pure operations in the order in which they can run.

    `inputs` and `outputs` are tensors (`node:index`) by the keys of the signature.
    """

    graph: Any
    inputs: Mapping[str, str]
    outputs: Mapping[str, str]
    variables: tuple[Variable, ...]


@dataclass(frozen=True, slots=True)
class _Handle:
    """A variable as such, before it is read."""

    node: str


_Value = str | _Handle


def flatten(checked: CheckedGraph) -> FlatGraph:
    """Writes the graph of a signature out.

    Raises:
      ModelUnavailableError: the graph contradicts itself, holds tensors that are not numbers,
        or exceeds a limit.
    """
    return _Flattener(checked).flat()


@dataclass(slots=True)
class _Scope:
    """One body being written out: its nodes, arguments, and what came out of each node."""

    nodes: Mapping[str, Any]
    arguments: Mapping[str, _Value]
    reference: Callable[[str], Reference]
    results: dict[str, list[_Value] | str] = field(default_factory=dict)

    def value(self, text: str) -> _Value:
        """What a reference stands for."""
        name, index = self.reference(text)
        if name in self.arguments:
            return self.arguments[name]
        result = self.results[name]
        if isinstance(result, str):
            return f"{result}:{index}"
        if index >= len(result):
            raise refuse(f"refers to output {index} of {shown(name)}, which has {len(result)}")
        return result[index]

    def source(self, text: str) -> str | None:
        """The node of a reference, None for an argument."""
        name = self.reference(text)[0]
        return None if name in self.arguments else name


class _Flattener:
    def __init__(self, checked: CheckedGraph) -> None:
        self._checked = checked
        self._graph = graph_pb2.GraphDef()
        self._graph.versions.producer = checked.producer
        self._rewriter = FunctionRewriter(checked.functions)
        self._variables: dict[str, Variable] = {}
        self._constants: dict[str, tuple[float, ...]] = {}
        self._constant_bytes = 0
        self._taken: set[str] = set()

    def flat(self) -> FlatGraph:
        checked = self._checked
        inputs = {port.key: f"{self._placeholder('input', port)}:0" for port in checked.inputs}
        arguments: dict[str, _Value] = {}
        for port in checked.inputs:
            arguments[_main_reference(port.tensor)[0]] = inputs[port.key]
        scope = _Scope(checked.nodes, arguments, _main_reference)
        self._write_out(scope, [port.tensor for port in checked.outputs], "")
        outputs = {port.key: _tensor(scope.value(port.tensor)) for port in checked.outputs}
        self._graph.library.function.extend(self._rewriter.library)
        return FlatGraph(self._graph, inputs, outputs, tuple(self._variables.values()))

    def _placeholder(self, kind: str, port: Port) -> str:
        check_types((port.dtype,), "Placeholder", port.key)
        name = f"tb_snapshot_compare_{kind}_{len(self._taken)}"
        node = new_node(name, "Placeholder", (), dtype=port.dtype)
        if port.shape is None:
            node.attr["shape"].shape.unknown_rank = True
        else:
            node.attr["shape"].shape.SetInParent()
            for size in port.shape:
                node.attr["shape"].shape.dim.add(size=-1 if size is None else size)
        self._append(node)
        return name

    def _append(self, node: Any) -> None:
        if node.name in self._taken:
            raise refuse(f"has two operations called {shown(node.name)}")
        self._taken.add(node.name)
        if node.op == "Const":
            self._constant_bytes += constant_bytes(node)
            if self._constant_bytes > RUN_CONSTANT_BYTES_MAX:
                raise refuse(f"has constants of more than {RUN_CONSTANT_BYTES_MAX:,} bytes")
        self._graph.node.append(node)

    def _write_out(self, scope: _Scope, wanted: Sequence[str], prefix: str) -> None:
        for node in in_order(scope.nodes, wanted, scope.source):
            given = [scope.value(each) for each in data_inputs(node)]
            scope.results[node.name] = self._results(node, given, prefix)

    def _results(self, node: Any, given: Sequence[_Value], prefix: str) -> list[_Value] | str:
        name: str = prefix + node.name
        if node.op in CALLS:
            return self._call(node, given, f"{name}/")
        if node.op == "VarHandleOp":
            return [_Handle(node.name)]
        if node.op in ("ReadVariableOp", "Identity") and given and isinstance(given[0], _Handle):
            is_read = node.op == "ReadVariableOp"
            return [self._variable(given[0]).tensor if is_read else given[0]]
        if node.op in CONTROL_FLOW:
            return self._control_flow(node, given, name)
        if node.op == "ReadVariableOp" or any(isinstance(each, _Handle) for each in given):
            raise refuse(f"uses a variable as such at {shown(name)} ({node.op})")
        inputs = [_tensor(each) for each in given]
        copy = copy_node(node, name, inputs, self._constants.get)
        values = constant_values(copy)
        if copy.op == "Identity" and inputs:
            values = self._constants.get(inputs[0])
        if values is not None:
            self._constants[f"{name}:0"] = values
        self._append(copy)
        return name

    def _call(self, node: Any, given: Sequence[_Value], prefix: str) -> list[_Value]:
        names = functions_of(node)
        if len(names) != 1:
            raise refuse(f"has {shown(node.name)} ({node.op}), which calls nothing")
        function = self._checked.functions[names[0]]
        arguments = arguments_of(function)
        nodes = {each.name: each for each in function.node_def}
        if len(arguments) != len(given) or len(nodes) != len(function.node_def):
            raise refuse(f"calls {shown(names[0])} with too many or too few inputs")
        wanted = results_of(function)
        scope = _Scope(
            nodes,
            dict(zip(arguments, given, strict=True)),
            lambda text: function_reference(text, nodes),
        )
        self._write_out(scope, wanted, prefix)
        return [scope.value(each) for each in wanted]

    def _control_flow(self, node: Any, given: Sequence[_Value], name: str) -> list[_Value] | str:
        variables = [self._variable(e) if isinstance(e, _Handle) else None for e in given]
        kinds = tuple(None if each is None else each.dtype for each in variables)
        inputs = [
            _tensor(value) if variable is None else variable.tensor
            for value, variable in zip(given, variables, strict=True)
        ]
        copy, passes = self._rewriter.call(node, name, inputs, kinds)
        self._append(copy)
        if not any(passed is not None for passed in passes):
            return name
        return [
            f"{name}:{index}" if passed is None else given[passed]
            for index, passed in enumerate(passes)
        ]

    def _variable(self, handle: _Handle) -> Variable:
        if handle.node not in self._variables:
            attributes = self._checked.nodes[handle.node].attr
            dtype, shape = attributes.get("dtype"), attributes.get("shape")
            sizes: tuple[int | None, ...] | None = None
            if shape is not None and not shape.shape.unknown_rank:
                sizes = tuple(d.size if d.size >= 0 else None for d in shape.shape.dim)
            if sizes is not None and len(sizes) > RANK_MAX:
                raise refuse(f"has the variable {shown(handle.node)} of {len(sizes):,} dimensions")
            port = Port(handle.node, "", dtype.type if dtype is not None else 0, sizes)
            tensor = f"{self._placeholder('variable', port)}:0"
            shared = attributes.get("shared_name")
            self._variables[handle.node] = Variable(
                node=handle.node,
                shared_name=shared.s.decode("utf-8", "replace") if shared is not None else "",
                tensor=tensor,
                dtype=port.dtype,
                shape=sizes,
            )
        return self._variables[handle.node]


def _main_reference(text: str) -> Reference:
    """`node` or `node:index` of the main graph."""
    name, _, index = text.partition(":")
    if index and not (index.isdecimal() and len(index) < 6):
        raise refuse(f"refers to {shown(text)}, which is no tensor")
    return name, int(index or 0)


def _tensor(value: _Value) -> str:
    if isinstance(value, _Handle):
        raise refuse(f"gives the variable {shown(value.node)} itself away")
    return value
