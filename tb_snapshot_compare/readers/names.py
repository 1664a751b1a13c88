"""Canonical names for the numbered variables of a Keras 3 weights file.

The canonical `layer` is the path of the layer inside its innermost model: `conv1`,
`mha/query`, `bidirectional/forward_gru/gru_cell`. That is `Variable.path` of Keras without
the names of the models around it, which differ between a model and its copy inside another.
"""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from typing import Any

from tb_snapshot_compare.readers.h5_tree import Node, class_of_component, in_saved_order
from tb_snapshot_compare.readers.hdf5_messages import StoredDataset
from tb_snapshot_compare.readers.layer_roles import (
    MODEL_CLASSES,
    NON_TRAINABLE_ROLES,
    PARTS,
    ROLES,
    Config,
    Part,
    class_from_name,
    roles_of,
    snake_case,
)
from tb_snapshot_compare.snapshot import Scope

_NESTED_CONFIGS = {
    "layer": "layer",
    "forward_layer": "layer",
    "backward_layer": "backward_layer",
    "cell": "cell",
}
"""Where a wrapper's configuration describes the layer of an attribute."""


@dataclass(frozen=True, slots=True)
class NamedVariable:
    """A variable of a layer with its canonical name.

    `trainable` is whether an optimizer would update it, as far as the file tells. `models`
    are the nested models around its layer, outermost first.
    """

    dataset: StoredDataset
    name: str
    layer: str | None
    role: str
    trainable: bool
    models: tuple[str, ...] = ()

    @property
    def scope(self) -> Scope:
        """Seeds are state; everything else that a layer owns is its weights."""
        return "state" if self.role == "seed_generator_state" else "weights"


@dataclass(frozen=True, slots=True)
class NamedModel:
    """All variables of a model in its own order.

    `ordered` is False where the order of some layers is unknown (attributes of a subclassed
    model), so that numbers of optimizer slots cannot be counted along it.
    """

    variables: tuple[NamedVariable, ...]
    ordered: bool


class UniqueNames:
    """Gives the second owner of a name `name#2`, the third `name#3`, and so on."""

    def __init__(self) -> None:
        self._given: dict[tuple[str, str], str] = {}
        self._taken: set[str] = set()
        self._last: dict[str, int] = {}

    def of(self, name: str, owner: str) -> str:
        """The name for `owner`: always the same one, and of no other owner."""
        if (name, owner) in self._given:
            return self._given[name, owner]
        number = self._last.get(name, 0) + 1
        while (given := name if number == 1 else f"{name}#{number}") in self._taken:
            number += 1
        self._last[name] = number
        self._taken.add(given)
        self._given[name, owner] = given
        return given


def name_model(root: Node, config: Config | None, outside: Iterable[str]) -> NamedModel:
    """Names every variable of the model at `root`.

    Args:
      root: the tree of the file.
      config: the model's Keras configuration (`class_name`, `config`), or None.
      outside: paths of the root's children that are no part of the model: its optimizers.
    """
    namer = _Namer(frozenset(outside))
    inner = _inner(config)
    if root.layers is not None:
        namer.model(root, inner, trainable=True, prefix=())
    else:
        namer.own_variables(root, (), None, None, trainable=True)
        namer.attributes(root, (), None, None, trainable=True)
    return NamedModel(variables=tuple(namer.variables), ordered=namer.ordered)


@dataclass(frozen=True, slots=True)
class _Entry:
    """A layer's class and configuration, as far as they are known."""

    layer_class: str | None
    config: Config | None

    @property
    def is_model(self) -> bool:
        if self.layer_class in MODEL_CLASSES:
            return True
        return self.config is not None and isinstance(self.config.get("layers"), list)


