"""Finds the layers of a network in its flat graph, where only names and data flow tell them.

A layer with weights is found by its weights: the operations that read them lie in a name scope
called like the layer, up to the number that TensorFlow appends (`alexnet_1/conv1_1/...` for
`conv1`); failing that, it is the scope in which they lie, or the one operation that reads them.
Scopes beside those of layers with weights are layers without weights. A layer's output is the
last operation of its scope that something outside the scope takes: `conv1_1/Relu`, and not
`conv1_1/BiasAdd` before it. A layer that is called several times is known by its first call.
"""

import re
from collections import Counter
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Literal

from tb_snapshot_compare.inference.graph_flatten import FlatGraph

UNKNOWN = "Unknown"

_KINDS = (
    ("DepthwiseConv2dNative", "DepthwiseConv2D"),
    ("Conv2DBackpropInput", "Conv2DTranspose"),
    ("Conv3DBackpropInputV2", "Conv3DTranspose"),
    ("Conv2D", "Conv2D"),
    ("Conv3D", "Conv3D"),
    ("Einsum", "EinsumDense"),
    ("MatMul", "Dense"),
    ("BatchMatMulV2", "Dense"),
    ("MaxPool", "MaxPooling2D"),
    ("AvgPool", "AveragePooling2D"),
    ("MaxPool3D", "MaxPooling3D"),
    ("AvgPool3D", "AveragePooling3D"),
    ("ConcatV2", "Concatenate"),
)
_PREPARING_WORDS = """
    AddV2 Add Sub Mul RealDiv Div DivNoNan Neg Cast Maximum Minimum Sqrt Rsqrt Square Identity
    Reshape Transpose StridedSlice ReverseV2 ConcatV2 Pack Unpack BiasAdd ResizeBilinear
    ResizeNearestNeighbor ResizeBicubic ResizeArea Shape ExpandDims Squeeze
"""
_PREPARING = frozenset(_PREPARING_WORDS.split())
_PASSING = frozenset({"Identity", "Cast", "Reshape", "Squeeze", "EnsureShape", "StopGradient"})
_FINAL: dict[str, Literal["softmax", "sigmoid"]] = {"Softmax": "softmax", "Sigmoid": "sigmoid"}
_NUMBERED = re.compile(r"_\d+$")
_INVALID = re.compile(r"[^A-Za-z0-9_.\\/>-]")


@dataclass(frozen=True, slots=True)
class GraphLayer:
    """A layer: its name, a Keras class or `Unknown`, and its output tensor (`node:index`).

    `path` is its full path below the network (`encoder/conv1`), `inputs` the layers feeding it.
    """

    name: str
    path: str
    kind: str
    tensor: str
    inputs: tuple[str, ...]
    has_weights: bool


@dataclass(frozen=True, slots=True)
class GraphLayers:
    """The layers in the order in which they run; `preprocessing` are names of the first ones."""

    layers: tuple[GraphLayer, ...]
    final: Literal["softmax", "sigmoid", "raw"]
    preprocessing: tuple[str, ...]


def find_layers(
    flat: FlatGraph, image: str, output: str, weights: Mapping[str, str | None]
) -> GraphLayers:
    """The layers between the tensors `image` and `output`.

    Args:
      flat: the graph, its nodes in the order in which they run.
      image: the tensor that is fed with images.
      output: the first output.
      weights: the layer of each tensor that is fed with a variable's values.
    """
    return _Finder(flat, image, output, weights).found()


