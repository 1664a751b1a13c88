"""Canonical names of the arrays of an Orbax checkpoint, from their places in its tree.

Keras saves `Model.get_state_tree()` (`keras/src/callbacks/orbax_checkpoint.py`):
`trainable_variables/conv1/kernel`, `optimizer_variables/adam/conv1_kernel_momentum`. JAX
programs save a tree of their own, mostly that of Flax and Optax: `params/Conv_0/kernel`,
`batch_stats/norm/mean`, `opt_state/0/mu/Conv_0/kernel`, `step`.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Literal

from tb_snapshot_compare.readers.layer_roles import Config
from tb_snapshot_compare.readers.legacy_names import model_names, without_models
from tb_snapshot_compare.readers.names import UniqueNames
from tb_snapshot_compare.readers.path_names import names_by_path
from tb_snapshot_compare.readers.slot_names import slot_of_name
from tb_snapshot_compare.readers.weights_file import unique_names
from tb_snapshot_compare.snapshot import TensorInfo

Path = tuple[str, ...]
"""The keys of an array's place, outermost first."""

_Kind = Literal["keras", "weights", "optimizer", "state"]
_ROOTS: Mapping[str, _Kind] = {
    "trainable_variables": "keras",
    "non_trainable_variables": "keras",
    "params": "weights",
    "batch_stats": "weights",
    "optimizer_variables": "optimizer",
    "opt_state": "optimizer",
    "optimizer_state": "optimizer",
    "optimizer": "optimizer",
    "metrics_variables": "state",
    "metrics": "state",
    "rng": "state",
    "rngs": "state",
}
_ROOT_DEPTH_MAX = 3
"""A root may lie in an item (`state/params/...`) and a collection of it."""
_LENGTHS_MAX = 64
"""Of the weights' paths that a slot's is tried with: trees of programs are not as deep."""
_SLOTS = {
    "mu": "momentum",
    "nu": "velocity",
    "trace": "momentum",
    "nu_max": "velocity_hat",
    "sum_of_squares": "accumulator",
}
"""Optax's words (`optax/_src/transform.py`)."""
_COUNTERS = {"count": "iteration"}
_LEAVES = frozenset({"value", "raw_value"})
"""The attribute in which Flax NNX keeps a variable's array."""
_SEED = "seed_generator_state"


@dataclass(frozen=True, slots=True)
class _Placed:
    """A tensor still called by its key; `around` is the path to its root, `path` that below."""

    tensor: TensorInfo
    kind: _Kind
    around: Path
    path: Path


def name_tree(
    arrays: Sequence[tuple[Path, TensorInfo]], config: Config | None
) -> tuple[TensorInfo, ...]:
    """The tensors under their canonical names: weights, then optimizers, then the rest.

    Args:
      arrays: every array of the checkpoint by its path in the tree, not named yet.
      config: the model's Keras configuration where the checkpoint has one.
    """
    placed = [_placed(path, tensor) for path, tensor in arrays]
    of_keras = [each for each in placed if each.kind == "keras"]
    others = [each for each in placed if each.kind == "weights"]
    weights = [*_of_keras(of_keras, config), *_of_others(others)]
    slots = _slots([each for each in placed if each.kind == "optimizer"], weights)
    state = [
        replace(each.tensor, name="/".join((*each.around, *each.path)), scope="state")
        for each in placed
        if each.kind == "state"
    ]
    return unique_names([*(tensor for _, tensor in weights), *slots, *state])


def _placed(path: Path, tensor: TensorInfo) -> _Placed:
    if len(path) > 1 and path[-1] in _LEAVES:
        path = path[:-1]
    for index, part in enumerate(path[:_ROOT_DEPTH_MAX]):
        kind = _ROOTS.get(part)
        if kind is not None and index + 1 < len(path):
            inside = path[index + 1 :]
            while kind == "weights" and len(inside) > 1 and _ROOTS.get(inside[0]) == kind:
                inside = inside[1:]
            return _Placed(tensor, kind, path[:index], inside)
    is_state = len(path) == 1 and (tensor.shape == () or path[0] in _ROOTS)
    return _Placed(tensor, "state" if is_state else "weights", (), path)


def _of_keras(placed: Sequence[_Placed], config: Config | None) -> list[tuple[Path, TensorInfo]]:
    """Variables of a Keras model by `Variable.path`, whose names of models are left out."""
    models = model_names(config)
    layers = UniqueNames()
    named = []
    for each in placed:
        *around, role = each.path
        inside = without_models(list(each.path), models)
        path = "/".join(inside[:-1])
        layer = layers.of(path, "/".join(around)) if path else None
        tensor = replace(
            each.tensor,
            name=f"{layer}/{role}" if layer else role,
            layer=layer,
            role=role,
            scope="state" if role == _SEED else "weights",
            models=tuple(each.path[: len(each.path) - len(inside)]),
        )
        named.append((each.path, tensor))
    return named


def _of_others(placed: Sequence[_Placed]) -> list[tuple[Path, TensorInfo]]:
    """Weights of any other program; what lies around all of them is left out."""
    common = len({each.around for each in placed}) == 1
    paths = ["/".join(each.path if common else (*each.around, *each.path)) for each in placed]
    names = names_by_path(paths)
    named = []
    for each, path in zip(placed, paths, strict=True):
        found = names[path]
        tensor = replace(
            each.tensor, name=found.name, layer=found.layer, role=found.role, scope=found.scope
        )
        named.append((each.path, tensor))
    return named


def _slots(
    placed: Sequence[_Placed], weights: Sequence[tuple[Path, TensorInfo]]
) -> list[TensorInfo]:
    by_path = dict(weights)
    lengths = sorted({len(path) for path in by_path}, reverse=True)
    by_flat_name: dict[str, list[TensorInfo]] = {}
    for path, tensor in weights:
        by_flat_name.setdefault("_".join(path), []).append(tensor)
    names = UniqueNames()
    slots = []
    for each in placed:
        role, owner = _slot_of_tree(each.path, by_path, lengths)
        if owner is None and not role:
            role, owner = slot_of_name(list(each.path), by_flat_name)
        rest = f"{owner.name}/{role}" if owner is not None else role or "/".join(each.path)
        tensor = replace(
            each.tensor,
            name=names.of(f"optimizer/{rest}", each.tensor.key),
            layer=owner.layer if owner is not None else None,
            role=role,
            scope="optimizer",
            slot_of=owner.name if owner is not None else None,
        )
        slots.append(tensor)
    return slots


def _slot_of_tree(
    path: Path, weights: Mapping[Path, TensorInfo], lengths: Sequence[int]
) -> tuple[str, TensorInfo | None]:
    """Role and tensor of `0/mu/params/Conv_0/kernel`: a tree of slots repeats that of weights.

    `lengths` are those of the weights' paths, longest first: no other ending can be one.
    """
    for start in [len(path) - length for length in lengths if length < len(path)][:_LENGTHS_MAX]:
        owner = weights.get(path[start:])
        if owner is not None:
            words = [p for p in path[:start] if not p.isdecimal() and p not in _ROOTS]
            word = words[-1] if words else "slot"
            return _SLOTS.get(word, word), owner
    return _COUNTERS.get(path[-1], ""), None