class _Namer:
    def __init__(self, outside: frozenset[str]) -> None:
        self.variables: list[NamedVariable] = []
        self.ordered = True
        self._outside = outside
        self._models: tuple[str, ...] = ()
        self._layers = UniqueNames()
        self._names = UniqueNames()

    def model(
        self, node: Node, config: Config | None, *, trainable: bool, prefix: tuple[str, ...]
    ) -> None:
        """A Functional or Sequential model: its layers are named without its own name."""
        self.own_variables(node, prefix, None, None, trainable=trainable)
        assert node.layers is not None
        around = self._models
        self._models = (*around, *prefix[-1:])
        for child, entry in _model_layers(node.layers, config):
            name = child.name or _text(entry.config, "name") or child.component
            self.layer(child, (name,), entry, trainable=trainable)
        self._models = around
        self.attributes(node, prefix, "model", None, trainable=trainable)

    def layer(self, node: Node, path: tuple[str, ...], entry: _Entry, *, trainable: bool) -> None:
        """One layer or nested model, and everything inside."""
        if entry.config is not None and entry.config.get("trainable") is False:
            trainable = False
        if node.layers is not None and entry.is_model:
            self.model(node, entry.config, trainable=trainable, prefix=path)
            return
        if entry.layer_class == "spectral_normalization":
            self._spectral_normalization(node, path, entry, trainable=trainable)
            return
        self.own_variables(node, path, entry.layer_class, entry.config, trainable=trainable)
        if entry.layer_class != "text_vectorization":  # its lookup layer's copy is the same
            self.attributes(node, path, entry.layer_class, entry.config, trainable=trainable)

    def own_variables(
        self,
        node: Node,
        path: tuple[str, ...],
        layer_class: str | None,
        config: Config | None,
        *,
        trainable: bool,
    ) -> None:
        """The variables directly in the node's `vars` group."""
        for dataset, role in zip(node.variables, _roles(node, layer_class, config), strict=True):
            self._add(dataset, node.path, path, role, trainable=trainable)

    def attributes(
        self,
        node: Node,
        path: tuple[str, ...],
        layer_class: str | None,
        config: Config | None,
        *,
        trainable: bool,
    ) -> None:
        """Layers that are attributes of a composite or subclassed layer, or lists of such."""
        parts = {part.attribute: part for part in PARTS.get(layer_class or "", ())}
        children = [child for child in node.others if child.path not in self._outside]
        is_model = node.layers is not None and (not path or _Entry(layer_class, config).is_model)
        if node.layers is not None and not is_model:
            children.append(node.layers)  # a layer that merely has an attribute `layers`
        position = {attribute: index for index, attribute in enumerate(parts)}
        children.sort(key=lambda child: position.get(child.component.lstrip("_"), len(parts)))
        unplaced = int(is_model)
        for child in children:
            part = parts.get(child.component.lstrip("_"))
            before = len(self.variables)
            self._attribute(child, path, part, config, trainable=trainable)
            learns = any(variable.trainable for variable in self.variables[before:])
            unplaced += part is None and learns
        if unplaced > int(is_model) and unplaced > 1:
            self.ordered = False

    def _attribute(
        self,
        node: Node,
        path: tuple[str, ...],
        part: Part | None,
        parent_config: Config | None,
        *,
        trainable: bool,
    ) -> None:
        if _is_list(node):
            for child in in_saved_order(node.children.values()):
                if _is_list(child):
                    self._attribute(child, path, None, None, trainable=trainable)
                    continue
                entry = _Entry(_known_class(child), None)
                name = child.name or child.component
                self.layer(child, (*path, name), entry, trainable=trainable)
            return
        config = _nested_config(node.component, parent_config)
        name = node.name or (part.name if part else None) or _inner_name(node, config)
        layer_class = _class_name(config) or (part.layer_class if part else None)
        if layer_class is None:
            layer_class = class_from_name(name) or ("model" if node.layers else None)
        entry = _Entry(layer_class, _inner(config))
        if node.layers is not None and entry.is_model:
            self.layer(node, (name,), entry, trainable=trainable)
        else:
            self.layer(node, (*path, name), entry, trainable=trainable)

    def _spectral_normalization(
        self, node: Node, path: tuple[str, ...], entry: _Entry, *, trainable: bool
    ) -> None:
        """Its first variable is the wrapped layer's kernel, which the file holds twice."""
        inner = node.children.get("layer")
        if inner is None or not inner.variables or len(node.variables) < 2:
            self.own_variables(node, path, None, None, trainable=trainable)
            self.attributes(node, path, None, None, trainable=trainable)
            return
        config = _nested_config("layer", entry.config)
        name = inner.name or inner.component
        inner_class = _class_name(config) or class_from_name(name)
        roles = _roles(inner, inner_class, _inner(config))
        inner_path = (*path, name)
        self._add(inner.variables[0], inner.path, inner_path, roles[0], trainable=trainable)
        self._add(node.variables[1], node.path, path, "vector_u", trainable=trainable)
        for dataset, role in zip(inner.variables[1:], roles[1:], strict=True):
            self._add(dataset, inner.path, inner_path, role, trainable=trainable)

    def _add(
        self,
        dataset: StoredDataset,
        owner: str,
        path: tuple[str, ...],
        role: str,
        *,
        trainable: bool,
    ) -> None:
        layer = self._layers.of("/".join(path), owner) if path else None
        name = self._names.of(f"{layer}/{role}" if layer else role, dataset.path)
        integral = dataset.dtype.startswith(("int", "uint", "bool"))
        learns = trainable and role not in NON_TRAINABLE_ROLES and not integral
        named = NamedVariable(dataset, name, layer, role, learns, self._models)
        self.variables.append(named)


