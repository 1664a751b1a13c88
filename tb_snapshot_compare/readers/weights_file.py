"""Turns a description of an HDF5 weights file into named tensors with extents."""

from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass, replace
from typing import Protocol

from tb_snapshot_compare.errors import SnapshotCompareError
from tb_snapshot_compare.readers.extents import TensorReader
from tb_snapshot_compare.readers.h5_tree import Node, build_tree
from tb_snapshot_compare.readers.hdf5_messages import Description, StoredDataset
from tb_snapshot_compare.readers.layer_roles import Config
from tb_snapshot_compare.readers.names import (
    NamedModel,
    NamedVariable,
    UniqueNames,
    name_model,
)
from tb_snapshot_compare.readers.optimizer_slots import Slot, assign_slots, optimizer_class
from tb_snapshot_compare.snapshot import Extent, Generation, Scope, TensorInfo

ITERATION = "optimizer/iteration"
UNKNOWN = "?"
"""In place of a number: variables of the group that cannot be read, however many they are."""
_INNER_OPTIMIZER = "inner_optimizer"
"""The optimizer inside a LossScaleOptimizer, which saves all variables of the inner one too;
Keras writes them twice, and the second copies are not listed."""


class Places(Protocol):
    """Where the bytes of a description lie."""

    def extents(self, dataset: StoredDataset) -> tuple[Extent, ...]:
        """The dataset's bytes; none where they cannot be reached or there are none."""
        ...


@dataclass(frozen=True, slots=True)
class FilePlaces:
    """Places in one file.

    Offsets of datasets count from `offset` in the file `path`, those of decoded ones from
    the start of `spool`.
    """

    path: str
    offset: int
    spool: str

    def extents(self, dataset: StoredDataset) -> tuple[Extent, ...]:
        """The dataset's bytes; none where they cannot be reached or there are none."""
        if dataset.offset is None or dataset.length == 0:
            return ()
        if dataset.spooled:
            return (Extent(self.spool, dataset.offset, dataset.length),)
        return (Extent(self.path, self.offset + dataset.offset, dataset.length),)


@dataclass(frozen=True, slots=True)
class ShardedPlaces:
    """Places in several files, by the dataset's path."""

    of: Mapping[str, FilePlaces]

    def extents(self, dataset: StoredDataset) -> tuple[Extent, ...]:
        """The dataset's bytes, in the file that holds it."""
        places = self.of.get(dataset.path)
        return places.extents(dataset) if places is not None else ()


def tensors_of(
    description: Description, places: Places, config: Config | None
) -> tuple[TensorInfo, ...]:
    """The tensors of a Keras 3 weights file, layers first, then optimizers, then the rest.

    Args:
      description: what the child found.
      places: where the bytes are.
      config: the decoded `config.json` of the archive, None where there is none.
    """
    root, strangers = build_tree(description)
    optimizers = [node for node in root.others if is_optimizer(node)]
    metrics = [node for node in root.others if _are_metrics(node)]
    model = name_model(root, config, [node.path for node in (*optimizers, *metrics)])
    tensors = [_weight(variable, places) for variable in model.variables]
    for node in optimizers:
        main = node.component == "optimizer"
        tensors += _optimizer(node, model, places, _optimizer_config(config) if main else None)
    strangers += [dataset for node in metrics for dataset in _datasets(node)]
    tensors += [
        as_tensor(dataset, places, name=dataset.path, scope="state") for dataset in strangers
    ]
    return unique_names(tensors)


def unique_names(tensors: Iterable[TensorInfo]) -> tuple[TensorInfo, ...]:
    """The tensors, of which a later one of the same name gets the number of its occurrence."""
    names = UniqueNames()
    unique = []
    for number, tensor in enumerate(tensors):
        name = names.of(tensor.name, str(number))  # a damaged file has one key twice
        unique.append(tensor if name == tensor.name else replace(tensor, name=name))
    return tuple(unique)


