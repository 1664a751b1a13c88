"""The architecture that a Keras configuration describes."""

import dataclasses
from collections.abc import Iterable, Mapping, Sequence
from typing import Literal

from tb_snapshot_compare.architecture.assignment import Assigned, assign, parameters
from tb_snapshot_compare.architecture.config import parse_model
from tb_snapshot_compare.architecture.graph import LAYER, Group, LayerGraph, Leaf, Port, flatten
from tb_snapshot_compare.architecture.names import from_names, layers_of_names, unique_path
from tb_snapshot_compare.architecture.shapes import output_shape
from tb_snapshot_compare.architecture.topology import topological
from tb_snapshot_compare.architecture.values import (
    Architecture,
    Edge,
    Layer,
    MalformedConfigError,
    Shape,
)
from tb_snapshot_compare.snapshot import TensorInfo

_NOTES = {
    "keras_config": "Layers and connections are those of the model's Keras configuration.",
    "event_file": "Layers and connections are those of the Keras configuration that the "
    "TensorBoard callback wrote to the event file.",
}


def from_keras_config(
    config_text: str,
    tensors: Sequence[TensorInfo],
    source: Literal["keras_config", "event_file"],
    origin: str | None = None,
) -> Architecture:
    """Builds the graph of layers and gives each its tensors.

    Never raises for what the text holds: where it describes no graph, the hierarchy of
    `from_names` is returned, and its note says why.

    Args:
      config_text: what `model.to_json()` gives, of Keras 2 or 3.
      tensors: all tensors of the snapshot; those of the weights are assigned.
      source: where the text was found.
      origin: the name of the file that it was found in, where that is not the snapshot's own.
    """
    try:
        model = parse_model(config_text)
        if isinstance(model, str):
            return from_names(
                tensors,
                f"The model is written in code (class {model}), so its configuration holds no "
                "layers: they are listed in stored order; connections are not known.",
            )
        graph = flatten(model)
    except MalformedConfigError as error:
        return from_names(
            tensors,
            f"The Keras configuration cannot be used: {error}. Layers are listed in stored "
            "order; connections are not known.",
        )
    return _architecture(graph, assign(graph.leaves, tensors), source, origin)


def _architecture(
    graph: LayerGraph,
    assigned: Assigned,
    source: Literal["keras_config", "event_file"],
    origin: str | None,
) -> Architecture:
    by_path = {leaf.path: leaf for leaf in graph.leaves}
    order, edges, back = topological(list(by_path), graph.edges)
    shapes = _shapes(graph, [by_path[path] for path in order])
    leaves = [_leaf_layer(by_path[path], assigned, shapes) for path in order]
    extra = extra_layers(assigned.unmatched, {*by_path, *(group.path for group in graph.groups)})
    layers = (*_with_groups(graph, leaves, shapes), *extra)
    return Architecture(source, _note(source, origin, back, assigned), layers, tuple(edges))


def _leaf_layer(leaf: Leaf, assigned: Assigned, shapes: Mapping[Port, Shape | None]) -> Layer:
    own = assigned.by_layer.get(leaf.path, ())
    return Layer(
        name=leaf.path,
        kind=leaf.layer.kind,
        parent=leaf.parent,
        is_group=False,
        output_shape=shapes.get((leaf.path, LAYER)),
        tensors=tuple(tensor.name for tensor in own),
        parameters=parameters(own),
    )


def _with_groups(
    graph: LayerGraph, leaves: Iterable[Layer], shapes: Mapping[Port, Shape | None]
) -> list[Layer]:
    """Puts every group before its first layer; a group of no layers comes last."""
    groups = {group.path: group for group in graph.groups}
    leaves = list(leaves)
    totals = dict.fromkeys(groups, 0)
    for leaf in leaves:
        for path in _ancestors(leaf.parent, groups):
            totals[path] += leaf.parameters
    placed: dict[str, Layer] = {}

    def place(path: str) -> None:
        group = groups[path]
        shape = None if group.output is None else shapes.get(graph.origin(group.output))
        placed[path] = Layer(path, group.kind, group.parent, True, shape, (), totals[path])

    for leaf in leaves:
        for path in reversed(_ancestors(leaf.parent, groups)):
            if path not in placed:
                place(path)
        placed[leaf.name] = leaf
    for path in groups:
        if path not in placed:
            place(path)
    return list(placed.values())


def _ancestors(parent: str | None, groups: Mapping[str, Group]) -> list[str]:
    """The groups around a layer, innermost first."""
    found: list[str] = []
    while parent is not None:
        found.append(parent)
        parent = groups[parent].parent
    return found


def _shapes(graph: LayerGraph, leaves: Sequence[Leaf]) -> dict[Port, Shape | None]:
    """Output shapes: as recorded by a consumer, else computed in topological order."""
    shapes: dict[Port, Shape | None] = dict(graph.shapes)
    for leaf in leaves:
        port = (leaf.path, LAYER)
        if shapes.get(port) is None:
            taken = _input_shapes(graph, leaf, shapes)
            shapes[port] = output_shape(leaf.layer.kind, leaf.layer.config, taken)
    return shapes


def _input_shapes(
    graph: LayerGraph, leaf: Leaf, shapes: Mapping[Port, Shape | None]
) -> list[Shape | None]:
    """What the first call of a layer takes, each as recorded there or as computed so far."""
    if not leaf.layer.calls:
        return [leaf.layer.built_for]
    recorded = [reference.shape for reference in leaf.layer.calls[0].references]
    computed = [shapes.get(graph.origin(port)) for port in graph.taken.get(leaf.path, ())]
    known = [r or c for r, c in zip(recorded, computed, strict=True)]
    return known if known != [None] else [leaf.layer.built_for]


def extra_layers(unmatched: Sequence[TensorInfo], taken: set[str]) -> list[Layer]:
    """Layers of tensors that the configuration does not know, never under a name it has."""
    layers = layers_of_names(unmatched)
    renamed: dict[str, str] = {}
    for layer in layers:
        renamed[layer.name] = unique_path(layer.name, taken)
        taken.add(renamed[layer.name])
    return [
        dataclasses.replace(
            layer,
            name=renamed[layer.name],
            parent=None if layer.parent is None else renamed[layer.parent],
        )
        for layer in layers
    ]


def _note(source: str, origin: str | None, back: Sequence[Edge], assigned: Assigned) -> str:
    parts = [_NOTES[source]]
    if origin is not None:
        parts = [
            f"Layers and connections are those of the Keras configuration in {origin}, which "
            "fits these weights."
        ]
    if back:
        called = ", ".join(dict.fromkeys(edge.target for edge in back[:3]))
        parts.append(
            f"{called} is called on what came of it: {len(back)} connection"
            f"{'' if len(back) == 1 else 's'} back to it {'is' if len(back) == 1 else 'are'} "
            "not drawn."
        )
    if assigned.unmatched:
        count = len(assigned.unmatched)
        parts.append(
            f"{count} tensor{'' if count == 1 else 's'} of no layer of the configuration "
            f"{'is' if count == 1 else 'are'} listed under {'its' if count == 1 else 'their'} "
            "own name."
        )
    return " ".join(parts)
