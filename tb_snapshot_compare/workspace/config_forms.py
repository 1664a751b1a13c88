"""Whether two Keras configurations compute the same, and the tensors of one as the other's.

Keras counts the names of layers that nobody named over the whole process, so that a network built
twice has two configurations that differ in names alone.
"""

from collections.abc import Mapping, Sequence
from dataclasses import replace
from functools import lru_cache
from hashlib import blake2b
from typing import Any

import msgspec

from tb_snapshot_compare import architecture
from tb_snapshot_compare.snapshot import SnapshotContents, TensorInfo
from tb_snapshot_compare.workspace.pairing import pair_tensors

_TRAINING_KEYS = frozenset(
    {
        "build_config",
        "build_input_shape",
        "compile_config",
        "optional",
        "seed",
        "shared_object_id",
        "trainable",
    }
)
_TRAINING_ENDS = ("_initializer", "_regularizer", "_constraint")
"""Learning rates, frozen layers and the like differ between snapshots of one training."""
_WRAPPED_KEYS = frozenset({"layer", "backward_layer", "cell"})
_KEPT = 64
_TRIPLE = 3


@lru_cache(maxsize=_KEPT)
def computed(config: str) -> bytes:
    """A digest of what a forward pass depends on, names included; of the text if no JSON."""
    return _digest(config, named=True)


@lru_cache(maxsize=_KEPT)
def structure(config: str) -> bytes:
    """`computed` with every layer called by its place in its model."""
    return _digest(config, named=False)


def renamed(
    contents: SnapshotContents, config: str, other: SnapshotContents, others_config: str
) -> SnapshotContents | None:
    """A snapshot whose tensors are called as those of another of the same structure.

    Args:
      contents: To be renamed.
      config: Its configuration.
      other: Gives the names.
      others_config: Its configuration, of the same `structure`.

    Returns:
      None where layers or tensors do not correspond one to one.
    """
    own = architecture.from_keras_config(config, contents.tensors, "keras_config").layers
    others = architecture.from_keras_config(others_config, other.tensors, "keras_config").layers
    if [layer.kind for layer in own] != [layer.kind for layer in others]:
        return None
    by_name = {tensor.name: tensor for tensor in contents.tensors}
    others_by_name = {tensor.name: tensor for tensor in other.tensors}
    found: list[TensorInfo] = []
    for layer, named in zip(own, others, strict=True):
        mine = [by_name[name] for name in layer.tensors if name in by_name]
        theirs = [others_by_name[name] for name in named.tensors if name in others_by_name]
        pairs = _paired(mine, theirs)
        if pairs is None:
            return None
        found += [
            replace(a, name=b.name, layer=b.layer, role=b.role, models=b.models) for a, b in pairs
        ]
    return replace(contents, tensors=tuple(found))


def _paired(
    mine: Sequence[TensorInfo], theirs: Sequence[TensorInfo]
) -> list[tuple[TensorInfo, TensorInfo]] | None:
    """The tensors of one layer on both sides; in order where roles and shapes agree in order."""
    if [(t.role, t.shape) for t in mine] == [(t.role, t.shape) for t in theirs]:
        return list(zip(mine, theirs, strict=True))
    layers = {tensor.name: "layer" for tensor in (*mine, *theirs)}
    pairs = pair_tensors(mine, theirs, layers, frozenset({"weights"}))
    found = [(pair.a, pair.b) for pair in pairs if pair.a is not None and pair.b is not None]
    return found if len(found) == len(mine) == len(theirs) else None


def _digest(config: str, *, named: bool) -> bytes:
    try:
        value = _without_training(msgspec.json.decode(config))
        value = value if named else _unnamed(value, {})
        text = msgspec.json.encode(value, order="sorted")
    except (msgspec.DecodeError, RecursionError):
        text = config.encode("utf-8", "surrogatepass")
    return blake2b(text, digest_size=20).digest()


def _without_training(value: object) -> object:
    if isinstance(value, dict):
        return {
            key: _without_training(part)
            for key, part in value.items()
            if key not in _TRAINING_KEYS and not key.endswith(_TRAINING_ENDS)
        }
    if isinstance(value, list):
        return [_without_training(part) for part in value]
    return value


def _unnamed(value: Any, names: Mapping[str, str]) -> Any:
    """A configuration with `names` in references to layers, and models numbered inside."""
    if isinstance(value, dict):
        if _entries(value) is not None:
            return _model(value, names)
        parts = {key: _unnamed(part, names) for key, part in value.items()}
        return {
            key: _without_name(part) if key in _WRAPPED_KEYS else part
            for key, part in parts.items()
        }
    if isinstance(value, list):
        parts_of_list = [_unnamed(part, names) for part in value]
        if _is_reference(value) and value[0] in names:
            parts_of_list[0] = names[value[0]]
        return parts_of_list
    return value


def _model(value: dict[str, Any], outer: Mapping[str, str]) -> dict[str, Any]:
    entries = _entries(value) or []
    names = {_name(entry): f"layer {index}" for index, entry in enumerate(entries)}
    layers = [{**_entry(entry, names), "name": names[_name(entry)]} for entry in entries]
    config = value["config"]
    rest = config if isinstance(config, dict) else {}
    inner = {k: _unnamed(part, names) for k, part in rest.items() if k not in ("name", "layers")}
    around = {
        key: _unnamed(part, outer) for key, part in value.items() if key not in ("name", "config")
    }
    return {**around, "config": {**inner, "layers": layers}}


def _entry(entry: dict[str, Any], names: Mapping[str, str]) -> dict[str, Any]:
    if _entries(entry) is not None:
        return _model(entry, names)
    plain: dict[str, Any] = _without_name(
        {
            key: _unnamed(part, names if key == "inbound_nodes" else {})
            for key, part in entry.items()
        }
    )
    return plain


def _without_name(value: Any) -> Any:
    """A layer's entry without the layer's name."""
    if not isinstance(value, dict) or not isinstance(value.get("config"), dict):
        return value
    return {**value, "config": {k: part for k, part in value["config"].items() if k != "name"}}


def _entries(value: Mapping[str, Any]) -> list[dict[str, Any]] | None:
    """The layers of a model's configuration; None of anything else."""
    config = value.get("config")
    layers = config.get("layers") if isinstance(config, dict) else config
    if "class_name" not in value or not isinstance(layers, list) or not layers:
        return None
    return layers if all(isinstance(e, dict) and "class_name" in e for e in layers) else None


def _name(entry: Mapping[str, Any]) -> str:
    config = entry.get("config")
    name = entry.get("name") or (config.get("name") if isinstance(config, dict) else None)
    return str(name)


def _is_reference(value: list[Any]) -> bool:
    return (
        len(value) >= _TRIPLE
        and isinstance(value[0], str)
        and isinstance(value[1], int)
        and isinstance(value[2], int)
    )
