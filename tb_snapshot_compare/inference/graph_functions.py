"""Rewrites functions that must stay functions: branches and loop bodies, and what they call.

A copy takes the values of variables in place of the variables, so that no function that
TensorFlow is given refers to any state. Copies are made for each combination of variables'
types, since a function does not state them.
"""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from tensorboard.compat.proto import function_pb2, types_pb2

from tb_snapshot_compare.inference.graph_check import functions_of, refuse, shown
from tb_snapshot_compare.inference.graph_nodes import (
    check_types,
    constant_values,
    copy_node,
    new_node,
)
from tb_snapshot_compare.inference.graph_ops import (
    CALLS,
    CONTROL_FLOW,
    FUNCTION_ATTRIBUTES,
    OUTPUTS,
)
from tb_snapshot_compare.limits import GRAPH_NODES_MAX

Reference = tuple[str, int]
"""An output of a node, or (index 0) an argument."""

Kinds = tuple[int | None, ...]
"""For each argument the type of the variable that it is, None for what is no variable."""


@dataclass(frozen=True, slots=True)
class Rewritten:
    """A copy: its name, and for each output the argument whose variable it passes on, or None."""

    name: str
    passes: Kinds


def function_reference(text: str, nodes: Mapping[str, Any]) -> Reference:
    """`node:output:index` or the name of an argument (TensorFlow, `function.proto`)."""
    name, *rest = text.split(":")
    if not rest:
        return name, 0
    node = nodes.get(name)
    if (
        node is None
        or len(rest) > 2
        or (len(rest) == 2 and not (rest[1].isdecimal() and len(rest[1]) < 6))
    ):
        raise refuse(f"refers to {shown(text)} in a function that does not hold it")
    several = OUTPUTS.get(node.op, ())
    if several and rest[0] not in several:
        raise refuse(f"refers to {shown(text)}, an output that {node.op} does not have")
    first = several.index(rest[0]) if several else 0
    return name, first + (int(rest[1]) if len(rest) == 2 else 0)


def in_order(
    nodes: Mapping[str, Any], wanted: Sequence[str], source: Callable[[str], str | None]
) -> list[Any]:
    """The nodes on which the references `wanted` depend by data, each after its inputs.

    Args:
      nodes: by name.
      wanted: references.
      source: the node of a reference, None for an argument.

    Raises:
      ModelUnavailableError: a node is missing, or depends on itself.
    """
    ordered: list[Any] = []
    state: dict[str, bool] = {}
    pending = [(name, False) for name in map(source, reversed(wanted)) if name is not None]
    while pending:
        name, finished = pending.pop()
        if finished:
            state[name] = True
            ordered.append(nodes[name])
            continue
        if name in state:
            if not state[name]:
                raise refuse(f"has {shown(name)}, which depends on itself")
            continue
        if name not in nodes:
            raise refuse(f"refers to {shown(name)}, which it does not hold")
        state[name] = False
        pending.append((name, True))
        before = map(source, data_inputs(nodes[name]))
        pending.extend((each, False) for each in before if each and not state.get(each))
    return ordered


def data_inputs(node: Any) -> list[str]:
    """The inputs of a node less those that only order it after others."""
    return [each for each in node.input if not each.startswith("^")]


def arguments_of(function: Any) -> list[str]:
    """The names of the arguments.

    Raises:
      ModelUnavailableError: one stands for several, or takes any type.
    """
    for each in (*function.signature.input_arg, *function.signature.output_arg):
        if each.number_attr or each.type_attr or each.type_list_attr:
            raise refuse(f"has the function {shown(function.signature.name)} for any type")
    return [each.name for each in function.signature.input_arg]


def results_of(function: Any) -> list[str]:
    """The references that the function gives back, in order."""
    names = [each.name for each in function.signature.output_arg]
    if any(name not in function.ret for name in names):
        raise refuse(f"has the function {shown(function.signature.name)}, which gives nothing back")
    return [function.ret[name] for name in names]


