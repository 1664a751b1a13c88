"""Which layer of one network is which of another that calls it differently.

Keras names what nobody named after its class, and counts over the whole process: the second
copy of a network has `conv2d_2` where the first has `conv2d`. Formats that do not store the
models around a layer, or layers that were built inside a traced call, give other names still.
Only layers that exist on one side alone are aligned, and only where nothing speaks against it.
"""

import dataclasses
import re
from collections import Counter
from collections.abc import Iterable, Mapping, Sequence

from tb_snapshot_compare.architecture.assignment import BUILT_IN_KINDS
from tb_snapshot_compare.architecture.values import UNKNOWN, Architecture, Edge, Layer
from tb_snapshot_compare.snapshot import TensorInfo

Signature = tuple[tuple[str, tuple[int, ...]], ...]
"""Roles and shapes of a layer's tensors, sorted."""


def aligned(
    of_a: Architecture,
    of_b: Architecture,
    tensors_a: Sequence[TensorInfo],
    tensors_b: Sequence[TensorInfo],
) -> Architecture:
    """The architecture of a with the names that b gives the same layers.

    The rules, in order; layers that both have under one name are never touched:

    1. Layers with automatic names (`class` or `class_N`): when, in the order of the graphs, all
       of a and all of b agree in class, roles, and the named layers before them, those of them
       are the same that agree in shapes too.
    2. Layers whose path ends alike (`conv` and `encoder/conv`): when those of a and of b with
       this last part agree in order in roles and shapes.
    3. Layers of which one format knows only the model (`net`, `net#2`, ...): when roles and
       shapes are unique on both sides.
    """
    a, b = _Side.of(of_a, of_b, tensors_a), _Side.of(of_b, of_a, tensors_b)
    names = _automatic(a, b)
    names |= _same_ending(a.without(names), b.without(names.values()))
    names |= _unnamed(a.without(names), b.without(names.values()))
    return _renamed(of_a, names) if names else of_a


def same_but_for_numbers(one: str, other: str) -> bool:
    """Whether two different paths differ in nothing but numbers that are part of a name.

    `block_1` and `block_2`, `conv2d` and `conv2d_3`; not `features/0` and `features/3`, which
    are places in a list.
    """
    return one != other and _without_numbers(one) == _without_numbers(other)


def renamed(of_a: Architecture, names: Mapping[str, str]) -> Architecture:
    """With new names for layers, and for the groups that they lie in."""
    return _renamed(of_a, names) if names else of_a


def _without_numbers(path: str) -> list[str]:
    return [re.sub(r"(?<=[^\W\d_])_?\d{1,6}$", "", part) for part in path.split("/")]


@dataclasses.dataclass(frozen=True, slots=True)
class _Side:
    """The layers that only one architecture has, in its order, with what is known of them."""

    layers: tuple[Layer, ...]
    before: Mapping[str, str | None]
    signatures: Mapping[str, Signature]

    @classmethod
    def of(cls, own: Architecture, other: Architecture, tensors: Sequence[TensorInfo]) -> "_Side":
        known = {tensor.name: (tensor.role, tensor.shape) for tensor in tensors}
        shared = {layer.name for layer in other.layers}
        before: dict[str, str | None] = {}
        last: str | None = None
        for layer in own.layers:
            before[layer.name] = last
            if layer.name in shared and not layer.is_group:
                last = layer.name
        left = (e for e in own.layers if e.name not in shared and not e.is_group)
        return cls(
            layers=tuple(left),
            before=before,
            signatures={
                layer.name: tuple(sorted(known[n] for n in layer.tensors if n in known))
                for layer in own.layers
            },
        )

    def without(self, names: Iterable[str]) -> "_Side":
        taken = set(names)
        return dataclasses.replace(
            self, layers=tuple(e for e in self.layers if e.name not in taken)
        )

    def of_names(self, names: Sequence[str]) -> list[Signature]:
        return [self.signatures[name] for name in names]


def _automatic(a: _Side, b: _Side) -> dict[str, str]:
    of_a, of_b = ([e for e in side.layers if _class_path(e) is not None] for side in (a, b))
    if len(of_a) != len(of_b):
        return {}
    pairs = list(zip(of_a, of_b, strict=True))
    for one, other in pairs:
        if _class_path(one) != _class_path(other) or a.before[one.name] != b.before[other.name]:
            return {}
        if _roles(a.signatures[one.name]) != _roles(b.signatures[other.name]):
            return {}
    return {
        one.name: other.name
        for one, other in pairs
        if a.signatures[one.name] == b.signatures[other.name]
    }


