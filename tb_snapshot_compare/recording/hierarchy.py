"""The hierarchy of a network from the names and shapes of its tensors, and where each belongs.

Names are read as those of a file with these tensors are, so that layers are called alike in a log
and in the snapshots beside it.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from functools import cached_property
from math import prod
from typing import Any

from numpy.typing import NDArray

from tb_snapshot_compare.analysis import FilterAxis, filter_axis, is_comparable
from tb_snapshot_compare.analysis.filter_axis import is_multiplied
from tb_snapshot_compare.architecture import Layer, from_keras_config, from_names, with_stages
from tb_snapshot_compare.readers.array_names import name_arrays
from tb_snapshot_compare.snapshot import BUFFER_ROLES, TensorInfo
from tb_snapshot_compare.store.log_tables import Unit

_MODEL, _GROUP, _UNKNOWN = "Model", "Group", "Unknown"


@dataclass(frozen=True, slots=True)
class Place:
    """Where a tensor belongs: the index of its unit, and how filters lie in it.

    `axis` is None for all but one tensor of a layer: its kernel. `is_buffer` where no optimizer
    trains the tensor, as moving means and variances.
    """

    unit: int
    axis: FilterAxis | None = None
    is_buffer: bool = False


@dataclass(frozen=True)
class Hierarchy:
    """The units of a network, parents first, and the places of its tensors by their names.

    A layer's filters are those of its largest kernel. Tensors that are no weights (counters, seeds)
    have no place.
    """

    units: tuple[Unit, ...]
    places: Mapping[str, Place]
    shapes: Mapping[str, tuple[int, ...]]

    @cached_property
    def parents(self) -> tuple[int, ...]:
        """The index of each unit's parent, -1 for the whole model."""
        index = {unit.path: place for place, unit in enumerate(self.units)}
        return tuple(-1 if unit.parent is None else index[unit.parent] for unit in self.units)

    @cached_property
    def kernels(self) -> dict[str, tuple[str, FilterAxis]]:
        """The path of the layer and the axis of every tensor that has filters, by its name."""
        return {
            name: (self.units[place.unit].path, place.axis)
            for name, place in self.places.items()
            if place.axis is not None
        }

    def has(self, tensors: Mapping[str, NDArray[Any]]) -> bool:
        """Whether these are the tensors that the hierarchy was made of, by name and shape."""
        known = ((n, v) for n, v in tensors.items() if is_comparable(v.dtype.name))
        return {name: values.shape for name, values in known} == dict(self.shapes)


def hierarchy_of(
    tensors: Mapping[str, NDArray[Any]],
    *,
    paths: Mapping[str, str] | None = None,
    keras_config: str | None = None,
) -> Hierarchy:
    """Finds the units of a network from its tensors.

    Args:
      tensors: The weights by name: `stage2/block1/conv1/kernel`, or `layer2.0.conv1.weight` as in
        a state dict of PyTorch.
      paths: Other names for some of the tensors, of either form, where their own do not tell.
      keras_config: What `model.to_json()` gives, where there is one: it tells the layers' classes
        and their order.
    """
    infos = _named(tensors, paths or {})
    if keras_config:
        layers = from_keras_config(keras_config, infos, "keras_config").layers
    else:
        layers = from_names(infos).layers
    return hierarchy_from(infos, layers)


def hierarchy_from(infos: Sequence[TensorInfo], layers: Sequence[Layer]) -> Hierarchy:
    """The hierarchy of layers that are known.

    Args:
      infos: The tensors that belong to it, whose names it takes from their `key`.
      layers: Those of the network, with groups; layers without weights are left out.
    """
    weighted = [layer for layer in with_stages(layers) if layer.parameters]
    owners = {name: layer for layer in weighted for name in layer.tensors}
    kernels = _kernels(infos, owners)
    units = _units(weighted, kernels)
    index = {unit.path: place for place, unit in enumerate(units)}
    places = {
        info.key: Place(
            index[owners[info.name].name],
            _axis_of(info, kernels, owners),
            info.role in BUFFER_ROLES,
        )
        for info in infos
        if info.name in owners
    }
    return Hierarchy(units, places, {info.key: info.shape for info in infos})


_UNNAMED = "unnamed"


def _named(tensors: Mapping[str, NDArray[Any]], paths: Mapping[str, str]) -> list[TensorInfo]:
    """The comparable tensors with canonical names; `key` is the name that they were given."""
    given = [name for name, values in tensors.items() if is_comparable(values.dtype.name)]
    infos = [
        TensorInfo(path, path, tensors[name].dtype.name, tensors[name].shape, ())
        for name in given
        for path in (paths.get(name, name).strip("/.") or _UNNAMED,)
    ]
    return [replace(info, key=name) for name, info in zip(given, name_arrays(infos), strict=True)]


_Kernels = dict[str, tuple[TensorInfo, FilterAxis]]


def _kernels(infos: Sequence[TensorInfo], owners: Mapping[str, Layer]) -> _Kernels:
    """The largest kernel of every layer that has one."""
    found: _Kernels = {}
    for info in infos:
        layer = owners.get(info.name)
        if layer is None or not is_multiplied(info.role, info.shape):
            continue
        axis = filter_axis(info.role, layer.kind, info.shape, info.layout)
        before = found.get(layer.name)
        if axis is not None and (before is None or prod(info.shape) > prod(before[0].shape)):
            found[layer.name] = (info, axis)
    return found


def _axis_of(info: TensorInfo, kernels: _Kernels, owners: Mapping[str, Layer]) -> FilterAxis | None:
    kernel = kernels.get(owners[info.name].name)
    return kernel[1] if kernel is not None and kernel[0] is info else None


def _units(layers: Sequence[Layer], kernels: _Kernels) -> tuple[Unit, ...]:
    """One for the whole model, then those of the layers; filters of groups are those in them."""
    filters = {layer.name: 0 for layer in layers} | {"": 0}
    parents = {layer.name: layer.parent or "" for layer in layers}
    for name, (_, axis) in kernels.items():
        while name:
            filters[name] += axis.count
            name = parents[name]
        filters[""] += axis.count
    parameters = sum(layer.parameters for layer in layers if not layer.is_group)
    whole = Unit("", None, _MODEL, filters[""], parameters, 0)
    others = (
        Unit(
            layer.name,
            parents[layer.name],
            _GROUP if layer.is_group and layer.kind == _UNKNOWN else layer.shown_kind,
            filters[layer.name],
            layer.parameters,
            order,
        )
        for order, layer in enumerate(layers, 1)
    )
    return (whole, *others)
