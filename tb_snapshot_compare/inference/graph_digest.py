"""Whether two SavedModels compute the same: a digest of what a graph does with which tensors.

Names of operations and functions are counted anew by every export and do not matter; operations,
their inputs, their attributes and the stored tensors that they read do.
"""

from collections.abc import Callable, Mapping
from hashlib import blake2b
from typing import Any

from tb_snapshot_compare.inference.graph_flatten import FlatGraph
from tb_snapshot_compare.snapshot import TensorInfo


def graph_digest(flat: FlatGraph, stored: Mapping[str, TensorInfo]) -> str:
    """The digest of a graph, in hex.

    Args:
      flat: The graph.
      stored: The tensor of each variable, by where its value is fed.
    """
    functions = {each.signature.name: each for each in flat.graph.library.function}
    fed = {reference.rpartition(":")[0]: tensor.name for reference, tensor in stored.items()}
    digest = _Digest(functions)
    numbers = {node.name: str(index) for index, node in enumerate(flat.graph.node)}
    for node in flat.graph.node:
        digest.add(node, lambda text: _renumbered(text, numbers), fed.get(node.name, ""))
    for ends in (flat.inputs, flat.outputs):
        for key in sorted(ends):
            digest.text(_renumbered(ends[key], numbers))
    return digest.value.hex()


class _Digest:
    """The digest of nodes, with functions by what they compute instead of by their names."""

    def __init__(self, functions: Mapping[str, Any]) -> None:
        self._functions = functions
        self._hash = blake2b(digest_size=20)
        self._known: dict[str, bytes] = {}

    @property
    def value(self) -> bytes:
        return self._hash.digest()

    def text(self, text: str) -> None:
        encoded = text.encode()
        self._hash.update(len(encoded).to_bytes(8, "little") + encoded)

    def add(self, node: Any, reference: Callable[[str], str], tensor: str) -> None:
        """A node; `reference` gives its inputs without names, `tensor` is what feeds it."""
        for text in (node.op, tensor, str(len(node.input)), *map(reference, node.input)):
            self.text(text)
        for key in sorted(node.attr):
            value = node.attr[key]
            self.text(key)
            for call in (value.func, *value.list.func):
                if call.name in self._functions:
                    self._hash.update(self._of_function(call.name))
            if value.WhichOneof("value") != "func" and not value.list.func:
                self.text(value.SerializeToString(deterministic=True).hex())

    def _of_function(self, name: str) -> bytes:
        if name not in self._known:
            function = self._functions[name]
            numbers = {node.name: f"node {i}" for i, node in enumerate(function.node_def)}
            arguments = function.signature.input_arg
            numbers |= {each.name: f"argument {i}" for i, each in enumerate(arguments)}
            inner = _Digest(self._functions)
            inner._known = self._known
            for each in arguments:
                inner.text(str(each.type))
            for node in function.node_def:
                inner.add(node, lambda text: _renumbered(text, numbers), "")
            for result in function.signature.output_arg:
                inner.text(_renumbered(function.ret[result.name], numbers))
            self._known[name] = inner.value
        return self._known[name]


def _renumbered(text: str, numbers: Mapping[str, str]) -> str:
    """A reference with its node's number for its name; control inputs keep their mark."""
    mark = "^" if text.startswith("^") else ""
    name, colon, rest = text.removeprefix("^").partition(":")
    return f"{mark}{numbers.get(name, name)}{colon}{rest}"