def _is_list(node: Node) -> bool:
    """Whether a group is a list or dictionary of layers: it has no name and no variables."""
    if node.name is not None or node.has_vars:
        return False
    return not node.variables and node.layers is None


def _roles(node: Node, layer_class: str | None, config: Config | None) -> tuple[str, ...]:
    """Roles of a node's variables: their own words where they are not numbers."""
    words = [dataset.path.rsplit("/", 1)[-1] for dataset in node.variables]
    if any(not word.isdecimal() for word in words):
        return tuple(f"variable_{word}" if word.isdecimal() else word for word in words)
    if layer_class is None and node.name is not None:
        layer_class = class_from_name(node.name)
    shapes = [dataset.shape for dataset in node.variables]
    return roles_of(layer_class, config, shapes, [d.dtype for d in node.variables])


def _model_layers(layers: Node, config: Config | None) -> list[tuple[Node, _Entry]]:
    """The layers of a model in its order, each with what its configuration says."""
    nodes = in_saved_order(layers.children.values())
    described = _described_layers(config)
    by_component = _components(described)
    entries: dict[str, _Entry] = {}
    places: dict[str, int] = {}
    for node in nodes:
        by_name = described.get(node.name) if node.name is not None else None
        found = by_name or by_component.get(node.component)
        layer_class = _class_name(found) or _known_class(node)
        places[node.path] = id(found)
        entries[node.path] = _Entry(layer_class, _inner(found))
    position = {id(layer): index for index, layer in enumerate(described.values())}
    nodes.sort(key=lambda node: position.get(places[node.path], len(position)))
    return [(node, entries[node.path]) for node in nodes]


def _known_class(node: Node) -> str:
    """The class that a group in a list is called after."""
    if node.component in ROLES or node.component in PARTS:
        return node.component
    return class_of_component(node.component)[0]


def _described_layers(config: Config | None) -> dict[str, Config]:
    """Layer configurations of a model by layer name, in the model's order."""
    layers = config.get("layers") if config is not None else None
    described = {}
    for layer in layers if isinstance(layers, list) else ():
        if isinstance(layer, Mapping):
            name = _text(_inner(layer), "name") or _text(layer, "name")
            if name is not None:
                described[name] = layer
    return described


def _components(described: dict[str, Config]) -> dict[str, Config]:
    """The same by the group that Keras gives each layer (`conv2d`, `conv2d_1`, ...)."""
    used: dict[str, int] = {}
    components = {}
    for layer in described.values():
        layer_class = _class_name(layer)
        if layer_class is None or ".ops." in (_text(layer, "module") or ""):
            continue
        number = used.get(layer_class, 0)
        used[layer_class] = number + 1
        components[f"{layer_class}_{number}" if number else layer_class] = layer
    return components


def _nested_config(attribute: str, config: Config | None) -> Config | None:
    key = _NESTED_CONFIGS.get(attribute)
    nested = config.get(key) if config is not None and key is not None else None
    if nested is None and attribute == "backward_layer" and config is not None:
        nested = config.get("layer")  # Keras 2 makes it from the same configuration
    return nested if isinstance(nested, Mapping) else None


def _inner_name(node: Node, config: Config | None) -> str:
    """What Keras 2, which does not store it, calls a wrapped layer (`forward_gru`)."""
    name = _text(_inner(config), "name")
    if name is None:
        return node.component
    direction = node.component.removesuffix("_layer")
    if direction not in ("forward", "backward") or name.startswith(f"{direction}_"):
        return name
    return f"{direction}_{name}"


def _inner(config: Config | None) -> Config | None:
    inner: Any = config.get("config") if config is not None else None
    return inner if isinstance(inner, Mapping) else None


def _class_name(config: Config | None) -> str | None:
    name = _text(config, "class_name")
    return snake_case(name) if name is not None else None


def _text(config: Config | None, key: str) -> str | None:
    value = config.get(key) if config is not None else None
    return value if isinstance(value, str) else None
