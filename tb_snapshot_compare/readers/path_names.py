"""Canonical names of arrays whose keys are paths, as Keras and Flax call variables.

`conv1/kernel`, `params/Conv_0/kernel` and `net/conv1/kernel:0` (TensorFlow 1) are a layer and a
role. A key that is no path belongs to no layer.
"""

import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from tb_snapshot_compare.snapshot import Scope

_COLLECTIONS = ("params", "batch_stats")
"""Flax keeps trained parameters and the statistics of batch norm in a collection each."""
_FLAX_ROLES = {
    "scale": "gamma",
    "mean": "moving_mean",
    "var": "moving_variance",
    "embedding": "embeddings",
}
_OPTIMIZERS = re.compile(r"(?:optimizer|opt_state|adam\w*|sgd|rmsprop|adagrad|lion|ftrl)\Z")
_STATE = frozenset(
    {"seed_generator_state", "iteration", "iterations", "learning_rate", "step", "global_step"}
)
_OUTPUT = re.compile(r":\d+\Z")


@dataclass(frozen=True, slots=True)
class ArrayName:
    """What a key says of its array; see `TensorInfo`."""

    name: str
    layer: str | None = None
    role: str = ""
    scope: Scope = "weights"


def names_by_path(keys: Sequence[str]) -> dict[str, ArrayName]:
    """The names of arrays, by key; those of one layer are looked at together."""
    paths = {key: _parts(key) for key in keys}
    roles: dict[tuple[str, ...], set[str]] = {}
    for parts in paths.values():
        roles.setdefault(parts[:-1], set()).add(parts[-1])
    return {key: _name(parts, roles) for key, parts in paths.items()}


def _parts(key: str) -> tuple[str, ...]:
    parts = tuple(part for part in _OUTPUT.sub("", key).split("/") if part)
    if len(parts) > 2 and parts[0] in _COLLECTIONS:
        parts = parts[1:]
    return parts or (key,)


def _name(parts: tuple[str, ...], roles: Mapping[tuple[str, ...], set[str]]) -> ArrayName:
    *layers, role = parts
    if not layers:
        return ArrayName(role, role="", scope="state" if role in _STATE else "weights")
    name = "/".join(parts)
    if _OPTIMIZERS.match(layers[0].lower()):
        return ArrayName(name, role=role, scope="optimizer")
    if role in _STATE:
        return ArrayName(name, role=role, scope="state")
    beside = roles[parts[:-1]]
    if role == "bias" and "scale" in beside and "kernel" not in beside:
        role = "beta"
    role = _FLAX_ROLES.get(role, role)
    layer = "/".join(layers)
    return ArrayName(f"{layer}/{role}", layer, role)
