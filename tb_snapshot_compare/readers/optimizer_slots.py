"""Which slot of which tensor each numbered variable of a Keras 3 optimizer is.

An optimizer saves `vars/0`, `vars/1`, ...: its iteration, its learning rate (unless that is
a schedule), then slots in the order in which `build` creates them (keras/src/optimizers).
A layout is only used when every stored shape agrees with it, and without the optimizer's
configuration only when a single likely layout agrees; otherwise the variables stay numbered.
"""

from collections import Counter
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from itertools import product
from typing import Any

from tb_snapshot_compare.readers.layer_roles import Config, snake_case

Shape = tuple[int, ...]


@dataclass(frozen=True, slots=True)
class Slot:
    """One optimizer variable: its role, and the index of the tensor that it belongs to."""

    role: str
    tensor: int | None = None


@dataclass(frozen=True, slots=True)
class _Layout:
    """Scalars first, then groups of slots; the slots of a group alternate per tensor."""

    scalars: tuple[str, ...]
    groups: tuple[tuple[str, ...], ...]
    tail: tuple[str, ...] = ()


_PAIRS: dict[str, tuple[str, str]] = {
    "adam": ("momentum", "velocity"),
    "adam_w": ("momentum", "velocity"),
    "nadam": ("momentum", "velocity"),
    "lamb": ("momentum", "velocity"),
    "schedule_free_adam_w": ("momentum", "velocity"),
    "adamax": ("momentum", "norm"),
    "adadelta": ("accumulated_grad", "accumulated_delta_var"),
    "ftrl": ("accumulator", "linear"),
}
_SINGLES: dict[str, str] = {"lion": "momentum", "adagrad": "accumulator"}
_OPTIONS: dict[str, tuple[str, ...]] = {
    "adam": ("amsgrad",),
    "adam_w": ("amsgrad",),
    "sgd": ("momentum",),
    "rm_sprop": ("momentum", "centered"),
}
_BASE_OPTIONS = ("use_ema", "gradient_accumulation_steps")
_BASE_SLOTS = frozenset({("average",), ("gradient_accumulator",)})
"""Slots that any optimizer may have; without a configuration one is taken to have none."""


def optimizer_class(config: Config | None, name: str | None) -> str | None:
    """The optimizer's class in snake case, from its configuration or its generated name."""
    class_name = config.get("class_name") if config is not None else None
    if isinstance(class_name, str):
        return snake_case(class_name)
    if name is None:
        return None
    stem, _, counter = name.rpartition("_")
    return stem if stem and counter.isdecimal() else name


def assign_slots(
    layer_class: str | None,
    config: Config | None,
    stored: Sequence[Shape],
    tensors: Sequence[Shape],
    *,
    ordered: bool,
    inner_name: str | None = None,
) -> list[Slot | None]:
    """What each stored optimizer variable is; None where that is unknown.

    Args:
      layer_class: the optimizer's class in snake case.
      config: its configuration (the inner `config` mapping), None where unknown.
      stored: shapes of `vars/0`, `vars/1`, ...
      tensors: shapes of the model's trainable tensors.
      ordered: whether `tensors` is in the order of `model.trainable_variables`.
      inner_name: the name of the optimizer that a LossScaleOptimizer wraps.
    """
    if layer_class == "loss_scale_optimizer":
        return _loss_scaled(config, stored, tensors, ordered, inner_name)
    if layer_class == "adafactor":
        for scalars in _scalars(config):
            factored = _adafactor(scalars, stored, tensors)
            if factored is not None and ordered:
                return factored
        return _leading(stored, config)
    layouts = list(_layouts(layer_class, config)) if layer_class is not None else []
    usual = [layout for layout in layouts if _BASE_SLOTS.isdisjoint(layout.groups)]
    for candidates in (usual, layouts, list(map(_of_keras_2, layouts))):
        found = [
            slots for layout in candidates if (slots := _fit(layout, stored, tensors, ordered))
        ]
        if found:
            return found[0] if len(found) == 1 else _leading(stored, config)
    return _leading(stored, config)


def _scalars(config: Config | None) -> Iterator[tuple[str, ...]]:
    """Leading scalars: a schedule has no learning rate variable."""
    if config is None or not isinstance(config.get("learning_rate"), dict):
        yield ("iteration", "learning_rate")
    if config is None or isinstance(config.get("learning_rate"), dict):
        yield ("iteration",)


def _layouts(layer_class: str, config: Config | None) -> Iterator[_Layout]:
    options = (*_BASE_OPTIONS, *_OPTIONS.get(layer_class, ()))
    choices = [(False, True) if config is None else (bool(config.get(o)),) for o in options]
    for scalars in _scalars(config):
        for chosen in product(*choices):
            on = {option for option, is_on in zip(options, chosen, strict=True) if is_on}
            groups = _own_groups(layer_class, on)
            if groups is None:
                return
            base = [("average",)] if "use_ema" in on else []
            base += [("gradient_accumulator",)] if "gradient_accumulation_steps" in on else []
            tail = ("u_product",) if layer_class == "nadam" else ()
            yield _Layout(scalars, (*base, *groups), tail)