class _Finder:
    def __init__(
        self, flat: FlatGraph, image: str, output: str, weights: Mapping[str, str | None]
    ) -> None:
        self._nodes = {node.name: node for node in flat.graph.node}
        self._order = {node.name: index for index, node in enumerate(flat.graph.node)}
        self._output = _node(output)
        self._image = _node(image)
        self._weights = {_node(tensor): layer for tensor, layer in weights.items()}
        self._takers: dict[str, list[str]] = {}
        self._taken: dict[str, set[str]] = {}
        for node in flat.graph.node:
            for text in node.input:
                self._takers.setdefault(_node(text), []).append(node.name)
                self._taken.setdefault(_node(text), set()).add(text)
        self._live = self._depending_on_image(flat.graph.node)

    def found(self) -> GraphLayers:
        scopes = self._scopes_with_weights()
        numbered = self._is_numbered(scopes)
        own = set(scopes)
        root = _common([scope.rpartition("/")[0] for scope in scopes])
        names = dict(scopes)
        for scope in self._siblings(scopes):
            if scope not in own:
                names[scope] = _path_below(scope, root, numbered)
        names = _unique(names)
        owners = self._owners(names)
        members: dict[str, list[str]] = {}
        for name in self._live:
            if name in owners:
                members.setdefault(owners[name], []).append(name)
        layers = []
        for scope in sorted(members, key=lambda each: self._order[members[each][-1]]):
            inside = members[scope]
            layers.append(
                GraphLayer(
                    name=names[scope],
                    path=_path_below(scope, root, numbered),
                    kind=self._kind(inside),
                    tensor=self._exit(inside, owners, scope),
                    inputs=self._inputs(inside, scope, owners, names),
                    has_weights=scope in own,
                )
            )
        prepared = self._preprocessing(layers, members, names)
        return GraphLayers(tuple(layers), self._final(), prepared)

    def _depending_on_image(self, nodes: Iterable[Any]) -> dict[str, None]:
        """Names of the nodes that depend on the image, in order."""
        live: dict[str, None] = {self._image: None}
        for node in nodes:
            if any(_node(text) in live for text in node.input):
                live[node.name] = None
        del live[self._image]
        return live

    def _scopes_with_weights(self) -> dict[str, str]:
        """The scope of each layer with weights, in order of its first reader."""
        readers: dict[str, list[str]] = {}
        for variable, layer in self._weights.items():
            if layer is not None:
                readers.setdefault(layer, []).extend(self._takers.get(variable, ()))
        scopes: dict[str, str] = {}
        firsts = sorted(
            (sorted(names, key=self._order.__getitem__), layer)
            for layer, names in readers.items()
            if names
        )
        for names, layer in sorted(firsts, key=lambda each: self._order[each[0][0]]):
            scope = next(filter(None, (_scope_called(layer, name) for name in names)), None)
            scopes.setdefault(scope or self._scope_of_first(names), layer)
        return scopes

    def _scope_of_first(self, names: Sequence[str]) -> str:
        """The scope that holds the first live operation which leads on from `names`."""
        name = names[0]
        while name not in self._live and self._takers.get(name):
            name = self._takers[name][0]
        scope = name.rpartition("/")[0]
        last = scope.rpartition("/")[2]
        return name if not scope or "PartitionedCall" in last else scope

    def _is_numbered(self, scopes: Mapping[str, str]) -> bool:
        """Whether scopes have a number more than the names of their layers."""
        votes = Counter(_last(scope) != _valid(_plain(layer)) for scope, layer in scopes.items())
        return votes[True] > votes[False]

    def _siblings(self, scopes: Iterable[str]) -> list[str]:
        """Scopes of live operations that lie where the scopes of layers lie."""
        parents = {scope.rpartition("/")[0] for scope in scopes}
        outer = {prefix for parent in parents for prefix in (*_prefixes(parent), parent)}
        found: dict[str, None] = {}
        for name in self._live:
            for prefix in _prefixes(name):
                parent, _, last = prefix.rpartition("/")
                if parent in parents and prefix not in outer:
                    if "PartitionedCall" not in last:
                        found[prefix] = None
                    break
        return list(found)

    def _owners(self, names: Mapping[str, str]) -> dict[str, str]:
        """The innermost scope of a layer for every node that lies in one."""
        owners: dict[str, str] = {}
        for name in self._nodes:
            prefix = name
            while prefix:
                if prefix in names:
                    owners[name] = prefix
                    break
                prefix = prefix.rpartition("/")[0]
        return owners

    def _exit(self, inside: Sequence[str], owners: Mapping[str, str], scope: str) -> str:
        for name in reversed(inside):
            outside = [t for t in self._takers.get(name, ()) if owners.get(t) != scope]
            if outside or name == self._output:
                texts = sorted(self._taken.get(name, {f"{name}:0"}))
                return texts[0] if ":" in texts[0] else f"{texts[0]}:0"
        return f"{inside[-1]}:0"

    def _inputs(
        self, inside: Sequence[str], scope: str, owners: Mapping[str, str], names: Mapping[str, str]
    ) -> tuple[str, ...]:
        found: dict[str, None] = {}
        seen = set(inside)
        pending = list(inside)
        while pending:
            for text in self._nodes[pending.pop()].input:
                before = _node(text)
                if before in seen or before not in self._live:
                    continue
                seen.add(before)
                owner = owners.get(before)
                if owner is None or owner == scope:
                    pending.append(before)
                else:
                    found[names[owner]] = None
        return tuple(found)

    def _kind(self, inside: Sequence[str]) -> str:
        operations = {self._nodes[name].op for name in inside}
        return next((kind for op, kind in _KINDS if op in operations), UNKNOWN)

    def _preprocessing(
        self,
        layers: Sequence[GraphLayer],
        members: Mapping[str, Sequence[str]],
        names: Mapping[str, str],
    ) -> tuple[str, ...]:
        scope_of = {name: scope for scope, name in names.items()}
        found: list[str] = []
        for layer in layers:
            operations = {self._nodes[name].op for name in members[scope_of[layer.name]]}
            feeds_on = set(layer.inputs) <= set(found)
            if layer.has_weights or not operations <= _PREPARING or not feeds_on:
                break
            found.append(layer.name)
        return tuple(found)

    def _final(self) -> Literal["softmax", "sigmoid", "raw"]:
        name = self._output
        while self._nodes[name].op in _PASSING and self._nodes[name].input:
            name = _node(self._nodes[name].input[0])
        return _FINAL.get(self._nodes[name].op, "raw")