class FunctionRewriter:
    """Makes the copies; `library` holds them, each after those that it calls."""

    def __init__(self, functions: Mapping[str, Any]) -> None:
        self._functions = functions
        self._made: dict[tuple[str, Kinds], Rewritten] = {}
        self._operations = 0
        self.library: list[Any] = []

    def call(self, node: Any, name: str, inputs: Sequence[str], kinds: Kinds) -> tuple[Any, Kinds]:
        """A call or control flow that takes values of variables where `kinds` has a type.

        Args:
          node: of `CALLS` or `CONTROL_FLOW`.
          name: of the copy.
          inputs: of the copy.
          kinds: of every input.

        Returns:
          The copy, and for each output the input whose variable it passes on.
        """
        is_loop, is_call = node.op in ("While", "StatelessWhile"), node.op in CALLS
        skipped = 0 if is_loop or is_call else 1
        rewritten = [self._function(each, kinds[skipped:]) for each in functions_of(node)]
        self._check_passing(node, kinds, rewritten, is_loop, is_call)
        copy = new_node(name, "PartitionedCall" if is_call else CONTROL_FLOW[node.op], inputs)
        listed = "T" if is_loop else "Tin"
        types = self._types(node, listed, kinds[skipped:])
        copy.attr[listed].list.type.extend(types)
        if not is_loop:
            outputs = self._types(node, "Tout", ())
            for index, passed in enumerate(rewritten[0].passes):
                if passed is not None and index < len(outputs):
                    outputs[index] = types[passed]
            check_types(outputs, copy.op, node.name)
            copy.attr["Tout"].list.type.extend(outputs)
        check_types(types, copy.op, node.name)
        for key in ("Tcond", "output_shapes"):
            if node.attr.get(key) is not None:
                copy.attr[key].CopyFrom(node.attr[key])
        self._name_functions(copy, node.op, rewritten)
        return copy, rewritten[-1].passes if is_loop or is_call else ()

    def _name_functions(self, copy: Any, op: str, rewritten: Sequence[Rewritten]) -> None:
        attributes = FUNCTION_ATTRIBUTES[op]
        if attributes == ("branches",):
            for each in rewritten:
                copy.attr["branches"].list.func.add(name=each.name)
            return
        if len(rewritten) != len(attributes):
            raise refuse(f"has {shown(copy.name)} ({op}), which calls nothing")
        for attribute, each in zip(attributes, rewritten, strict=True):
            copy.attr[attribute].func.name = each.name

    def _check_passing(
        self, node: Any, kinds: Kinds, rewritten: Sequence[Rewritten], is_loop: bool, is_call: bool
    ) -> None:
        if not rewritten:
            raise refuse(f"has {shown(node.name)} ({node.op}), which calls nothing")
        if is_call:
            return
        own = [index if kind is not None else None for index, kind in enumerate(kinds)]
        if list(rewritten[-1].passes) != own if is_loop else _passes_any(rewritten):
            raise refuse(f"exchanges variables at {shown(node.name)} ({node.op})")

    def _types(self, node: Any, attribute: str, kinds: Kinds) -> list[int]:
        value = node.attr.get(attribute)
        types = list(value.list.type) if value is not None else []
        if kinds and len(types) != len(kinds):
            raise refuse(f"has {shown(node.name)} ({node.op}) with too many or too few inputs")
        for index, kind in enumerate(kinds):
            if kind is not None:
                types[index] = kind
        return types

    def _function(self, name: str, kinds: Kinds) -> Rewritten:
        key = (name, kinds)
        if key not in self._made:
            self._made[key] = self._rewrite(self._functions[name], kinds)
        return self._made[key]

    def _rewrite(self, function: Any, kinds: Kinds) -> Rewritten:
        body = _Body(self, function, kinds)
        self._operations += len(body.nodes)
        if self._operations > GRAPH_NODES_MAX:
            raise refuse(f"has more than {GRAPH_NODES_MAX:,} operations in loops and branches")
        copy = function_pb2.FunctionDef()
        copy.signature.name = f"f{len(self.library)}"
        types = []
        for each, kind in zip(function.signature.input_arg, kinds, strict=True):
            types.append(each.type if kind is None else kind)
            copy.signature.input_arg.add(name=each.name, type=types[-1])
        for each, passed in zip(function.signature.output_arg, body.passes, strict=True):
            dtype = each.type if passed is None else types[passed]
            copy.signature.output_arg.add(name=each.name, type=dtype)
            copy.ret[each.name] = body.renamed(function.ret[each.name])
            types.append(dtype)
        check_types(types, "PartitionedCall", function.signature.name)
        copy.node_def.extend(body.nodes)
        self.library.append(copy)
        return Rewritten(copy.signature.name, body.passes)