def _of_keras_2(layout: _Layout) -> _Layout:
    """The same optimizer in Keras 2.11 and later, before 3 (`tf_keras/src/optimizers`).

    It saves no learning rate, Nadam no product, and SGD a momentum even where it uses none.
    """
    return _Layout(("iteration",), layout.groups or (("momentum",),))


def _own_groups(layer_class: str, on: set[str]) -> list[tuple[str, ...]] | None:
    if layer_class in _PAIRS:
        groups: list[tuple[str, ...]] = [_PAIRS[layer_class]]
        return [*groups, ("velocity_hat",)] if "amsgrad" in on else groups
    if layer_class in _SINGLES:
        return [(_SINGLES[layer_class],)]
    if layer_class == "sgd":
        return [("momentum",)] if "momentum" in on else []
    if layer_class == "rm_sprop":
        momentum = [("momentum",)] if "momentum" in on else []
        centered = [("average_gradient",)] if "centered" in on else []
        return [("velocity",), *momentum, *centered]
    return None


def _fit(
    layout: _Layout, stored: Sequence[Shape], tensors: Sequence[Shape], ordered: bool
) -> list[Slot | None] | None:
    """The slots of a layout whose shapes are exactly the stored ones, else None."""
    slots_per_tensor = sum(len(group) for group in layout.groups)
    count = len(layout.scalars) + slots_per_tensor * len(tensors) + len(layout.tail)
    if len(stored) != count or any(stored[: len(layout.scalars)]):
        return None
    if any(stored[count - len(layout.tail) :]):
        return None
    order = _tensor_order(layout, stored, tensors, ordered)
    if order is None:
        return None
    slots: list[Slot | None] = [Slot(role) for role in layout.scalars]
    for group in layout.groups:
        for place, tensor in enumerate(order):
            shape = stored[len(layout.scalars) + place * len(layout.groups[0])]
            for role in group:
                if stored[len(slots)] != shape:
                    return None
                slots.append(Slot(role, tensor) if tensor is not None else None)
    return [*slots, *(Slot(role) for role in layout.tail)]


def _tensor_order(
    layout: _Layout, stored: Sequence[Shape], tensors: Sequence[Shape], ordered: bool
) -> list[int | None] | None:
    """Which tensor each place of the first group stands for; None in it where ambiguous.

    Where the model's order is unknown a tensor is placed only by a shape that no other
    tensor has.
    """
    if not layout.groups:
        return []
    start, step = len(layout.scalars), len(layout.groups[0])
    places = [stored[start + index * step] for index in range(len(tensors))]
    if ordered and places == list(tensors):
        return list(range(len(tensors)))
    counts = Counter(tensors)
    if counts != Counter(places):
        return None
    only = {shape: index for index, shape in enumerate(tensors) if counts[shape] == 1}
    return [only.get(shape) for shape in places]


def _adafactor(
    scalars: tuple[str, ...], stored: Sequence[Shape], tensors: Sequence[Shape]
) -> list[Slot | None] | None:
    """Row and column statistics (scalars for vectors), then velocity, per tensor."""
    slots: list[Slot | None] = [Slot(role) for role in scalars]
    shapes: list[Shape] = [()] * len(scalars)
    for index, shape in enumerate(tensors):
        factored = len(shape) >= 2
        shapes += [shape[:-1], (*shape[:-2], shape[-1])] if factored else [(), ()]
        shapes.append(shape)
        slots += [Slot(role, index) for role in ("row", "column", "velocity")]
    return slots if shapes == list(stored) else None


def _loss_scaled(
    config: Config | None,
    stored: Sequence[Shape],
    tensors: Sequence[Shape],
    ordered: bool,
    inner_name: str | None,
) -> list[Slot | None]:
    """The wrapper's own scalars, then those of the optimizer inside."""
    own = ("loss_scale_iteration", "loss_scale_learning_rate", "step_counter", "dynamic_scale")
    inner: Any = config.get("inner_optimizer") if config is not None else None
    inner = inner if isinstance(inner, dict) else None
    settings = inner.get("config") if inner is not None else None
    if any(stored[: len(own)]) or len(stored) < len(own):
        return [None] * len(stored)
    slots = assign_slots(
        optimizer_class(inner, inner_name),
        settings if isinstance(settings, dict) else None,
        stored[len(own) :],
        tensors,
        ordered=ordered,
    )
    return [*(Slot(role) for role in own), *slots]


def _leading(stored: Sequence[Shape], config: Config | None) -> list[Slot | None]:
    """Iteration and learning rate, which every optimizer has first; the rest unknown."""
    scalars = next(_scalars(config))
    slots: list[Slot | None] = []
    for shape, role in zip(stored, scalars, strict=False):
        if shape:
            break
        slots.append(Slot(role))
    return [*slots, *([None] * (len(stored) - len(slots)))]