def _node(tensor: str) -> str:
    return tensor.partition(":")[0]


def _prefixes(name: str) -> list[str]:
    """The scopes that `name` lies in, the outermost first."""
    return [name[: match.start()] for match in re.finditer("/", name)]


def _last(path: str) -> str:
    return path.rpartition("/")[2]


def _plain(layer: str) -> str:
    """A layer's own name, without the number that tells layers of one name apart."""
    return re.sub(r"#\d+$", "", _last(layer))


def _valid(name: str) -> str:
    """A layer's name as TensorFlow makes a scope of it."""
    return _INVALID.sub("_", name)


def _scope_called(layer: str, name: str) -> str | None:
    """The innermost scope of the operation `name` that is called like the layer."""
    wanted = _valid(_plain(layer))
    parts = name.split("/")
    for count in range(len(parts) - 1, 0, -1):
        part = parts[count - 1]
        if part == wanted or (part.startswith(wanted) and _NUMBERED.fullmatch(part, len(wanted))):
            return "/".join(parts[:count])
    return None


def _common(paths: Sequence[str]) -> str:
    parts = [path.split("/") for path in paths]
    same: list[str] = []
    for each in zip(*parts, strict=False):
        if len(set(each)) > 1:
            break
        same.append(each[0])
    return "/".join(same)


def _path_below(scope: str, root: str, numbered: bool) -> str:
    below = scope[len(root) + 1 :] if root else scope
    parts = [part for part in below.split("/") if "PartitionedCall" not in part]
    return "/".join(_NUMBERED.sub("", part) if numbered else part for part in parts)


def _unique(names: Mapping[str, str]) -> dict[str, str]:
    unique: dict[str, str] = {}
    taken: set[str] = set()
    for scope, name in names.items():
        number, chosen = 2, name
        while chosen in taken:
            chosen = f"{name}#{number}"
            number += 1
        taken.add(chosen)
        unique[scope] = chosen
    return unique
