"""Canonical names in legacy `.h5` files, which store Keras's own variable names.

Both writers are read: `save_model_to_hdf5` of Keras 3 (`conv1/kernel`) and that of Keras 2
(`conv1/kernel:0`, optimizers in several spellings).
"""

import re
from collections.abc import Mapping
from dataclasses import dataclass

from tb_snapshot_compare.readers.hdf5_messages import Description, StoredDataset, StoredGroup
from tb_snapshot_compare.readers.layer_roles import (
    MODEL_CLASSES,
    Config,
    class_from_name,
    snake_case,
)
from tb_snapshot_compare.readers.names import UniqueNames
from tb_snapshot_compare.readers.weights_file import Places, as_tensor, unique_names
from tb_snapshot_compare.snapshot import TensorInfo

_OPTIMIZER_GROUP = "optimizer_weights"
_CONFIG_DEPTH_MAX = 64
_SLOTS = {
    "m": "momentum",
    "v": "velocity",
    "vhat": "velocity_hat",
    "rms": "velocity",
    "momentum": "momentum",
    "velocity": "velocity",
    "velocity_hat": "velocity_hat",
    "norm": "norm",
    "accumulator": "accumulator",
    "linear": "linear",
    "accumulated_grad": "accumulated_grad",
    "accumulated_delta_var": "accumulated_delta_var",
    "average_gradient": "average_gradient",
    "average": "average",
    "gradient_accumulator": "gradient_accumulator",
}
_COUNTERS = {"iteration": "iteration", "iter": "iteration", "learning_rate": "learning_rate"}


@dataclass(frozen=True, slots=True)
class _Weight:
    dataset: StoredDataset
    group: str
    stored_name: str


def legacy_tensors(
    description: Description, places: Places, config: Config | None
) -> tuple[TensorInfo, ...]:
    """The tensors of a legacy file in the order of its tables of contents.

    Args:
      description: what the child found.
      places: where the bytes are.
      config: the decoded `model_config` attribute, None where there is none.
    """
    groups = {group.path: group for group in description.groups}
    datasets = {dataset.path: dataset for dataset in description.datasets}
    base = "model_weights" if "model_weights" in groups else ""
    models = _model_names(config)
    is_described = config is not None and _has_layers(config)
    layers, names = UniqueNames(), UniqueNames()
    tensors: list[TensorInfo] = []
    by_flat_name: dict[str, list[TensorInfo]] = {}
    for weight in _weights(groups, datasets, base):
        path = _without_models(_clean(weight.stored_name), models)
        if not is_described:
            path = _without_undescribed_models(path, weight.group)
        if len(path) == 1 and weight.group != "top_level_model_weights":
            path = [weight.group, *path]
        layer = layers.of("/".join(path[:-1]), _owner(weight)) if path[:-1] else None
        name = names.of(f"{layer}/{path[-1]}" if layer else path[-1], weight.dataset.path)
        state = path[-1] == "seed_generator_state"
        tensor = as_tensor(
            weight.dataset,
            places,
            name=name,
            layer=layer,
            role=path[-1],
            scope="state" if state else "weights",
        )
        tensors.append(tensor)
        flat = "_".join(_clean(weight.stored_name))
        by_flat_name.setdefault(flat, []).append(tensor)
    tensors += _optimizer(groups, datasets, by_flat_name, places)
    found = {tensor.key for tensor in tensors}
    rest = [dataset for path, dataset in datasets.items() if path not in found]
    tensors += [as_tensor(d, places, name=d.path, scope="state") for d in rest]
    return unique_names(tensors)


def is_legacy(description: Description) -> bool:
    """Whether the file has the legacy format's table of contents."""
    return any(
        group.layer_names is not None and group.path in ("", "model_weights")
        for group in description.groups
    )


def _weights(
    groups: Mapping[str, StoredGroup], datasets: Mapping[str, StoredDataset], base: str
) -> list[_Weight]:
    """Every listed weight that exists, in the order of `layer_names` and `weight_names`."""
    table = groups[base].layer_names or ()
    found: dict[str, _Weight] = {}
    for layer in (*table, "top_level_model_weights"):
        path = f"{base}/{layer}" if base else layer
        group = groups.get(path)
        for name in (group.weight_names or ()) if group is not None else ():
            dataset = datasets.get(f"{path}/{name}")
            if dataset is not None:
                found.setdefault(dataset.path, _Weight(dataset, layer, name))
    return list(found.values())


def _owner(weight: _Weight) -> str:
    """What two variables of one layer share: the dataset's group."""
    return weight.dataset.path.rpartition("/")[0]