def _roles(signature: Signature) -> tuple[str, ...]:
    return tuple(role for role, _ in signature)


def _class_path(layer: Layer) -> str | None:
    """The path with classes for automatic names, None where the layer's name is not one."""
    *models, name = layer.name.split("/")
    stem = _stem(name, layer.kind)
    if stem is None:
        return None
    return "/".join([*(_stem(model, UNKNOWN) or model for model in models), stem])


def _stem(name: str, kind: str) -> str | None:
    """The class that Keras made the name from, in its spelling, None where it did not."""
    stem = re.sub(r"_\d{1,6}$", "", name)
    classes = _CLASSES if kind == UNKNOWN else {_snake_case(kind)}
    return stem if stem in classes else None


def _snake_case(kind: str) -> str:
    """`keras.src.utils.naming.to_snake_case`."""
    name = re.sub("(.)([A-Z][a-z]+)", r"\1_\2", re.sub(r"\W+", "", kind))
    return re.sub("([a-z])([A-Z])", r"\1_\2", name).lower()


_CLASSES = frozenset(_snake_case(kind) for kind in BUILT_IN_KINDS)


def _same_ending(a: _Side, b: _Side) -> dict[str, str]:
    of_a, of_b = _by_ending(a.layers), _by_ending(b.layers)
    names: dict[str, str] = {}
    for ending, ones in of_a.items():
        others = of_b.get(ending, [])
        if (
            a.of_names(ones) == b.of_names(others)
            and all(a.of_names(ones))
            and all(_ends_alike(x, y) for x, y in zip(ones, others, strict=True))
        ):
            names |= dict(zip(ones, others, strict=True))
    return names


def _by_ending(layers: Sequence[Layer]) -> dict[str, list[str]]:
    found: dict[str, list[str]] = {}
    for layer in layers:
        found.setdefault(_parts(layer.name)[-1], []).append(layer.name)
    return found


def _ends_alike(one: str, other: str) -> bool:
    """Whether the shorter path is the end of the longer one."""
    shorter, longer = sorted((_parts(one), _parts(other)), key=len)
    return longer[-len(shorter) :] == shorter


def _parts(name: str) -> list[str]:
    return _family(name).split("/")


def _family(name: str) -> str:
    """Without the number that tells layers of one name apart."""
    return re.sub(r"#\d{1,6}$", "", name)


def _unnamed(a: _Side, b: _Side) -> dict[str, str]:
    unique_a, unique_b = _unique(a), _unique(b)
    nameless_a, nameless_b = _nameless(a), _nameless(b)
    return {
        one: unique_b[signature]
        for signature, one in unique_a.items()
        if signature in unique_b and (one in nameless_a) != (unique_b[signature] in nameless_b)
    }


def _unique(side: _Side) -> dict[Signature, str]:
    """Layers whose roles and shapes no other layer of their architecture has."""
    counts = Counter(side.signatures.values())
    found = {side.signatures[layer.name]: layer.name for layer in side.layers}
    return {sign: name for sign, name in found.items() if sign and counts[sign] == 1}


def _nameless(side: _Side) -> set[str]:
    """Layers that only a number tells apart: their name is that of something around them."""
    families = Counter(_family(layer.name) for layer in side.layers)
    return {e.name for e in side.layers if families[_family(e.name)] > 1}


def _renamed(of_a: Architecture, names: Mapping[str, str]) -> Architecture:
    """With new names for layers, and for the groups that they lie in."""
    new = dict(names)
    groups = {layer.name for layer in of_a.layers if layer.is_group}
    for one, other in names.items():
        while (one := one.rpartition("/")[0]) in groups and "/" in other:
            other = other.rpartition("/")[0]
            new.setdefault(one, other)
    kept = {layer.name for layer in of_a.layers if layer.name not in new}
    new = {one: other for one, other in new.items() if other not in kept}
    parents = {new.get(name, name) for name in groups}
    layers: dict[str, Layer] = {}
    for layer in of_a.layers:
        name = new.get(layer.name, layer.name)
        parent = _parent_of(name, parents) if name != layer.name else layer.parent
        parent = parent and new.get(parent, parent)
        layers.setdefault(name, dataclasses.replace(layer, name=name, parent=parent))
    edges = (Edge(new.get(e.source, e.source), new.get(e.target, e.target)) for e in of_a.edges)
    return dataclasses.replace(of_a, layers=tuple(layers.values()), edges=tuple(edges))


def _parent_of(name: str, groups: set[str]) -> str | None:
    parent = name.rpartition("/")[0]
    return parent if parent in groups else None
