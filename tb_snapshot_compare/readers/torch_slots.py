"""Names for the tensors of a PyTorch checkpoint, an optimizer's slots among them.

An optimizer numbers its parameters in the order in which it was given them, usually that of
`model.parameters()`, which is that of the state dict without its buffers
(`Optimizer.state_dict` in `torch/optim/optimizer.py`). Where counts or shapes speak against it
the slots are listed by number and belong to no tensor.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace

from tb_snapshot_compare.readers.names import UniqueNames
from tb_snapshot_compare.readers.torch_names import StoredEntry, torch_names
from tb_snapshot_compare.readers.torch_state import FoundOptimizer, FoundState, FoundTensor
from tb_snapshot_compare.snapshot import BUFFER_ROLES, TensorInfo

_WORDS_IN_FRONT_MAX = 32
"""Of a weight's key, which an optimizer leaves out: where the model lies in the checkpoint."""


@dataclass(frozen=True, slots=True)
class _Weight:
    """A tensor of a model with its name; `place` is the same for tied ones."""

    found: FoundTensor
    info: TensorInfo
    place: object


def name_state(state: FoundState, infos: Sequence[TensorInfo]) -> tuple[TensorInfo, ...]:
    """The tensors of a checkpoint with names, layers, roles, scopes and layouts.

    Args:
      state: what was found.
      infos: its tensors in the same order, with keys, shapes and dtypes.
    """
    pairs = list(zip(state.tensors, infos, strict=True))
    models = [pair for pair in pairs if pair[0].scope != "optimizer"]
    named = torch_names([StoredEntry(info.key, info.shape, info.dtype) for _, info in models])
    weights = {
        found.key: replace(
            info,
            name=name.name,
            layer=name.layer,
            role=name.role,
            scope=name.scope if found.scope == "weights" else found.scope,
            layout=name.layout,
        )
        for (found, info), name in zip(models, named, strict=True)
    }
    trained = _trained([(found, weights[found.key]) for found, _ in models])
    slots: dict[str, list[FoundTensor]] = {}
    for found in state.tensors:
        if found.scope == "optimizer":
            slots.setdefault(found.optimizer, []).append(found)
    described = {optimizer.path: optimizer for optimizer in state.optimizers}
    models_of_size = _models(trained)
    by_name = _by_name(trained, state)
    owners = {
        path: _owners(
            described.get(path, FoundOptimizer(path, (), ())), models_of_size, by_name, own
        )
        for path, own in slots.items()
    }
    unique = UniqueNames()
    for info in weights.values():
        unique.of(info.name, info.key)
    return tuple(
        weights[found.key]
        if found.scope != "optimizer"
        else _slot(found, info, owners[found.optimizer], unique)
        for found, info in pairs
    )


def _slot(
    found: FoundTensor,
    info: TensorInfo,
    owners: Mapping[int | str, TensorInfo],
    unique: UniqueNames,
) -> TensorInfo:
    owner = owners.get(found.parameter) if found.parameter is not None else None
    called = "" if found.parameter is None else str(found.parameter)
    place = called.replace(".", "/") if owner is None else owner.name
    parts = (found.optimizer.replace(".", "/"), place, found.slot)
    return replace(
        info,
        name=unique.of("/".join(part for part in parts if part), info.key),
        layer=owner.layer if owner is not None else None,
        role=found.slot,
        scope="optimizer",
        slot_of=owner.name if owner is not None else None,
        layout=owner.layout if owner is not None and info.shape == owner.shape else "keras",
    )


def _trained(models: Sequence[tuple[FoundTensor, TensorInfo]]) -> list[_Weight]:
    """The parameters, as far as names tell them from buffers; tied ones once."""
    weights: dict[object, _Weight] = {}
    for found, info in models:
        integral = info.dtype.startswith(("int", "uint", "bool"))
        if info.scope != "weights" or info.role in BUFFER_ROLES or integral:
            continue
        storage = found.tensor.storage
        place = (storage.key, found.tensor.offset, info.shape) if storage else info.key
        weights.setdefault(place, _Weight(found, info, place))
    return list(weights.values())


def _by_name(trained: Sequence[_Weight], state: FoundState) -> dict[str, TensorInfo]:
    """The weights by what optimizers call them: their keys, without words in front."""
    called = {name for optimizer in state.optimizers for name in optimizer.names}
    called |= {found.parameter for found in state.tensors if isinstance(found.parameter, str)}
    by_name: dict[str, TensorInfo] = {}
    for weight in trained if called else ():
        name, parts = weight.info.key, 0
        while name and parts < _WORDS_IN_FRONT_MAX:
            if name in called:
                by_name.setdefault(name, weight.info)
            name, parts = name.partition(".")[2], parts + 1
    return by_name


def _owners(
    optimizer: FoundOptimizer,
    models_of_size: Mapping[int, Sequence[Sequence[_Weight]]],
    by_name: Mapping[str, TensorInfo],
    slots: Sequence[FoundTensor],
) -> dict[int | str, TensorInfo]:
    """The tensor of each parameter of an optimizer; empty where it cannot be told."""
    if len(optimizer.names) == len(optimizer.parameters) > 0:
        called = zip(optimizer.parameters, optimizer.names, strict=True)
        named = {parameter: by_name[name] for parameter, name in called if name in by_name}
    else:
        named = {
            parameter: by_name[parameter]
            for parameter in (slot.parameter for slot in slots)
            if isinstance(parameter, str) and parameter in by_name
        }
    if named:
        return named
    for group in models_of_size.get(len(optimizer.parameters), ()):
        owners = dict(zip(optimizer.parameters, (weight.info for weight in group), strict=True))
        if all(_fits(slot, owners) for slot in slots):
            return owners
    return {}


def _models(trained: Sequence[_Weight]) -> dict[int, list[Sequence[_Weight]]]:
    """All parameters together, and those of each model that the checkpoint holds, by number."""
    groups: dict[str, list[_Weight]] = {}
    for weight in trained:
        groups.setdefault(weight.info.key.split(".", 1)[0], []).append(weight)
    by_size: dict[int, list[Sequence[_Weight]]] = {}
    for group in (trained, *groups.values()):
        by_size.setdefault(len(group), []).append(group)
    return by_size


def _fits(slot: FoundTensor, owners: Mapping[int | str, TensorInfo]) -> bool:
    """Whether a slot can belong to its parameter; one value for all is nobody's shape."""
    if slot.parameter is None or slot.parameter not in owners:
        return False
    shape = owners[slot.parameter].shape
    return slot.tensor.elements == 1 or slot.tensor.shape == shape