class _Body:
    """The operations of a function's copy, and what of its outputs are its own variables."""

    def __init__(self, rewriter: FunctionRewriter, function: Any, kinds: Kinds) -> None:
        self._rewriter = rewriter
        self._kinds = kinds
        self._nodes = {node.name: node for node in function.node_def}
        arguments = arguments_of(function)
        if len(arguments) != len(kinds) or len(self._nodes) != len(function.node_def):
            raise refuse(f"calls {shown(function.signature.name)} with too many or too few inputs")
        self._variables = {
            (name, 0): index for index, name in enumerate(arguments) if kinds[index] is not None
        }
        self._arguments = set(arguments)
        self._constants: dict[str, tuple[float, ...]] = {}
        self.nodes: list[Any] = []
        results = results_of(function)
        for node in in_order(self._nodes, results, self._source):
            self._add(node)
        self.passes: Kinds = tuple(self._variable(each) for each in results)

    def renamed(self, text: str) -> str:
        """A reference as it is in the copy, where a variable is read no more."""
        name, *_ = text.split(":")
        node = self._nodes.get(name) if ":" in text else None
        if node is None:
            return text
        return f"{name}:output:0" if node.op == "ReadVariableOp" else text

    def _source(self, text: str) -> str | None:
        name = text.partition(":")[0]
        if ":" not in text:
            if name not in self._arguments:
                raise refuse(f"refers to {shown(name)}, which is no argument of its function")
            return None
        return name

    def _variable(self, text: str) -> int | None:
        return self._variables.get(function_reference(text, self._nodes))

    def _add(self, node: Any) -> None:
        given = data_inputs(node)
        inputs = [self.renamed(each) for each in given]
        taken = [self._variable(each) for each in given]
        if node.op in CALLS or node.op in CONTROL_FLOW:
            kinds = tuple(None if each is None else self._kinds[each] for each in taken)
            copy, passes = self._rewriter.call(node, node.name, inputs, kinds)
            for index, passed in enumerate(passes):
                variable = None if passed is None else taken[passed]
                if variable is not None:
                    self._variables[node.name, index] = variable
        elif node.op in ("ReadVariableOp", "Identity") and taken and taken[0] is not None:
            dtype = self._kinds[taken[0]] or types_pb2.DT_INVALID
            copy = new_node(node.name, "Identity", inputs[:1], T=dtype)
            if node.op == "Identity":
                self._variables[node.name, 0] = taken[0]
        elif node.op == "ReadVariableOp" or any(each is not None for each in taken):
            raise refuse(f"uses a variable as such at {shown(node.name)} ({node.op})")
        else:
            copy = copy_node(node, node.name, inputs, self._constants.get)
            values = constant_values(copy)
            if copy.op == "Identity" and inputs:
                values = self._constants.get(inputs[0])
            if values is not None:
                self._constants[f"{node.name}:output:0"] = values
        self.nodes.append(copy)


def _passes_any(rewritten: Sequence[Rewritten]) -> bool:
    return any(passed is not None for each in rewritten for passed in each.passes)
