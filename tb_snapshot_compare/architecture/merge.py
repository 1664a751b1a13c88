"""Two architectures as one, and whom each layer belongs to."""

from collections.abc import Mapping, Set
from dataclasses import replace
from typing import Literal

from tb_snapshot_compare.architecture.topology import topological
from tb_snapshot_compare.architecture.values import UNKNOWN, Architecture, Layer

Side = Literal["both", "a", "b"]


def merge(
    of_a: Architecture, of_b: Architecture, shared: Set[str] = frozenset()
) -> tuple[Architecture, Mapping[str, Side]]:
    """The layers of b and those that only a has, with the connections of both.

    Layers are the same when their full names are. Where both have a layer, kind, shape and
    parameters are those of b, and the tensors those of either. Where a connection of a
    contradicts the order of b it is left out. A kind that b does not know is that of a.

    Args:
      of_a: The architecture of a, with the names of b for the same layers.
      of_b: That of b.
      shared: Layers whose tensors the other side has as well, if in layers of other names.

    Returns:
      The architecture in topological order, and for every layer who has it.
    """
    a, b = _by_name(of_a), _by_name(of_b)
    sides: dict[str, Side] = {
        name: "both" if name in shared or (name in a and name in b) else "b" if name in b else "a"
        for name in (*b, *a)
    }
    if set(a) == set(b) and of_a.edges == of_b.edges and of_a.layers == of_b.layers:
        return of_b, sides
    merged = {name: _merged(a.get(name), b.get(name)) for name in _woven(of_a, of_b)}
    merged = {name: _held(layer, merged) for name, layer in merged.items()}
    leaves = [name for name, layer in merged.items() if not layer.is_group]
    known = set(leaves)
    edges = [
        (edge.source, edge.target)
        for edge in (*of_b.edges, *of_a.edges)
        if edge.source in known and edge.target in known
    ]
    ranks = {name: number for number, name in enumerate(topological(leaves, _of(of_b, known))[0])}
    order, forward, _ = topological(sorted(leaves, key=ranks.__getitem__), edges)
    layers = tuple(merged[name] for name in _groups_first(order, merged))
    return Architecture(of_b.source, _note(of_a, of_b, sides), layers, tuple(forward)), sides


def layer_of(architecture: Architecture) -> dict[str, str]:
    """The full name of the layer by canonical tensor name."""
    return {tensor: layer.name for layer in architecture.layers for tensor in layer.tensors}


def _by_name(architecture: Architecture) -> dict[str, Layer]:
    return {layer.name: layer for layer in architecture.layers}


def _of(architecture: Architecture, known: set[str]) -> list[tuple[str, str]]:
    return [
        (edge.source, edge.target)
        for edge in architecture.edges
        if edge.source in known and edge.target in known
    ]


def _woven(of_a: Architecture, of_b: Architecture) -> list[str]:
    """The names of b in order, those that only a has after what precedes them in a."""
    names_of_b = {layer.name for layer in of_b.layers}
    following: dict[str | None, list[str]] = {}
    last: str | None = None
    for layer in of_a.layers:
        if layer.name in names_of_b:
            last = layer.name
        else:
            following.setdefault(last, []).append(layer.name)
    woven = list(following.get(None, ()))
    for layer in of_b.layers:
        woven.append(layer.name)
        woven.extend(following.get(layer.name, ()))
    return woven


def _merged(a: Layer | None, b: Layer | None) -> Layer:
    if b is None:
        assert a is not None
        return a
    if a is None:
        return b
    own = set(b.tensors)
    return replace(
        b,
        kind=b.kind if b.kind != UNKNOWN else a.kind,
        likely=b.likely or a.likely,
        output_shape=b.output_shape or a.output_shape,
        tensors=(*b.tensors, *(tensor for tensor in a.tensors if tensor not in own)),
    )


def _held(layer: Layer, merged: Mapping[str, Layer]) -> Layer:
    """Without its parent, where that is a group in one architecture and a layer in the other."""
    if layer.parent is not None and not merged[layer.parent].is_group:
        return replace(layer, parent=None)
    return layer


def _groups_first(order: list[str], merged: Mapping[str, Layer]) -> list[str]:
    placed: dict[str, None] = {}
    for name in order:
        around: list[str] = []
        parent = merged[name].parent
        while parent is not None:
            around.append(parent)
            parent = merged[parent].parent
        for each in (*reversed(around), name):
            placed.setdefault(each)
    for name in merged:
        placed.setdefault(name)
    return list(placed)


def _note(of_a: Architecture, of_b: Architecture, sides: Mapping[str, Side]) -> str:
    parts = [of_b.note]
    if of_a.note != of_b.note:
        parts = [f"Snapshot a: {of_a.note}", f"Snapshot b: {of_b.note}"]
    for side in ("a", "b"):
        count = sum(each == side for each in sides.values())
        if count:
            parts.append(f"Only {side} has {count} of the layers.")
    return " ".join(parts)
