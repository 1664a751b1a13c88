"""Finds the tensors of a checkpoint, and what each is for, in the value of its pickle.

Programs save what they like: a state dict, dicts of state dicts beside optimizers and counters,
a Lightning checkpoint, a whole module. A tensor's key is the path to it, joined by dots; what
PyTorch's modules keep aside (`_modules`, `_parameters`, `_buffers`) is no part of it, so a
pickled module has the keys of its own state dict.
"""

import re
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field, replace
from itertools import islice
from typing import Any

from tb_snapshot_compare import limits
from tb_snapshot_compare.errors import UnreadableSnapshotError
from tb_snapshot_compare.readers.names import UniqueNames
from tb_snapshot_compare.readers.pickle_values import Unknown
from tb_snapshot_compare.readers.torch_values import StoredTensor
from tb_snapshot_compare.snapshot import Position, Scope

ALONE = "tensor"
"""The key of a tensor that was saved without any container."""
_DEPTH_MAX = 128
_KEY_MAX_CHARACTERS = 1_000
_MODULE_PARTS = ("_parameters", "_buffers", "_modules")
_ASIDE = re.compile(
    r".*(?:rng|random_state|sched|scaler|callback|loops|hyper_?param|hparams|metric|best_).*",
    re.IGNORECASE,
)
"""What lies beside a model in a checkpoint and is no part of it."""
STEPS = ("global_step", "step", "iteration", "iterations", "iter", "num_updates", "it")
EPOCHS = ("epoch", "epochs", "current_epoch")
_FLATTENED = re.compile(
    r"([^.]*optim[^.]*(?:\.\d+)?)\.(?:state\.)?(?:(.+)\.)?([^.]+)", re.IGNORECASE
)
"""`optimizer.state.layer.weight.exp_avg`: an optimizer's state with the names of its parameters
written into the keys (`flatten_optimizer_state_dict` of `torch.distributed.checkpoint`)."""
_COUNT_MAX = 1 << 53


@dataclass(frozen=True, slots=True)
class FoundTensor:
    """A tensor of the checkpoint.

    `key` is unique. Of an optimizer's state, `slot` is the word for it (`exp_avg`), `optimizer`
    the path of its state dict and `parameter` the number or name that it calls the parameter by.
    """

    key: str
    tensor: StoredTensor
    scope: Scope = "weights"
    optimizer: str = ""
    parameter: int | str | None = None
    slot: str = ""


@dataclass(frozen=True, slots=True)
class FoundOptimizer:
    """An optimizer's state dict.

    `parameters` are what it calls its parameters by, in order; `names` are their names, where
    it was given them.
    """

    path: str
    parameters: tuple[int | str, ...]
    names: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class FoundState:
    """All that a checkpoint tells."""

    tensors: tuple[FoundTensor, ...]
    optimizers: tuple[FoundOptimizer, ...]
    position: Position


