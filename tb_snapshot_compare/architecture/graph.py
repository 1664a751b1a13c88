"""Leaf layers and the edges between them, from nested models.

Nested models are groups: an edge into a model ends at the layers that take its input, an edge
out of it begins at the layer that gives its output. Input layers of nested models only pass
their data on, so they are not layers of the graph. A model that is called several times is
drawn once, with the edges of all calls.
"""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field

from tb_snapshot_compare.architecture.config import (
    Call,
    LayerConfig,
    ModelConfig,
    Reference,
    shape_of,
)
from tb_snapshot_compare.architecture.values import MalformedConfigError, Shape
from tb_snapshot_compare.limits import EDGES_MAX, LAYERS_MAX

Port = tuple[str, int]
"""A leaf layer or an input of a nested model as (path, `LAYER`), or output i of the nested
model at the path as (path, i)."""

LAYER = -1


@dataclass(frozen=True, slots=True)
class Leaf:
    """A layer that is no model; `parent` is the path of the model it lies in."""

    path: str
    parent: str | None
    layer: LayerConfig


@dataclass(frozen=True, slots=True)
class Group:
    """A nested model; `output` is where its first output comes from."""

    path: str
    parent: str | None
    kind: str
    output: Port | None


@dataclass(frozen=True, slots=True)
class LayerGraph:
    """What a configuration amounts to. Leaves and groups are in the configuration's order.

    `edges` are between leaves, without duplicates, loops included. `shapes` are the recorded
    shapes of ports, `taken` the ports that the first call of a leaf takes, in order.
    """

    leaves: tuple[Leaf, ...]
    groups: tuple[Group, ...]
    edges: tuple[tuple[str, str], ...]
    shapes: Mapping[Port, Shape]
    taken: Mapping[str, Sequence[Port]]
    origins: Mapping[Port, Port]

    def origin(self, port: Port) -> Port:
        """The layer that gives an output of a nested model."""
        while port in self.origins:
            port = self.origins[port]
        return port


def flatten(model: ModelConfig) -> LayerGraph:
    """Takes nested models apart.

    Raises:
      MalformedConfigError: it has more layers or edges than any network.
    """
    building = _Building()
    building.place(model, None)
    building.connect(model, None)
    building.record_origins()
    return LayerGraph(
        leaves=tuple(building.leaves),
        groups=tuple(building.groups),
        edges=tuple(building.edges_between_leaves()),
        shapes=building.shapes,
        taken=building.taken,
        origins=building.origins,
    )


def port_of(model: ModelConfig, prefix: str | None, reference: Reference) -> Port:
    """Where the tensor `reference` of the model at `prefix` comes from."""
    layer = model.by_name[reference.layer]
    path = join(prefix, layer.name)
    if layer.model is None:
        return path, LAYER
    if not layer.model.outputs:
        raise MalformedConfigError(f"the output of the model {path} is used, but it has none")
    return path, min(max(reference.tensor, 0), len(layer.model.outputs) - 1)


def join(prefix: str | None, name: str) -> str:
    """The full path of `name` in the group `prefix`."""
    return name if prefix is None else f"{prefix}/{name}"


@dataclass(slots=True)
class _Building:
    leaves: list[Leaf] = field(default_factory=list)
    groups: list[Group] = field(default_factory=list)
    targets: dict[Port, list[Port]] = field(default_factory=dict)
    shapes: dict[Port, Shape] = field(default_factory=dict)
    taken: dict[str, list[Port]] = field(default_factory=dict)
    origins: dict[Port, Port] = field(default_factory=dict)
    placed: int = 0
    connected: int = 0

    def place(self, model: ModelConfig, prefix: str | None) -> None:
        """Lists leaves and groups in order of the configuration."""
        self.placed += len(model.layers)
        if self.placed > LAYERS_MAX:
            raise MalformedConfigError(f"it has more than {LAYERS_MAX:,} layers")
        for layer in model.layers:
            path = join(prefix, layer.name)
            if layer.model is not None:
                outputs = layer.model.outputs
                output = port_of(layer.model, path, outputs[0]) if outputs else None
                self.groups.append(Group(path, prefix, layer.kind, output))
                self.place(layer.model, path)
            elif not layer.is_input or (prefix is None and not layer.implied):
                self.leaves.append(Leaf(path, prefix, layer))
            if layer.is_input:
                shape = shape_of(layer.config.get("batch_shape")) or shape_of(
                    layer.config.get("batch_input_shape")
                )
                if shape is not None:
                    self.shapes[path, LAYER] = shape

    def connect(self, model: ModelConfig, prefix: str | None) -> None:
        """Adds what flows in `model`, and in the models in it."""
        for layer in model.layers:
            path = join(prefix, layer.name)
            for number, call in enumerate(layer.calls):
                for reference, target in _bound(layer, path, call):
                    source = port_of(model, prefix, reference)
                    self._add(source, target)
                    if number == 0 and layer.model is None:
                        self.taken.setdefault(path, []).append(source)
                    if reference.shape is not None and (source[1] != LAYER or not reference.tensor):
                        self.shapes.setdefault(source, reference.shape)
            if layer.model is not None:
                self.connect(layer.model, path)
                for number, output in enumerate(layer.model.outputs):
                    origin = port_of(layer.model, path, output)
                    self.origins[path, number] = origin
                    self._add(origin, (path, number))

    def record_origins(self) -> None:
        """Gives the layer behind an output the shape that is recorded for the output."""
        for port in list(self.origins):
            shape = self.shapes.get(port)
            origin = port
            while shape is not None and origin in self.origins:
                origin = self.origins[origin]
                self.shapes.setdefault(origin, shape)

    def edges_between_leaves(self) -> Iterator[tuple[str, str]]:
        """Replaces every path through inputs and outputs of models by one edge."""
        real = {leaf.path for leaf in self.leaves}
        for leaf in self.leaves:
            for target in self._reached((leaf.path, LAYER), real):
                yield leaf.path, target

    def _reached(self, source: Port, real: set[str]) -> list[str]:
        """The leaves that `source` feeds, directly or through inputs and outputs of models."""
        reached: dict[str, None] = {}
        seen: set[Port] = set()
        ahead = list(reversed(self.targets.get(source, ())))
        while ahead:
            port = ahead.pop()
            if port in seen:
                continue
            seen.add(port)
            self._count_connection()
            if port[1] == LAYER and port[0] in real:
                reached[port[0]] = None
            else:
                ahead.extend(reversed(self.targets.get(port, ())))
        return list(reached)

    def _add(self, source: Port, target: Port) -> None:
        self._count_connection()
        self.targets.setdefault(source, []).append(target)

    def _count_connection(self) -> None:
        self.connected += 1
        if self.connected > EDGES_MAX:
            raise MalformedConfigError(f"it has more than {EDGES_MAX:,} connections")


def _bound(layer: LayerConfig, path: str, call: Call) -> Iterator[tuple[Reference, Port]]:
    """Which tensor of a call goes to which input of the layer."""
    if layer.model is None:
        for reference in call.references:
            yield reference, (path, LAYER)
        return
    inputs = layer.model.inputs
    for number, (key, name) in enumerate(inputs):
        for reference in _argument(call, number, key, name):
            yield reference, (join(path, name), LAYER)


def _argument(call: Call, number: int, key: str | None, name: str) -> Sequence[Reference]:
    """By the key of a dict, by the name of the input layer, or by position."""
    for word in (key, name):
        if word is not None and word in call.by_key:
            return call.by_key[word]
    return call.references[number : number + 1]