def _clean(stored_name: str) -> list[str]:
    """Path parts of a variable name, without TensorFlow's output number."""
    return re.sub(r":\d+$", "", stored_name).split("/")


def _without_models(parts: list[str], models: frozenset[str]) -> list[str]:
    """The path inside the innermost model; layer and role always remain."""
    cut = 0
    for index, part in enumerate(parts[:-1]):
        if part in models:
            cut = index + 1
    return parts[cut:] if cut else parts


def _without_undescribed_models(parts: list[str], group: str) -> list[str]:
    """The path from the layer that gave the group its name, less automatic names of models.

    A model that is written in code has no layers in its configuration; its weights lie in one
    group for each layer that it holds.
    """
    inside = parts[parts.index(group) :] if group in parts[:-1] else parts
    while len(inside) > 2 and class_from_name(inside[0]) in MODEL_CLASSES:
        inside = inside[1:]
    return inside


def _has_layers(config: Config) -> bool:
    inner = config.get("config")
    return isinstance(inner, list) or (isinstance(inner, Mapping) and "layers" in inner)


def _model_names(config: Config | None) -> frozenset[str]:
    """Names of the model and of the models inside it."""
    names: set[str] = set()
    pending = [(config, 0)]
    while pending:
        current, depth = pending.pop()
        inner = current.get("config") if isinstance(current, Mapping) else None
        if current is None or not isinstance(inner, Mapping) or depth > _CONFIG_DEPTH_MAX:
            continue
        layers = inner.get("layers")
        class_name = current.get("class_name")
        is_model = isinstance(class_name, str) and snake_case(class_name) in MODEL_CLASSES
        if isinstance(layers, list) and (is_model or depth == 0):
            name = inner.get("name")
            if isinstance(name, str):
                names.add(name)
            pending += [(layer, depth + 1) for layer in layers if isinstance(layer, Mapping)]
    return frozenset(names)


def _optimizer(
    groups: Mapping[str, StoredGroup],
    datasets: Mapping[str, StoredDataset],
    by_flat_name: Mapping[str, list[TensorInfo]],
    places: Places,
) -> list[TensorInfo]:
    group = groups.get(_OPTIMIZER_GROUP)
    names = UniqueNames()
    tensors = []
    for index, stored in enumerate((group.weight_names or ()) if group is not None else ()):
        dataset = datasets.get(f"{_OPTIMIZER_GROUP}/{stored}")
        if dataset is None:
            continue
        role, owner = _slot(_clean(stored), by_flat_name)
        if owner is not None:
            name = f"optimizer/{owner.name}/{role}"
        else:
            name = f"optimizer/{role or index}"
        tensors.append(
            as_tensor(
                dataset,
                places,
                name=names.of(name, dataset.path),
                layer=owner.layer if owner is not None else None,
                role=role,
                scope="optimizer",
                slot_of=owner.name if owner is not None else None,
            )
        )
    return tensors


def _slot(
    parts: list[str], by_flat_name: Mapping[str, list[TensorInfo]]
) -> tuple[str, TensorInfo | None]:
    """Role and tensor of an optimizer variable's name; an empty role where unknown.

    Keras 3: `adam/conv1_kernel_momentum`. Keras 2.11+: `Adam/m/conv1/kernel`. Before:
    `training/Adam/conv1/kernel/m`.
    """
    if parts[-1] in _COUNTERS:
        return _COUNTERS[parts[-1]], None
    if parts[-1] in _SLOTS and len(parts) > 2:
        return _owned(parts[-1], _suffixes(parts[:-1]), by_flat_name)
    for index, part in enumerate(parts[:-1]):
        if part in _SLOTS and len(parts) > index + 2:
            return _owned(part, ["_".join(parts[index + 1 :])], by_flat_name)
    for slot in sorted(_SLOTS, key=len, reverse=True):
        if parts[-1].endswith(f"_{slot}"):
            return _owned(slot, [parts[-1].removesuffix(f"_{slot}")], by_flat_name)
    return "", None


def _suffixes(parts: list[str]) -> list[str]:
    """`training/Adam/conv1/kernel` may or may not carry words before the tensor's path."""
    return ["_".join(parts[start:]) for start in range(min(len(parts), 4))]


def _owned(
    slot: str, candidates: list[str], by_flat_name: Mapping[str, list[TensorInfo]]
) -> tuple[str, TensorInfo | None]:
    for candidate in candidates:
        owners = by_flat_name.get(candidate, [])
        if len(owners) == 1:
            return _SLOTS[slot], owners[0]
    return "", None
