"""The variables of a Keras model and the moments of its optimizer, by names that tell their place.

A name is the path of the layer, nested models included, and the role: `encoder/conv1/kernel`. Keras
is not imported: what is asked for is public of every version of Keras 3.
"""

from collections import Counter
from collections.abc import Iterator, Mapping
from typing import Any

_MOMENTS = {"momentum": "moment1", "m": "moment1", "velocity": "moment2", "v": "moment2"}
"""The optimizers' words for averages of gradients and of their squares."""


def model_variables(model: Any) -> dict[str, Any]:
    """The variables of a model by name; those of one name are numbered (`conv1/kernel#2`)."""
    found: dict[str, Any] = {}
    known: set[int] = set()
    for name, variable in (*_in_layers(model, ()), *_of_model(model)):
        if id(variable) not in known:
            known.add(id(variable))
            found[_unique(name, found)] = variable
    return found


def _in_layers(model: Any, around: tuple[str, ...]) -> Iterator[tuple[str, Any]]:
    for layer in model.layers:
        if _is_model(layer):
            yield from _in_layers(layer, (*around, layer.name))
        for variable in layer.weights:
            parts = variable.path.split("/")
            first = parts.index(layer.name) if layer.name in parts else -1
            tail = parts[first:] if first >= 0 else (layer.name, parts[-1])
            yield "/".join((*around, *tail)), variable


def _of_model(model: Any) -> Iterator[tuple[str, Any]]:
    """Variables of no layer."""
    for variable in model.weights:
        yield variable.path.removeprefix(f"{model.name}/"), variable


def _is_model(layer: Any) -> bool:
    return hasattr(layer, "layers") and hasattr(layer, "fit")


def input_shape(model: Any) -> tuple[int | None, ...] | None:
    """The shape of a batch of a model's only input; None where it has several, or none yet."""
    inputs: Any = getattr(model, "inputs", None)
    return tuple(inputs[0].shape) if inputs and len(inputs) == 1 else None


def keeps_state(model: Any) -> bool:
    """Whether a layer is stateful: asking such a model anything changes its training."""
    return any(
        getattr(layer, "stateful", False) or (_is_model(layer) and keeps_state(layer))
        for layer in model.layers
    )


def _unique(name: str, taken: Mapping[str, Any]) -> str:
    number, unique = 2, name
    while unique in taken:
        unique = f"{name}#{number}"
        number += 1
    return unique


def inner_optimizer(optimizer: Any) -> Any:
    """The optimizer that updates weights: the one inside where losses are scaled."""
    return getattr(optimizer, "inner_optimizer", optimizer)


def moments(optimizer: Any, variables: Mapping[str, Any]) -> dict[str, dict[str, Any]]:
    """The optimizer's variables that are averages of gradients, by the names of `variables`.

    They are called after the variable (`conv1_kernel_momentum`), and those of equal names follow
    each other as the variables do.
    """
    places: dict[str, list[str]] = {}
    for name, variable in variables.items():
        if variable.trainable:
            places.setdefault(variable.path.replace("/", "_"), []).append(name)
    found: dict[str, dict[str, Any]] = {}
    met: Counter[str] = Counter()
    for slot in getattr(inner_optimizer(optimizer), "variables", ()):
        owner, _, word = slot.name.rpartition("_")
        names = places.get(owner, ())
        kind = _MOMENTS.get(word)
        number = met[slot.name]
        met[slot.name] += 1
        if kind is None or number >= len(names):
            continue
        name = names[number]
        if tuple(slot.shape) == tuple(variables[name].shape):
            found.setdefault(kind, {})[name] = slot
    return found
