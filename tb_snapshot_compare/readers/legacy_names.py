"""Canonical names in legacy `.h5` files, which store Keras's own variable names.

Both writers are read: `save_model_to_hdf5` of Keras 3 (`conv1/kernel`) and that of Keras 2
(`conv1/kernel:0`, optimizers in several spellings).
"""

import re
from collections.abc import Mapping
from dataclasses import dataclass

from tb_snapshot_compare.readers.hdf5_messages import Description, StoredDataset, StoredGroup
from tb_snapshot_compare.readers.keras_2_names import in_words_of_keras_3, layer_configs
from tb_snapshot_compare.readers.layer_roles import (
    MODEL_CLASSES,
    Config,
    class_from_name,
    snake_case,
)
from tb_snapshot_compare.readers.names import UniqueNames
from tb_snapshot_compare.readers.slot_names import roles_of_scalers, slot_of_name
from tb_snapshot_compare.readers.weights_file import Places, as_tensor, unique_names
from tb_snapshot_compare.snapshot import TensorInfo

_OPTIMIZER_GROUP = "optimizer_weights"
_CONFIG_DEPTH_MAX = 64


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
    models = model_names(config)
    configs = layer_configs(config)
    is_described = config is not None and _has_layers(config)
    weights = _weights(groups, datasets, base)
    separable = {_owner(weight) for weight in weights if "pointwise_kernel" in weight.stored_name}
    layers, names = UniqueNames(), UniqueNames()
    tensors: list[TensorInfo] = []
    by_flat_name: dict[str, list[TensorInfo]] = {}
    for weight in weights:
        path = without_models(_clean(weight.stored_name), models)
        if not is_described:
            path = _without_undescribed_models(path, weight.group)
        if len(path) > 1 or weight.group != "top_level_model_weights":
            is_separable = _owner(weight) in separable
            path = in_words_of_keras_3(path, weight.group, configs, is_separable=is_separable)
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


def without_models(parts: list[str], models: frozenset[str]) -> list[str]:
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


def model_names(config: Config | None) -> frozenset[str]:
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
    stored_names = (group.weight_names or ()) if group is not None else ()
    of_scalers = roles_of_scalers(stored_names)
    names = UniqueNames()
    tensors = []
    for index, stored in enumerate(stored_names):
        dataset = datasets.get(f"{_OPTIMIZER_GROUP}/{stored}")
        if dataset is None:
            continue
        role, owner = slot_of_name(_clean(stored), by_flat_name)
        role = of_scalers.get(stored, role)
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