def tensors_max(size: int) -> int:
    """How many tensors a pickle of `size` bytes may list."""
    return min(limits.PICKLE_TENSORS_FLOOR + size // limits.PICKLE_TENSOR_BYTES, limits.TENSORS_MAX)


def find_state(path: str, value: object, size: int) -> FoundState:
    """The tensors in the value of a checkpoint's pickle, in stored order.

    Args:
      path: of the checkpoint, for messages.
      value: what the pickle holds.
      size: how many bytes it has.

    Raises:
      UnreadableSnapshotError: more tensors than such a pickle can honestly hold.
    """
    walk = _Walk(path, tensors_max(size))
    walk.visit(value)
    return FoundState(tuple(walk.tensors), tuple(walk.optimizers), _position(value))


@dataclass(slots=True)
class _Walk:
    path: str
    tensors_max: int
    tensors: list[FoundTensor] = field(default_factory=list)
    optimizers: list[FoundOptimizer] = field(default_factory=list)
    _seen: set[int] = field(default_factory=set)
    _keys: UniqueNames = field(default_factory=UniqueNames)
    _parameters_left: int = 0

    def __post_init__(self) -> None:
        self._parameters_left = self.tensors_max

    def visit(self, root: object) -> None:
        """Every container once, in depth first order; what is deeper than _DEPTH_MAX is left."""
        if isinstance(root, StoredTensor):
            self._add(FoundTensor(ALONE, root))
            return
        beside_models = _has_containers(root)
        self._seen.add(id(root))
        waiting: list[Iterator[tuple[tuple[str, ...], object]]] = [_members((), root, self._seen)]
        while waiting:
            path, value = next(waiting[-1], ((), self))
            if value is self:
                waiting.pop()
            elif isinstance(value, StoredTensor):
                self._tensor(path, value, beside_models=beside_models)
            elif len(waiting) < _DEPTH_MAX and _is_container(value) and id(value) not in self._seen:
                self._seen.add(id(value))
                if _is_optimizer(value):
                    self._optimizer(_key(path), value)
                else:
                    waiting.append(_members(path, value, self._seen))

    def _tensor(self, path: tuple[str, ...], value: StoredTensor, *, beside_models: bool) -> None:
        """A tensor outside of an optimizer's state dict."""
        key = _key(path)
        flattened = _FLATTENED.fullmatch(key) if beside_models else None
        if flattened is not None:
            optimizer, parameter, slot = flattened.groups()
            self._add(FoundTensor(key, value, "optimizer", optimizer, parameter, slot))
            return
        aside = _is_aside(path, value, beside_models=beside_models)
        self._add(FoundTensor(key, value, "state" if aside else "weights"))

    def _optimizer(self, path: str, value: Any) -> None:
        state, groups = value["state"], value["param_groups"]
        members = [group for group in groups if isinstance(group, dict)]
        parameters = tuple(islice(_listed(members, "params", int | str), self._parameters_left))
        names = tuple(islice(_listed(members, "param_names", str), self._parameters_left))
        self._parameters_left -= max(len(parameters), len(names))
        self.optimizers.append(FoundOptimizer(path, parameters, names))
        for parameter, slots in state.items() if _is_new(state, self._seen) else ():
            if not isinstance(slots, dict) or not isinstance(parameter, int | str):
                continue
            if not _is_new(slots, self._seen):
                continue
            for slot, tensor in slots.items():
                if isinstance(tensor, StoredTensor) and isinstance(slot, str):
                    key = _key((path, "state", _word(parameter), slot))
                    self._add(FoundTensor(key, tensor, "optimizer", path, parameter, slot))

    def _add(self, found: FoundTensor) -> None:
        if len(self.tensors) >= self.tensors_max:
            raise UnreadableSnapshotError(
                f"{self.path} lists more than {self.tensors_max:,} tensors, many times the same "
                "ones, so it is no checkpoint of a model. Save the model's state_dict alone."
            )
        key = self._keys.of(found.key, str(len(self.tensors)))
        self.tensors.append(found if key == found.key else replace(found, key=key))


def _listed(groups: Sequence[Mapping[Any, Any]], key: str, kind: Any) -> Iterator[Any]:
    seen: set[int] = set()
    for group in groups:
        members = group.get(key)
        if isinstance(members, list | tuple) and _is_new(members, seen):
            yield from (member for member in members if isinstance(member, kind))


def _is_new(value: object, seen: set[int]) -> bool:
    """Whether an object is met for the first time: a pickle may have it in many places."""
    if id(value) in seen:
        return False
    seen.add(id(value))
    return True


def _is_container(value: object) -> bool:
    return isinstance(value, dict | list | tuple | Unknown)


def _is_optimizer(value: object) -> bool:
    """Whether it is the state dict of a `torch.optim.Optimizer`."""
    return (
        isinstance(value, dict)
        and isinstance(value.get("state"), dict)
        and isinstance(value.get("param_groups"), list)
    )


def _has_containers(root: object) -> bool:
    return isinstance(root, dict) and any(map(_is_container, root.values()))


def _is_aside(path: tuple[str, ...], value: StoredTensor, *, beside_models: bool) -> bool:
    """Whether a tensor is no part of a model: a scalar beside models, a random state, ..."""
    if not beside_models or "." in path[0]:
        return False
    return _ASIDE.fullmatch(path[0]) is not None or (len(path) == 1 and not value.shape)


def _members(
    path: tuple[str, ...], value: object, seen: set[int]
) -> Iterator[tuple[tuple[str, ...], object]]:
    """What a container holds, each with its path; of an object, what was not `seen` yet."""
    if isinstance(value, dict):
        for key, member in value.items():
            yield (*path, _word(key)), member
    elif isinstance(value, list | tuple):
        for number, member in enumerate(value):
            yield (*path, str(number)), member
    elif isinstance(value, Unknown):
        yield from _of_object(path, value, seen)


def _of_object(
    path: tuple[str, ...], value: Unknown, seen: set[int]
) -> Iterator[tuple[tuple[str, ...], object]]:
    """What an object of an unknown class holds; a module's parts are its own members."""
    for state in value.state if isinstance(value.state, tuple) else (value.state,):
        if not isinstance(state, dict) or not _is_new(state, seen):
            continue
        parts = [state.get(name) for name in _MODULE_PARTS]
        if not all(isinstance(part, dict) for part in parts):
            yield from _members(path, state, seen)
            continue
        transient = state.get("_non_persistent_buffers_set")
        left_out = transient if isinstance(transient, set) else set()
        for part in parts:
            for member_path, member in _members(path, part, seen) if _is_new(part, seen) else ():
                if member_path[-1] not in left_out:
                    yield member_path, member
    for held in (value.items, value.entries):
        if held is not None:
            yield from _members(path, held, seen)


def _word(key: object) -> str:
    """A key of a dict as a part of a path."""
    if isinstance(key, str):
        return key.encode("utf-8", "backslashreplace").decode()[:_KEY_MAX_CHARACTERS]
    if isinstance(key, bool | int | float) or key is None:
        return str(key)
    if isinstance(key, tuple):
        return ".".join(str(part) for part in key)[:_KEY_MAX_CHARACTERS]
    return "key"


def _key(path: tuple[str, ...]) -> str:
    return ".".join(part for part in path if part)[-_KEY_MAX_CHARACTERS:]


def _position(root: object) -> Position:
    """Step and epoch from the entries of the outermost dict."""
    entries = root if isinstance(root, dict) else {}
    step = next((key for key in STEPS if as_count(entries.get(key)) is not None), None)
    epoch = next((key for key in EPOCHS if as_count(entries.get(key)) is not None), None)
    return Position(
        step=as_count(entries.get(step)),
        step_source=step,
        epoch=as_count(entries.get(epoch)),
        epoch_source=epoch,
    )


def as_count(value: object) -> int | None:
    """A number of steps; None for what is none."""
    if isinstance(value, bool) or not isinstance(value, int | float):
        return None
    return int(value) if 0 <= value < _COUNT_MAX and value == int(value) else None