def is_optimizer(node: Node) -> bool:
    """Whether a child of the root is an optimizer and not a layer: by its attribute's name."""
    if node.component != "optimizer" and not node.component.endswith("_optimizer"):
        return False
    if not node.children.keys() <= {_INNER_OPTIMIZER} or not node.variables:
        return False
    first = node.variables[0]
    return first.shape == () or _word(first) != "0"


def _are_metrics(node: Node) -> bool:
    """Whether a child of the root is the list of metrics that Keras 2 saves with a model."""
    return node.component == "metrics" and not node.has_vars and not node.variables


def _datasets(node: Node) -> Iterator[StoredDataset]:
    yield from node.variables
    for child in node.children.values():
        yield from _datasets(child)


def _optimizer_config(config: Config | None) -> Config | None:
    compiled = config.get("compile_config") if config is not None else None
    optimizer = compiled.get("optimizer") if isinstance(compiled, dict) else None
    return optimizer if isinstance(optimizer, dict) else None


def _weight(variable: NamedVariable, places: Places) -> TensorInfo:
    return as_tensor(
        variable.dataset,
        places,
        name=variable.name,
        layer=variable.layer,
        role=variable.role,
        scope=variable.scope,
        models=variable.models,
    )


def _optimizer(
    node: Node, model: NamedModel, places: Places, config: Config | None
) -> list[TensorInfo]:
    """An optimizer's variables by role where known, else numbered."""
    main = node.component == "optimizer"
    trainable = [variable for variable in model.variables if variable.trainable] if main else []
    settings = config.get("config") if config is not None else None
    if any(_word(dataset) == UNKNOWN for dataset in node.variables):
        return [
            _slot(node.component, dataset, None, trainable, places) for dataset in node.variables
        ]
    inside = node.children.get(_INNER_OPTIMIZER)
    slots = assign_slots(
        optimizer_class(config, node.name),
        settings if isinstance(settings, dict) else None,
        [dataset.shape for dataset in node.variables],
        [variable.dataset.shape for variable in trainable],
        ordered=model.ordered,
        inner_name=inside.name if inside is not None else None,
    )
    return [
        _slot(node.component, dataset, slot, trainable, places)
        for dataset, slot in zip(node.variables, slots, strict=True)
    ]


def _word(dataset: StoredDataset) -> str:
    """What the dataset is called within its group: a number in files of Keras 3."""
    return dataset.path.rpartition("/")[2]


def _slot(
    optimizer: str,
    dataset: StoredDataset,
    slot: Slot | None,
    trainable: list[NamedVariable],
    places: Places,
) -> TensorInfo:
    if slot is None:
        name, role, owner = f"{optimizer}/{_word(dataset)}", "", None
    elif slot.tensor is None:
        name, role, owner = f"{optimizer}/{slot.role}", slot.role, None
    else:
        owner = trainable[slot.tensor]
        name, role = f"{optimizer}/{owner.name}/{slot.role}", slot.role
    return as_tensor(
        dataset,
        places,
        name=name,
        layer=owner.layer if owner is not None else None,
        role=role,
        scope="optimizer",
        slot_of=owner.name if owner is not None else None,
    )


def as_tensor(
    dataset: StoredDataset,
    places: Places,
    *,
    name: str,
    layer: str | None = None,
    role: str = "",
    scope: Scope = "weights",
    slot_of: str | None = None,
    models: tuple[str, ...] = (),
) -> TensorInfo:
    """The tensor of a dataset under its canonical name."""
    return TensorInfo(
        key=dataset.path,
        name=name,
        dtype=dataset.dtype,
        shape=dataset.shape,
        extents=places.extents(dataset),
        layer=layer,
        role=role,
        scope=scope,
        slot_of=slot_of,
        byteorder=dataset.byteorder,
        problem=dataset.problem,
        models=models,
    )


def read_scalar(tensor: TensorInfo, generation: Generation) -> int | None:
    """The value of an integer scalar; None where it is none or cannot be read."""
    if tensor.dtype not in ("int32", "int64", "uint32", "uint64") or tensor.shape:
        return None
    if tensor.problem is not None or not tensor.extents:
        return None
    try:
        with TensorReader(generation) as reader:
            return int(reader.read_array(tensor))
    except SnapshotCompareError:
        return None
