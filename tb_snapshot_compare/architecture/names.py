"""Layers from the names of tensors alone: a hierarchy, in stored order, without connections."""

from collections.abc import Sequence
from functools import lru_cache

from tb_snapshot_compare.architecture.assignment import full_path, numbered, parameters, weights
from tb_snapshot_compare.architecture.layer_kinds import certain_kind, likely_kind
from tb_snapshot_compare.architecture.values import UNKNOWN, Architecture, Layer
from tb_snapshot_compare.limits import MODEL_NESTING_MAX
from tb_snapshot_compare.snapshot import TensorInfo

NO_CONFIGURATION = (
    "No configuration was found: layers are listed in stored order; connections are not known."
)


def from_names(tensors: Sequence[TensorInfo], note: str = NO_CONFIGURATION) -> Architecture:
    """Groups the weights by the paths of their layers.

    `encoder/conv1` becomes the layer `encoder/conv1` in the group `encoder`, and so does the
    `conv1` of which the file says that it lies in the model `encoder`. A layer that has
    tensors of its own keeps those of its parts (`norm` and `norm/scale`). A tensor without a
    layer is a layer by itself, so that nothing is missing from the picture.
    """
    return Architecture("names", note, layers_of_names(tensors), ())


def layers_of_names(tensors: Sequence[TensorInfo]) -> tuple[Layer, ...]:
    """The layers and groups of `from_names`; groups come before what they hold."""
    members: dict[str, list[TensorInfo]] = {}
    paths = _paths(weights(tensors))
    named = set(paths.values())
    for tensor in weights(tensors):
        path = _outermost(paths[tensor.layer or tensor.name], named)
        members.setdefault(path, []).append(tensor)
    sizes = {path: parameters(own) for path, own in members.items()}
    totals: dict[str, int] = {}
    for path, size in sizes.items():
        for group in _groups(path):
            totals[group] = totals.get(group, 0) + size
    layers: dict[str, Layer] = {}
    for path, own in members.items():
        for group in _groups(path):
            if group not in layers:
                layers[group] = Layer(group, UNKNOWN, _parent(group), True, None, (), totals[group])
        names = tuple(tensor.name for tensor in own)
        kind = certain_kind(own)
        likely = likely_kind(path, own) if kind == UNKNOWN else None
        layers[path] = Layer(path, kind, _parent(path), False, None, names, sizes[path], likely)
    return tuple(layers.values())


def _paths(own: Sequence[TensorInfo]) -> dict[str, str]:
    """The full path of every layer by the name that tensors give it; no two are the same.

    Where the nested models are known, the numbers that tell layers of one name apart are not
    needed.
    """
    paths: dict[str, str] = {}
    taken: set[str] = set()
    nested = any(tensor.models for tensor in own)
    for tensor in own:
        name = tensor.layer or tensor.name
        if name not in paths:
            path = full_path(tensor)
            paths[name] = unique_path(numbered(path)[0] if nested else path, taken)
            taken.add(paths[name])
    return paths


def _outermost(path: str, named: set[str]) -> str:
    """The shortest beginning of `path` that has tensors of its own."""
    return next((group for group in _groups(path) if group in named), path)


def _groups(path: str) -> tuple[str, ...]:
    """`a/b/c` is in `a` and in `a/b`; an empty part belongs to its neighbour."""
    *around, _ = path.split("/", MODEL_NESTING_MAX)
    return _chain("/".join(around)) if around else ()


@lru_cache(maxsize=32_768)
def _chain(group: str) -> tuple[str, ...]:
    """A group and those around it, outermost first; layers side by side share theirs."""
    around, _, last = group.rpartition("/")
    outer = _chain(around) if around else ()
    return (*outer, group) if last else outer


def _parent(path: str) -> str | None:
    groups = _groups(path)
    return groups[-1] if groups else None


def unique_path(path: str, taken: set[str]) -> str:
    """`path`, or `path#2`, ..., whichever is not taken."""
    number, unique = 2, path
    while unique in taken:
        unique = f"{path}#{number}"
        number += 1
    return unique
