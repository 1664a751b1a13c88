"""The architecture that a computation graph of TensorFlow amounts to.

Checkpoints of TensorFlow 1 and SavedModels bring the graph of operations; no file tells layers.
Operations are grouped by the scopes in their names (`operation_scopes`), after those of the
training program were left out (`network_part`).
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace

from tb_snapshot_compare.architecture.assignment import parameters, weights
from tb_snapshot_compare.architecture.keras_model import extra_layers
from tb_snapshot_compare.architecture.names import from_names, layers_of_names, unique_path
from tb_snapshot_compare.architecture.network_part import NetworkPart, Steps, base, network_part
from tb_snapshot_compare.architecture.operation_kinds import (
    kind_with_weights,
    kind_without_weights,
)
from tb_snapshot_compare.architecture.operation_scopes import (
    SCOPE_CHARACTERS_MAX,
    find_scopes,
    prefixes,
)
from tb_snapshot_compare.architecture.topology import topological
from tb_snapshot_compare.architecture.values import (
    UNKNOWN,
    Architecture,
    Layer,
    MalformedConfigError,
    Shape,
)
from tb_snapshot_compare.limits import LAYERS_MAX
from tb_snapshot_compare.snapshot import OperationGraph, TensorInfo

_SHARE_MIN = 0.5
"""The share of weights that a graph must know to be that of the snapshot."""
_INPUT = "InputLayer"
_SIGNATURE = "serving_default_"
"""What a SavedModel puts before the names of its inputs."""


def from_operations(
    graph: OperationGraph, names: Mapping[str, str], tensors: Sequence[TensorInfo]
) -> Architecture:
    """Groups the operations of a graph into layers and connects these.

    A layer that has weights is called as its weights call it; others after their scope or their
    operation. Operations that only pass data on (reshaping for internal use, casts, shapes) are
    no layers. Never raises for what the graph holds: where it is not that of the weights, the
    hierarchy of `from_names` is returned, and its note says why.

    Args:
      graph: with the stored keys of its variables.
      names: canonical names by stored key, of the snapshot that the graph belongs to.
      tensors: all tensors of the snapshot that is described; those of the weights are assigned.
    """
    own = weights(tensors)
    by_name = {tensor.name: tensor for tensor in own}
    keys = {key: name for key, name in names.items() if name in by_name}
    try:
        part = network_part(graph, keys)
        if part is None or len(part.readers) < _SHARE_MIN * _parameters_count(own):
            return from_names(
                tensors,
                f"The computation graph in {graph.origin} is not that of these weights: layers "
                "are listed in stored order; connections are not known.",
            )
        return _Builder(part, keys, own, graph.origin).architecture()
    except MalformedConfigError as error:
        return from_names(
            tensors,
            f"The computation graph in {graph.origin} cannot be used: {error}. Layers are listed "
            "in stored order; connections are not known.",
        )


def _parameters_count(own: Sequence[TensorInfo]) -> int:
    """Weights that a network reads while it is trained: not the moving statistics."""
    return sum(not tensor.role.startswith("moving_") for tensor in own)


@dataclass(frozen=True, slots=True)
class _Found:
    """A group of operations, in their order, before it has its kind."""

    name: str
    operations: tuple[str, ...]
    tensors: tuple[TensorInfo, ...]
    is_input: bool = False


class _Builder:
    def __init__(
        self,
        part: NetworkPart,
        keys: Mapping[str, str],
        own: Sequence[TensorInfo],
        origin: str,
    ) -> None:
        self._operations = part.operations
        self._inputs = frozenset(part.inputs)
        self._origin = origin
        self._steps = Steps()
        self._layer_of = {
            name: layer.name for layer in layers_of_names(own) for name in layer.tensors
        }
        self._tensors: dict[str, list[TensorInfo]] = {}
        for tensor in own:
            self._tensors.setdefault(self._layer_of[tensor.name], []).append(tensor)
        readers: dict[str, dict[str, None]] = {}
        for key, operations in part.readers.items():
            layer = self._layer_of[keys[key]]
            readers.setdefault(layer, {}).update(dict.fromkeys(operations))
        self._scopes = find_scopes({layer: tuple(names) for layer, names in readers.items()})

    def architecture(self) -> Architecture:
        """The layers and connections."""
        found = self._grouped()
        owner = {operation: layer.name for layer in found for operation in layer.operations}
        exits = self._exits(owner)
        kinds = {layer.name: self._kind(layer, owner, exits) for layer in found}
        shown = {layer.name: layer for layer in found if kinds[layer.name] is not None}
        if len(shown) > LAYERS_MAX:
            raise MalformedConfigError(f"it has more than {LAYERS_MAX:,} layers")
        owner = {operation: name for operation, name in owner.items() if name in shown}
        pairs = [
            (before, layer.name)
            for layer in shown.values()
            for before in self._feeding(layer, owner)
        ]
        order, edges, back = topological(list(shown), pairs)
        if sum(len(name) * name.count("/") for name in shown) > SCOPE_CHARACTERS_MAX:
            raise MalformedConfigError("its operations have too long names")
        leaves = [self._leaf(shown[name], kinds[name] or UNKNOWN, exits) for name in order]
        layers = _with_groups(leaves)
        placed = {tensor for layer in leaves for tensor in layer.tensors}
        left = [t for own in self._tensors.values() for t in own if t.name not in placed]
        extra = extra_layers(left, {layer.name for layer in layers})
        note = _note(self._origin, len(back), len(left))
        return Architecture("graph", note, (*layers, *extra), tuple(edges))

    def _grouped(self) -> list[_Found]:
        """Every group of operations, in the order of the graph; most are layers."""
        members: dict[tuple[str, str], list[str]] = {}
        for name in self._operations:
            scope, has_weights = self._scopes.owner(name)
            if has_weights:
                group = ("weights", self._scopes.layer_of[scope])
            else:
                group = ("input", name) if name in self._inputs else ("scope", scope)
            members.setdefault(group, []).append(name)
        # Layers with weights keep their names; others give way.
        groups = sorted(members, key=lambda group: group[0] != "weights")
        taken: set[str] = set()
        names: dict[tuple[str, str], str] = {}
        for group in groups:
            kind, word = group
            path = word if kind == "weights" else self._scopes.path(word).removeprefix(_SIGNATURE)
            names[group] = unique_path(path, taken)
            taken.add(names[group])
        return [
            _Found(
                name=names[group],
                operations=tuple(operations),
                tensors=tuple(self._tensors[group[1]]) if group[0] == "weights" else (),
                is_input=group[0] == "input",
            )
            for group, operations in members.items()
        ]

    def _exits(self, owner: Mapping[str, str]) -> set[str]:
        """The operations of which something outside their group takes the output."""
        return {
            before
            for name, operation in self._operations.items()
            for tensor in operation.inputs
            if (before := base(tensor)) in owner and owner[before] != owner[name]
        }

    def _kind(self, layer: _Found, owner: Mapping[str, str], exits: set[str]) -> str | None:
        """The kind, None for what only passes data on."""
        given = self._shape(layer, exits)
        if layer.is_input:
            return None if given == () else _INPUT
        types = {self._operations[name].op for name in layer.operations}
        if layer.tensors:
            shapes = {tensor.role: tensor.shape for tensor in layer.tensors}
            return kind_with_weights(layer.name, types, shapes)
        outside = dict.fromkeys(
            before
            for name in layer.operations
            for tensor in self._operations[name].inputs
            if (before := base(tensor)) in owner and owner[before] != layer.name
        )
        taken = next((self._operations[name].shape for name in outside), None)
        feeding = len({owner[name] for name in outside})
        return kind_without_weights(types, feeding, (_rank(taken), _rank(given)))

    def _feeding(self, layer: _Found, owner: Mapping[str, str]) -> list[str]:
        """The layers that `layer` takes data from, through what only passes them on."""
        seen = set(layer.operations)
        pending = list(layer.operations)
        found: dict[str, None] = {}
        while pending:
            for tensor in self._operations[pending.pop()].inputs:
                self._steps.take()
                before = base(tensor)
                if before in seen or before not in self._operations:
                    continue
                seen.add(before)
                if before in owner:
                    found.setdefault(owner[before])
                else:
                    pending.append(before)
        return [name for name in found if name != layer.name]

    def _leaf(self, layer: _Found, kind: str, exits: set[str]) -> Layer:
        return Layer(
            name=layer.name,
            kind=kind,
            parent=None,
            is_group=False,
            output_shape=self._shape(layer, exits),
            tensors=tuple(tensor.name for tensor in layer.tensors),
            parameters=parameters(layer.tensors),
        )

    def _shape(self, layer: _Found, exits: set[str]) -> Shape | None:
        """The shape of what the last operation gives that something outside takes."""
        last = next((n for n in reversed(layer.operations) if n in exits), layer.operations[-1])
        return self._operations[last].shape


def _rank(shape: Shape | None) -> int | None:
    return None if shape is None else len(shape)


def _with_groups(leaves: Sequence[Layer]) -> list[Layer]:
    """The layers, each scope around some of them before the first of those."""
    taken = {leaf.name for leaf in leaves}
    totals: dict[str, int] = {}
    around: dict[str, list[str]] = {}
    for leaf in leaves:
        around[leaf.name] = [scope for scope in prefixes(leaf.name) if scope not in taken]
        for scope in around[leaf.name]:
            totals[scope] = totals.get(scope, 0) + leaf.parameters
    placed: dict[str, Layer] = {}
    for leaf in leaves:
        parent = None
        for scope in around[leaf.name]:
            group = Layer(scope, UNKNOWN, parent, True, None, (), totals[scope])
            placed.setdefault(scope, group)
            parent = scope
        placed[leaf.name] = replace(leaf, parent=parent)
    return list(placed.values())


def _note(origin: str, back: int, left: int) -> str:
    parts = [
        f"Layers and connections are those of the computation graph in {origin}, whose operations "
        "are grouped by the scopes in their names."
    ]
    if back:
        words = "connection back is" if back == 1 else "connections back are"
        parts.append(f"It has loops: {back} {words} not drawn.")
    if left:
        words = (
            "tensor that the graph does not use is"
            if left == 1
            else ("tensors that the graph does not use are")
        )
        parts.append(f"{left} {words} listed by name.")
    return " ".join(parts)
